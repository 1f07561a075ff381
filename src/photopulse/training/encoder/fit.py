"""Fits a generator's style encoder and stores it in the cache; an interrupted fit is resumed."""

import shutil
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from photopulse.allocator import keep_freed_memory
from photopulse.errors import file_errors
from photopulse.runs.keys import key
from photopulse.runs.watcher import Watcher
from photopulse.search.companion_files import save_fit
from photopulse.search.encoder_cache import encoder_path, find_encoder, make_encoder
from photopulse.search.kit import SearchKit
from photopulse.search.style_encoder import StyleEncoder
from photopulse.training.checkpoints import load_checkpoint
from photopulse.training.compute import Compute
from photopulse.training.encoder.samples import draw_points, render_faces
from photopulse.training.encoder.train import EncoderFitSettings, train_encoder
from photopulse.training.learner import seeded_weights
from photopulse.weights.cache import CACHE_FIX, cache_dir

_HELD_OUT: Final = 512
_TOGETHER: Final = 64


@dataclass(frozen=True, kw_only=True)
class EncoderFit:
    """Result of the fit of an encoder.

    Attributes:
        path: file of the fitted encoder.
        before: held-out mean squared error of the previous encoder's shared style, in standard normal values; that of
            the mean face if there was no encoder.
        after: held-out error of the fitted encoder, in the same unit.
        better: whether the fit lowered the error; the encoder is stored only then.
    """

    path: Path
    before: float
    after: float

    @property
    def better(self) -> bool:
        return self.after < self.before


def fit_encoder(kit: SearchKit, settings: EncoderFitSettings, *, watcher: Watcher | None = None) -> EncoderFit:
    """Fits the encoder of the kit's generator and stores it at ``encoder_path`` if it is better than the one in use.

    Rendered faces and checkpoint are stored beside it until the fit is finished.

    Args:
        kit: search kit of a generator that has a twin of the encoder's size.
        settings: settings of the fit.
        watcher: receives reports of progress; none are made if None.

    Raises:
        PhotopulseError: if there is no such twin, the cache cannot be written, or the training fails.
    """
    generator, watcher = kit.generator, watcher or Watcher()
    path = encoder_path(generator)
    folder = path.with_name(f"{path.stem}-unfinished")
    # Fit, then delete the files of the unfinished fit; an error keeps them for the next call.
    memory = keep_freed_memory() if generator.device.type == "cpu" else nullcontext()
    with memory, file_errors(f"cannot keep the encoder of {generator.name} in {cache_dir()}", fix=CACHE_FIX):
        fit = _fit(kit, settings, path, folder, watcher)
    shutil.rmtree(folder, ignore_errors=True)
    return fit


def _fit(kit: SearchKit, settings: EncoderFitSettings, path: Path, folder: Path, watcher: Watcher) -> EncoderFit:
    generator = kit.generator
    seed = settings.seed
    with seeded_weights(seed):
        encoder = make_encoder(generator)
    faces = _rendered(kit, encoder.settings.size, settings, folder, watcher)

    def styles_of(indices: Iterable[int]) -> Tensor:
        return draw_points(list(indices), generator, kit.prior, seed=seed)[:, : generator.w_dim].cpu()

    def learned_styles(indices: Sequence[int]) -> Tensor:
        return styles_of(index + _HELD_OUT for index in indices)

    watcher.start("fitting the style encoder", settings.steps)
    checkpoint = folder / f"{key(settings)}.pt"
    compute = Compute(device=generator.device)
    for state in train_encoder(
        encoder, faces[_HELD_OUT:], learned_styles, settings, checkpoint=checkpoint, compute=compute
    ):
        watcher.step(state.step, figures=state.losses)
    # The average is read from the checkpoint, because a training that was already finished yields no state.
    load_checkpoint(checkpoint, {"average": encoder})

    held_out, truth = faces[:_HELD_OUT], styles_of(range(_HELD_OUT))
    current = find_encoder(generator)
    mean = truth.square().mean().item()
    fit = EncoderFit(
        path=path,
        before=mean if current is None else measure_encoder(current, held_out, truth),
        after=measure_encoder(encoder, held_out, truth),
    )
    if fit.better:
        told = {"recipe": asdict(settings), "photopulse": version("photopulse")}
        save_fit(encoder, path, told=told | {"before": fit.before, "after": fit.after})
    return fit


def _rendered(kit: SearchKit, size: int, settings: EncoderFitSettings, folder: Path, watcher: Watcher) -> Tensor:
    """Renders all faces, held-out ones first, and returns them, (N, 3, size, size) uint8."""
    count = _HELD_OUT + settings.faces
    watcher.start("rendering faces to learn from", count)
    parts: list[Tensor] = []
    seed = settings.seed
    for part in render_faces(
        kit.needed_twin(size, what="fit a style encoder of"),
        kit.generator,
        kit.prior,
        count=count,
        seed=seed,
        folder=folder / f"faces-{seed}",
    ):
        parts.append(part)
        watcher.step(sum(map(len, parts)))
    return torch.cat(parts)


@torch.no_grad()
def measure_encoder(encoder: StyleEncoder, faces: Tensor, styles: Tensor) -> float:
    """Computes the mean squared error of the encoder on faces (N, 3, s, s) uint8 whose true styles are (N, w_dim)."""
    device = next(encoder.parameters()).device
    parts = (faces[start : start + _TOGETHER] for start in range(0, len(faces), _TOGETHER))
    told = torch.cat([encoder(part.to(device).float() / 255).cpu() for part in parts])
    return (told - styles).square().mean().item()
