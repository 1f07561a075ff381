"""Reads picture files: pixels as a tensor, and everything else that a faithful copy needs."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image
from torch import Tensor

from photopulse.images.arrays import to_tensor
from photopulse.images.iptc import read_iptc
from photopulse.images.jpeg import ends_early
from photopulse.images.metadata import XMP_KEYWORD
from photopulse.images.modes import Floats, decode
from photopulse.images.opening import GIVEN, CutJpeg, check_size, decoding, name_of, open_image, refuse

MAX_PIXELS = 100_000_000
"""Default limit for the pixels of a picture."""

_TURNED = frozenset({5, 6, 7, 8})  # EXIF orientations that exchange width and height.
_MOST_WORDS = 2**20  # Bytes of an XMP packet.
_MOST_COMMENT = 65533  # Bytes of a comment; a JPEG segment holds no more.
_MOST_DPI = 100_000
_JPEG_BLOCK = 8  # Rows.
_GRAY_FILL = 1.5 / 255  # Greatest difference within the part of a truncated JPEG that is decoded as grey.
_KEPT_TAGS = (
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
)
# Tags that describe the layout of the old pixels, or (the maker note) become invalid when they move in the file.
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
    """A picture, upright, with everything besides the pixels that a faithful copy needs.

    Attributes:
        pixels: (1, 3, H, W), float32 in [0, 1], on the CPU; sRGB unless there is an ``icc_profile``.
        alpha: opacity (1, 1, H, W), float32 in [0, 1]; None if the file has no alpha channel.
        gray: whether the file is grey; the three channels of ``pixels`` are then equal.
        bits: 8 or 16, the depth of the file's channels (more than 8 counts as 16).
        icc_profile: the profile of ``pixels``; None if they are sRGB. Pixels of 8 bits are converted to sRGB unless
            ``own_colours`` was asked for. Pixels of 16 bits always stay in the file's own colours, because no available
            converter keeps their depth.
        exif: camera, author, time and place (no orientation, sizes or thumbnail) as an EXIF block, or None.
        xmp: title, keywords, rating and the like as an XMP packet, or None.
        comment: comment of a JPEG, GIF or PNG, or None.
        dpi: pixels per inch along x and y, or None.
        frames: number of pictures in the file; ``pixels`` are those of the first.
        missing_rows: number of rows at the end that are missing because the file is truncated.
        cut_off: whether the file is truncated, or has an end mark too early. A progressive JPEG may then have all rows,
            the last ones with less detail.
        iptc: title, keywords, author and the like as legacy IPTC records (IIM), or None.
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
    """Reads a picture in any format of Pillow, turned upright; of animated ones the first frame (JPEG XL: the last).

    HEIC, JPEG XL and raw files of cameras need the packages of the extra ``formats``. Embedded colour profiles are
    applied; an invalid one is ignored, and sRGB is assumed. 16-bit PNG, TIFF, HEIC and raw files keep their depth;
    16-bit colour in other formats is read with 8 bits. A truncated JPEG is read as far as it goes, if that is at least
    half of it.

    Args:
        source: path of the file, or its content.
        max_pixels: limit that is checked before anything is decoded. Pillow's own limit of about 179 million pixels
            holds as well.
        own_colours: whether RGB and grey stay in the file's profile (``Photo.icc_profile``), so that a copy keeps
            colours outside sRGB; CMYK and Lab are converted in any case.

    Raises:
        PhotopulseError: if it is no readable picture.
    """
    with open_image(source, max_pixels=max_pixels) as (image, stream):
        return _photo(name_of(source), image, stream, own_colours=own_colours)


def read_picture(image: Image.Image, *, max_pixels: int = MAX_PIXELS, own_colours: bool = False) -> Photo:
    """Reads a picture of Pillow's as ``read_image`` reads its file, except that Pillow has 16-bit colour in 8 bits.

    Raises:
        PhotopulseError: if it cannot be decoded or is too large.
    """
    with decoding(GIVEN):
        check_size(GIVEN, image.size, max_pixels)
        return _photo(GIVEN, image, None, own_colours=own_colours)


def _photo(name: str, image: Image.Image, stream: BinaryIO | None, *, own_colours: bool) -> Photo:
    # Decode, and refuse a truncated JPEG with less than half of its rows.
    raster = decode(image, stream, own_colours=own_colours)
    cut_off = isinstance(stream, CutJpeg) or _is_cut_before_its_end(image, stream, raster.colour)
    missing_rows = _missing_rows(raster.colour) if cut_off else 0
    if missing_rows > len(raster.colour) / 2:
        raise refuse(
            name,
            why=f"the file was cut off: {missing_rows} of its {len(raster.colour)} rows are missing",
            fix="copy it again from its source",
        )
    # Turn it upright.
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


def _is_cut_before_its_end(image: Image.Image, stream: BinaryIO | None, colour: Floats) -> bool:
    """Tells whether data are missing from a JPEG that has an end mark, by the rows that are then filled in."""
    rows = _missing_rows(colour)
    if stream is None or image.format not in {"JPEG", "MPO"} or rows < _JPEG_BLOCK:
        return False
    stream.seek(0)
    return ends_early(stream.read(), rows)


def _missing_rows(colour: Floats) -> int:
    """Counts the rows at the end of a truncated JPEG that the decoder filled with one colour."""
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
    """Returns the number of pictures in a file; 1 if it is unknown."""
    with suppress(Exception):
        return max(int(getattr(image, "n_frames", 1)), 1)
    return 1


def _upright(array: Floats, orientation: int) -> Floats:
    """Turns an array (H, W, C) with this EXIF orientation upright (CIPA DC-008, tag 274)."""
    if orientation in _TURNED:
        array = array.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        array = np.flip(array, 1)
    if orientation in {3, 4, 7, 8}:
        array = np.flip(array, 0)
    return array


def _read_exif(image: Image.Image) -> tuple[int, bytes | None]:
    """Returns the orientation, 1 if there is none, and the tags that remain valid for a copy, as an EXIF block."""
    # Damaged EXIF data may raise anything, and are no reason to refuse a picture that can be decoded.
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
