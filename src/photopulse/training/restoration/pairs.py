"""Training data of the photo networks: sharp crops of photos, and the same crops damaged."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from photopulse.degrade.photo import TRAINING, Damages
from photopulse.errors import PhotopulseError
from photopulse.images import read_image
from photopulse.images.gray import is_gray
from photopulse.images.resize import resized
from photopulse.training.batches import BatchOrder, made_ahead
from photopulse.training.compute import Compute
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.recolouring import recoloured, tinted
from photopulse.training.restoration.synthetic_pictures import draw_picture, find_fonts

# After so many unreadable photos in a row the training stops.
_MOST_BROKEN = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Sharp pictures (B, 3, H, W) in [0, 1] and the damaged ones, brought back to the same size or left small."""

    damaged: Tensor
    sharp: Tensor

    def to(self, device: torch.device) -> "Pairs":
        """Copies both to a device, in the channels-last layout, which is faster for convolutions."""
        damaged, sharp = (
            picture.to(device).contiguous(memory_format=torch.channels_last) for picture in (self.damaged, self.sharp)
        )
        return Pairs(damaged=damaged, sharp=sharp)


@dataclass(frozen=True, kw_only=True)
class PhotoCrops:
    """How photos are cropped.

    Attributes:
        size: height and width of the crops in px.
        least_scale: smallest random scale of a photo before it is cropped; a photo is hardly ever sharp to its last
            pixel.
        most_scale: largest random scale.
        longest: longest side in px of a photo at scale 1; longer photos are made smaller.
        a_photo: crops per photo that is read.
        gray: share of gray crops.
        recoloured: share of the crops of photos whose hues, channels and saturation are changed at random: photos of
            a kind share their colours, and a network takes colours that it never saw for damage.
        tinted: share of crops in the shades of one colour, as old prints are.
        drawn: share of synthetic crops, see ``training.restoration.synthetic_pictures``.
    """

    size: int = 128
    least_scale: float = 0.4
    most_scale: float = 1.0
    longest: int = 1600
    a_photo: int = 4
    gray: float = 0.15
    recoloured: float = 0.0
    tinted: float = 0.0
    drawn: float = 0.0


def photo_pairs(
    files: Sequence[Path],
    crops: PhotoCrops,
    order: BatchOrder,
    *,
    recipe: Damages = TRAINING,
    same_size: bool = True,
) -> Iterator[Pairs]:
    """Yields batches of sharp and damaged crops, each made in a thread while the batch before is used.

    Photos that cannot be read are skipped with a warning.

    Args:
        files: photos.
        crops: how they are cropped.
        order: size and numbers of the batches.
        recipe: recipe of the damages.
        same_size: whether the damaged pictures are brought back to the size of the sharp ones.

    Raises:
        PhotopulseError: one file after the other cannot be read.
    """

    def batch(number: int) -> Pairs:
        return make_pairs(files, crops, order.batch_size, order.random(number), recipe=recipe, same_size=same_size)

    return made_ahead(batch, order)


def photo_batches(
    files: Sequence[Path],
    crops: PhotoCrops,
    recipe: Damages,
    optimisation: Optimisation,
    compute: Compute,
    *,
    same_size: bool = True,
) -> Callable[[int], Iterator[Pairs]]:
    """Returns a function from the number of steps that are done to this process's endless batches."""

    def batches(done: int) -> Iterator[Pairs]:
        order = compute.order(done, batch_size=optimisation.batch_size, seed=optimisation.seed)
        return photo_pairs(files, crops, order, recipe=recipe, same_size=same_size)

    return batches


def make_pairs(
    files: Sequence[Path],
    crops: PhotoCrops,
    batch_size: int,
    random: torch.Generator,
    *,
    recipe: Damages = TRAINING,
    same_size: bool = True,
) -> Pairs:
    """Makes one batch as ``photo_pairs`` does."""
    sharp = sharp_crops(files, crops, batch_size, random)
    damage = damage_and_restore_size if same_size else _damage
    damaged = [gray_as(damage(crop, recipe, random), crop) for crop in sharp]
    return Pairs(damaged=torch.cat(damaged), sharp=torch.cat(sharp))


