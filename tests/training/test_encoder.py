"""The fit of a style encoder to a toy generator: what it learns, that it resumes, and what it keeps."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from photopulse.errors import PhotopulseError
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.runs.watcher import Watcher
from photopulse.search import companion_files
from photopulse.search.encoder_cache import encoder_path, find_encoder
from photopulse.search.kit import SearchKit
from photopulse.search.prior import fit_prior, from_ws, point_to_ws
from photopulse.training.encoder import fit as fitting
from photopulse.training.encoder.degraded import SmallDegradation, degraded
from photopulse.training.encoder.fit import fit_encoder
from photopulse.training.encoder.samples import draw_points, render_faces
from photopulse.training.encoder.train import EncoderFitSettings

pytestmark = pytest.mark.usefixtures("one_thread")

QUICK = EncoderFitSettings(faces=448, steps=40, batch_size=16)


@pytest.fixture(autouse=True)
def _private_folders(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of this file sees the user's cache or what is shipped; few faces are held out."""
    monkeypatch.setattr(companion_files, "_SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(fitting, "_HELD_OUT", 64)


@pytest.fixture(scope="module")
def kit(build_generator: Callable[..., MobileStyleGAN]) -> SearchKit:
    """A generator of 64 px, whose twin of 32 px renders the faces."""
    generator = build_generator(channels=(12, 12, 12, 12))
    return SearchKit(generator=generator, prior=fit_prior(generator, samples=500))


class Heard(Watcher):
    """Notes the steps of each stage; may interrupt in the middle of one."""

    def __init__(self, *, stop_at: tuple[str, int] | None = None) -> None:
        self.steps: dict[str, list[int]] = {}
        self._stop_at = stop_at

    def start(self, stage: str, steps: int) -> None:
        self.steps[stage] = []

    def step(self, done: int, *, doing: str = "", figures: Mapping[str, float] | None = None) -> None:
        stage = list(self.steps)[-1]
        self.steps[stage].append(done)
        if (stage, done) == self._stop_at:
            raise KeyboardInterrupt


def test_a_fitted_encoder_knows_more_than_the_mean_face(kit: SearchKit):
    fit = fit_encoder(kit, QUICK)
    assert fit.better
    assert fit.after < 0.95 * fit.before
    assert fit.path == encoder_path(kit.generator)
    assert find_encoder(kit.generator) is not None
    assert list(fit.path.parent.iterdir()) == [fit.path]  # Nothing half done is left.


def test_an_encoder_that_is_no_better_is_not_kept(kit: SearchKit):
    good = fit_encoder(kit, QUICK)
    kept = good.path.read_bytes()
    bad = fit_encoder(kit, replace(QUICK, steps=1))
    assert not bad.better
    assert bad.before == pytest.approx(good.after, rel=0.02)
    assert good.path.read_bytes() == kept


def test_an_interrupted_fit_goes_on_and_ends_as_an_uninterrupted_one(
    kit: SearchKit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    long = replace(QUICK, faces=100, steps=204, batch_size=2)
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path / "whole"))
    expected = fit_encoder(kit, long)
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path / "parts"))
    with pytest.raises(KeyboardInterrupt):
        fit_encoder(kit, long, watcher=Heard(stop_at=("fitting the style encoder", 203)))
    again = Heard()
    fit = fit_encoder(kit, long, watcher=again)
    assert again.steps["fitting the style encoder"] == [201, 202, 203, 204]
    assert fit.after == expected.after
    assert fit.path.read_bytes() == expected.path.read_bytes()


def test_a_point_depends_on_its_index_and_seed_alone(kit: SearchKit):
    many = draw_points(range(6), kit.generator, kit.prior, seed=3)
    torch.testing.assert_close(draw_points([5], kit.generator, kit.prior, seed=3), many[5:])
    assert not torch.equal(draw_points([5], kit.generator, kit.prior, seed=4), many[5:])
    # Odd ones are mapped latents: one style for all layers, which the mapping network made.
    odd = many.view(6, -1, kit.generator.w_dim)[1]
    assert not odd[1:].any()
    ws = point_to_ws(many, kit.prior, kit.generator)
    torch.testing.assert_close(from_ws(ws[1, 0], kit.prior, kit.generator), odd[0], rtol=1e-3, atol=1e-3)


def test_rendered_faces_are_those_of_the_points_and_are_rendered_once(kit: SearchKit, tmp_path: Path):
    twin = kit.twin(32)
    assert twin is not None
    (faces,) = render_faces(twin, kit.generator, kit.prior, count=10, seed=0, folder=tmp_path)
    assert faces.shape == (10, 3, 32, 32)
    points = draw_points(range(10), kit.generator, kit.prior, seed=0)
    true = twin(point_to_ws(points, kit.prior, kit.generator)).clamp(0, 1)
    # Rendered with bfloat16, and rounded to 8 bits: far nearer to its own point's face than to another's.
    own, others = ((faces / 255 - true.roll(shift, 0)).square().mean() for shift in (0, 1))
    assert own < others / 20
    (file,) = tmp_path.iterdir()
    before = file.stat().st_mtime_ns
    (again,) = render_faces(twin, kit.generator, kit.prior, count=10, seed=0, folder=tmp_path)
    assert torch.equal(again, faces)
    assert file.stat().st_mtime_ns == before


def test_a_generator_without_the_twin_is_refused(kit: SearchKit, build_generator: Callable[..., MobileStyleGAN]):
    small = build_generator()
    alone = SearchKit(generator=small, prior=kit.prior)
    with pytest.raises(PhotopulseError, match="no twin of 32 px"):
        fit_encoder(alone, QUICK)


def test_degraded_faces_stay_in_range_and_near_the_true_ones():
    line = torch.linspace(0, 1, 32)
    faces = (line[None] * line[:, None]).expand(24, 3, 32, 32)
    settings = SmallDegradation()
    for seed in range(4):
        made = degraded(faces, settings, torch.Generator().manual_seed(seed))
        assert made.shape == faces.shape
        assert made.min() >= 0
        assert made.max() <= 1
        assert 1e-4 < (made - faces).abs().mean() < 0.1
    nothing = SmallDegradation(shrunk=0, blur=0, noise=0, shift=0, zoom=0, turn=0, covered=0)
    torch.testing.assert_close(degraded(faces, nothing, torch.Generator().manual_seed(0)), faces, rtol=0, atol=2e-3)
