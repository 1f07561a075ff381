"""Training data of the repair networks: synthetically worn crops of photos and old prints, and their masks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from photopulse.degrade.photo import Damages
from photopulse.degrade.wear import SCANNED, wear
from photopulse.training.batches import made_ahead
from photopulse.training.compute import Compute
from photopulse.training.learner import channels_last
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.defaults import DAMAGE_MASK_CROP
from photopulse.training.restoration.old_prints import as_print
from photopulse.training.restoration.pairs import PhotoCrops, damage_and_restore_size, gray_as, sharp_crops

_WAYS: Final = 6  # In which a batch is used.
_KEPT: Final = 12  # Batches that are used by turns.


@dataclass(frozen=True, kw_only=True, eq=False)
class Worn:
    """A batch of worn pictures (B, 3, H, W) in [0, 1], their damage (B, 1, H, W), 0 or 1, and what they were before."""

    picture: Tensor
    mask: Tensor
    clean: Tensor

    def to(self, device: torch.device) -> "Worn":
        """Copies all to a device, in the channels-last layout."""
        return self._each(lambda one: channels_last(one.to(device)))

    def turned(self, way: int) -> "Worn":
        """The same as it is (0), mirrored (1), on its side (2, 3) or upside down (4, 5), odd ones mirrored."""
        return self._each(lambda one: (one.flip(3) if way % 2 else one).rot90(way // 2, (2, 3)))

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Worn":
        return Worn(picture=change(self.picture), mask=change(self.mask), clean=change(self.clean))


@dataclass(frozen=True, kw_only=True)
class WornCrops:
    """How crops are made and worn.

    Attributes:
        crops: how photos are cropped.
        a_crop: how often each crop is printed and worn, every time in another way: to read and draw takes long.
        prints: share that is printed in an old way, see ``as_print``.
        worn: share that is worn; the rest has nothing to be found.
        scan: recipe of what happens to a worn print afterwards.
    """

    crops: PhotoCrops = field(
        default_factory=lambda: PhotoCrops(
            size=DAMAGE_MASK_CROP, least_scale=0.3, gray=0.5, recoloured=0.15, tinted=0.2, drawn=0.25
        )
    )
    a_crop: int = 2
    prints: float = 0.45
    worn: float = 0.65
    scan: Damages = SCANNED

    def of_size(self, size: int) -> "WornCrops":
        """The same with crops of ``size`` px."""
        return replace(self, crops=replace(self.crops, size=size))


def worn_batches(
    files: Sequence[Path], crops: WornCrops, optimisation: Optimisation, compute: Compute
) -> Callable[[int], Iterator[Worn]]:
    """Returns a function from the number of steps that are done to this process's endless batches.

    Making a batch takes about as long as learning from it, so each is used six times, turned and mirrored, with eleven
    others in between.
    """

    def batches(done: int) -> Iterator[Worn]:
        order = compute.order(done, batch_size=optimisation.batch_size, seed=optimisation.seed)

        @lru_cache(maxsize=_KEPT)
        def made(number: int) -> Worn:
            return make_worn(files, crops, order.batch_size, order.random(number))

        def batch(step: int) -> Worn:
            window, place = divmod(step, _WAYS * _KEPT)
            way, number = divmod(place, _KEPT)
            return made(window * _KEPT + number).turned(way)

        return made_ahead(batch, order)

    return batches


def make_worn(files: Sequence[Path], crops: WornCrops, count: int, random: torch.Generator) -> Worn:
    """Makes a batch; errors as ``photo_pairs`` has them."""
    sharp = sharp_crops(files, crops.crops, -(-count // crops.a_crop), random)
    made = [_worn(sharp[place // crops.a_crop], crops, random) for place in range(count)]
    picture, mask, clean = (torch.cat(parts) for parts in zip(*made, strict=True))
    return Worn(picture=picture, mask=mask, clean=clean)


def _worn(crop: Tensor, crops: WornCrops, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    clean = as_print(crop, random, share=crops.prints)
    picture, mask = clean, torch.zeros_like(clean[:, :1])
    if torch.rand((), generator=random).item() < crops.worn:
        worn = wear(clean, random)
        picture, mask = gray_as(worn.picture, clean), worn.mask
    return gray_as(damage_and_restore_size(picture, crops.scan, random), clean), mask, clean
