import pytest

from photopulse.generators.init_kwargs import OfficialNames, read_init_kwargs

NAMES = OfficialNames(
    renamed={"img_resolution": "resolution", "mapping.num_layers": "mapping_layers"},
    fixed={"img_channels": 3},
    ignored={"num_fp16_res"},
)


def read(init_kwargs: dict[str, object]) -> dict[str, object]:
    return read_init_kwargs(init_kwargs, NAMES, known=["resolution", "num_layers", "mapping_layers"])


def test_nested_and_flat_settings_of_official_files_read_alike():
    expected = {"resolution": 64, "num_layers": 6, "mapping_layers": 2}
    mapping = {"num_layers": 2}
    nested = {"mapping_kwargs": mapping, "synthesis_kwargs": {"num_layers": 6, "num_fp16_res": 4}}
    assert read({"img_resolution": 64, "img_channels": 3, **nested}) == expected
    assert read({"img_resolution": 64, "img_channels": 3, "mapping_kwargs": mapping, "num_layers": 6}) == expected


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"img_channels": 4}, "its img_channels is 4, and only 3 is supported"),
        ({"self_attention": True}, "the unknown setting self_attention = True"),
        ({"mapping_kwargs": {"depth": 1}}, "the unknown setting mapping.depth = 1"),
        ({"mapping_kwargs": 2}, "its mapping_kwargs are no mapping"),
    ],
)
def test_settings_that_cannot_be_supported_are_named(changed: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        read({"img_resolution": 64, **changed})
    with pytest.raises(ValueError, match="do not tell the resolution"):
        read({})
