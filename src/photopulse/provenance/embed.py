"""Adds the invisible mark to a picture."""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.images.gray import GRAY_WEIGHTS
from photopulse.provenance.code import encode
from photopulse.provenance.pattern import TILE, pattern, tile
from photopulse.provenance.payload import Payload


@dataclass(frozen=True, kw_only=True)
class _Strength:
    """How strong a mark is; all deviations are root mean squares, white is 1.

    Attributes:
        share: share of the deviation of the picture's detail.
        faintest: deviation in even areas.
        strongest: largest deviation.
        most: deviation over the whole picture, at most.
        detail: structures smaller than this, in px, hide the mark.
        area: px over which detail is averaged.
    """

    share: float
    faintest: float
    strongest: float
    most: float
    detail: float
    area: float


_PICTURE: Final = _Strength(
    share=0.3, faintest=0.35 / 255, strongest=2.0 / 255, most=10 ** (-45 / 20), detail=4.0, area=8.0
)
# Fewer periods of the pattern fit into smaller pictures, which are looked at from nearer.
_SMALL_PICTURE: Final = replace(_PICTURE, share=0.34, strongest=2.3 / 255, most=10 ** (-44 / 20))
# Skin is smooth beside strong edges, so detail is averaged over less. Small faces have shorter waves, seen less.
_FACE: Final = replace(_PICTURE, strongest=1.5 / 255, most=10 ** (-46 / 20), area=4.0)
_SMALL_FACE: Final = replace(_FACE, share=0.45, strongest=2.0 / 255, most=10 ** (-44 / 20), detail=2.0, area=3.0)
_WHOLE_PICTURE: Final = 768  # px: shorter side below which a picture counts as small.
_SMALL: Final = 256  # px: side of the square around a face below which it counts as small.
_LARGE: Final = 400  # px: from this side on, four periods of the pattern fit into the square; else three.

LEAST_FACE_SIDE: Final = 112
"""Smallest side in px of the FFHQ-aligned square around a face that is marked; in smaller ones no mark is found."""


def can_hold_mark(height: int, width: int) -> bool:
    """Returns whether a picture is large enough for a mark: at least 256 px along both sides."""
    return min(height, width) >= TILE


def add_mark(image: Tensor, payload: Payload) -> Tensor:
    """Returns the picture with a mark that carries the payload: faint waves, stronger where there is more detail.

    Red, green and blue change by the same amount, by at most 2 of 255 grey levels (root mean square) and so that the
    PSNR is at least 45 dB, but for rounding; 2.3 and 44 dB where a side is shorter than 768 px.

    Args:
        image: (1, 3, H, W) in [0, 1] on any device, both sides at least 256 px.
        payload: content of the mark.

    Returns:
        (1, 3, H, W) in [0, 1], with the type and on the device of ``image``.

    Raises:
        ValueError: if the picture is too small.
    """
    height, width = image.shape[-2:]
    if not can_hold_mark(height, width):
        raise ValueError(f"a mark needs {TILE} px along both sides, and the picture has {width} x {height}")
    # Repeat the tile, and weaken it where it would be seen.
    rows, columns = -(-height // TILE), -(-width // TILE)
    waves = np.tile(tile(encode(payload.number)), (rows, columns))[:height, :width]
    mark = torch.from_numpy(
        waves * _strength(luma(image), _SMALL_PICTURE if min(height, width) < _WHOLE_PICTURE else _PICTURE)
    )
    return (image + mark.to(image)).clamp(0, 1)


def face_period(side: float) -> float:
    """Returns the period in px of the pattern in a face, by the side in px of the FFHQ-aligned square around it."""
    return side / (3 if side < _LARGE else 4)


def mark_face(photo: Tensor, window: tuple[slice, slice], weight: Tensor, side: float, payload: Payload) -> None:
    """Adds a mark to one face of a photo, in place; its PSNR in the window is at least 44 dB, and 46 dB from 256 px on.

    The pattern's axes are those of the photo, whatever the angle of the face, so that they need not be guessed when it
    is looked for; its period follows the size of the face.

    Args:
        photo: (1, 3, H, W) in [0, 1]; it is changed.
        window: rows and columns of the photo around the face.
        weight: weights (1, 1, h, w) in [0, 1] in the window: 1 where the photo was generated, 0 where it was not.
        side: side of the FFHQ-aligned square around the face in px of the photo, at least ``LEAST_FACE_SIDE``.
        payload: content of the mark.
    """
    before = photo[(..., *window)]
    height, width = before.shape[2:]
    waves = pattern(height, width, face_period(side), encode(payload.number))
    mark = torch.from_numpy(waves * _strength(luma(before), _SMALL_FACE if side < _SMALL else _FACE))
    photo[(..., *window)] = (before + weight.to(before) * mark.to(before)).clamp(0, 1)


def luma(image: Tensor) -> NDArray[np.float32]:
    """Returns the luma (H, W) of a picture (1, 3, H, W), by ITU-R BT.601."""
    weights = torch.tensor(GRAY_WEIGHTS, dtype=torch.float32)
    return torch.einsum("chw,c->hw", image[0].detach().cpu().float(), weights).contiguous().numpy()


def _strength(gray: NDArray[np.float32], how: _Strength) -> NDArray[np.float32]:
    detail = gray - cv2.GaussianBlur(gray, (0, 0), how.detail)
    deviation = np.sqrt(np.maximum(cv2.GaussianBlur(detail * detail, (0, 0), how.area), 0))
    strength = np.clip(how.share * deviation, how.faintest, how.strongest)
    return (strength * min(1.0, how.most / float(np.sqrt(np.mean(strength**2))))).astype(np.float32)
