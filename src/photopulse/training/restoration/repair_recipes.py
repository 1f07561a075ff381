"""The trainings of the two repair networks, each a function: from photos to a file of weights."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, cast

import torch
from torch import Tensor, nn

from photopulse.fingerprint import weights_hash
from photopulse.networks.damage_mask import DamageMaskNet, DamageMaskSettings
from photopulse.networks.files import read_network, write_network
from photopulse.networks.inpaint import InpaintNet, InpaintSettings, fill_smoothly
from photopulse.networks.shipped import DAMAGE_MASK, INPAINT
from photopulse.reporting.strips import Strip, write_sheet
from photopulse.runs.watcher import Watcher
from photopulse.training.compute import Compute
from photopulse.training.loop import Trained
from photopulse.training.restoration.damage_mask import DamageMaskTraining, train_damage_mask
from photopulse.training.restoration.files import hold_out, usable_photos
from photopulse.training.restoration.inpaint import InpaintTraining, train_inpaint
from photopulse.training.restoration.start import read_start
from photopulse.training.restoration.worn import Worn, WornCrops, make_worn
from photopulse.training.run import PreparedTraining, Recipe, run_recipe

_SHOWN: Final = 6


def run_damage_mask(
    files: Sequence[Path],
    output: Path,
    settings: DamageMaskTraining,
    *,
    start: Path | None = None,
    compute: Compute,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> Path:
    """Trains the damage network and returns the file of its weights, ``output/damage-mask.safetensors``.

    Args:
        files: photos without damage; see ``run_photo``, as for the rest.
        output: folder, made if need be.
        settings: settings of the training.
        start: file of a damage network, whose weights are the initial ones; None begins with random weights.
        compute: where to compute.
        fresh: whether to remove the files of an earlier training instead of resuming it.
        watcher: progress callbacks.
    """
    # The initial weights, if given.
    initial = read_start(
        start,
        settings.network,
        lambda path: read_network(path, DAMAGE_MASK, lambda sizes: DamageMaskNet(DamageMaskSettings(**sizes))),
    )
    # The training, and sample sheets of the masks that it finds.
    recipe = _recipe(
        DAMAGE_MASK,
        settings,
        DamageMaskNet(settings.network),
        initial,
        lambda watcher: _prepared(
            files,
            settings.crops,
            lambda learned, checkpoint: train_damage_mask(
                learned, settings, start=initial, checkpoint=checkpoint, compute=compute
            ),
            _masks,
            ("worn", "found", "damage"),
            watcher,
        ),
    )
    return run_recipe(recipe, output, compute=compute, fresh=fresh, watcher=watcher)


def run_inpaint(
    files: Sequence[Path],
    output: Path,
    settings: InpaintTraining,
    *,
    start: Path | None = None,
    compute: Compute,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> Path:
    """Trains the inpainting network as ``run_damage_mask`` does the other: ``output/inpaint.safetensors``."""
    # The initial weights, if given.
    initial = read_start(
        start,
        settings.network,
        lambda path: read_network(path, INPAINT, lambda sizes: InpaintNet(InpaintSettings(**sizes))),
    )
    # The training, and sample sheets of the holes that it fills.
    recipe = _recipe(
        INPAINT,
        settings,
        InpaintNet(settings.network),
        initial,
        lambda watcher: _prepared(
            files,
            settings.crops,
            lambda learned, checkpoint: train_inpaint(
                learned, settings, start=initial, checkpoint=checkpoint, compute=compute
            ),
            _fills,
            ("worn", "smooth", "filled", "before"),
            watcher,
        ),
    )
    return run_recipe(recipe, output, compute=compute, fresh=fresh, watcher=watcher)


def _recipe(
    name: str,
    settings: DamageMaskTraining | InpaintTraining,
    network: nn.Module,
    initial: nn.Module | None,
    prepare: Callable[[Watcher], PreparedTraining],
) -> Recipe:
    """Makes the recipe ``name``, which is also the kind of its network."""
    start_hash = None if initial is None else weights_hash(initial)
    return Recipe(
        name=name,
        steps=settings.optimisation.steps,
        settings={"settings": asdict(settings), "start_sha256": start_hash},
        network=network,
        prepare=prepare,
        write=lambda network, path: write_network(network, settings.network, name, path),
    )


def _prepared(
    files: Sequence[Path],
    crops: WornCrops,
    train: Callable[[Sequence[Path], Path], Iterator[Trained]],
    show: Callable[[nn.Module, Worn], list[Tensor]],
    columns: tuple[str, ...],
    watcher: Watcher,
) -> PreparedTraining:
    """Selects the usable photos, and wears a crop of each that is held out for the sample sheets."""
    # Photos to train on, and worn crops of those that are held out.
    usable = usable_photos(files, least_side=crops.crops.size, watcher=watcher)
    learned, held_out = hold_out(usable, most=_SHOWN)
    shown = [make_worn([file], crops, 1, torch.Generator().manual_seed(place)) for place, file in enumerate(held_out)]

    # A strip of pictures for each held-out crop.
    def write(path: Path, network: nn.Module, _step: int) -> None:
        device = next(network.parameters()).device
        with torch.no_grad():
            strips = [Strip(pictures=[one.float().cpu() for one in show(network, worn.to(device))]) for worn in shown]
        write_sheet(path, strips, columns=columns)

    return PreparedTraining(
        data_summary={"photos": len(learned), "held_out": [file.name for file in held_out]},
        train=lambda checkpoint: train(learned, checkpoint),
        write_sheet=write,
    )


def _masks(network: nn.Module, worn: Worn) -> list[Tensor]:
    found = cast(Tensor, network(worn.picture)).sigmoid()
    return [worn.picture, *(mask.expand(-1, 3, -1, -1) for mask in (found, worn.mask))]


def _fills(network: nn.Module, worn: Worn) -> list[Tensor]:
    smooth = fill_smoothly(worn.picture, worn.mask)
    return [worn.picture, smooth, cast(Tensor, network(smooth, worn.mask)), worn.clean]
