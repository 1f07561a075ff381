"""Reads pictures that callers pass either as a path or as pixels."""

from pathlib import Path

from torch import Tensor

from photopulse.images import read_image

ImageLike = str | Path | Tensor


def read_pixels(picture: ImageLike) -> tuple[str, Tensor]:
    """Returns a picture's name for messages, and its pixels (1, 3, H, W) in [0, 1], with a white background.

    Raises:
        PhotopulseError: if the file cannot be read.
        ValueError: if given pixels have another shape or are no floating-point numbers.
    """
    if isinstance(picture, Tensor):
        if picture.ndim != 4 or picture.shape[:2] != (1, 3) or not picture.is_floating_point():
            raise ValueError(f"pixels must be floats (1, 3, H, W), but are {picture.dtype} {tuple(picture.shape)}")
        return "the given picture", picture
    photo = read_image(Path(picture))
    if photo.alpha is None:
        return str(picture), photo.pixels
    return str(picture), photo.pixels * photo.alpha + (1 - photo.alpha)
