"""What cannot be meant is refused before any photo is read."""

import pytest

from photopulse.pipeline import RestoreSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": 0.5},
        {"scale": float("nan")},
        {"scale": 17},
        {"scale": 2, "size": (10, 10)},
        {"size": (0, 10)},
        {"sr": "magic"},
        {"only": "hair"},
        {"fidelity": -0.1},
        {"fidelity": float("nan")},
        {"working_size": 8},
        {"max_faces": -1},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong)) if wrong != {"scale": 2, "size": (10, 10)} else "size"):
        RestoreSettings(**wrong)


def test_the_enlarging_network_is_needed_only_where_something_grows():
    assert not RestoreSettings().may_grow
    assert RestoreSettings(scale=1.5).may_grow
    assert RestoreSettings(size=(100, 100)).may_grow
