"""`photopulse train photo | full-size | enlarge | face-gan | face`: photos in, the networks of `restore` out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photopulse.cli.options import Device, OutputFolder, find_device
from photopulse.cli.training_progress import train_to_file, watched_training
from photopulse.errors import PhotopulseError

if TYPE_CHECKING:
    from photopulse.training.compute import Compute
    from photopulse.training.optimisation import Optimisation
    from photopulse.training.restoration.face_gan import Stage
    from photopulse.training.run import TrainingWatcher

_Photos = Annotated[
    list[Path], typer.Argument(metavar="PHOTOS...", help="Photos, or folders of them; one named twice counts twice.")
]
_Faces = Annotated[
    list[Path],
    typer.Argument(
        metavar="PHOTOS...", help="Photos of faces, or folders of them or of faces; one named twice counts twice."
    ),
]
_Steps = Annotated[int, typer.Option(min=1, help="Batches in all.")]
_BatchSize = Annotated[int, typer.Option(min=1, help="Pictures in each, for each process.")]
_LearningRate = Annotated[float, typer.Option("--lr", min=1e-9, help="Learning rate.")]
_Perceptual = Annotated[
    float, typer.Option("--perceptual", min=0, help="Weight of the perceptual loss; the L1 distance has 1.")
]
_Crop = Annotated[int, typer.Option("--crop", min=32, help="Side of what is cut out of the photos, px.")]
_Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of weights and data.")]
_Fresh = Annotated[bool, typer.Option("--fresh", help="Forget an earlier training in the folder.")]

_STAGES = "64:3000:16,128:1500:12,256:600:8"
_FACE_SIZES = (16, 32, 64, 128, 256)


def add_commands(app: typer.Typer) -> None:
    """Adds the five commands, in the order in which they are run."""
    for name, command in (
        ("photo", train_photo_command),
        ("full-size", train_full_size_command),
        ("enlarge", train_enlarge_command),
        ("face-gan", train_face_gan_command),
        ("face", train_face_command),
    ):
        app.command(name)(command)


def train_photo_command(
    inputs: _Photos,
    output: OutputFolder = Path("photo"),
    start: Annotated[
        Path | None, typer.Option(help="A trained photo network (.safetensors) whose weights are the first ones.")
    ] = None,
    steps: _Steps = 8000,
    batch_size: _BatchSize = 16,
    learning_rate: _LearningRate = 8e-4,
    perceptual: _Perceptual = 1.0,
    crop: _Crop = 128,
    seed: _Seed = 0,
    device: Device = "auto",
    *,
    fresh: _Fresh = False,
) -> None:
    """Trains the network that cleans whole photos, from any photos: it spoils them itself.

    Exit code 130: interrupted, the same command goes on from the last checkpoint. With several GPUs:
    `accelerate launch --module photopulse train ...`.
    """
    from photopulse.training.restoration.photo import PhotoTraining
    from photopulse.training.restoration.recipes import run_photo

    usual = PhotoTraining()
    optimisation = _optimisation(usual.optimisation, steps, batch_size, learning_rate, perceptual, seed)
    settings = replace(usual, optimisation=optimisation, crops=replace(usual.crops, size=crop))
    _run(
        device,
        lambda compute, watcher: run_photo(
            _files(inputs), output, settings, start=start, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


def train_full_size_command(
    inputs: _Photos,
    output: OutputFolder = Path("full-size"),
    photo_net: Annotated[
        Path | None, typer.Option(help="A trained photo network (.safetensors); by default the one of photopulse.")
    ] = None,
    steps: _Steps = 3400,
    batch_size: _BatchSize = 6,
    learning_rate: _LearningRate = 1.5e-3,
    perceptual: _Perceptual = 0.2,
    crop: _Crop = 256,
    seed: _Seed = 0,
    device: Device = "auto",
    *,
    fresh: _Fresh = False,
) -> None:
    """Trains the network that brings a photo restored at its working size back to full size.

    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.training.restoration.full_size import FullSizeTraining
    from photopulse.training.restoration.recipes import run_full_size

    usual = FullSizeTraining()
    optimisation = _optimisation(usual.optimisation, steps, batch_size, learning_rate, perceptual, seed)
    settings = replace(usual, optimisation=optimisation, crops=replace(usual.crops, size=crop))
    _run(
        device,
        lambda compute, watcher: run_full_size(
            _files(inputs), output, settings, photo_net=photo_net, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


def train_enlarge_command(
    inputs: _Photos,
    output: OutputFolder = Path("enlarge"),
    steps: _Steps = 2000,
    batch_size: _BatchSize = 16,
    learning_rate: _LearningRate = 1e-3,
    perceptual: _Perceptual = 0.1,
    crop: _Crop = 128,
    seed: _Seed = 0,
    device: Device = "auto",
    *,
    fresh: _Fresh = False,
) -> None:
    """Trains the small super-resolution network, which doubles width and height.

    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.training.restoration.enlarge import EnlargeTraining
    from photopulse.training.restoration.recipes import run_enlarge

    usual = EnlargeTraining()
    optimisation = _optimisation(usual.optimisation, steps, batch_size, learning_rate, perceptual, seed)
    # Half of the crop must be whole pixels.
    settings = replace(usual, optimisation=optimisation, crops=replace(usual.crops, size=crop + crop % 2))
    _run(
        device,
        lambda compute, watcher: run_enlarge(
            _files(inputs), output, settings, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


def train_face_gan_command(
    inputs: _Faces,
    output: OutputFolder = Path("face-gan"),
    stages: Annotated[
        str, typer.Option(metavar="SIZE:STEPS:BATCH,...", help="Sizes of the faces one after the other.")
    ] = _STAGES,
    learning_rate: _LearningRate = 3e-4,
    seed: _Seed = 0,
    device: Device = "auto",
    *,
    fresh: _Fresh = False,
) -> None:
    """Trains the face network's decoder alone, as a GAN, until its faces look real; `train face` starts from it.

    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.training.restoration.face_gan import FaceGANTraining
    from photopulse.training.restoration.recipes import run_face_gan

    def train(compute: "Compute", watcher: "TrainingWatcher") -> Path:
        settings = FaceGANTraining(
            stages=_read_stages(stages),
            learning_rate=learning_rate,
            discriminator_learning_rate=learning_rate,
            seed=seed,
        )
        return run_face_gan(_files(inputs), output, settings, compute=compute, fresh=fresh, watcher=watcher)

    _run(device, train)


def train_face_command(
    inputs: _Faces,
    output: OutputFolder = Path("face"),
    decoder: Annotated[
        Path | None,
        typer.Option(help="The face-gan.safetensors of `train face-gan`; by default the decoder starts from nothing."),
    ] = None,
    photo_net: Annotated[
        Path | None, typer.Option(help="A trained photo network; by default the one of photopulse.")
    ] = None,
    steps: _Steps = 4000,
    batch_size: _BatchSize = 8,
    learning_rate: _LearningRate = 6e-4,
    perceptual: _Perceptual = 1.0,
    identity: Annotated[
        float,
        typer.Option(
            "--identity", min=0, help="Weight of what a recogniser sees (dlib's: 100 MB, fetched once); 0 for none."
        ),
    ] = 8.0,
    seed: _Seed = 0,
    device: Device = "auto",
    *,
    fresh: _Fresh = False,
) -> None:
    """Trains the network that restores faces, from photos of faces: it spoils them itself.

    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.training.restoration.face_restoration import FaceTraining
    from photopulse.training.restoration.recipes import run_face

    usual = FaceTraining()
    optimisation = _optimisation(usual.optimisation, steps, batch_size, learning_rate, perceptual, seed)
    settings = replace(usual, optimisation=optimisation, identity_weight=identity)
    _run(
        device,
        lambda compute, watcher: run_face(
            _files(inputs),
            output,
            settings,
            decoder=decoder,
            photo_net=photo_net,
            compute=compute,
            fresh=fresh,
            watcher=watcher,
        ),
    )


def _optimisation(
    usual: "Optimisation", steps: int, batch_size: int, learning_rate: float, perceptual: float, seed: int
) -> "Optimisation":
    return replace(
        usual,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        perceptual_weight=perceptual,
        seed=seed,
    )


def _read_stages(text: str) -> "tuple[Stage, ...]":
    from photopulse.training.restoration.face_gan import Stage

    try:
        numbers = [tuple(int(word) for word in part.split(":")) for part in text.split(",")]
        stages = tuple(Stage(size=size, steps=steps, batch_size=batch) for size, steps, batch in numbers)
    except ValueError:
        stages = ()
    if not stages or not all(s.size in _FACE_SIZES and s.steps > 0 and s.batch_size > 0 for s in stages):
        sizes = ", ".join(str(size) for size in _FACE_SIZES)
        raise PhotopulseError(
            f"cannot train in the stages {text!r}",
            why=f"each must be a size of {sizes}, a number of steps and one of faces in a batch",
            fix=f"give e.g. --stages {_STAGES}",
        )
    return stages


def _files(inputs: Sequence[Path]) -> list[Path]:
    from photopulse.images import image_files

    return [file for path in inputs for file in image_files([path])]


def _run(device: str, train: "Callable[[Compute, TrainingWatcher], Path]") -> None:
    """Trains; among several processes only the main one speaks."""
    from photopulse.training.compute import find_compute
    from photopulse.training.run import TrainingWatcher

    def watched() -> Path | None:
        compute = find_compute(find_device(device))
        if not compute.is_main:
            train(compute, TrainingWatcher())
            return None
        with watched_training() as watcher:
            return train(compute, watcher)

    train_to_file(watched)
