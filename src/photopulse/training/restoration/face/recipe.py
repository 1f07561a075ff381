"""The training of a face network as a function: from aligned faces to a file of weights."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.fingerprint import weights_hash
from photopulse.networks.face_features import FaceFeatureNet
from photopulse.networks.files import write_network
from photopulse.networks.shipped import face_kind, load_photo_net
from photopulse.reporting.strips import Strip, write_sheet
from photopulse.runs.watcher import Watcher
from photopulse.search.kit import SearchKit
from photopulse.training.compute import Compute
from photopulse.training.restoration.face.pairs import FacePairs, make_pairs
from photopulse.training.restoration.face.styles import face_points
from photopulse.training.restoration.face.train import FaceTraining, redraw, train_face
from photopulse.training.restoration.files import hold_out, usable_photos
from photopulse.training.run import PreparedTraining, Recipe, run_recipe

_SHOWN: Final = 6
_LEAST_SIDE: Final = 256


def run_face(
    files: Sequence[Path],
    kit: SearchKit,
    output: Path,
    settings: FaceTraining,
    *,
    compute: Compute,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> Path:
    """Trains a face network and returns the file of its weights, ``output/face-<size>.safetensors``.

    Args:
        files: FFHQ-aligned, sharp faces, as ``photopulse align`` writes them, of 512 px or at least 256.
        kit: kit of the generator, which is the decoder.
        output: folder, made if need be.
        settings: settings of the training.
        compute: where to compute.
        fresh: whether to remove the files of an earlier training instead of resuming it.
        watcher: progress callbacks.

    Raises:
        PhotopulseError: as ``run_recipe`` has them, if no file can be used, or if the generator has no twin of that
            size.
    """
    name = face_kind(settings.damage.size)

    def prepare(watcher: Watcher) -> PreparedTraining:
        # Faces to learn from, and pairs of those that are held out.
        usable = usable_photos(files, least_side=_LEAST_SIDE, watcher=watcher)
        learned, held_out = hold_out(usable, most=_SHOWN)
        points = face_points([*learned, *held_out], kit, output / "styles.safetensors", watcher)
        photo = load_photo_net()
        shown = [
            make_pairs({file: points[file]}, settings.damage, photo, 1, torch.Generator().manual_seed(place))
            for place, file in enumerate(held_out)
        ]
        return PreparedTraining(
            data_summary={"faces": len(learned), "held_out": [file.name for file in held_out]},
            train=lambda checkpoint: train_face(
                {file: points[file] for file in learned}, kit, settings, checkpoint=checkpoint, compute=compute
            ),
            write_sheet=lambda path, network, _step: _write_sheet(path, network, kit, settings.damage.size, shown),
        )

    recipe = Recipe(
        name=name,
        steps=settings.optimisation.steps,
        settings={"settings": asdict(settings), "generator_sha256": weights_hash(kit.generator)},
        network=FaceFeatureNet(settings.network),
        prepare=prepare,
        write=lambda network, path: write_network(network, settings.network, name, path),
    )
    return run_recipe(recipe, output, compute=compute, fresh=fresh, watcher=watcher)


@torch.no_grad()
def _write_sheet(path: Path, network: nn.Module, kit: SearchKit, size: int, shown: Sequence[FacePairs]) -> None:
    """Draws, for each held-out face, the damaged one, what the generator's styles render, the result and the truth."""

    def large(picture: Tensor) -> Tensor:
        return F.interpolate(picture.float().cpu(), (4 * size, 4 * size), mode="nearest").clamp(0, 1)

    strips: list[Strip] = []
    for pairs in shown:
        drawn = redraw(network, pairs.to(kit.generator.device), kit, size)
        strips.append(Strip(pictures=[large(one) for one in (pairs.damaged, drawn.rendered, drawn.made, pairs.sharp)]))
    write_sheet(path, strips, columns=("damaged", "styles", "redrawn", "sharp"))
