from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from photopulse.errors import PhotopulseError
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.generators.twin import Twin
from photopulse.search.prior import fit_prior
from photopulse.training.twin import train as module
from photopulse.training.twin.samples import TwinSamples, render_samples
from photopulse.training.twin.train import TwinFitSettings, measure_twin, train_twin

pytestmark = pytest.mark.usefixtures("one_thread")

QUICK = TwinFitSettings(sizes=(8,), samples=64, steps=60, batch=8, learning_rate=3e-3)


@pytest.fixture(scope="module")
def samples(tiny_generator: MobileStyleGAN, tmp_path_factory: pytest.TempPathFactory) -> TwinSamples:
    prior = fit_prior(tiny_generator, samples=500)
    folder = tmp_path_factory.mktemp("samples")
    return render_samples(tiny_generator, prior, sizes=(8, 16), count=96, seed=0, folder=folder)


@pytest.fixture
def twin(tiny_generator: MobileStyleGAN) -> Twin:
    made = tiny_generator.make_twin(8)
    assert made is not None
    return made


def weights(twin: Twin) -> torch.Tensor:
    return torch.cat([values.flatten() for values in twin.tail.state_dict().values()]).clone()


def trained(twin: Twin, samples: TwinSamples, checkpoint: Path, *, settings: TwinFitSettings = QUICK) -> list[float]:
    return [state.losses["mse"] for state in train_twin(twin, samples, settings, checkpoint=checkpoint)]


def test_training_lowers_the_error_of_pictures_that_were_never_seen(twin: Twin, samples: TwinSamples, tmp_path: Path):
    held_out, learned = samples.part(slice(32)), samples.part(slice(32, None))
    before = measure_twin(twin, held_out)
    losses = trained(twin, learned, tmp_path / "checkpoint.pt")
    after = measure_twin(twin, held_out)
    assert len(losses) == 60
    assert after.mean < 0.7 * before.mean
    assert after.median < 0.7 * before.median
    assert sum(losses[-20:]) < 0.8 * sum(losses[:20])


def test_only_the_tail_learns_and_it_is_frozen_afterwards(
    build_generator: Callable[..., MobileStyleGAN], samples: TwinSamples, tmp_path: Path
):
    generator = build_generator()
    twin = generator.make_twin(8)
    assert twin is not None
    start = weights(twin)
    stored = {name: values.clone() for name, values in generator.state_dict().items()}
    trained(twin, samples, tmp_path / "checkpoint.pt", settings=TwinFitSettings(sizes=(8,), steps=2, batch=4))
    assert not torch.equal(weights(twin), start)
    assert all(torch.equal(values, stored[name]) for name, values in generator.state_dict().items())
    assert not any(values.requires_grad for values in twin.tail.parameters())


def test_the_measure_is_the_mean_and_the_median_of_each_pictures_error(twin: Twin, samples: TwinSamples):
    some = samples.part(slice(21))
    pictures = some.pictures[8].float()
    made = twin(some.ws.float()).detach().clamp(0, 1)
    each = sorted(((a - b) ** 2).mean().item() for a, b in zip(made, pictures, strict=True))
    error = measure_twin(twin, some)
    assert error.mean == pytest.approx(sum(each) / 21, rel=1e-4)
    assert error.median == pytest.approx(each[10], rel=1e-4)


def test_an_interrupted_training_ends_as_an_uninterrupted_one(
    tiny_generator: MobileStyleGAN, samples: TwinSamples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_SAVE_EVERY", 5)
    settings = TwinFitSettings(sizes=(8,), steps=14, batch=4, learning_rate=1e-3)
    whole, first, second = (tiny_generator.make_twin(8) for _ in range(3))
    assert whole is not None
    assert first is not None
    assert second is not None
    losses = trained(whole, samples, tmp_path / "whole.pt", settings=settings)
    steps = train_twin(first, samples, settings, checkpoint=tmp_path / "parts.pt")
    for _ in range(12):
        next(steps)
    steps.close()
    # Steps 11 and 12 are lost, as the last checkpoint is of step 10.
    assert trained(second, samples, tmp_path / "parts.pt", settings=settings) == losses[10:]
    assert torch.equal(weights(second), weights(whole))


def test_seeds_choose_other_batches(tiny_generator: MobileStyleGAN, samples: TwinSamples, tmp_path: Path):
    losses: list[float] = []
    for seed in (0, 1):
        twin = tiny_generator.make_twin(8)
        assert twin is not None
        settings = TwinFitSettings(sizes=(8,), steps=1, batch=4, seed=seed)
        losses += trained(twin, samples, tmp_path / f"{seed}.pt", settings=settings)
    assert losses[0] != losses[1]


def test_a_loss_beyond_numbers_ends_the_fit_and_names_the_size(twin: Twin, samples: TwinSamples, tmp_path: Path):
    spoilt = TwinSamples(ws=samples.ws, pictures={8: torch.full_like(samples.pictures[8], torch.inf)})
    with pytest.raises(PhotopulseError, match=r"cannot fit the twin of 8 px: at step 1"):
        trained(twin, spoilt, tmp_path / "checkpoint.pt")
    assert not (tmp_path / "checkpoint.pt").exists()
