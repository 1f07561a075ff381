"""Drawn face and photo, each where it can be trusted: coarse bands are the photo's, fine ones the generator's.

Pictures are (1, 3, s, s), upright crops of one place. Scales are told as the side in px at which a square picture just
shows a detail, as ``evidence`` tells a face's effective resolution.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.images.arrays import to_array, to_tensor
from photopulse.images.gray import gray_of
from photopulse.images.smooth import smoothed
from photopulse.restoration.evidence import blur_of

_UNLIKE: Final = 0.08  # Differences of the coarse luma from about here on are another thing, not another detail.
_COMPARED: Final = 256  # Side in px at which pictures are compared.
_TINT: Final = 0.012  # Colours that keep nearer than this to one line through the greys are one tint.
_ROOM: Final = 0.04  # Side of the neighbourhood that a difference spoils, over the picture's side.


def with_photo_bands(face: Tensor, photo: Tensor, resolution: float) -> Tensor:
    """Gives a drawn face the photo's own bands, up to what ``resolution`` px show of them."""
    return face + _coarse(photo - face, resolution)


def where_alike(face: Tensor, photo: Tensor, resolution: float) -> Tensor:
    """Returns how far to trust each pixel of a drawn face (1, 1, s, s): 1, or less where the photo shows another thing.

    What both show at ``resolution`` px is compared: a hand, a microphone or the rim of a hat that the generator did not
    draw stays the photo's.
    """
    side = face.shape[-1]
    small = F.interpolate(face - photo, (_COMPARED, _COMPARED), mode="area") if side > _COMPARED else face - photo
    difference = gray_of(_coarse(small, resolution)).abs()
    around = max(round(small.shape[-1] * _ROOM) // 2 * 2 + 1, 3)
    worst = F.max_pool2d(difference, around, stride=1, padding=around // 2)
    trust = _blurred(torch.exp(-(worst / _UNLIKE).pow(4)).expand(-1, 3, -1, -1), around / 2)[:, :1]
    return F.interpolate(trust, (side, side), mode="bilinear", align_corners=False)


def tinted_like(face: Tensor, photo: Tensor) -> Tensor:
    """Gives a drawn face the one tint of a black and white, sepia or blue photo; in colour photos it stays as it is."""
    light, colours = gray_of(photo), photo - gray_of(photo)
    centred = light - light.mean()
    slope = (colours * centred).mean((2, 3), keepdim=True) / centred.square().mean().clamp(min=1e-8)
    middle = colours.mean((2, 3), keepdim=True)
    rest = colours - middle - slope * centred
    if rest.square().mean().sqrt() > _TINT:
        return face
    drawn = gray_of(face)
    return drawn + middle + slope * (drawn - light.mean())


def _coarse(picture: Tensor, resolution: float) -> Tensor:
    return _blurred(picture, blur_of(resolution, picture.shape[-1]))


def _blurred(picture: Tensor, deviation: float) -> Tensor:
    return to_tensor(smoothed(to_array(picture), deviation)).to(picture)
