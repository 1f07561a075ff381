"""Title, keywords and author in the old form of the press (IPTC-IIM), out of JPEG and TIFF files and into them."""

import struct
from typing import Any, cast

from PIL import Image

IPTC_TAG = 33723
"""Of TIFF."""

_MOST_BYTES = 2**20
_RECORD = b"\x1c"
_RESOURCE = 0x0404  # Of Photoshop, in which JPEG files have it.
_SIGNATURE = b"Photoshop 3.0\0"
_SEGMENT = b"\xff\xed"  # APP13.
_LARGEST_SEGMENT = 65535  # Bytes, the length itself included.


def read_iptc(image: Image.Image) -> bytes | None:
    """The records that a JPEG or TIFF file has, as they are; None if there are none or they make no sense."""
    resources: Any = image.info.get("photoshop")
    data: Any = cast("dict[int, Any]", resources).get(_RESOURCE) if isinstance(resources, dict) else None
    if data is None:
        data = _tiff_bytes(image)
    return data if isinstance(data, bytes) and data.startswith(_RECORD) and len(data) <= _MOST_BYTES else None


def jpeg_segment(iptc: bytes) -> bytes:
    """The segment that holds the records in a JPEG file; nothing where they are too long for one."""
    resource = b"8BIM" + struct.pack(">HHI", _RESOURCE, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
    length = 2 + len(_SIGNATURE) + len(resource)
    if length > _LARGEST_SEGMENT:
        return b""
    return _SEGMENT + struct.pack(">H", length) + _SIGNATURE + resource


def _tiff_bytes(image: Image.Image) -> object:
    """The tag's bytes, which many programs declare as numbers; Pillow itself takes the first of these only."""
    return getattr(getattr(image, "tag_v2", None), "_tagdata", {}).get(IPTC_TAG)
