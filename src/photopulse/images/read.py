"""Reading a picture file into the one kind of tensor that photopulse knows."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image
from torch import Tensor

from photopulse.images.arrays import to_tensor
from photopulse.images.iptc import read_iptc
from photopulse.images.metadata import XMP_KEYWORD
from photopulse.images.modes import Floats, decode
from photopulse.images.opening import GIVEN, CutJpeg, check_size, decoding, name_of, open_image, refuse

MAX_PIXELS = 100_000_000
"""Of pictures that are read unless the caller says otherwise."""

_TURNED = frozenset({5, 6, 7, 8})  # EXIF orientations that exchange width and height.
_MOST_WORDS = 2**20  # Bytes.
_MOST_COMMENT = 65533  # Bytes that a JPEG segment holds.
_MOST_DPI = 100_000
_GRAY_FILL = 1.5 / 255  # How evenly gray what a JPEG lacks is decoded.
_KEPT_TAGS = (
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
)
# What describes the old pixels' layout, or (the maker note) breaks when it moves inside the file.
_DROPPED_EXIF_TAGS = frozenset(
    {
        ExifTags.Base.ExifImageWidth,
        ExifTags.Base.ExifImageHeight,
        ExifTags.Base.MakerNote,
        ExifTags.Base.ColorSpace,
        ExifTags.Base.ExifInteroperabilityOffset,
    }
)


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A picture, upright, with what a faithful copy needs beside the pixels.

    Attributes:
        pixels: (1, 3, H, W), sRGB unless there is an ``icc_profile``, float32 in [0, 1], on the CPU.
        alpha: opacity (1, 1, H, W), float32 in [0, 1], or None when the file has none.
        gray: whether the file holds no colour; the three channels of ``pixels`` are then equal.
        bits: 8 or 16, the depth of the file's channels (more than 8 counts as 16).
        icc_profile: None when ``pixels`` are sRGB. Pixels of 8 bits are: they were converted, unless the reader was
            asked for the file's ``own_colours``. Those of 16 bits always stay in the file's own colours, given
            here, since no converter at hand keeps their depth.
        exif: camera, author, time and place (no orientation, sizes or thumbnail) as an EXIF block, or None.
        xmp: title, keywords, rating and the like as an XMP packet, or None.
        comment: of a JPEG, GIF or PNG, or None.
        dpi: pixels in an inch along both axes, as scanners and cameras write them, or None.
        frames: how many pictures the file holds, of which these are the first one's pixels.
        missing_rows: rows at the end of the file's picture that are not in it, because it was cut off.
        cut_off: whether the file lost its end. A progressive JPEG may then have all rows, the last ones with less
            detail.
        iptc: title, keywords, author and the like in the old form (IPTC-IIM), or None.
    """

    pixels: Tensor
    alpha: Tensor | None
    gray: bool
    bits: int
    icc_profile: bytes | None
    exif: bytes | None
    xmp: bytes | None = None
    comment: bytes | None = None
    dpi: tuple[float, float] | None = None
    frames: int = 1
    missing_rows: int = 0
    cut_off: bool = False
    iptc: bytes | None = None


def read_image(source: Path | bytes, *, max_pixels: int = MAX_PIXELS, own_colours: bool = False) -> Photo:
    """Reads any picture that Pillow knows, of animated ones the first frame, turned upright.

    HEIC, JPEG XL and raw files of cameras need the packages of the extra ``formats``. Embedded colour profiles are
    applied; a broken one is ignored and sRGB assumed. With ``own_colours``, RGB and
    gray stay in the file's profile instead (``Photo.icc_profile``), so that a copy loses no colour that sRGB
    lacks; CMYK and Lab are converted all the same. 16-bit PNG, TIFF, HEIC and raw files keep their depth; 16 bits of
    colour in other formats are read as 8. A JPEG that was cut off is read as far as it goes, if that is half of it or
    more. ``source`` is a file, or its content. ``max_pixels`` is checked before anything is decoded; Pillow's own limit
    (about 179 million) also holds. Raises PhotopulseError for anything that is not a whole, readable picture.
    """
    with open_image(source, max_pixels=max_pixels) as (image, stream):
        return _photo(name_of(source), image, stream, own_colours=own_colours)


