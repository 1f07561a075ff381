"""`photopulse train`: folders of photos or faces in, the weights of a network out."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from photopulse.cli.console import fail, printable
from photopulse.cli.options import Device, OutputFolder, find_device
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
from photopulse.errors import PhotopulseError
from photopulse.runs.watcher import Watcher
from photopulse.training.fsrnet.defaults import FSRGAN, FSRNET
from photopulse.training.generator.defaults import (
    AUGMENT_TARGET,
    CHANNELS,
    FREEZE,
    GENERATOR,
    R1_WEIGHT,
    STYLE,
    WIDTH,
    Judge,
)
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

if TYPE_CHECKING:
    from photopulse.training.compute import Compute

app = typer.Typer(
    no_args_is_help=True,
    help="Trains the networks of `restore`, and those that are compared with PULSE: FSRNet, and FSRGAN from it.",
)


@app.command("photo")
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
    _run(
        device,
        lambda compute, watcher: run_photo(
            _files(inputs), output, settings, start=start, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


@app.command("full-size")
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
    _run(
        device,
        lambda compute, watcher: run_full_size(
            _files(inputs), output, settings, photo_net=photo_net, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


@app.command("enlarge")
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
    _run(
        device,
        lambda compute, watcher: run_enlarge(
            _files(inputs), output, settings, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


@app.command("damage-mask")
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
    _run(
        device,
        lambda compute, watcher: run_damage_mask(
            _files(inputs), output, settings, start=start, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


@app.command("inpaint")
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
    _run(
        device,
        lambda compute, watcher: run_inpaint(
            _files(inputs), output, settings, start=start, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


@app.command("face")
def train_face_command(
    inputs: Faces,
    output: OutputFolder = Path("face"),
    size: Annotated[
        Literal["64", "128"],
        typer.Option(help="Size in px of the generator's features that change; 128 is for less damaged faces."),
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
    _run(
        device,
        lambda compute, watcher: run_face(
            _files(inputs),
            SearchKit.find(load_generator(device=compute.device)),
            output,
            settings,
            compute=compute,
            fresh=fresh,
            watcher=watcher,
        ),
    )


@app.command("fsrnet")
def train_fsrnet_command(
    inputs: Faces,
    output: OutputFolder = Path("fsrnet"),
    steps: Steps = FSRNET.steps,
    batch_size: BatchSize = FSRNET.batch_size,
    learning_rate: LearningRate = FSRNET.learning_rate,
    seed: Seed = FSRNET.seed,
    device: Device = "auto",
    *,
    published: Annotated[
        bool, typer.Option("--published", help="Train the sizes of the paper: ten times as slow on a CPU.")
    ] = False,
    fresh: Fresh = False,
) -> None:
    """Trains FSRNet, which makes faces of 16 px into faces of 128 px.

    Make faces with `photopulse align PHOTOS -o FACES --size 256` or `photopulse sample 3000 -o FACES --size 256`.
    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.networks.fsrnet import PUBLISHED, SMALL
    from photopulse.training.fsrnet.fsrnet import FSRNetTraining
    from photopulse.training.fsrnet.recipes import run_fsrnet

    # Settings.
    settings = FSRNetTraining(
        network=PUBLISHED if published else SMALL,
        optimisation=replace(FSRNET, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed),
    )
    # Train, then print the path of the weights.
    _run(
        device,
        lambda compute, watcher: run_fsrnet(
            _files(inputs), output, settings, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


@app.command("fsrgan")
def train_fsrgan_command(
    inputs: Faces,
    output: OutputFolder = Path("fsrgan"),
    start: Annotated[
        Path | None,
        typer.Option(help="A trained FSRNet (.safetensors); by default the one that comes with photopulse."),
    ] = None,
    steps: Steps = FSRGAN.steps,
    batch_size: BatchSize = FSRGAN.batch_size,
    learning_rate: LearningRate = FSRGAN.learning_rate,
    seed: Seed = FSRGAN.seed,
    device: Device = "auto",
    *,
    fresh: Fresh = False,
) -> None:
    """Trains FSRGAN from a trained FSRNet: its faces look sharper and are a little less near to the truth.

    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.training.fsrnet.fsrgan import FSRGANTraining
    from photopulse.training.fsrnet.recipes import run_fsrgan

    settings = FSRGANTraining(
        optimisation=replace(FSRGAN, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed)
    )
    _run(
        device,
        lambda compute, watcher: run_fsrgan(
            _files(inputs), output, settings, start=start, compute=compute, fresh=fresh, watcher=watcher
        ),
    )


@app.command("generator")
def train_generator_command(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="PICTURES...", help="Pictures of one domain, or folders of them.")
    ],
    output: OutputFolder = Path("generator"),
    measure: Annotated[
        Path | None,
        typer.Option(help="Folder of pictures to measure with, not learned.", show_default="PICTURES/measure"),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="A generator of any kind to begin with; by default random weights.")
    ] = None,
    size: Annotated[int, typer.Option(min=16, help="Height and width of the pictures in px: 64, 128 or 256.")] = 64,
    steps: Steps = GENERATOR.steps,
    batch_size: BatchSize = GENERATOR.batch_size,
    learning_rate: LearningRate = GENERATOR.learning_rate,
    width: Annotated[int, typer.Option(min=64, help="A layer at H px has WIDTH / H channels.")] = WIDTH,
    channels: Annotated[int, typer.Option(min=4, help="The most channels of a layer.")] = CHANNELS,
    style: Annotated[int, typer.Option(min=4, help="Length of a style.")] = STYLE,
    r1_weight: Annotated[float, typer.Option("--r1", min=0, help="Weight of the penalty R1.")] = R1_WEIGHT,
    judge: Annotated[Judge, typer.Option(help="What the discriminator sees: pixels, or frozen features.")] = "pixels",
    freeze: Annotated[
        int, typer.Option(min=0, help="With --start: blocks of its discriminator that rest, for few pictures.")
    ] = FREEZE,
    augment: Annotated[
        float,
        typer.Option(min=0, max=1, help="Mean sign of real logits that the random changes aim at; 0 makes none."),
    ] = AUGMENT_TARGET,
    seed: Seed = GENERATOR.seed,
    device: Device = "auto",
    *,
    mirror: Annotated[bool, typer.Option(help="Mirror pictures at random: left and right are alike.")] = True,
    turn: Annotated[bool, typer.Option(help="Turn pictures by quarters at random: no direction is up.")] = False,
    fresh: Fresh = False,
) -> None:
    """Trains a small StyleGAN2 on pictures of one domain, for `upscale --generator DIR/generator.safetensors`.

    A folder of `crop` stands for its subfolder train, and its subfolder measure is what the figures compare with.
    Exit code 130: interrupted, the same command goes on from the last checkpoint.
    """
    from photopulse.training.generator.augment import AugmentSettings
    from photopulse.training.generator.run import run_generator
    from photopulse.training.generator.train import GeneratorTraining, small_settings

    # Settings.
    try:
        network = small_settings(size, width=width, channels=channels, style=style)
    except ValueError as error:
        fail(f"cannot train a generator of {size} px: {error}", 2)
    settings = GeneratorTraining(
        network=network,
        optimisation=replace(GENERATOR, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed),
        augment=AugmentSettings(target=augment),
        mirror=mirror,
        turn=turn,
        r1_weight=r1_weight,
        judge=judge,
        freeze=freeze,
    )
    learned, held_out = _parts(inputs, measure)
    # Train, then print the path of the weights.
    _run(
        device,
        lambda compute, watcher: run_generator(
            _files(learned),
            output,
            settings,
            held_out=_files(held_out),
            start=start,
            compute=compute,
            fresh=fresh,
            watcher=watcher,
        ),
    )


def _parts(inputs: Sequence[Path], measure: Path | None) -> tuple[list[Path], list[Path]]:
    """Returns the folders to learn from and to measure with, where a folder of `crop` stands for its two parts."""
    from photopulse.training.crops.crop import MEASURE, TRAIN

    cropped = [path for path in inputs if (path / TRAIN).is_dir()]
    learned = [path / TRAIN if path in cropped else path for path in inputs]
    if measure is not None:
        return learned, [measure]
    return learned, [path / MEASURE for path in cropped if (path / MEASURE).is_dir()]


def _files(inputs: Sequence[Path]) -> list[Path]:
    from photopulse.images import image_files

    return [file for path in inputs for file in image_files([path])]


def _run(device: str, train: "Callable[[Compute, Watcher], Path]") -> None:
    """Runs a training and prints the path of the weights; errors and interruptions end the command."""
    # Only the main one of several processes draws progress and prints.
    from photopulse.cli.progress import watching
    from photopulse.training.compute import find_compute

    try:
        compute = find_compute(find_device(device))
        # Bars of several processes would overwrite each other.
        with watching() if compute.is_main else nullcontext(Watcher()) as watcher:
            weights = train(compute, watcher)
    except PhotopulseError as error:
        fail(str(error), 2)
    except KeyboardInterrupt:
        fail("interrupted; the same command goes on from the last checkpoint", 130)
    if compute.is_main:
        typer.echo(printable(str(weights)))
