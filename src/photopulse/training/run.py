"""A training from folders of faces to a file of weights: it resumes, and shows how it goes."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from photopulse.allocator import keep_freed_memory
from photopulse.devices import check_device
from photopulse.errors import PhotopulseError
from photopulse.restore.fsrnet import SIZE, SMALL_SIZE, FSRNet, FSRNetSettings
from photopulse.restore.fsrnet_weights import load_fsrnet, read_fsrnet, write_fsrnet
from photopulse.training.faces import CropSettings, TrainingFace, find_meshes
from photopulse.training.fsrgan import FSRGANTraining, train_fsrgan
from photopulse.training.fsrnet import FSRNetTraining, TrainingState, train_fsrnet
from photopulse.training.loop import load_checkpoint
from photopulse.training.loss_log import LossLog
from photopulse.training.pairs import FaceBatch, make_batch
from photopulse.training.run_settings import check_settings, write_settings
from photopulse.training.sheets import write_training_sheet

_SHEET_EVERY = 500
_SHEET_FACES = 6
_CHECKPOINT, _SETTINGS, _LOSSES, _MESHES = "checkpoint.pt", "settings.json", "losses.csv", "meshes.npz"


@dataclass(frozen=True, kw_only=True)
class TrainingWatcher:
    """What the caller wants to hear.

    Attributes:
        on_face: how many files were searched for a face, of how many.
        on_note: a sentence worth knowing.
        on_step: after each step, with the number of steps in all.
        on_losses: after each line of the table of losses: the step and the mean losses.
    """

    on_face: Callable[[int, int], None] = lambda _done, _total: None
    on_note: Callable[[str], None] = lambda _text: None
    on_step: Callable[[TrainingState, int], None] = lambda _state, _total: None
    on_losses: Callable[[int, dict[str, float]], None] = lambda _step, _losses: None


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What the two recipes have in common.

    Attributes:
        asked: all that decides on the result, for ``settings.json``.
        train: makes the recipe's loop from faces and the checkpoint's path.
    """

    name: str
    steps: int
    batch_size: int
    crops: CropSettings
    network: FSRNetSettings
    device: str
    asked: dict[str, object]
    train: Callable[[Sequence[TrainingFace], Path], Iterator[TrainingState]]


def run_fsrnet(
    files: Sequence[Path],
    output: Path,
    settings: FSRNetTraining,
    *,
    device: str = "cpu",
    fresh: bool = False,
    watcher: TrainingWatcher | None = None,
) -> Path:
    """Trains FSRNet on FFHQ-aligned faces and returns the file of its weights, ``output/fsrnet.safetensors``.

    ``output`` also gets settings.json, checkpoint.pt, from which the same call goes on, meshes.npz, losses.csv and
    samples/<step>.png. A file that is named twice is seen twice as often.

    Args:
        files: of faces, square, at least 256 px.
        output: made if need be.
        settings: the recipe.
        device: where to compute.
        fresh: forget what an earlier training left in ``output``.
        watcher: hears how it goes.

    Raises:
        PhotopulseError: for too few faces, files that are no faces, a checkpoint of other settings, a device or a
            folder that cannot be used, and if training fails.
    """
    plan = _Plan(
        name="fsrnet",
        steps=settings.steps,
        batch_size=settings.batch_size,
        crops=settings.crops,
        network=settings.network,
        device=device,
        asked={"recipe": "fsrnet", "settings": asdict(settings)},
        train=lambda faces, checkpoint: train_fsrnet(faces, settings, checkpoint=checkpoint, device=device),
    )
    return _run(files, output, plan, fresh=fresh, watcher=watcher or TrainingWatcher())


def run_fsrgan(
    files: Sequence[Path],
    output: Path,
    settings: FSRGANTraining,
    *,
    start: Path | None = None,
    device: str = "cpu",
    fresh: bool = False,
    watcher: TrainingWatcher | None = None,
) -> Path:
    """Trains FSRGAN as ``run_fsrnet`` does FSRNet; the weights are ``output/fsrgan.safetensors``.

    ``start`` is a file of a trained FSRNet, by default the one that comes with photopulse.
    """
    network = load_fsrnet("fsrnet") if start is None else read_fsrnet(start)
    plan = _Plan(
        name="fsrgan",
        steps=settings.steps,
        batch_size=settings.batch_size,
        crops=settings.crops,
        network=network.settings,
        device=device,
        asked={"recipe": "fsrgan", "settings": asdict(settings), "start_sha256": _hash(network)},
        train=lambda faces, checkpoint: train_fsrgan(faces, network, settings, checkpoint=checkpoint, device=device),
    )
    return _run(files, output, plan, fresh=fresh, watcher=watcher or TrainingWatcher())


