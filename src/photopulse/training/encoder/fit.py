"""Fits a generator's style encoder and stores it in the cache; an interrupted fit is resumed."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Final, cast

import torch
from torch import Tensor

from photopulse.allocator import keep_freed_memory
from photopulse.errors import PhotopulseError
from photopulse.generators.twin import Twin
from photopulse.search.companion_files import save_fit
from photopulse.search.encoder_cache import encoder_path, find_encoder, make_encoder
from photopulse.search.kit import SearchKit
from photopulse.search.style_encoder import StyleEncoder
from photopulse.training.compute import Compute
from photopulse.training.encoder.samples import draw_points, render_faces
from photopulse.training.encoder.train import EncoderTraining, train_encoder
from photopulse.training.learner import seeded_weights

_HELD_OUT: Final = 512


@dataclass(frozen=True, kw_only=True)
class EncoderFitSettings:
    """Settings of the fit of a generator's style encoder.

    Attributes:
        faces: number of small faces to learn from.
        training: settings of the training; its seed also draws the faces.
    """

    faces: int = 80_000
    training: EncoderTraining = field(default_factory=EncoderTraining)


@dataclass(frozen=True, kw_only=True)
class EncoderFit:
    """Result of the fit of an encoder.

    Attributes:
        path: file of the fitted encoder.
        before: held-out error of the encoder that searches used until now: mean squared error of the shared style,
            standard normal values; that of the mean face if there was none.
        after: held-out error of the fitted encoder.
        better: whether the fit lowered the error; only then is it stored.
    """

    path: Path
    before: float
    after: float

    @property
    def better(self) -> bool:
        return self.after < self.before


@dataclass(frozen=True, kw_only=True)
class EncoderFitWatcher:
    """Progress callbacks of a fit.

    Attributes:
        on_stage: called when a stage begins, with its name and its number of parts.
        on_part: called after each part, with the number of parts that are done and a short text.
    """

    on_stage: Callable[[str, int], None] = lambda _name, _total: None
    on_part: Callable[[int, str], None] = lambda _done, _words: None


def fit_encoder(
    kit: SearchKit, settings: EncoderFitSettings, *, watcher: EncoderFitWatcher | None = None
) -> EncoderFit:
    """Fits the encoder of the kit's generator and stores it at ``encoder_path`` if it is better than the one in use.

    Rendered faces and checkpoint are stored beside it until the fit is finished.

    Args:
        kit: of a generator that has a twin of the encoder's size.
        settings: settings of the fit.
        watcher: progress callbacks.

    Raises:
        PhotopulseError: if there is no such twin, the cache cannot be written, or the training fails.
    """
    generator, watcher = kit.generator, watcher or EncoderFitWatcher()
    path = encoder_path(generator)
    folder = path.with_name(f"{path.stem}-unfinished")
    try:
        with keep_freed_memory() if generator.device.type == "cpu" else nullcontext():
            fit = _fit(kit, settings, path, folder, watcher)
    except OSError as error:
        raise PhotopulseError(
            f"cannot keep the encoder of {generator.name}",
            why=str(error),
            fix="let PHOTOPULSE_CACHE name a folder that can be written to and has room",
        ) from error
    shutil.rmtree(folder, ignore_errors=True)
    return fit


def _fit(
    kit: SearchKit, settings: EncoderFitSettings, path: Path, folder: Path, watcher: EncoderFitWatcher
) -> EncoderFit:
    generator = kit.generator
    seed = settings.training.optimisation.seed
    with seeded_weights(seed):
        encoder = make_encoder(generator)
    faces = _rendered(kit, encoder.settings.size, settings, folder, watcher)

    def styles_of(indices: Sequence[int]) -> Tensor:
        return draw_points(indices, generator, kit.prior, seed=seed)[:, : generator.w_dim].cpu()

    steps = settings.training.optimisation.steps
    watcher.on_stage("fitting the style encoder", steps)
    fitted = encoder
    for state in train_encoder(
        encoder,
        faces[_HELD_OUT:],
        lambda indices: styles_of([index + _HELD_OUT for index in indices]),
        settings.training,
        checkpoint=folder / f"{settings.faces}-{steps}.pt",
        compute=Compute(device=generator.device),
    ):
        fitted = cast(StyleEncoder, state.network)
        watcher.on_part(state.step, f"error {state.losses['style']:.3f}")

    held_out, truth = faces[:_HELD_OUT], styles_of(range(_HELD_OUT))
    current = find_encoder(generator)
    mean = truth.square().mean().item()
    fit = EncoderFit(
        path=path,
        before=mean if current is None else measure_encoder(current, held_out, truth),
        after=measure_encoder(fitted, held_out, truth),
    )
    if fit.better:
        told = {"faces": settings.faces, "training": asdict(settings.training), "photopulse": version("photopulse")}
        save_fit(fitted, path, told=told | {"before": fit.before, "after": fit.after})
    return fit


def _rendered(
    kit: SearchKit, size: int, settings: EncoderFitSettings, folder: Path, watcher: EncoderFitWatcher
) -> Tensor:
    """Renders the faces, those that are held out first: (N, 3, size, size) uint8."""
    count = _HELD_OUT + settings.faces
    watcher.on_stage("rendering faces to learn from", count)
    parts: list[Tensor] = []
    seed = settings.training.optimisation.seed
    for part in render_faces(_twin(kit, size), kit.generator, kit.prior, count=count, seed=seed, folder=folder):
        parts.append(part)
        watcher.on_part(sum(map(len, parts)), "")
    return torch.cat(parts)


@torch.no_grad()
def measure_encoder(encoder: StyleEncoder, faces: Tensor, styles: Tensor) -> float:
    """Returns the mean squared error of the styles (N, w_dim) that the encoder tells from faces (N, 3, s, s) uint8."""
    device = next(encoder.parameters()).device
    told = torch.cat([encoder(part.to(device).float() / 255).cpu() for part in faces.split(64)])
    return (told - styles).square().mean().item()


def _twin(kit: SearchKit, size: int) -> Twin:
    twin = kit.twin(size)
    if twin is None:
        raise PhotopulseError(
            f"cannot fit a style encoder of {kit.generator.name}",
            why=f"it has no twin of {size} px, which renders the faces to learn from",
            fix="leave --encoder out",
        )
    return twin
