"""The training of a generator, from files to a file of weights."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, cast

from torch import Tensor, nn

from photopulse.errors import PhotopulseError
from photopulse.fingerprint import weights_hash
from photopulse.generators.files.checkpoint import save_checkpoint
from photopulse.generators.files.load import load_generator
from photopulse.generators.style_generator import StyleGenerator
from photopulse.generators.stylegan2 import StyleGAN2
from photopulse.metrics.features import EfficientNetLite0, load_features
from photopulse.runs.watcher import Watcher
from photopulse.torch_file import read_torch_file
from photopulse.training.compute import Compute
from photopulse.training.generator.pictures import read_pictures
from photopulse.training.generator.progress import Yardstick
from photopulse.training.generator.progress_log import PROGRESS_FILES, ProgressLog
from photopulse.training.generator.sheets import sample_pictures, write_sample_sheet
from photopulse.training.generator.train import EarlierDiscriminator, GeneratorTraining, train_generator
from photopulse.training.learner import seeded_weights
from photopulse.training.run import PreparedTraining, Recipe, run_recipe

_NAME: Final = "generator"
_CHECKPOINT_OF_START: Final = "checkpoint.pt"
_DISCRIMINATOR: Final = "discriminator_network"
_AUGMENT: Final = "augment"
_BEST: Final = "best.safetensors"
_NEAREST: Final = "samples/nearest.png"
_MEASURE_EVERY: Final = 1000  # steps; a multiple of those between two sheets.
_MADE: Final = 256  # pictures that are measured.
_LEAST_FOR_KD: Final = 3  # held-out pictures.
_MOST_HELD_OUT: Final = 500


def run_generator(
    files: Sequence[Path],
    output: Path,
    settings: GeneratorTraining,
    *,
    held_out: Sequence[Path] = (),
    start: Path | None = None,
    compute: Compute,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> Path:
    """Trains a generator on pictures and returns the file of its weights, ``output/generator.safetensors``.

    ``output`` also gets the files of ``run_recipe``. Every 1000 steps progress.csv and progress.png get the figures of
    ``Yardstick.measure``, samples/nearest.png shows the nearest learned pictures, and best.safetensors is the generator
    with the least distance to the held-out pictures until then.

    Args:
        files: pictures of one domain; see ``read_pictures``.
        output: folder, made if need be; its name becomes the generator's.
        settings: settings of the training; the size of the network is that of ``start``, if it is given.
        held_out: pictures to measure with, which are not learned; without any, nothing is measured.
        start: name or file of a generator whose weights are the initial ones; where its training's checkpoint lies
            beside it, the discriminator begins with that one's weights, its first ``settings.freeze`` blocks rest, and
            the random changes begin with that training's last probability.
        compute: where to compute.
        fresh: whether to remove the files of an earlier training instead of resuming it.
        watcher: progress callbacks.

    Raises:
        PhotopulseError: for too few pictures, a checkpoint of other settings, a folder that cannot be used, and if
            training fails.
    """
    # The networks to begin with.
    network, discriminator = _first_networks(settings, start)
    settings = replace(settings, network=replace(settings.network, resolution=network.resolution))
    network.name = output.resolve().name

    def prepare(watcher: Watcher) -> PreparedTraining:
        pictures = read_pictures(files, network.resolution, watcher)
        yardstick = _yardstick(held_out, pictures, settings, compute, watcher)

        def write_sheet(path: Path, averaged: nn.Module, step: int) -> None:
            generator = cast(StyleGenerator, averaged)
            generator.store_mean_style()
            write_sample_sheet(path, generator)
            if yardstick is not None and (step % _MEASURE_EVERY == 0 or step == settings.optimisation.steps):
                seen = step * settings.optimisation.batch_size * compute.processes
                _measure(generator, yardstick, output, step, seen, watcher)

        return PreparedTraining(
            data_summary={"pictures": len(pictures), "held_out": 0 if yardstick is None else len(yardstick.held_out)},
            train=lambda checkpoint: train_generator(
                pictures, network, settings, discriminator=discriminator, checkpoint=checkpoint, compute=compute
            ),
            write_sheet=write_sheet,
        )

    trained = deepcopy(network)

    def write(_trained: nn.Module, path: Path) -> None:
        trained.store_mean_style()
        save_checkpoint(trained, path, half=True)

    recipe = Recipe(
        name=_NAME,
        steps=settings.optimisation.steps,
        settings={
            "settings": asdict(settings),
            "start_sha256": None if start is None else weights_hash(network),
        },
        network=trained,
        prepare=prepare,
        write=write,
        more_files=(*PROGRESS_FILES, _BEST, _NEAREST),
    )
    return run_recipe(recipe, output, compute=compute, fresh=fresh, watcher=watcher)


def _first_networks(
    settings: GeneratorTraining, start: Path | None
) -> tuple[StyleGenerator, EarlierDiscriminator | None]:
    """Makes the generator to begin with, and reads its discriminator, if there is one."""
    if start is None:
        with seeded_weights(settings.optimisation.seed):
            return StyleGAN2(settings.network), None
    network = load_generator(str(start))
    if not isinstance(network, StyleGenerator) or network.c_dim:
        raise PhotopulseError(
            f"cannot begin with the weights of {start}",
            why="generators with classes are not trained here",
            fix="give a generator without classes, or leave --start out",
        )
    checkpoint = start.with_name(_CHECKPOINT_OF_START)
    return network, _discriminator_in(checkpoint) if checkpoint.is_file() else None


def _discriminator_in(checkpoint: Path) -> EarlierDiscriminator:
    try:
        states = read_torch_file(checkpoint)
        weights = cast(Mapping[str, Tensor], states[_DISCRIMINATOR])
        return EarlierDiscriminator(weights=weights, changed=float(states[_AUGMENT]["probability"]))
    except (PhotopulseError, KeyError, TypeError, ValueError) as error:
        raise PhotopulseError(
            f"cannot read the discriminator in {checkpoint}",
            why=str(error).partition("\n")[0],
            fix="copy the generator into a folder of its own; the discriminator then begins anew",
        ) from error


def _yardstick(
    held_out: Sequence[Path], pictures: Tensor, settings: GeneratorTraining, compute: Compute, watcher: Watcher
) -> Yardstick | None:
    """Reads the held-out pictures, evenly spread if they are many; only the main process measures."""
    if not held_out or not compute.is_main:
        return None
    some = held_out[:: -(-len(held_out) // _MOST_HELD_OUT)]
    real = read_pictures(some, settings.network.resolution, watcher)
    features = _features(compute, watcher) if len(real) >= _LEAST_FOR_KD else None
    return Yardstick.of(real, pictures, features=features, turned=settings.turn)


def _features(compute: Compute, watcher: Watcher) -> EfficientNetLite0 | None:
    try:
        return load_features(compute.device)
    except PhotopulseError as error:
        watcher.note(f"KD and FD are left out: {error}")
        return None


def _measure(
    generator: StyleGenerator, yardstick: Yardstick, output: Path, step: int, seen: int, watcher: Watcher
) -> None:
    """Measures pictures of the generator, writes the figures and curves, and keeps the best generator."""
    made = sample_pictures(generator, _MADE, seed=1)
    figures = yardstick.measure(made)
    yardstick.write_neighbours(output / _NEAREST, made)
    watcher.note(f"step {step}: " + "  ".join(f"{name} {value:.3g}" for name, value in figures.items()))
    if ProgressLog(output).add(step, seen, figures):
        save_checkpoint(generator, output / _BEST, half=True)