def sharp_crops(files: Sequence[Path], crops: PhotoCrops, count: int, random: torch.Generator) -> list[Tensor]:
    """Draws synthetic crops and cuts those of photos, (1, 3, size, size) each; errors as ``photo_pairs`` has them."""
    sharp = [_draw_synthetic(crops, random) for _ in range(round(crops.drawn * count))]
    while len(sharp) < count:
        photo = _draw_photo(files, crops, random)
        wanted = min(crops.a_photo, count - len(sharp))
        sharp += [_draw_crop(photo, crops, random) for _ in range(wanted)]
    return sharp


def gray_as(damaged: Tensor, sharp: Tensor) -> Tensor:
    """Removes the colours of a damaged picture (1, 3, H, W) if the sharp one has none: noise brings in some."""
    return damaged.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1) if is_gray(sharp) else damaged


def damage_and_restore_size(photo: Tensor, recipe: Damages, random: torch.Generator) -> Tensor:
    """Damages one picture (1, 3, H, W) and enlarges the result to the same size."""
    return resized(_damage(photo, recipe, random), photo.shape[2], photo.shape[3])


def _damage(photo: Tensor, recipe: Damages, random: torch.Generator) -> Tensor:
    return recipe.draw(random)(photo, random)


def _draw_photo(files: Sequence[Path], crops: PhotoCrops, random: torch.Generator) -> Tensor:
    """Reads a photo and makes it smaller at random, but never so small that no crop fits unless it is so already."""
    photo = _read_one(files, random)
    height, width = photo.shape[2:]
    largest = min(crops.longest / max(height, width), 1.0)
    share = crops.least_scale + (crops.most_scale - crops.least_scale) * torch.rand((), generator=random).item()
    scale = max(largest * share, crops.size / min(height, width))
    return resized(photo, max(round(height * scale), crops.size), max(round(width * scale), crops.size))


def _read_one(files: Sequence[Path], random: torch.Generator) -> Tensor:
    """Reads a random photo; one that cannot be read does not end the training."""
    for _ in range(_MOST_BROKEN - 1):
        try:
            return read_image(_any_of(files, random)).pixels
        except PhotopulseError as error:
            warnings.warn(f"left out of the training: {error}", stacklevel=2)
    return read_image(_any_of(files, random)).pixels


def _any_of(files: Sequence[Path], random: torch.Generator) -> Path:
    return files[cast(int, torch.randint(len(files), (), generator=random).item())]


def _draw_crop(photo: Tensor, crops: PhotoCrops, random: torch.Generator) -> Tensor:
    top, left = (
        cast(int, torch.randint(side - crops.size + 1, (), generator=random).item()) for side in photo.shape[2:]
    )
    crop = photo[:, :, top : top + crops.size, left : left + crops.size]
    mirrored, gray = cast(list[float], torch.rand(2, generator=random).tolist())
    if mirrored < 0.5:
        crop = crop.flip(3)
    if crops.recoloured and torch.rand((), generator=random).item() < crops.recoloured:
        crop = recoloured(crop, random)
    return _without_colours(crop, gray, crops, random)


def _draw_synthetic(crops: PhotoCrops, random: torch.Generator) -> Tensor:
    picture = draw_picture(crops.size, random, fonts=find_fonts())
    return _without_colours(picture, torch.rand((), generator=random).item(), crops, random)


def _without_colours(crop: Tensor, place: float, crops: PhotoCrops, random: torch.Generator) -> Tensor:
    """Makes a crop gray, or the shades of one colour, where ``place``, uniform in [0, 1), falls into that share."""
    if place < crops.gray:
        return crop.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    return tinted(crop, random) if place < crops.gray + crops.tinted else crop
