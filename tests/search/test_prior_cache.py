from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.search import prior_cache
from photopulse.search.prior import GaussianPrior, fit_prior
from photopulse.search.prior_cache import find_prior, prior_path

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def _private_cache(own_cache: Path) -> None:
    """No test of this file sees the user's cache."""


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Makes fits small, and notes the generator of each."""
    made: list[str] = []

    def small_fit(generator: MobileStyleGAN, *, label: Tensor | None = None) -> GaussianPrior:
        made.append(generator.name)
        return fit_prior(generator, samples=200, label=label)

    monkeypatch.setattr(prior_cache, "fit_prior", small_fit)
    return made


def test_a_prior_is_computed_once_and_then_found(tiny_generator: MobileStyleGAN, fits: list[str], own_cache: Path):
    first = find_prior(tiny_generator)
    again = find_prior(tiny_generator)
    assert fits == ["tiny"]
    assert torch.equal(first.mean, again.mean)
    assert torch.equal(first.std, again.std)
    assert prior_path(tiny_generator).is_file()
    assert prior_path(tiny_generator).is_relative_to(own_cache)


def test_the_stored_prior_is_the_one_that_is_given_back(tiny_generator: MobileStyleGAN, fits: list[str]):
    path = prior_path(tiny_generator)
    path.parent.mkdir(parents=True)
    save_file({"mean": torch.arange(16.0), "std": torch.ones(16)}, path)
    assert find_prior(tiny_generator).mean.tolist() == list(range(16))
    assert fits == []


@pytest.mark.parametrize("content", [b"", b"no safetensors at all", b"\x10" + bytes(7) + b'{"mean": {}}    '])
def test_a_damaged_file_is_replaced(tiny_generator: MobileStyleGAN, fits: list[str], content: bytes):
    expected = find_prior(tiny_generator)
    path = prior_path(tiny_generator)
    path.write_bytes(content)
    assert torch.equal(find_prior(tiny_generator).mean, expected.mean)
    assert torch.equal(find_prior(tiny_generator).mean, expected.mean)
    assert fits == ["tiny", "tiny"]


def test_a_cache_that_cannot_be_written_is_tolerated(
    tiny_generator: MobileStyleGAN, fits: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    blocker = tmp_path / "file"
    blocker.write_text("a file where the cache folder should be")
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(blocker))
    find_prior(tiny_generator)
    find_prior(tiny_generator)
    assert fits == ["tiny", "tiny"]
    assert blocker.read_text().startswith("a file")


def _refuse(*args: object, **kwargs: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_a_damaged_file_in_a_read_only_cache_is_tolerated(
    tiny_generator: MobileStyleGAN, fits: list[str], monkeypatch: pytest.MonkeyPatch
):
    path = prior_path(tiny_generator)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    # What a read-only folder does; permissions would not stop the tests of an administrator.
    for method in ("unlink", "replace", "mkdir"):
        monkeypatch.setattr(Path, method, _refuse)
    assert find_prior(tiny_generator).mean.shape == (16,)
    assert fits == ["tiny"]


def test_a_cache_that_may_not_be_looked_into_is_tolerated(
    tiny_generator: MobileStyleGAN, fits: list[str], monkeypatch: pytest.MonkeyPatch
):
    for method in ("stat", "open", "read_bytes", "mkdir"):
        monkeypatch.setattr(Path, method, _refuse)
    assert find_prior(tiny_generator).mean.shape == (16,)
    assert fits == ["tiny"]


def test_another_generator_of_the_same_name_has_a_path_of_its_own(build_generator: Callable[..., MobileStyleGAN]):
    one, same, other = build_generator(seed=0), build_generator(seed=0), build_generator(seed=1)
    assert one.name == other.name
    assert prior_path(one) == prior_path(same)
    assert prior_path(one) != prior_path(other)


def test_the_same_weights_under_another_name_have_a_path_of_their_own(build_generator: Callable[..., MobileStyleGAN]):
    one, renamed = build_generator(name="one"), build_generator(name="two")
    assert prior_path(one).name.startswith("one-")
    assert prior_path(renamed).name.startswith("two-")


@pytest.mark.parametrize("name", ["../../escape", "a/b", "..", "C:\\x", "nul\0l", "name with spaces"])
def test_no_name_leaves_the_folder(build_generator: Callable[..., MobileStyleGAN], own_cache: Path, name: str):
    assert prior_path(build_generator(name=name)).parent == own_cache / "priors"


def test_each_class_has_a_path_of_its_own(build_generator: Callable[..., MobileStyleGAN]):
    generator = build_generator()
    plain_map = generator.map

    def conditional_map(z: Tensor, c: Tensor | None = None) -> Tensor:
        return plain_map(z) if c is None else plain_map(z) + c.argmax(1).view(-1, 1, 1)

    generator.map = conditional_map  # type: ignore[method-assign]
    paths = {prior_path(generator, label=torch.eye(3)[i]) for i in range(3)}
    assert len(paths) == 3
