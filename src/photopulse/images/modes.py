"""Decodes every pixel format of picture files to colours in [0, 1], in sRGB where possible."""

import io
import math
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.ImageFile import ImageFile

from photopulse.images.arrays import to_unit
from photopulse.images.packaged import HEIC, RAW

Floats = NDArray[np.float32]

_GRAY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_SAMPLES, _TIFF_ORIENTATION = 258, 262, 277, 274
_TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 322, 323
_TIFFFILE_COMPRESSIONS = frozenset({1, 8, 32946})  # none and deflate; more would need another package
_LARGEST_USUAL_TILE = 2048 * 2048
# Float pictures up to this value are taken to be in [0, 1], with highlights; one in [0, 255] would be nearly black.
_BRIGHTEST_UNIT_FLOAT = 16.0


@dataclass(frozen=True, kw_only=True)
class Raster:
    """Decoded pixels in the file's own orientation.

    Attributes:
        colour: (H, W, 3) in [0, 1].
        alpha: opacity (H, W, 1) in [0, 1], or None.
        gray: whether the file is grey.
        bits: 8 or 16, the depth of the channels.
        icc_profile: the profile of ``colour``; None if it is sRGB.
        orientation: EXIF orientation that has yet to be applied; None if it is in the EXIF data.
    """

    colour: Floats
    alpha: Floats | None
    gray: bool
    bits: int
    icc_profile: bytes | None
    orientation: int | None = None


def decode(image: Image.Image, stream: BinaryIO | None, *, own_colours: bool = False) -> Raster:
    """Decodes a picture opened from ``stream``.

    Args:
        image: the picture with its header read.
        stream: its file; without it, colours of 16 bits are decoded by Pillow, which reduces them to 8.
        own_colours: whether RGB and grey of 8 bits stay in the colours of the file's profile.

    Raises:
        ValueError: if its values cannot be interpreted as colours.
    """
    _check_tiles(image)
    if stream is not None and isinstance(image, ImageFile):
        deep = _decode_deep(image, stream)
        if deep is not None:
            return deep
    image.load()
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        return _decode_wide_gray(image)
    return _decode_8_bit(image, own_colours=own_colours)


def _decode_8_bit(image: Image.Image, *, own_colours: bool) -> Raster:
    gray = image.mode in _GRAY_MODES
    profile = _icc_profile(image)
    alpha = None
    if image.has_transparency_data:
        whole = image.convert("LA").convert("RGBA") if image.mode == "La" else image.convert("RGBA")
        alpha = to_unit(np.asarray(whole.getchannel("A"))[..., None], 255)
        image = whole.convert("L" if gray else "RGB")
    elif image.mode not in {"L", "RGB", "CMYK"}:
        image = image.convert("L" if gray else "RGB")
    kept = profile if own_colours and profile is not None and _describes(profile, image.mode) else None
    converted = image.convert("RGB") if kept is not None else _to_srgb(image, profile)
    return Raster(colour=to_unit(np.asarray(converted), 255), alpha=alpha, gray=gray, bits=8, icc_profile=kept)


