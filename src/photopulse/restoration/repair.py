"""Repair: finds and fills scratches, creases, dust, spots and tears; all other pixels stay exactly as they are."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.images import Photo, write_image
from photopulse.images.given import ImageLike, read_pixels
from photopulse.images.gray import gray_of, is_gray
from photopulse.images.resize import resized
from photopulse.restoration.networks import RestoreNetworks
from photopulse.restoration.plan import working_size
from photopulse.restoration.tint import find_tint

_LOOKED_AT: Final = 1024  # Longer side in px at which damage is searched for.
_FILLED_AT: Final = 2048  # Longer side in px at which it is filled at most.
# Least probability of a damaged pixel, and of at least one pixel of its patch.
_LEAST: Final = 0.9
_SURE: Final = 0.997
# A patch is thick where it holds a disc of this radius, as a share of the longer side, and in px for small pictures.
# One that is thick in large part is a collar, a hand or the white border of a print more often than damage.
_THICKEST: Final = 0.008
_THICKEST_PIXELS: Final = 2.5
_MOST_THICK: Final = 0.3  # Share of a patch: a scratch may bear a speck, or meet another one.
_HOLE: Final = 24  # Pixels of a hole in a patch that is filled, too: the middle of a speck.
_MOST_FOUND: Final = 0.15  # Share of a photo; if more is found, it is a drawing, a screen or a texture.
_MOST_GIVEN: Final = 0.75  # Share of a photo that a mask may cover; else hardly anything is left to fill it from.
_CUT_BLOCKS: Final = 16  # Rows above the missing ones that may be broken too.
_FEATHER: Final = 2.0  # px at the size at which damage is searched for.


@dataclass(frozen=True, kw_only=True, eq=False)
class Repaired:
    """A photo's pixels after its repair.

    Attributes:
        pixels: (1, 3, H, W); where nothing was filled, those of the photo.
        mask: (1, 1, H, W), 1 where the photo was damaged, else 0.
    """

    pixels: Tensor
    mask: Tensor


def repair(photo: Photo, networks: RestoreNetworks, mask: Tensor | None) -> Repaired:
    """Fills the damaged parts of a photo from their surroundings.

    A narrow rim around the damage is blended in. A photo without colour, or in shades of one colour, stays so.

    Args:
        photo: photo of any size.
        networks: networks that find the damage and fill it.
        mask: (1, 1, H, W), 1 where the photo is damaged, else 0; if None, damage is searched for.
    """
    pixels = photo.pixels
    mask = find_damage(photo, networks.damage) if mask is None else mask
    if not mask.any():
        return Repaired(pixels=pixels, mask=mask)

    # What is filled: the damage and the rim, at most so large that fills stay quick.
    height, width = pixels.shape[2:]
    share = _rim(mask, _FEATHER * max(height / _LOOKED_AT, width / _LOOKED_AT, 1.0))
    size = working_size((width, height), _FILLED_AT)
    small, holes = resized(pixels, *size[::-1]), _shrunk(share, size)
    filled = resized(networks.fill(small, holes), height, width)

    # In the photo's own colours.
    if is_gray(pixels):
        filled = gray_of(filled).expand(-1, 3, -1, -1)
    elif (tint := find_tint(pixels)) is not None:
        filled = tint.of(filled)
    return Repaired(pixels=torch.where(share > 0, torch.lerp(pixels, filled, share), pixels), mask=mask)


def find_damage(photo: Photo, damage: Callable[[Tensor], Tensor]) -> Tensor:
    """Returns the mask of the damage, (1, 1, H, W), 0 or 1; all 0 if too much seems damaged, as in drawings.

    Transparent pixels, and those that are missing in the file, do not count as damaged.

    Args:
        photo: photo of any size.
        damage: computes the probability (1, 1, H, W) that each pixel of a picture (1, 3, H, W) is damaged.
    """
    pixels = photo.pixels
    height, width = pixels.shape[2:]
    # Find the damage in a smaller copy, then bring the mask to the photo's size.
    size = working_size((width, height), _LOOKED_AT)
    found = _sure_patches(damage(resized(pixels, *size[::-1]))[0, 0].numpy())
    if not 0 < found.mean() <= _MOST_FOUND:
        return torch.zeros_like(pixels[:, :1])
    large = cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR)
    mask = torch.from_numpy((large > 0.5).astype(np.float32))[None, None]
    if photo.alpha is not None:
        mask = mask * (photo.alpha > 0.5)
    if photo.missing_rows:
        mask[:, :, -photo.missing_rows - _CUT_BLOCKS :] = 0
    return mask


def read_mask(mask: ImageLike, photo: Photo, name: str) -> Tensor:
    """Reads a mask that the user drew: (1, 1, H, W), 1 where it is lighter than mid-grey, else 0.

    Args:
        mask: the mask.
        photo: the photo to be repaired.
        name: name of the photo, for errors.

    Raises:
        PhotopulseError: if it cannot be read, does not have the photo's size, or covers nearly all of it.
    """
    # Read the mask, then check its size and how much it covers.
    mask_name, drawn = read_pixels(mask)
    height, width = photo.pixels.shape[2:]
    if drawn.shape[2:] != photo.pixels.shape[2:]:
        raise PhotopulseError(
            f"cannot repair {name} by the mask {mask_name}",
            why=f"the mask has {drawn.shape[3]} x {drawn.shape[2]} px, the photo {width} x {height}",
            fix="draw it over the photo in its own size; --save-mask writes one to begin with",
        )
    damaged = (gray_of(drawn) > 0.5).float().cpu()
    if damaged.mean() > _MOST_GIVEN:
        raise PhotopulseError(
            f"cannot repair {name} by the mask {mask_name}",
            why=f"it is white in more than {_MOST_GIVEN:.0%} of the picture, and nothing is left to repair that from",
            fix="paint what is damaged white and the rest black",
        )
    return damaged


def write_mask(path: Path, mask: Tensor) -> None:
    """Writes a mask (1, 1, H, W) as a grey picture that is white where it is 1."""
    write_image(path, mask.expand(-1, 3, -1, -1), gray=True)


def _sure_patches(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns 1 in connected patches of damage with at least one sure pixel that are thin or small, else 0."""
    damaged = _without_holes((probability >= _LEAST).astype(np.uint8))
    count, found = cv2.connectedComponents(damaged, connectivity=8)
    labels = found.astype(np.intp)
    kept = np.zeros(count, np.float32)
    kept[labels[probability >= _SURE]] = 1
    # Drop what is thick in large part.
    sizes = np.bincount(labels.ravel(), minlength=count)
    thick = np.bincount(labels[_thick(damaged)], minlength=count)
    kept[thick > _MOST_THICK * sizes] = 0
    kept[0] = 0
    return kept[labels]


