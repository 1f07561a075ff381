"""Blends a redrawn face with the photo in frequency bands: coarse bands are the photo's, fine ones the generator's.

Pictures are upright crops (1, 3, s, s) of the same region. A scale is given as the side in px at which a square picture
just shows a detail, like the effective resolution in ``evidence``.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.faces.evidence import blur_of
from photopulse.images.arrays import to_array, to_tensor
from photopulse.images.gray import gray_of
from photopulse.images.smooth import smoothed

_COLOURS: Final = 1 / 6  # Share of the resolution up to which colours are the photo's.
_UNLIKE: Final = 0.08  # A larger difference of the coarse luma shows another object rather than another detail.
_COMPARED: Final = 256  # Side in px at which pictures are compared.
_TINT: Final = 0.012  # Largest RMS distance of colours of one tint from a line, fitted over luma.
_ROOM: Final = 0.04  # Side of the neighbourhood that a difference affects, over the picture's side.


def with_photo_bands(face: Tensor, photo: Tensor, resolution: float) -> Tensor:
    """Returns the redrawn face with its bands up to ``resolution`` px replaced by the photo's.

    Colours are replaced up to a sixth of it, because noise and JPEG spoil them more than the luma.
    """
    difference = photo - face
    luma = gray_of(difference)
    return face + _coarse(luma.expand_as(difference), resolution) + _coarse(difference - luma, resolution * _COLOURS)


def where_alike(face: Tensor, photo: Tensor, resolution: float) -> Tensor:
    """Returns the weight of each pixel of a redrawn face, (1, 1, s, s) in [0, 1], lower where the photo differs.

    Both are compared at ``resolution`` px, so a hand, a microphone or the brim of a hat that the generator did not
    render is kept from the photo.
    """
    # Compare the coarse luma, and take the worst difference of each neighbourhood.
    side = face.shape[-1]
    small = F.interpolate(face - photo, (_COMPARED, _COMPARED), mode="area") if side > _COMPARED else face - photo
    difference = gray_of(_coarse(small, resolution)).abs()
    around = max(round(small.shape[-1] * _ROOM) // 2 * 2 + 1, 3)
    worst = F.max_pool2d(difference, around, stride=1, padding=around // 2)
    trust = _blurred(torch.exp(-(worst / _UNLIKE).pow(4)).expand(-1, 3, -1, -1), around / 2)[:, :1]
    return F.interpolate(trust, (side, side), mode="bilinear", align_corners=False)


def tinted_like(face: Tensor, photo: Tensor) -> Tensor:
    """Returns the redrawn face in the tint of a black and white, sepia or blue photo; unchanged for a colour photo."""
    # Fit a line to the photo's colours over its luma, then apply it to the face.
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
