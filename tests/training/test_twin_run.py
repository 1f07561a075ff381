from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.runs.watcher import Watcher
from photopulse.search import companion_files
from photopulse.search.prior import GaussianPrior, fit_prior
from photopulse.search.twin_cache import find_twin, save_twin, shipped_twin_path, twin_path
from photopulse.training.twin import train as training
from photopulse.training.twin.run import fit_twins
from photopulse.training.twin.samples import render_samples
from photopulse.training.twin.train import TwinFitSettings, measure_twin

pytestmark = pytest.mark.usefixtures("one_thread")

QUICK = TwinFitSettings(sizes=(8, 16), samples=48, steps=30, batch=8, learning_rate=1e-3)


@pytest.fixture(autouse=True)
def _private_folders(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of this file sees the user's cache, or adds to what is shipped."""
    monkeypatch.setattr(companion_files, "_SHIPPED", tmp_path / "shipped")


@pytest.fixture(scope="module")
def generator(build_generator: Callable[..., MobileStyleGAN]) -> MobileStyleGAN:
    """A generator of 64 px, so that the tails of both twins have something to learn."""
    return build_generator(channels=(16, 16, 16, 16))


@pytest.fixture(scope="module")
def prior(generator: MobileStyleGAN) -> GaussianPrior:
    return fit_prior(generator, samples=500)


class RecordedProgress(Watcher):
    """Notes each stage with the parts that were done in it; may interrupt in the middle of one."""

    def __init__(self, *, stop_at: tuple[str, int] | None = None) -> None:
        self.stages: list[tuple[str, int]] = []
        self.parts: dict[str, list[int]] = {}
        self._stop_at = stop_at

    def start(self, stage: str, steps: int) -> None:
        self.stages.append((stage, steps))
        self.parts[stage] = []

    def step(self, done: int, **_told: object) -> None:
        name = self.stages[-1][0]
        self.parts[name].append(done)
        if (name, done) == self._stop_at:
            raise KeyboardInterrupt


RENDERING, FITTING_8, FITTING_16 = (
    "rendering pictures to learn from",
    "fitting the twin of 8 px",
    "fitting the twin of 16 px",
)


def test_a_fitted_twin_is_found_and_renders_unseen_pictures_better(
    generator: MobileStyleGAN, prior: GaussianPrior, tmp_path: Path
):
    fits = list(fit_twins(generator, prior, QUICK))
    assert [fit.size for fit in fits] == [8, 16]
    others = render_samples(generator, prior, sizes=(8, 16), count=64, seed=9, folder=tmp_path / "others")
    for fit in fits:
        assert fit.better
        assert fit.path == twin_path(generator, fit.size)
        found, untrained = find_twin(generator, fit.size), generator.make_twin(fit.size)
        assert found is not None
        assert untrained is not None
        assert found.source == "fitted"
        assert measure_twin(found.twin, others).mean < 0.9 * measure_twin(untrained, others).mean
        assert fit.after.mean < 0.9 * fit.before.mean


def test_nothing_half_done_is_left_behind(generator: MobileStyleGAN, prior: GaussianPrior, own_cache: Path):
    list(fit_twins(generator, prior, replace(QUICK, steps=20)))
    wanted = {twin_path(generator, 8), twin_path(generator, 16)}
    assert set((own_cache / "twins").iterdir()) == wanted


@pytest.mark.parametrize("stop_at", [(RENDERING, 70), (FITTING_8, 17), (FITTING_16, 13)])
def test_an_interrupted_fit_goes_on_and_ends_as_an_uninterrupted_one(
    generator: MobileStyleGAN,
    prior: GaussianPrior,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop_at: tuple[str, int],
):
    monkeypatch.setattr(training, "_SAVE_EVERY", 10)
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path / "whole"))
    expected = list(fit_twins(generator, prior, QUICK))
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path / "parts"))
    with pytest.raises(KeyboardInterrupt):
        list(fit_twins(generator, prior, QUICK, watcher=RecordedProgress(stop_at=stop_at)))
    again = RecordedProgress()
    fits = list(fit_twins(generator, prior, QUICK, watcher=again))
    for fit, wanted in zip(fits, expected, strict=True):
        assert (fit.before, fit.after) == (wanted.before, wanted.after)
        assert fit.path.read_bytes() == wanted.path.read_bytes()
    # What was done is not done again.
    assert again.parts[RENDERING][0] == 64
    if stop_at[0] == FITTING_8:
        assert again.parts[FITTING_8][0] == 11
    if stop_at[0] == FITTING_16:
        assert FITTING_8 not in again.parts
        assert again.parts[FITTING_16][0] == 11


