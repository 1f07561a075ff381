"""Writes image tensors to picture files, atomically."""

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from photopulse.errors import PhotopulseError, file_errors
from photopulse.files import atomic_path
from photopulse.images.arrays import quantise
from photopulse.images.gray import GRAY_WEIGHTS
from photopulse.images.iptc import IPTC_TAG, jpeg_segment
from photopulse.images.metadata import XMP_KEYWORD, clean, xmp_packet
from photopulse.images.tiff_exif import add_exif_folders, word_tags

_QUALITY = 95
_XMP_TAG = 700
_INCH = 0.0254  # Metres.
_LARGEST_SIDES = {".jpg": 65500, ".jpeg": 65500, ".webp": 16383}  # libjpeg's and WebP's limits, px.
_EXIF_PREFIX = b"Exif\0\0"


def write_image(
    path: Path,
    pixels: Tensor,
    *,
    metadata: Mapping[str, str] | None = None,
    alpha: Tensor | None = None,
    bits: int = 8,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    comment: bytes | None = None,
    iptc: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    gray: bool = False,
    seal: Callable[[bytes], bytes] | None = None,
) -> None:
    """Writes an RGB image as PNG, JPEG, WebP or TIFF, by the extension; as PNG if there is none.

    Args:
        path: path of the file; missing parent folders are created.
        pixels: (1, 3, H, W) or (3, H, W), nominally in [0, 1]; clamped and rounded.
        metadata: texts by key (printable ASCII), written as an XMP packet and as text fields of PNG, see
            ``read_metadata``.
        alpha: opacity (1, 1, H, W) or (1, H, W); for JPEG, which has none, the image is put on a white background.
        bits: 8 or 16; JPEG and WebP hold 8 at most.
        icc_profile: the profile of ``pixels`` (``Photo.icc_profile``), which is embedded; nothing is converted. It is
            left out if it is not for the channels that are written.
        exif: an EXIF block (``Photo.exif``).
        xmp: the input's XMP packet (``Photo.xmp``), whose properties are kept beside ``metadata``.
        comment: comment of a JPEG or PNG (``Photo.comment``); other formats have none.
        iptc: the input's IPTC records (``Photo.iptc``); PNG and WebP have none, and a JPEG at most 64 kB.
        dpi: pixels per inch along x and y; WebP has none.
        gray: whether to write the luma (ITU-R BT.601) of ``pixels`` as one channel (three for 16 bits with alpha).
        seal: is given the content of the file before it is written, and returns what is written, such as the same
            picture with a signature; None changes nothing.

    Raises:
        PhotopulseError: if the file cannot be written.
        ValueError: if the pixels are no image, or ``bits`` is neither 8 nor 16.
    """
    # Choose the encoder.
    if bits not in {8, 16}:
        raise ValueError(f"bits must be 8 or 16, got {bits}")
    suffix = path.suffix.lower() or ".png"
    if suffix not in _ENCODERS:
        why = f"pictures of type {suffix} are not written"
        raise _refuse(path, why=why, fix=f"use one of {', '.join(OUTPUT_SUFFIXES)}")
    # Convert the pixels to what the format holds.
    encoder = _ENCODERS[suffix]
    depth = bits if encoder.deep else 8
    array = _quantised(pixels, alpha, bits=depth, gray=gray, opaque=not encoder.alpha)
    canvas = _Canvas(
        array=array,
        metadata=clean(metadata or {}),
        icc_profile=_fitting_profile(icc_profile, gray=array.shape[2] < 3),
        exif=exif,
        given_xmp=xmp,
        comment=comment,
        iptc=iptc,
        dpi=dpi,
    )
    # Encode in memory, then write atomically.
    try:
        data = encoder.encode(canvas)
    except (OSError, ValueError, cv2.error) as error:  # Each format has its own largest size.
        raise _refuse(path, why=f"{suffix} cannot hold it ({error})", fix="write it as .png") from error
    fix = "choose a place that can be written to and has room"
    content = data if seal is None else seal(data)
    with file_errors(f"cannot write {path}", fix=fix), atomic_path(path) as temporary:
        temporary.write_bytes(content)


def check_size(path: Path, size: tuple[int, int]) -> None:
    """Checks, before the work begins, that the format of ``path`` can hold pictures of this width and height in px.

    Raises:
        PhotopulseError: if it cannot.
    """
    suffix = path.suffix.lower()
    most = _LARGEST_SIDES.get(suffix)
    if most is not None and max(size) > most:
        why = f"{suffix} holds {most} px at most, and the picture would have {size[0]} x {size[1]}"
        raise _refuse(path, why=why, fix="choose another format, such as png or tiff")


