"""The trainings of FSRNet and FSRGAN, each a function: from aligned faces to a file of weights."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.fingerprint import weights_hash
from photopulse.networks.files import write_network
from photopulse.networks.fsrnet import SIZE, SMALL_SIZE, FSRNet
from photopulse.networks.fsrnet_weights import KIND, FSRNetName, load_fsrnet, read_fsrnet
from photopulse.runs.watcher import Watcher
from photopulse.training.compute import Compute
from photopulse.training.fsrnet.faces import TrainingFace, find_meshes
from photopulse.training.fsrnet.fsrgan import FSRGANTraining, train_fsrgan
from photopulse.training.fsrnet.fsrnet import FSRNetTraining, train_fsrnet
from photopulse.training.fsrnet.pairs import make_batch
from photopulse.training.fsrnet.sheets import write_training_sheet
from photopulse.training.loop import Trained
from photopulse.training.run import PreparedTraining, Recipe, run_recipe

_SHEET_FACES = 6
_MESHES = "meshes.npz"


class TrainOnFaces(Protocol):
    """Trains a network on aligned faces."""

    def __call__(self, faces: Sequence[TrainingFace], /, *, checkpoint: Path) -> Iterator[Trained]:
        """Trains and yields after each step; goes on from ``checkpoint``."""
        ...


def run_fsrnet(
    files: Sequence[Path],
    output: Path,
    settings: FSRNetTraining,
    *,
    compute: Compute,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> Path:
    """Trains FSRNet on FFHQ-aligned faces and returns the file of its weights, ``output/fsrnet.safetensors``.

    ``output`` also gets the files of ``run_recipe``, and meshes.npz, the faces found. A file that is named twice is
    used twice as often.

    Args:
        files: pictures of faces, square, at least 256 px.
        output: folder, made if need be.
        settings: settings of the training.
        compute: where to compute.
        fresh: whether to remove the files of an earlier training instead of resuming it.
        watcher: progress callbacks.

    Raises:
        PhotopulseError: for too few faces, files that are no faces, a checkpoint of other settings, a folder that
            cannot be used, and if training fails.
    """
    train = partial(train_fsrnet, settings=settings, compute=compute)
    recipe = _recipe("fsrnet", files, output, settings, {}, network=FSRNet(settings.network), train=train)
    return run_recipe(recipe, output, compute=compute, fresh=fresh, watcher=watcher)


def run_fsrgan(
    files: Sequence[Path],
    output: Path,
    settings: FSRGANTraining,
    *,
    start: Path | None = None,
    compute: Compute,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> Path:
    """Trains FSRGAN as ``run_fsrnet`` does FSRNet; the weights are ``output/fsrgan.safetensors``.

    ``start`` is a file of a trained FSRNet, by default the one that comes with photopulse.
    """
    first = load_fsrnet("fsrnet") if start is None else read_fsrnet(start)
    train = partial(train_fsrgan, start=first, settings=settings, compute=compute)
    initial_weights: dict[str, object] = {"start_sha256": weights_hash(first)}
    recipe = _recipe("fsrgan", files, output, settings, initial_weights, network=FSRNet(first.settings), train=train)
    return run_recipe(recipe, output, compute=compute, fresh=fresh, watcher=watcher)


def _recipe(
    name: FSRNetName,
    files: Sequence[Path],
    output: Path,
    settings: FSRNetTraining | FSRGANTraining,
    initial_weights: dict[str, object],
    *,
    network: FSRNet,
    train: TrainOnFaces,
) -> Recipe:
    def prepare(watcher: Watcher) -> PreparedTraining:
        # Faces to train on, and a few that are held out for the sample sheets.
        faces, held_out_faces = _split(_find_faces(files, output / _MESHES, watcher), settings.optimisation.batch_size)
        random = np.random.default_rng(0)
        held_out = make_batch(
            held_out_faces, settings.crops, random, factor=SIZE // SMALL_SIZE, map_size=SIZE // network.settings.stride
        )

        def write_sheet(path: Path, averaged: nn.Module, _step: int) -> None:
            write_training_sheet(path, cast(FSRNet, averaged), held_out)

        return PreparedTraining(
            data_summary={"faces": len(faces), "held_out": [face.file.name for face in held_out_faces]},
            train=lambda checkpoint: train(faces, checkpoint=checkpoint),
            write_sheet=write_sheet,
        )

    return Recipe(
        name=name,
        steps=settings.optimisation.steps,
        settings={"settings": asdict(settings), **initial_weights},
        network=network,
        prepare=prepare,
        write=lambda trained, path: write_network(trained, network.settings, KIND, path),
    )


def _find_faces(files: Sequence[Path], cache: Path, watcher: Watcher) -> list[TrainingFace]:
    # Keep the files that show a face.
    faces: list[TrainingFace] = []
    watcher.start("finding faces", len(files))
    for done, face in enumerate(find_meshes(files, cache), start=1):
        if face is not None:
            faces.append(face)
        watcher.step(done)
    # Refuse pictures without any face, and tell how many files are left out.
    if not faces:
        raise PhotopulseError(
            "cannot train",
            why=f"no face was found in any of the {len(files)} pictures",
            fix="make faces with `photopulse align PHOTOS -o FACES --size 256` or `photopulse sample`",
        )
    if len(faces) < len(files):
        watcher.note(f"{len(files) - len(faces)} of {len(files)} pictures show no face and are left out")
    return faces


def _split(faces: Sequence[TrainingFace], batch_size: int) -> tuple[list[TrainingFace], list[TrainingFace]]:
    """Holds out a few faces, evenly spread over the files, for the sample sheets."""
    different = {face.file.resolve(): face for face in faces}
    count = min(_SHEET_FACES, max(len(different) // 10, 1))
    held_out = [list(different)[(2 * place + 1) * len(different) // (2 * count)] for place in range(count)]
    learned = [face for face in faces if face.file.resolve() not in held_out]
    if len(learned) < batch_size:
        raise PhotopulseError(
            f"cannot train on {len(learned)} faces (and {count} held out for the sample sheets)",
            why=f"they are fewer than the {batch_size} of a batch",
            fix="give more faces (a thousand and more are good) or a smaller --batch-size",
        )
    return learned, [different[file] for file in held_out]
