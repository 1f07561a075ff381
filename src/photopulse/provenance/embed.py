"""Adds the invisible mark to a picture."""

from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.images.gray import GRAY_WEIGHTS
from photopulse.provenance.code import encode
from photopulse.provenance.pattern import TILE, tile
from photopulse.provenance.payload import MarkChoice, Payload

_FAINTEST, _STRONGEST = 0.35 / 255, 2.0 / 255  # Root mean square in even and in busy areas.
_SHARE_OF_DETAIL: Final = 0.3
_MOST: Final = 10 ** (-45 / 20)  # Root mean square over the picture: a PSNR of 45 dB.
_DETAIL: Final = 4.0  # px: structures smaller than this hide the mark.
_AREA: Final = 8.0  # px over which detail is averaged.


def can_hold_mark(height: int, width: int) -> bool:
    """Returns whether a picture is large enough for a mark: at least 256 px along both sides."""
    return min(height, width) >= TILE


def marked(image: Tensor, payload: Payload, choice: MarkChoice) -> tuple[Tensor, str]:
    """Returns the picture (1, 3, H, W), marked if that is wanted and possible, and what a report tells of the mark.

    That is the payload as 8 hex digits, or else ``"off"`` or ``"too small"``.
    """
    if choice == "off":
        return image, "off"
    if not can_hold_mark(*image.shape[-2:]):
        return image, "too small"
    return add_mark(image, payload), str(payload)


def add_mark(image: Tensor, payload: Payload) -> Tensor:
    """Returns the picture with a mark that carries the payload: faint waves, stronger where there is more detail.

    Red, green and blue change by the same amount, by at most 2 of 255 grey levels (root mean square) and so that the
    PSNR is at least 45 dB, but for rounding.

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
    pattern = np.tile(tile(encode(payload.number)), (rows, columns))[:height, :width]
    mark = torch.from_numpy(pattern * _strength(luma(image)))
    return (image + mark.to(image)).clamp(0, 1)


def luma(image: Tensor) -> NDArray[np.float32]:
    """Returns the luma (H, W) of a picture (1, 3, H, W), by ITU-R BT.601."""
    weights = torch.tensor(GRAY_WEIGHTS, dtype=torch.float32)
    return torch.einsum("chw,c->hw", image[0].detach().cpu().float(), weights).contiguous().numpy()


def _strength(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    detail = gray - cv2.GaussianBlur(gray, (0, 0), _DETAIL)
    deviation = np.sqrt(np.maximum(cv2.GaussianBlur(detail * detail, (0, 0), _AREA), 0))
    strength = np.clip(_SHARE_OF_DETAIL * deviation, _FAINTEST, _STRONGEST)
    return (strength * min(1.0, _MOST / float(np.sqrt(np.mean(strength**2))))).astype(np.float32)
