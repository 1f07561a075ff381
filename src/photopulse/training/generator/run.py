"""The training of a generator, from files to a file of weights."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, cast

from torch import nn

from photopulse.generators.files.checkpoint import save_checkpoint
from photopulse.generators.stylegan2 import StyleGAN2
from photopulse.runs.watcher import Watcher
from photopulse.training.compute import Compute
from photopulse.training.generator.pictures import read_pictures
from photopulse.training.generator.sheets import write_sample_sheet
from photopulse.training.generator.train import GeneratorTraining, set_mean_style, train_generator
from photopulse.training.run import PreparedTraining, Recipe, run_recipe

_NAME: Final = "generator"


def run_generator(
    files: Sequence[Path],
    output: Path,
    settings: GeneratorTraining,
    *,
    compute: Compute,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> Path:
    """Trains a generator on pictures and returns the file of its weights, ``output/generator.safetensors``.

    ``output`` also gets the files of ``run_recipe``.

    Args:
        files: pictures of one domain; see ``read_pictures``.
        output: folder, made if need be; its name becomes the generator's.
        settings: settings of the training.
        compute: where to compute.
        fresh: whether to remove the files of an earlier training instead of resuming it.
        watcher: progress callbacks.

    Raises:
        PhotopulseError: for too few pictures, a checkpoint of other settings, a folder that cannot be used, and if
            training fails.
    """
    network = StyleGAN2(settings.network, name=output.resolve().name)

    def prepare(watcher: Watcher) -> PreparedTraining:
        pictures = read_pictures(files, settings.network.resolution, watcher)

        def write_sheet(path: Path, averaged: nn.Module, _step: int) -> None:
            generator = cast(StyleGAN2, averaged)
            set_mean_style(generator)
            write_sample_sheet(path, generator)

        return PreparedTraining(
            data_summary={"pictures": len(pictures)},
            train=lambda checkpoint: train_generator(pictures, settings, checkpoint=checkpoint, compute=compute),
            write_sheet=write_sheet,
        )

    def write(path: Path) -> None:
        set_mean_style(network)
        save_checkpoint(network, path, half=True)

    recipe = Recipe(
        name=_NAME,
        kind=_NAME,
        steps=settings.optimisation.steps,
        settings={"settings": asdict(settings)},
        sizes=settings.network,
        network=network,
        prepare=prepare,
        write=write,
    )
    return run_recipe(recipe, output, compute=compute, fresh=fresh, watcher=watcher)