def _without_holes(damaged: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the mask with its small holes filled."""
    _, found, figures, _ = cv2.connectedComponentsWithStats(1 - damaged, connectivity=4)
    is_hole = figures[:, cv2.CC_STAT_AREA] <= _HOLE
    return np.maximum(damaged, is_hole[found.astype(np.intp)].astype(np.uint8))


def _thick(damaged: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Returns where a mask holds discs of the largest radius that scratches and specks have."""
    radius = max(_THICKEST * max(damaged.shape), _THICKEST_PIXELS)
    # A picture's edge counts as a patch's edge.
    framed = cv2.copyMakeBorder(damaged, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    centres = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1] > radius
    if not centres.any():
        return np.zeros(damaged.shape, np.bool_)
    # The discs around the centres: all that is nearer to a centre than the radius.
    distance = cast("NDArray[np.float32]", cv2.distanceTransform((~centres).astype(np.uint8), cv2.DIST_L2, 5))
    return np.logical_and(distance <= radius, damaged > 0)


def _rim(mask: Tensor, width: float) -> Tensor:
    """Returns weights that are 1 in a mask and fall to 0 within ``width`` px around it."""
    outside = (mask[0, 0] == 0).numpy().astype(np.uint8)
    distance = torch.from_numpy(cv2.distanceTransform(outside, cv2.DIST_L2, 5))[None, None]
    return (1 - distance / (width + 1)).clamp(min=0)


def _shrunk(share: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns the holes at another size: each pixel that covers any pixel to be filled."""
    small = cv2.resize((share[0, 0].numpy() > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return torch.from_numpy((small > 0).astype(np.float32))[None, None]