def _refuse(path: Path, *, why: str, fix: str) -> PhotopulseError:
    return PhotopulseError(f"cannot write {path}", why=why, fix=fix)


@dataclass(frozen=True, kw_only=True)
class _Canvas:
    """The content of a file.

    Attributes:
        array: (H, W, C), uint8 or uint16; C from 1 to 4 is grey, grey and alpha, RGB, RGBA.
        metadata: texts by key, cleaned.
        icc_profile: profile of the colours, or None.
        exif: EXIF block, or None.
        given_xmp: XMP packet of the input, or None.
        comment: comment of a JPEG, or None.
        dpi: pixels per inch along x and y, or None.
    """

    array: NDArray[np.uint8] | NDArray[np.uint16]
    metadata: Mapping[str, str]
    icc_profile: bytes | None
    exif: bytes | None
    given_xmp: bytes | None
    comment: bytes | None
    iptc: bytes | None
    dpi: tuple[float, float] | None

    @property
    def picture(self) -> Image.Image:
        """The Pillow image of an 8-bit array."""
        return Image.fromarray(self.array[..., 0] if self.array.shape[2] == 1 else self.array)

    @property
    def xmp(self) -> bytes:
        """The XMP packet; empty if there is no metadata."""
        return xmp_packet(self.metadata, self.given_xmp) if self.metadata else b""


def _quantised(
    pixels: Tensor, alpha: Tensor | None, *, bits: int, gray: bool, opaque: bool
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    colour = _one_image(pixels, channels=3)
    if gray:
        weights = torch.tensor(GRAY_WEIGHTS, dtype=torch.float64)[:, None, None]
        colour = (colour.double() * weights).sum(0, keepdim=True).float()
    if alpha is None:
        return quantise(colour, bits=bits)
    opacity = _one_image(alpha, channels=1).clamp(0, 1)
    if opacity.shape[1:] != colour.shape[1:]:
        raise ValueError(f"alpha is {tuple(opacity.shape[1:])}, pixels are {tuple(colour.shape[1:])}")
    if opaque:
        return quantise(colour.clamp(0, 1) * opacity + (1 - opacity), bits=bits)
    if gray and bits == 16:  # OpenCV cannot write 16-bit grey with alpha, and Pillow cannot read it.
        colour = colour.expand(3, -1, -1)
    return quantise(torch.cat([colour, opacity]), bits=bits)


def _one_image(tensor: Tensor, *, channels: int) -> Tensor:
    planes = tensor[0] if tensor.ndim == 4 and tensor.shape[0] == 1 else tensor
    if planes.ndim != 3 or planes.shape[0] != channels:
        raise ValueError(f"expected one image of {channels} channels, got the shape {tuple(tensor.shape)}")
    return planes.detach().to("cpu", torch.float32)


def _fitting_profile(profile: bytes | None, *, gray: bool) -> bytes | None:
    if profile is None:
        return None
    colour_space = profile[16:20]  # ICC.1:2022, 7.2
    return profile if colour_space == (b"GRAY" if gray else b"RGB ") else None


def _encode_png(canvas: _Canvas) -> bytes:
    # The pixels, then the further chunks, which are inserted behind the header.
    if canvas.array.dtype == np.uint8:
        stream = io.BytesIO()
        canvas.picture.save(stream, "PNG")
        data = stream.getvalue()
    else:
        data = _opencv_png(canvas.array)
    chunks: list[bytes] = []
    if canvas.icc_profile is not None:
        chunks.append(_chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(canvas.icc_profile)))
    if canvas.dpi is not None:
        across, down = (round(number / _INCH) for number in canvas.dpi)
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", across, down, 1)))  # Pixels per metre (PNG, 11.3.4.3).
    if canvas.exif is not None:
        chunks.append(_chunk(b"eXIf", canvas.exif.removeprefix(_EXIF_PREFIX)))
    chunks += [_text_chunk(key, value) for key, value in (_comment(canvas) | dict(canvas.metadata)).items()]
    if canvas.metadata:
        chunks.append(_text_chunk(XMP_KEYWORD, canvas.xmp.decode()))
    after_header = 8 + 12 + 13  # Signature, frame and content of the header chunk (PNG, 11.2.2).
    return data[:after_header] + b"".join(chunks) + data[after_header:]