def read_picture(image: Image.Image, *, max_pixels: int = MAX_PIXELS, own_colours: bool = False) -> Photo:
    """Reads a picture of Pillow's as ``read_image`` reads its file, but colours of 16 bits as Pillow has them, in 8."""
    with decoding(GIVEN):
        check_size(GIVEN, image.size, max_pixels)
        return _photo(GIVEN, image, None, own_colours=own_colours)


def _photo(name: str, image: Image.Image, stream: BinaryIO | None, *, own_colours: bool) -> Photo:
    raster = decode(image, stream, own_colours=own_colours)
    cut_off = isinstance(stream, CutJpeg)
    missing_rows = _missing_rows(raster.colour) if cut_off else 0
    if missing_rows > len(raster.colour) / 2:
        raise refuse(
            name,
            why=f"the file was cut off: {missing_rows} of its {len(raster.colour)} rows are missing",
            fix="copy it again from its source",
        )
    exif_orientation, exif = _read_exif(image)
    orientation = raster.orientation or exif_orientation
    alpha = None if raster.alpha is None else to_tensor(_upright(raster.alpha, orientation))
    return Photo(
        pixels=to_tensor(_upright(raster.colour, orientation)),
        alpha=alpha,
        gray=raster.gray,
        bits=raster.bits,
        icc_profile=raster.icc_profile,
        exif=exif,
        xmp=_xmp(image),
        comment=_comment(image),
        dpi=_dpi(image, turned=orientation in _TURNED),
        frames=_frames(image),
        missing_rows=missing_rows,
        cut_off=cut_off,
        iptc=read_iptc(image),
    )


def _missing_rows(colour: Floats) -> int:
    """The rows at the end of a cut JPEG that the decoder filled: all of one colour."""
    rows = colour.reshape(len(colour), -1)
    differs = np.flatnonzero(np.abs(rows - rows[-1, -1]).max(axis=1) > _GRAY_FILL)
    return len(rows) - 1 - int(differs[-1]) if differs.size else len(rows)


def _dpi(image: Image.Image, *, turned: bool) -> tuple[float, float] | None:
    with suppress(Exception):
        across, down = (float(number) for number in image.info["dpi"])
        if 1 < across < _MOST_DPI and 1 < down < _MOST_DPI:
            return (down, across) if turned else (across, down)
    return None


def _xmp(image: Image.Image) -> bytes | None:
    packet: object = image.info.get("xmp") or image.info.get(XMP_KEYWORD)
    packet = packet.encode("utf-8", errors="replace") if isinstance(packet, str) else packet
    return packet if isinstance(packet, bytes) and len(packet) <= _MOST_WORDS else None


def _comment(image: Image.Image) -> bytes | None:
    comment: object = image.info.get("comment") or image.info.get("Comment")  # As PNG writes it.
    comment = comment.encode("utf-8", errors="replace") if isinstance(comment, str) else comment
    return comment if isinstance(comment, bytes) and len(comment) <= _MOST_COMMENT else None


def _frames(image: Image.Image) -> int:
    """The number of pictures; a file that does not know it has one."""
    with suppress(Exception):
        return max(int(getattr(image, "n_frames", 1)), 1)
    return 1


def _upright(array: Floats, orientation: int) -> Floats:
    """Undoes the EXIF orientation of an array (H, W, C) (CIPA DC-008, tag 274)."""
    if orientation in _TURNED:
        array = array.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        array = np.flip(array, 1)
    if orientation in {3, 4, 7, 8}:
        array = np.flip(array, 0)
    return array


def _read_exif(image: Image.Image) -> tuple[int, bytes | None]:
    """The orientation, 1 when there is none, and the tags that stay true of a copy."""
    # Broken EXIF data raise anything, and are no reason to refuse a picture that decodes.
    with suppress(Exception):
        exif = image.getexif()
        orientation: object = exif.get(ExifTags.Base.Orientation)
        return orientation if isinstance(orientation, int) else 1, _portable(exif)
    return 1, None


def _portable(exif: Image.Exif) -> bytes | None:
    kept = Image.Exif()
    for tag in _KEPT_TAGS:
        if tag in exif:
            kept[tag] = exif[tag]
    details = {t: v for t, v in exif.get_ifd(ExifTags.IFD.Exif).items() if t not in _DROPPED_EXIF_TAGS}
    if details:
        kept[ExifTags.IFD.Exif] = details
    if place := exif.get_ifd(ExifTags.IFD.GPSInfo):
        kept[ExifTags.IFD.GPSInfo] = dict(place)
    return kept.tobytes() if len(kept) else None
