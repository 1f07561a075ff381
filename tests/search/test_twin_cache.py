from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from photopulse.errors import PhotopulseError
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.generators.twin import Twin
from photopulse.search import companion_files
from photopulse.search.twin_cache import find_twin, load_twin, save_twin, shipped_twin_path, twin_path

pytestmark = pytest.mark.usefixtures("one_thread")

Build = Callable[..., MobileStyleGAN]


@pytest.fixture(autouse=True)
def _private_folders(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of this file sees the user's cache, or adds to what is shipped."""
    monkeypatch.setattr(companion_files, "_SHIPPED", tmp_path / "shipped")


def changed_twin(generator: MobileStyleGAN, *, by: float) -> Twin:
    """An untrained twin of 8 px, all of whose own weights are ``by`` larger."""
    twin = generator.make_twin(8)
    assert twin is not None
    with torch.no_grad():
        for values in twin.tail.parameters():
            values += by
    return twin


def picture(generator: MobileStyleGAN, twin: Twin) -> torch.Tensor:
    z = torch.randn(2, 16, generator=torch.Generator().manual_seed(5))
    return twin(generator.map(z)).detach()


def test_without_files_the_twin_is_the_untrained_one_and_frozen(tiny_generator: MobileStyleGAN):
    found = find_twin(tiny_generator, 8)
    assert found is not None
    assert found.source == "untrained"
    assert torch.equal(picture(tiny_generator, found.twin), picture(tiny_generator, changed_twin(tiny_generator, by=0)))
    assert not any(values.requires_grad for values in found.twin.tail.parameters())


def test_a_size_that_the_generator_has_no_twin_of_is_not_found(tiny_generator: MobileStyleGAN):
    assert find_twin(tiny_generator, 7) is None


def test_the_fitted_twin_comes_before_the_shipped_one_and_that_before_the_untrained_one(tiny_generator: MobileStyleGAN):
    for by, path, source in (
        (0.1, shipped_twin_path(tiny_generator, 8), "shipped"),
        (0.2, twin_path(tiny_generator, 8), "fitted"),
    ):
        saved = changed_twin(tiny_generator, by=by)
        save_twin(saved, path, told={})
        found = find_twin(tiny_generator, 8)
        assert found is not None
        assert found.source == source
        # Half precision has eleven bits.
        made, wanted = picture(tiny_generator, found.twin), picture(tiny_generator, saved)
        assert torch.allclose(made, wanted, rtol=5e-3, atol=5e-3)


def test_the_file_holds_half_precision_and_what_is_found_single(tiny_generator: MobileStyleGAN):
    path = twin_path(tiny_generator, 8)
    save_twin(changed_twin(tiny_generator, by=0), path, told={})
    with safe_open(path, framework="pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118
    found = find_twin(tiny_generator, 8)
    assert found is not None
    assert {values.dtype for values in found.twin.tail.state_dict().values()} == {torch.float32}


def test_weights_too_large_for_half_precision_survive(tiny_generator: MobileStyleGAN):
    path = twin_path(tiny_generator, 8)
    save_twin(changed_twin(tiny_generator, by=1e6), path, told={})
    found = find_twin(tiny_generator, 8)
    assert found is not None
    assert found.source == "fitted"
    assert min(values.min().item() for values in found.twin.tail.parameters()) > 9e5


def test_what_was_told_is_given_back(tiny_generator: MobileStyleGAN, tmp_path: Path):
    twin = changed_twin(tiny_generator, by=0)
    told = {"recipe": {"steps": 3}, "after": [0.25, 1e-9]}
    save_twin(twin, tmp_path / "a" / "twin.safetensors", told=told)
    assert load_twin(twin, tmp_path / "a" / "twin.safetensors") == told


def _is_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _is_empty(path: Path) -> None:
    path.write_bytes(b"")


def _is_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _lacks_metadata(path: Path) -> None:
    save_file(_tensors(path), path)


def _lacks_a_tensor(path: Path) -> None:
    tensors = _tensors(path)
    del tensors[max(tensors)]
    save_file(tensors, path, {"photopulse.twin": "{}"})


def _has_one_more_tensor(path: Path) -> None:
    save_file(_tensors(path) | {"more": torch.zeros(1)}, path, {"photopulse.twin": "{}"})


def _has_another_shape(path: Path) -> None:
    tensors = _tensors(path)
    tensors[max(tensors)] = torch.zeros(1, 2, 3)
    save_file(tensors, path, {"photopulse.twin": "{}"})


def _is_not_a_number(path: Path) -> None:
    tensors = _tensors(path)
    tensors[max(tensors)].fill_(torch.nan)
    save_file(tensors, path, {"photopulse.twin": "{}"})


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118


@pytest.mark.parametrize(
    "damage",
    [
        _is_cut,
        _is_empty,
        _is_a_folder,
        _lacks_metadata,
        _lacks_a_tensor,
        _has_one_more_tensor,
        _has_another_shape,
        _is_not_a_number,
    ],
)
def test_a_damaged_file_is_passed_over(tiny_generator: MobileStyleGAN, damage: Callable[[Path], None]):
    fitted, shipped = twin_path(tiny_generator, 8), shipped_twin_path(tiny_generator, 8)
    save_twin(changed_twin(tiny_generator, by=0.2), fitted, told={})
    damage(fitted)
    found = find_twin(tiny_generator, 8)
    assert found is not None
    assert found.source == "untrained"
    # Nothing of the damaged file has got into the twin.
    assert torch.equal(picture(tiny_generator, found.twin), picture(tiny_generator, changed_twin(tiny_generator, by=0)))
    save_twin(changed_twin(tiny_generator, by=0.1), shipped, told={})
    found = find_twin(tiny_generator, 8)
    assert found is not None
    assert found.source == "shipped"
    with pytest.raises(PhotopulseError, match=r"cannot read .*models fit"):
        load_twin(found.twin, fitted)


@pytest.mark.parametrize("part", ["mapping.0.weight", "input.weight", "blocks.1.conv2.pointwise", "image.bias"])
def test_another_generator_of_the_same_name_has_a_twin_of_its_own(build_generator: Build, part: str):
    one, same, other = build_generator(), build_generator(), build_generator()
    # As much as a fine tuning changes.
    other.state_dict()[part].mul_(1.05)
    assert one.name == other.name
    assert twin_path(one, 8) == twin_path(same, 8)
    assert twin_path(one, 8) != twin_path(other, 8)
    save_twin(changed_twin(one, by=0.1), twin_path(one, 8), told={})
    found = find_twin(other, 8)
    assert found is not None
    assert found.source == "untrained"


def test_the_fingerprint_does_not_depend_on_the_last_digits_or_on_how_weights_lie_in_memory(build_generator: Build):
    one, other = build_generator(), build_generator()
    other.to(memory_format=torch.channels_last)
    assert twin_path(one, 8) == twin_path(other, 8)
    stored = one.get_parameter("blocks.0.conv1.pointwise")
    stored.fill_(0.3)
    expected = twin_path(one, 8)
    stored.fill_(0.3000001)
    assert twin_path(one, 8) == expected


def test_each_size_and_name_has_a_file_of_its_own_in_the_cache(build_generator: Build, own_cache: Path):
    one = build_generator(name="one")
    paths = {twin_path(one, 8), twin_path(one, 16), twin_path(build_generator(name="../two"), 8)}
    assert len(paths) == 3
    assert {path.parent for path in paths} == {own_cache / "twins"}
    assert twin_path(one, 16).name.startswith("one-")
    assert twin_path(one, 16).name.endswith("-16.safetensors")
    assert shipped_twin_path(one, 16).name == twin_path(one, 16).name
