from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from photopulse.degrade import Bicubic
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.search.prior import GaussianPrior, fit_prior
from photopulse.training.twin.samples import TwinSamples, draw_ws, render_samples

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def prior(tiny_generator: MobileStyleGAN) -> GaussianPrior:
    return fit_prior(tiny_generator, samples=500)


class Counted:
    """A generator that counts its pictures and may be interrupted before one of them."""

    def __init__(self, generator: MobileStyleGAN, *, until: int | None = None) -> None:
        self._generator = generator
        self._until = until
        self.pictures = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._generator, name)

    def synthesize(self, ws: Tensor) -> Tensor:
        if self.pictures == self._until:
            raise KeyboardInterrupt
        self.pictures += 1
        return self._generator.synthesize(ws)


def render(generator: object, prior: GaussianPrior, folder: Path, count: int = 70, **changes: object) -> TwinSamples:
    asked = {"sizes": (8, 16), "count": count, "seed": 3, "folder": folder} | changes
    return render_samples(generator, prior, **asked)  # type: ignore[arg-type]


def same(one: TwinSamples, other: TwinSamples) -> bool:
    pairs = ((one.pictures[size], other.pictures[size]) for size in one.pictures)
    return torch.equal(one.ws, other.ws) and all(torch.equal(*pair) for pair in pairs)


def test_pictures_are_the_downscaled_true_ones(tiny_generator: MobileStyleGAN, prior: GaussianPrior, tmp_path: Path):
    samples = render(tiny_generator, prior, tmp_path, count=5)
    assert len(samples) == 5
    assert samples.ws.dtype == samples.pictures[8].dtype == torch.float16
    image = tiny_generator.synthesize(samples.ws.float()).clamp(0, 1)
    for size in (8, 16):
        assert torch.allclose(samples.pictures[size].float(), Bicubic(32 // size)(image), atol=1e-3)


def test_every_other_sample_is_in_w_and_the_rest_stray_more_and_more(
    tiny_generator: MobileStyleGAN, prior: GaussianPrior
):
    def strays(index: int) -> float:
        ws = draw_ws(index, tiny_generator, prior, seed=0, label=None).float()
        values = (tiny_generator.map_to_gaussian(ws) - prior.mean) / prior.std
        return values.std(dim=1).square().mean().sqrt().item()

    assert [strays(index) for index in (1, 3, 5, 7)] == pytest.approx([0, 0, 0, 0], abs=1e-2)
    means = [sum(strays(index + 8 * k) for k in range(8)) / 8 for index in (0, 2, 4, 6)]
    assert means == pytest.approx([0, 0.15, 0.3, 0.5], rel=0.15, abs=1e-2)


def test_samples_in_w_are_those_of_the_mapping(tiny_generator: MobileStyleGAN, prior: GaussianPrior):
    seen: list[Tensor] = []

    class Heard(Counted):
        def map(self, z: Tensor, c: Tensor | None) -> Tensor:
            seen.append(z if c is None else c)
            return tiny_generator.map(z)

    ws = draw_ws(1, Heard(tiny_generator), prior, seed=0, label=None)  # type: ignore[arg-type]
    assert torch.allclose(ws.float(), tiny_generator.map(seen[0]), atol=1e-3)
    draw_ws(1, Heard(tiny_generator), prior, seed=0, label=torch.tensor([0.0, 1.0]))  # type: ignore[arg-type]
    assert seen[1].tolist() == [[0, 1]]


def test_seeds_and_indices_draw_different_styles(tiny_generator: MobileStyleGAN, prior: GaussianPrior):
    drawn = [draw_ws(i, tiny_generator, prior, seed=s, label=None) for s in (0, 1) for i in range(4)]
    assert torch.cat(drawn).flatten(1).unique(dim=0).shape[0] == 8
    assert torch.equal(drawn[2], draw_ws(2, tiny_generator, prior, seed=0, label=None))


def test_what_was_interrupted_goes_on_and_ends_the_same(
    tiny_generator: MobileStyleGAN, prior: GaussianPrior, tmp_path: Path
):
    whole = render(tiny_generator, prior, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        render(Counted(tiny_generator, until=66), prior, tmp_path / "parts")
    rest = Counted(tiny_generator)
    assert same(render(rest, prior, tmp_path / "parts"), whole)
    assert rest.pictures == 70 - 64
    done = Counted(tiny_generator)
    assert same(render(done, prior, tmp_path / "parts"), whole)
    assert done.pictures == 0


def test_more_or_fewer_samples_begin_with_the_same_ones(
    tiny_generator: MobileStyleGAN, prior: GaussianPrior, tmp_path: Path
):
    some = render(tiny_generator, prior, tmp_path, count=70)
    fewer = Counted(tiny_generator)
    assert same(render(fewer, prior, tmp_path, count=66), some.part(slice(66)))
    assert fewer.pictures == 0
    assert same(render(tiny_generator, prior, tmp_path, count=75).part(slice(70)), some)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _without_a_size(path: Path) -> None:
    state = load_file(path)
    del state["16"]
    save_file(state, path)


def _with_fewer_pictures(path: Path) -> None:
    save_file({name: values[:3].clone() for name, values in load_file(path).items()}, path)


@pytest.mark.parametrize("damage", [_cut, _without_a_size, _with_fewer_pictures])
def test_damaged_files_are_rendered_anew(
    tiny_generator: MobileStyleGAN, prior: GaussianPrior, tmp_path: Path, damage: object
):
    whole = render(tiny_generator, prior, tmp_path, count=5)
    (file,) = tmp_path.iterdir()
    damage(file)  # type: ignore[operator]
    again = Counted(tiny_generator)
    assert same(render(again, prior, tmp_path, count=5), whole)
    assert again.pictures == 5


def test_progress_counts_every_picture(tiny_generator: MobileStyleGAN, prior: GaussianPrior, tmp_path: Path):
    calls: list[int] = []
    render(tiny_generator, prior, tmp_path, count=66, on_picture=calls.append)
    assert list(dict.fromkeys(calls)) == list(range(1, 67))
    calls.clear()
    render(tiny_generator, prior, tmp_path, count=66, on_picture=calls.append)
    assert calls == [64, 66]
