"""`photopulse train photo | full-size | enlarge | damage-mask | inpaint | face`: the networks of `restore`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from photopulse.cli.options import Device, OutputFolder
from photopulse.cli.train_options import (
    BatchSize,
    Crop,
    Faces,
    Fresh,
    LearningRate,
    Perceptual,
    PhotoNet,
    Photos,
    Seed,
    Steps,
)
from photopulse.cli.train_run import files_of, run_training
from photopulse.training.restoration.defaults import (
    DAMAGE_MASK,
    DAMAGE_MASK_CROP,
    ENLARGE,
    ENLARGE_CROP,
    ENLARGE_WEIGHTS,
    FULL_SIZE,
    FULL_SIZE_CROP,
    FULL_SIZE_WEIGHTS,
    INPAINT,
    INPAINT_CROP,
    PHOTO,
    PHOTO_CROP,
    PHOTO_WEIGHTS,
)
from photopulse.training.restoration.face.defaults import FACE, FACE_PERCEPTUAL


def train_photo_command(
    inputs: Photos,
    output: OutputFolder = Path("photo"),
    start: Annotated[
        Path | None,
        typer.Option(help="A trained photo network (.safetensors) to start from; by default random weights."),
    ] = None,
    steps: Steps = PHOTO.steps,
    batch_size: BatchSize = PHOTO.batch_size,
    learning_rate: LearningRate = PHOTO.learning_rate,
    perceptual: Perceptual = PHOTO_WEIGHTS.perceptual,
    crop: Crop = PHOTO_CROP,
    seed: Seed = PHOTO.seed,
    device: Device = "auto",
    *,
    fresh: Fresh = False,
) -> None:
    """Trains the network that cleans whole photos, from any photos, which it damages itself.

    Exit code 130: interrupted, the same command goes on from the last checkpoint. With several GPUs:
    `accelerate launch --module photopulse train ...`.
    """
    from photopulse.training.restoration.photo import PhotoTraining
    from photopulse.training.restoration.recipes import run_photo

    # Settings.
    settings = PhotoTraining(
        optimisation=replace(PHOTO, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed),
        weights=replace(PHOTO_WEIGHTS, perceptual=perceptual),
        crops=replace(PhotoTraining().crops, size=crop),
    )
    # Train, then print the path of the weights.
    run_training(
        device,
        lambda compute, watcher: run_photo(
            files_of(inputs), output, settings, start=start, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


def train_full_size_command(
    inputs: Photos,
    output: OutputFolder = Path("full-size"),
    photo_net: PhotoNet = None,
    steps: Steps = FULL_SIZE.steps,
    batch_size: BatchSize = FULL_SIZE.batch_size,
    learning_rate: LearningRate = FULL_SIZE.learning_rate,
    perceptual: Perceptual = FULL_SIZE_WEIGHTS.perceptual,
    crop: Crop = FULL_SIZE_CROP,
    seed: Seed = FULL_SIZE.seed,
    device: Device = "auto",
    *,
    fresh: Fresh = False,
) -> None:
    """Trains the network that brings a photo restored at its working size back to full size.

    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.training.restoration.full_size import FullSizeTraining
    from photopulse.training.restoration.recipes import run_full_size

    # Settings.
    settings = FullSizeTraining(
        optimisation=replace(FULL_SIZE, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed),
        weights=replace(FULL_SIZE_WEIGHTS, perceptual=perceptual),
        crops=replace(FullSizeTraining().crops, size=crop),
    )
    # Train, then print the path of the weights.
    run_training(
        device,
        lambda compute, watcher: run_full_size(
            files_of(inputs), output, settings, photo_net=photo_net, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


def train_enlarge_command(
    inputs: Photos,
    output: OutputFolder = Path("enlarge"),
    steps: Steps = ENLARGE.steps,
    batch_size: BatchSize = ENLARGE.batch_size,
    learning_rate: LearningRate = ENLARGE.learning_rate,
    perceptual: Perceptual = ENLARGE_WEIGHTS.perceptual,
    crop: Crop = ENLARGE_CROP,
    seed: Seed = ENLARGE.seed,
    device: Device = "auto",
    *,
    fresh: Fresh = False,
) -> None:
    """Trains the small super-resolution network, which doubles width and height.

    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.training.restoration.enlarge import EnlargeTraining
    from photopulse.training.restoration.recipes import run_enlarge

    settings = EnlargeTraining(
        optimisation=replace(ENLARGE, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed),
        weights=replace(ENLARGE_WEIGHTS, perceptual=perceptual),
        # Half of the crop must be whole pixels.
        crops=replace(EnlargeTraining().crops, size=crop + crop % 2),
    )
    run_training(
        device,
        lambda compute, watcher: run_enlarge(
            files_of(inputs), output, settings, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


def train_damage_mask_command(
    inputs: Photos,
    output: OutputFolder = Path("damage-mask"),
    start: Annotated[
        Path | None,
        typer.Option(help="A trained damage network (.safetensors) to start from; by default random weights."),
    ] = None,
    steps: Steps = DAMAGE_MASK.steps,
    batch_size: BatchSize = DAMAGE_MASK.batch_size,
    learning_rate: LearningRate = DAMAGE_MASK.learning_rate,
    crop: Crop = DAMAGE_MASK_CROP,
    seed: Seed = DAMAGE_MASK.seed,
    device: Device = "auto",
    *,
    fresh: Fresh = False,
) -> None:
    """Trains the network that finds scratches, creases, dust, spots and tears, which it draws over any photos itself.

    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.training.restoration.damage_mask import DamageMaskTraining
    from photopulse.training.restoration.repair_recipes import run_damage_mask

    # Settings.
    settings = DamageMaskTraining(
        optimisation=replace(DAMAGE_MASK, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed),
        crops=DamageMaskTraining().crops.of_size(crop),
    )
    # Train, then print the path of the weights.
    run_training(
        device,
        lambda compute, watcher: run_damage_mask(
            files_of(inputs), output, settings, start=start, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


def train_inpaint_command(
    inputs: Photos,
    output: OutputFolder = Path("inpaint"),
    start: Annotated[
        Path | None,
        typer.Option(help="A trained inpainting network (.safetensors) to start from; by default random weights."),
    ] = None,
    steps: Steps = INPAINT.steps,
    batch_size: BatchSize = INPAINT.batch_size,
    learning_rate: LearningRate = INPAINT.learning_rate,
    crop: Crop = INPAINT_CROP,
    seed: Seed = INPAINT.seed,
    device: Device = "auto",
    *,
    fresh: Fresh = False,
) -> None:
    """Trains the network that fills scratches, creases, spots and tears from their surroundings, from any photos.

    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.training.restoration.inpaint import InpaintTraining
    from photopulse.training.restoration.repair_recipes import run_inpaint

    # Settings.
    settings = InpaintTraining(
        optimisation=replace(INPAINT, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed),
        crops=InpaintTraining().crops.of_size(crop),
    )
    # Train, then print the path of the weights.
    run_training(
        device,
        lambda compute, watcher: run_inpaint(
            files_of(inputs), output, settings, start=start, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


def train_face_command(
    inputs: Faces,
    output: OutputFolder = Path("face"),
    size: Annotated[
        Literal["64", "128"],
        typer.Option(help="Size in px of the generator's features that change; `restore` does not use 128 yet."),
    ] = "64",
    steps: Steps = FACE.steps,
    batch_size: BatchSize = FACE.batch_size,
    learning_rate: LearningRate = FACE.learning_rate,
    perceptual: Perceptual = FACE_PERCEPTUAL,
    seed: Seed = FACE.seed,
    device: Device = "auto",
    *,
    fresh: Fresh = False,
) -> None:
    """Trains the network that restores faces, with the default generator as its decoder.

    The faces are those of `photopulse align PHOTOS -o FACES`, of 512 px or more. Exit code 130: interrupted, the same
    command goes on from the last checkpoint.
    """
    from photopulse.generators.files.load import load_generator
    from photopulse.search.kit import SearchKit
    from photopulse.training.restoration.face.recipe import run_face
    from photopulse.training.restoration.face.train import face_training

    # Settings.
    optimisation = replace(FACE, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed)
    settings = replace(face_training(int(size)), optimisation=optimisation, perceptual=perceptual)
    # Train, then print the path of the weights.
    run_training(
        device,
        lambda compute, watcher: run_face(
            files_of(inputs),
            SearchKit.find(load_generator(device=compute.device)),
            output,
            settings,
            compute=compute,
            fresh=fresh,
            watcher=watcher,
        ),
    )