def test_the_same_fit_again_is_told_and_not_done(generator: MobileStyleGAN, prior: GaussianPrior):
    first = list(fit_twins(generator, prior, QUICK))
    progress = RecordedProgress()
    assert list(fit_twins(generator, prior, QUICK, watcher=progress)) == first
    assert progress.stages == []
    list(fit_twins(generator, prior, replace(QUICK, steps=31), watcher=progress))
    assert progress.stages == [(RENDERING, 112), (FITTING_8, 31), (FITTING_16, 31)]


def test_a_fit_that_is_no_better_than_what_is_there_is_not_kept(generator: MobileStyleGAN, prior: GaussianPrior):
    quick = replace(QUICK, sizes=(8,))
    (good,) = fit_twins(generator, prior, quick)
    shipped = shipped_twin_path(generator, 8)
    shipped.parent.mkdir()
    good.path.rename(shipped)
    (bad,) = fit_twins(generator, prior, replace(quick, steps=1))
    assert not bad.better
    # Before it was as good as the shipped one, whose weights have half precision.
    assert bad.before.mean == pytest.approx(good.after.mean, rel=0.02)
    assert not bad.path.exists()
    found = find_twin(generator, 8)
    assert found is not None
    assert found.source == "shipped"


def test_a_damaged_twin_is_fitted_anew(generator: MobileStyleGAN, prior: GaussianPrior):
    quick = replace(QUICK, sizes=(8,))
    (fit,) = fit_twins(generator, prior, quick)
    wanted = fit.path.read_bytes()
    fit.path.write_bytes(wanted[:-7])
    list(fit_twins(generator, prior, quick))
    assert fit.path.read_bytes() == wanted


def test_progress_names_stages_and_counts_their_parts(generator: MobileStyleGAN, prior: GaussianPrior):
    progress = RecordedProgress()
    list(fit_twins(generator, prior, replace(QUICK, steps=3), watcher=progress))
    assert progress.stages == [(RENDERING, 112), (FITTING_8, 3), (FITTING_16, 3)]
    assert progress.parts[RENDERING][-1] == 112
    assert progress.parts[FITTING_8] == [1, 2, 3]


def test_samples_of_a_class_are_drawn_with_its_label(
    build_generator: Callable[..., MobileStyleGAN], prior: GaussianPrior
):
    generator = build_generator()
    plain_map, labels = generator.map, list[list[float]]()

    def conditional_map(z: Tensor, c: Tensor | None = None) -> Tensor:
        assert c is not None
        labels.extend(c.tolist())
        return plain_map(z)

    generator.map = conditional_map  # type: ignore[method-assign]
    list(fit_twins(generator, prior, replace(QUICK, steps=1, sizes=(8,)), label=torch.tensor([0.0, 1.0])))
    assert labels == [[0.0, 1.0]] * 56


def test_a_size_without_a_twin_is_an_error_and_no_sizes_are_nothing_to_do(
    generator: MobileStyleGAN, prior: GaussianPrior
):
    with pytest.raises(PhotopulseError, match="cannot fit a twin of 7 px: tiny has none of that size"):
        list(fit_twins(generator, prior, replace(QUICK, sizes=(7,))))
    assert list(fit_twins(generator, prior, replace(QUICK, sizes=()))) == []


def test_a_cache_that_cannot_be_written_is_named(
    generator: MobileStyleGAN, prior: GaussianPrior, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    blocker = tmp_path / "file"
    blocker.write_text("a file where the cache folder should be")
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(blocker))
    with pytest.raises(
        PhotopulseError, match=r"cannot keep the twins of tiny in .*file: Not a directory.*PHOTOPULSE_CACHE"
    ):
        list(fit_twins(generator, prior, QUICK))


def test_the_file_of_another_twin_at_this_place_is_replaced(generator: MobileStyleGAN, prior: GaussianPrior):
    wrong = generator.make_twin(16)
    assert wrong is not None
    save_twin(wrong, twin_path(generator, 8), told={})
    (fit,) = fit_twins(generator, prior, replace(QUICK, sizes=(8,)))
    assert fit.better
    found = find_twin(generator, 8)
    assert found is not None
    assert found.source == "fitted"
