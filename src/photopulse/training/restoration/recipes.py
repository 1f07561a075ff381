"""The trainings of the restoration's networks for whole photos, each a function: from photos to a file of weights."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Protocol

import torch

from photopulse.degrade.photo import Damages
from photopulse.fingerprint import weights_hash
from photopulse.networks.enlarge import EnlargeNet
from photopulse.networks.files import read_network, write_network
from photopulse.networks.full_size import FullSizeNet
from photopulse.networks.photo import PhotoNet, PhotoNetSettings
from photopulse.networks.shipped import ENLARGE, FULL_SIZE, PHOTO, load_photo_net
from photopulse.runs.watcher import Watcher
from photopulse.training.compute import Compute
from photopulse.training.loop import Trained
from photopulse.training.restoration.enlarge import EnlargeTraining, train_enlarge
from photopulse.training.restoration.files import hold_out, usable_photos
from photopulse.training.restoration.full_size import FullSizeTraining, full_size_restorer, train_full_size
from photopulse.training.restoration.pairs import PhotoCrops, make_pairs
from photopulse.training.restoration.photo import PhotoTraining, train_photo
from photopulse.training.restoration.sheets import write_photo_sheet
from photopulse.training.restoration.start import read_start
from photopulse.training.restoration.train import Restorer, restore_plainly
from photopulse.training.run import PreparedTraining, Recipe, run_recipe

_SHOWN = 6


class TrainOnPhotos(Protocol):
    """Trains a network on photos."""

    def __call__(self, files: Sequence[Path], /, *, checkpoint: Path) -> Iterator[Trained]:
        """Trains and yields after each step; goes on from ``checkpoint``."""
        ...


def run_photo(
    files: Sequence[Path],
    output: Path,
    settings: PhotoTraining,
    *,
    start: Path | None = None,
    compute: Compute,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> Path:
    """Trains the photo network and returns the file of its weights, ``output/photo.safetensors``; see ``run_recipe``.

    Args:
        files: photos; one that is named twice is used twice as often. Those that cannot be opened or are smaller than
            a crop are left out with a note.
        output: folder, made if need be.
        settings: settings of the training.
        start: file of a photo network, whose weights are the initial ones; None begins with random weights.
        compute: where to compute.
        fresh: whether to remove the files of an earlier training instead of resuming it.
        watcher: progress callbacks.
    """
    initial = read_start(start, settings.network, _read_photo_net)
    train = partial(train_photo, settings=settings, start=initial, compute=compute)
    recipe = Recipe(
        name="photo",
        steps=settings.optimisation.steps,
        settings={"settings": asdict(settings), "start_sha256": None if initial is None else weights_hash(initial)},
        network=PhotoNet(settings.network),
        prepare=lambda watcher: _photos(files, settings.crops, settings.damage, train, restore_plainly, watcher),
        write=lambda network, path: write_network(network, settings.network, PHOTO, path),
    )
    return run_recipe(recipe, output, compute=compute, fresh=fresh, watcher=watcher)


def run_full_size(
    files: Sequence[Path],
    output: Path,
    settings: FullSizeTraining,
    *,
    photo_net: Path | None = None,
    compute: Compute,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> Path:
    """Trains the full-size network as ``run_photo`` does the photo network: ``output/full-size.safetensors``.

    ``photo_net`` is a file of a trained photo network, by default the one that comes with photopulse.
    """
    # The photo network, whose results the full-size network learns to carry over to full size.
    small_net = _read_photo_net(photo_net).to(compute.device)

    train = partial(train_full_size, photo_net=small_net, settings=settings, compute=compute)
    restore = full_size_restorer(small_net, settings)
    # What identifies this training, and how it is prepared.
    recipe = Recipe(
        name="full-size",
        steps=settings.optimisation.steps,
        settings={"settings": asdict(settings), "photo_net_sha256": weights_hash(small_net)},
        network=FullSizeNet(settings.network),
        prepare=lambda watcher: _photos(files, settings.crops, settings.damage, train, restore, watcher),
        write=lambda network, path: write_network(network, settings.network, FULL_SIZE, path),
    )
    return run_recipe(recipe, output, compute=compute, fresh=fresh, watcher=watcher)


def run_enlarge(
    files: Sequence[Path],
    output: Path,
    settings: EnlargeTraining,
    *,
    compute: Compute,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> Path:
    """Trains the super-resolution network as ``run_photo`` does the photo network: ``output/enlarge.safetensors``."""
    train = partial(train_enlarge, settings=settings, compute=compute)
    # What identifies this training, and how it is prepared: the pairs differ in size.
    recipe = Recipe(
        name="enlarge",
        steps=settings.optimisation.steps,
        settings={"settings": asdict(settings)},
        network=EnlargeNet(settings.network),
        prepare=lambda watcher: _photos(
            files, settings.crops, settings.damage, train, restore_plainly, watcher, same_size=False
        ),
        write=lambda network, path: write_network(network, settings.network, ENLARGE, path),
    )
    return run_recipe(recipe, output, compute=compute, fresh=fresh, watcher=watcher)


def _photos(
    files: Sequence[Path],
    crops: PhotoCrops,
    damage: Damages,
    train: TrainOnPhotos,
    restore: Restorer,
    watcher: Watcher,
    *,
    same_size: bool = True,
) -> PreparedTraining:
    """Selects the usable photos, and makes a pair of each that is held out for the sample sheets."""
    learned, held_out = hold_out(usable_photos(files, least_side=crops.size, watcher=watcher), most=_SHOWN)
    pairs = [
        make_pairs([file], crops, 1, torch.Generator().manual_seed(place), recipe=damage, same_size=same_size)
        for place, file in enumerate(held_out)
    ]
    return PreparedTraining(
        data_summary={"photos": len(learned), "held_out": [file.name for file in held_out]},
        train=lambda checkpoint: train(learned, checkpoint=checkpoint),
        write_sheet=lambda path, network, _step: write_photo_sheet(path, network, pairs, restore),
    )


def _read_photo_net(path: Path | None) -> PhotoNet:
    if path is None:
        return load_photo_net()
    return read_network(path, PHOTO, lambda sizes: PhotoNet(PhotoNetSettings(**sizes)))
