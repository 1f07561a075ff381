"""What a client sends: its name is a label and never a path, its size is known before it is decoded."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from photopulse.errors import PhotopulseError
from photopulse.files import cut_name
from photopulse.images import read_image, write_image
from photopulse.images.opening import GIVEN, open_image, picture_size
from photopulse.images.write import check_size

_LONGEST_NAME = 200  # Bytes.
_LONGEST_SUFFIX = 5
_PHOTO, _MASK = "photo", "mask"
_BROWSERS_SHOW = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A picture that a client sent.

    Attributes:
        path: path of the stored file, whose name is chosen by the server.
        name: the client's file name, for metadata and downloads only, never for a path.
        size: width and height in px; either may be the other where the camera lay on its side.
        mask: path of a picture that is white where the photo is damaged; None if none was sent.
    """

    path: Path
    name: str
    size: tuple[int, int]
    mask: Path | None = None


def keep_upload(
    content: BinaryIO, name: str | None, folder: Path, *, max_pixels: int, mask: BinaryIO | None = None
) -> Upload:
    """Copies an upload into ``folder`` and reads its header, likewise that of the mask.

    Raises:
        PhotopulseError: if one is no picture, or has too many pixels.
    """
    told = label(name)
    path, mask_path = folder / f"{_PHOTO}{_suffix(told)}", folder / _MASK
    size = _kept(content, path, max_pixels)
    if mask is not None:
        _kept(mask, mask_path, max_pixels)
    return Upload(path=path, name=told, size=size, mask=None if mask is None else mask_path)


def label(name: str | None) -> str:
    """Returns the last part of a client's file name, printable and not too long; ``"photo"`` if nothing is left."""
    last = PurePosixPath((name or "").replace("\\", "/")).name
    printable = "".join(letter for letter in last if letter.isprintable())
    return cut_name(printable, _LONGEST_NAME) or "photo"


def nameless(error: PhotopulseError, folder: Path) -> PhotopulseError:
    """Returns the error without the paths of the pictures that are kept in ``folder``."""
    mask, photo = re.escape(str(folder / _MASK)), re.escape(str(folder / _PHOTO))

    def told(part: str) -> str:
        return re.sub(rf"{photo}(\.\w+)?", GIVEN, re.sub(rf"(the mask )?{mask}", "the given mask", part))

    return PhotopulseError(told(error.what), why=told(error.why), fix=told(error.fix))


def check_result(path: Path, size: tuple[int, int], *, max_pixels: int) -> None:
    """Checks before the work that a result may be so large, and that its format holds it.

    Raises:
        PhotopulseError: if not.
    """
    width, height = size
    if width * height > max_pixels:
        why = f"the result would have {width} x {height} pixels, more than the allowed {max_pixels:,}"
        raise PhotopulseError(f"cannot restore {GIVEN}", why=why, fix="choose a smaller scale, or a smaller picture")
    check_size(path, size)


def shown(path: Path, beside: Path) -> Path:
    """Returns a picture that browsers show: the file itself, or a copy of it as PNG at ``beside``."""
    with open_image(path, max_pixels=10**9) as (image, _):
        if image.format in _BROWSERS_SHOW:
            return path
    write_image(beside, read_image(path).pixels)
    return beside


def media_type(path: Path) -> str:
    """Returns the media type of a picture of ours by its content."""
    with open_image(path, max_pixels=10**9) as (image, _):
        return _BROWSERS_SHOW.get(image.format or "", "application/octet-stream")


def _kept(content: BinaryIO, path: Path, max_pixels: int) -> tuple[int, int]:
    """Copies a picture to ``path``, and returns the width and height that its header tells."""
    with path.open("wb") as file:
        shutil.copyfileobj(content, file)
    try:
        return picture_size(path, max_pixels=max_pixels)
    except PhotopulseError as error:
        raise nameless(error, path.parent) from error


def _suffix(name: str) -> str:
    """The suffix of a client's name as far as it is harmless: formats of cameras are told by it."""
    suffix = PurePosixPath(name).suffix
    letters = suffix[1:]
    return suffix if letters.isascii() and letters.isalnum() and len(letters) <= _LONGEST_SUFFIX else ""