def _run(files: Sequence[Path], output: Path, plan: _Plan, *, fresh: bool, watcher: TrainingWatcher) -> Path:
    check_device(plan.device)
    checkpoint, weights = output / _CHECKPOINT, output / f"{plan.name}.safetensors"
    try:
        if fresh:
            _forget(output, weights)
        elif checkpoint.exists():
            check_settings(output / _SETTINGS, plan.asked)
        faces, apart = _split(_find_faces(files, output / _MESHES, watcher), plan.batch_size)
        told = {"photopulse": version("photopulse"), "faces": len(faces), "device": plan.device}
        write_settings(output / _SETTINGS, plan.asked | told | {"held_out": [face.file.name for face in apart]})
        held_out = _held_out_batch(apart, plan)
        with _memory_for(plan.device):
            _train(faces, held_out, output, plan, watcher)
        # The checkpoint is the one place where the weights are, also when nothing was left to do.
        network = FSRNet(plan.network)
        load_checkpoint(checkpoint, {"average": network})
        write_fsrnet(network, weights)
    except OSError as error:
        why = error.strerror or str(error)
        fix = "choose a folder that can be written to and has room"
        raise PhotopulseError(f"cannot train in {output}", why=why, fix=fix) from error
    return weights


def _train(
    faces: Sequence[TrainingFace], held_out: FaceBatch, output: Path, plan: _Plan, watcher: TrainingWatcher
) -> None:
    log: LossLog | None = None
    for state in plan.train(faces, output / _CHECKPOINT):
        log = log or LossLog(output / _LOSSES, done=state.step - 1)
        last = state.step == plan.steps
        means = log.add(state.step, state.losses, last=last)
        if state.step % _SHEET_EVERY == 0 or last:
            write_training_sheet(output / "samples" / f"{state.step:06d}.png", state.network, held_out)
        watcher.on_step(state, plan.steps)
        if means is not None:
            watcher.on_losses(state.step, means)


def _find_faces(files: Sequence[Path], cache: Path, watcher: TrainingWatcher) -> list[TrainingFace]:
    faces: list[TrainingFace] = []
    for done, face in enumerate(find_meshes(files, cache), start=1):
        if face is not None:
            faces.append(face)
        watcher.on_face(done, len(files))
    if not faces:
        raise PhotopulseError(
            "cannot train",
            why=f"no face was found in any of the {len(files)} pictures",
            fix="make faces with `photopulse align PHOTOS -o FACES --size 256` or `photopulse sample`",
        )
    if len(faces) < len(files):
        watcher.on_note(f"{len(files) - len(faces)} of {len(files)} pictures show no face and are left out")
    return faces


def _split(faces: Sequence[TrainingFace], batch_size: int) -> tuple[list[TrainingFace], list[TrainingFace]]:
    """Keeps a few faces apart from training, evenly spread over the files, for the sheets."""
    different = {face.file.resolve(): face for face in faces}
    count = min(_SHEET_FACES, max(len(different) // 10, 1))
    apart = [list(different)[(2 * place + 1) * len(different) // (2 * count)] for place in range(count)]
    learned = [face for face in faces if face.file.resolve() not in apart]
    if len(learned) < batch_size:
        raise PhotopulseError(
            f"cannot train on {len(learned)} faces (and {count} kept apart to look at)",
            why=f"they are fewer than the {batch_size} of a batch",
            fix="give more faces (a thousand and more are good) or a smaller --batch-size",
        )
    return learned, [different[file] for file in apart]


def _held_out_batch(faces: Sequence[TrainingFace], plan: _Plan) -> FaceBatch:
    """Makes the batch of the sheets, the same one in every run on these faces."""
    random = np.random.default_rng(0)
    return make_batch(faces, plan.crops, random, factor=SIZE // SMALL_SIZE, map_size=SIZE // plan.network.stride)


def _forget(output: Path, weights: Path) -> None:
    """Removes what an earlier training left behind, but not the meshes."""
    for file in (output / _CHECKPOINT, output / _SETTINGS, output / _LOSSES, weights):
        file.unlink(missing_ok=True)
    for file in (output / "samples").glob("[0-9][0-9][0-9][0-9][0-9][0-9].png"):
        file.unlink()


def _memory_for(device: str) -> AbstractContextManager[object]:
    return keep_freed_memory() if torch.device(device).type == "cpu" else nullcontext()


def _hash(network: FSRNet) -> str:
    digest = hashlib.sha256()
    for values in network.state_dict().values():
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()