def _describes(profile: bytes, mode: str) -> bool:
    """Tells whether a profile is valid and for the colour space of a Pillow mode, L or RGB."""
    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        read = cast("Any", ImageCms.ImageCmsProfile(io.BytesIO(profile))).profile
        return {"L": "GRAY", "RGB": "RGB"}.get(mode) == str(read.xcolor_space).strip()
    return False


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Converts L, RGB or CMYK to sRGB; a profile that is invalid or of another colour space is ignored."""
    if profile is None:
        return image.convert("RGB")
    srgb = cast("Any", ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownMemberType]
    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            srgb,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if converted is not None:
            return converted
    return image.convert("RGB")


def _icc_profile(image: Image.Image) -> bytes | None:
    profile: object = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and profile else None


def _decode_wide_gray(image: Image.Image) -> Raster:
    """Decodes one channel of 16-bit or 32-bit integers or of floats.

    White is 65535 for integers, or the largest value of the bits that a TIFF declares. For floats it is 1 if no value
    is above 16, else 255, or 65535 if a value is above that.

    Raises:
        ValueError: for values above 65535 or not finite.
    """
    # Find the value of white.
    values = np.asarray(image).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are not finite numbers")
    brightest = float(values.max())
    if brightest > 65535:
        raise ValueError(f"its values reach {brightest:g}; at most 65535 has a meaning")
    full = 65535.0
    if image.mode == "F":
        full = 1.0 if brightest <= _BRIGHTEST_UNIT_FLOAT else 255.0 if brightest <= 255 else 65535.0
    elif image.mode.startswith("I;16"):
        full = 2.0 ** _tiff_tag(image, _TIFF_BITS, default=16) - 1
    # Scale, and invert pictures in which white is 0.
    scaled = np.clip(to_unit(values, full), 0, 1)
    if image.mode.startswith("I;16") and _tiff_tag(image, _TIFF_PHOTOMETRIC, default=1) == 0:
        scaled = 1 - scaled  # For this mode Pillow does not do so itself.
    key: object = image.info.get("transparency")
    alpha = (values != key).astype(np.float32)[..., None] if isinstance(key, int) else None
    colour = np.repeat(scaled[..., None], 3, axis=2)
    return Raster(colour=colour, alpha=alpha, gray=True, bits=16, icc_profile=_icc_profile(image))


def _decode_deep(image: ImageFile, stream: BinaryIO) -> Raster | None:
    """Decodes pictures of several 16-bit channels, which Pillow would reduce to 8 bits; None for other pictures."""
    # The channels, by the format.
    orientation = None
    if image.format == "PNG":
        channels, gray = _deep_png(image, stream)
    elif image.format == "TIFF":
        channels, gray = _deep_tiff(image, stream), False
        orientation = _tiff_tag(image, _TIFF_ORIENTATION, default=1)
    elif image.format in {HEIC.format, RAW.format}:
        channels, gray = _packaged_channels(image, stream), image.mode == "L"
        orientation = 1
    else:
        return None
    if channels is None:
        return None
    # Colour and alpha.
    values = to_unit(channels, 65535)
    return Raster(
        colour=values[..., :3],
        alpha=values[..., 3:] if values.shape[2] == 4 else None,
        gray=gray,
        bits=16,
        icc_profile=_icc_profile(image),
        orientation=orientation,
    )


def _deep_png(image: ImageFile, stream: BinaryIO) -> tuple[NDArray[np.uint16] | None, bool]:
    """Decodes a 16-bit PNG of several channels to (H, W, 3 or 4), and tells whether it is grey; None for others."""
    data = _file_bytes(stream, limit=26)
    bits, colour_type = data[24], data[25]
    if bits != 16 or colour_type == 0:
        return None, False
    image.load()  # Pillow refuses every kind of damage, OpenCV does not.
    return _opencv_channels(_bare_png(_file_bytes(stream))), colour_type == 4


def _deep_tiff(image: ImageFile, stream: BinaryIO) -> NDArray[np.uint16] | None:
    """Decodes a plain 16-bit RGB TIFF to (H, W, 3 or 4); None for others."""
    if _tiff_tag(image, _TIFF_BITS, default=8) != 16 or _tiff_tag(image, _TIFF_SAMPLES, default=1) < 3:
        return None
    import tifffile  # Loads slowly, and few pictures are such files.

    # Only pages of 3 or 4 plain RGB samples, in one of the two layouts.
    with tifffile.TiffFile(io.BytesIO(_file_bytes(stream))) as tiff:
        page = tiff.pages.first
        samples, width, height = page.samplesperpixel, page.imagewidth, page.imagelength
        unassociated = (int(tifffile.EXTRASAMPLE.UNASSALPHA),)
        plain = samples == 3 or (samples == 4 and tuple(map(int, page.extrasamples)) == unassociated)
        if page.photometric != tifffile.PHOTOMETRIC.RGB or not plain or page.dtype != np.uint16:
            return None
        separate = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
        if page.shape != ((samples, height, width) if separate else (height, width, samples)):
            return None
        # tifffile decodes few compressions without other packages; OpenCV decodes the rest.
        if int(page.compression) not in _TIFFFILE_COMPRESSIONS:
            return None if separate else _opencv_tiff(image, stream)
        _check_segments(page, size=stream.seek(0, io.SEEK_END))
        channels = np.asarray(page.asarray(), dtype=np.uint16)
    return channels.transpose(1, 2, 0) if separate else channels


def _check_segments(page: Any, *, size: int) -> None:
    """Raises ValueError for a page of which strips or tiles are missing, which tifffile would decode as black."""
    expected = math.prod(page.chunked)
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    there = sum(start > 0 and count > 0 and start + count <= size for start, count in segments)
    if there < expected or len(page.dataoffsets) != len(page.databytecounts):
        raise ValueError(f"{max(expected - there, 1)} of its {expected} strips or tiles are missing")


def _packaged_channels(image: ImageFile, stream: BinaryIO) -> NDArray[np.uint16] | None:
    """Decodes a raw file, or a HEIC picture of more than 8 bits, to (H, W, 3 or 4), upright; None for others."""
    # The packages that these modules import are installed, since the picture could be opened.
    if image.format == RAW.format:
        from photopulse.images.raw import developed

        return developed(_file_bytes(stream))
    from photopulse.images.heic import deep_channels

    return deep_channels(image, _file_bytes(stream))


def _bare_png(data: bytes) -> bytes:
    """Returns the PNG with only the chunks that OpenCV needs, because it trusts a chunk that declares gigabytes.

    Raises:
        ValueError: if a chunk reaches beyond the end of the file.
    """
    kept, place, kind = [data[:8]], 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if end > len(data):
            raise ValueError("a chunk reaches beyond the end of the file")
        if kind in {b"IHDR", b"tRNS", b"IDAT", b"IEND"}:
            kept.append(data[place:end])
        place = end
    return b"".join(kept)


def _opencv_tiff(image: ImageFile, stream: BinaryIO) -> NDArray[np.uint16] | None:
    image.load()
    return _opencv_channels(_file_bytes(stream))


def _opencv_channels(data: bytes) -> NDArray[np.uint16] | None:
    """Decodes 16-bit channels with OpenCV to RGB or RGBA (H, W, 3 or 4); None if they are not 16-bit colours."""
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if bgr is None or bgr.dtype != np.uint16 or bgr.ndim != 3:
        return None
    return bgr[..., [2, 1, 0, 3][: bgr.shape[2]]].astype(np.uint16)


def _file_bytes(stream: BinaryIO, *, limit: int = -1) -> bytes:
    """Reads the file's first ``limit`` bytes, all by default, and restores the position for Pillow."""
    place = stream.tell()
    stream.seek(0)
    data = stream.read(limit)
    stream.seek(place)
    return data


def _check_tiles(image: Image.Image) -> None:
    """Raises ValueError for a TIFF whose tiles are far larger than the picture: one tile could fill the memory."""
    tile = _tiff_tag(image, _TIFF_TILE_WIDTH, default=1) * _tiff_tag(image, _TIFF_TILE_HEIGHT, default=1)
    if tile > 4 * image.width * image.height + _LARGEST_USUAL_TILE:
        raise ValueError(f"its tiles hold {tile} pixels, far more than the picture")


def _tiff_tag(image: Image.Image, tag: int, *, default: int) -> int:
    """Returns the first number of a TIFF tag."""
    value: Any = getattr(image, "tag_v2", {}).get(tag, default)
    return int(cast("tuple[Any, ...]", value)[0] if isinstance(value, tuple) else value)