def _comment(canvas: _Canvas) -> dict[str, str]:
    """Returns the comment as a text field, or nothing; JPEG does not state its encoding."""
    if canvas.comment is None:
        return {}
    try:
        text = canvas.comment.decode("utf-8")
    except UnicodeDecodeError:
        text = canvas.comment.decode("latin-1")
    return clean({"Comment": text.strip("\0")})


def _opencv_png(array: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """Encodes 16-bit channels as PNG, which Pillow cannot."""
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[array.shape[2]]
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(array[..., order]))
    if not done:
        raise ValueError("OpenCV could not encode it")
    return encoded.tobytes()


# Pillow's PngInfo would write texts of 8-bit pictures alone, and put them before eXIf and pHYs: other files than ours.
def _chunk(kind: bytes, data: bytes) -> bytes:
    """Returns a PNG chunk: length, type, data, checksum (PNG, 5.3)."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _text_chunk(key: str, value: str) -> bytes:
    """Returns a text chunk: tEXt for ASCII, which every program reads; iTXt in UTF-8 for others and for XMP."""
    if value.isascii() and key != XMP_KEYWORD:
        return _chunk(b"tEXt", key.encode() + b"\0" + value.encode())
    return _chunk(b"iTXt", key.encode() + b"\0\0\0\0\0" + value.encode())


def _encode_jpeg(canvas: _Canvas) -> bytes:
    words = jpeg_segment(canvas.iptc) if canvas.iptc else b""
    comment = canvas.comment or b""
    return _pillow(canvas, "JPEG", subsampling=0, dpi=canvas.dpi or (0, 0), comment=comment, extra=words)


def _encode_webp(canvas: _Canvas) -> bytes:
    return _pillow(canvas, "WEBP", method=4)


def _pillow(canvas: _Canvas, kind: str, **option: int | tuple[float, float] | bytes) -> bytes:
    stream = io.BytesIO()
    canvas.picture.save(
        stream,
        kind,
        quality=_QUALITY,
        icc_profile=canvas.icc_profile,
        exif=canvas.exif or b"",
        xmp=canvas.xmp,
        **option,
    )
    return stream.getvalue()


def _encode_tiff(canvas: _Canvas) -> bytes:
    """Encodes 8-bit and 16-bit TIFF, little-endian; Pillow can write neither 16-bit colour nor EXIF directories."""
    import tifffile  # Loads slowly, and most pictures are other files.

    # The pixels with all tags of the page, then the EXIF directories.
    stream = io.BytesIO()
    channels = canvas.array.shape[2]
    words = {_XMP_TAG: ("B", canvas.xmp), IPTC_TAG: (7, canvas.iptc)}  # Bytes, and bytes of any meaning.
    tags = [(tag, kind, len(value), value, True) for tag, (kind, value) in words.items() if value]
    tifffile.imwrite(
        stream,
        canvas.array if channels > 1 else canvas.array[..., 0],
        photometric="rgb" if channels > 2 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=("unassalpha",) if channels in {2, 4} else None,
        compression="zlib",
        iccprofile=canvas.icc_profile,
        resolution=canvas.dpi,
        resolutionunit="INCH" if canvas.dpi else None,
        extratags=[*tags, *(word_tags(canvas.exif) if canvas.exif else ())],
        metadata=None,
        software=False,
        byteorder="<",
    )
    if canvas.exif:
        add_exif_folders(stream, canvas.exif)
    return stream.getvalue()


@dataclass(frozen=True, kw_only=True)
class _Encoder:
    """A file format.

    Attributes:
        encode: encodes the content of a file.
        deep: whether the format holds 16 bits.
        alpha: whether it holds an alpha channel.
    """

    encode: Callable[[_Canvas], bytes]
    deep: bool
    alpha: bool


_PNG = _Encoder(encode=_encode_png, deep=True, alpha=True)
_JPEG = _Encoder(encode=_encode_jpeg, deep=False, alpha=False)
_WEBP = _Encoder(encode=_encode_webp, deep=False, alpha=True)
_TIFF = _Encoder(encode=_encode_tiff, deep=True, alpha=True)
_ENCODERS = {".png": _PNG, ".jpg": _JPEG, ".jpeg": _JPEG, ".webp": _WEBP, ".tif": _TIFF, ".tiff": _TIFF}
OUTPUT_SUFFIXES = tuple(_ENCODERS)
