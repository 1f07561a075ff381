"""Legacy IPTC records (IIM: title, keywords, author) of JPEG and TIFF files."""

import struct
from typing import Any, cast

from PIL import Image

IPTC_TAG = 33723
"""The tag of TIFF that holds the records."""

_MOST_BYTES = 2**20
_RECORD = b"\x1c"
_RESOURCE = 0x0404  # The resource of Photoshop that holds the records in a JPEG.
_SIGNATURE = b"Photoshop 3.0\0"
_SEGMENT = b"\xff\xed"  # APP13.
_LARGEST_SEGMENT = 65535  # Bytes, with those of the length itself.


def read_iptc(image: Image.Image) -> bytes | None:
    """Returns the records of a JPEG or TIFF file, unchanged; None if there are none or they are invalid."""
    resources: Any = image.info.get("photoshop")
    data: Any = cast("dict[int, Any]", resources).get(_RESOURCE) if isinstance(resources, dict) else None
    if data is None:
        data = _tiff_bytes(image)
    return data if isinstance(data, bytes) and data.startswith(_RECORD) and len(data) <= _MOST_BYTES else None


def jpeg_segment(iptc: bytes) -> bytes:
    """Returns the segment of a JPEG that holds the records; empty if they are too long for one segment."""
    resource = b"8BIM" + struct.pack(">HHI", _RESOURCE, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
    length = 2 + len(_SIGNATURE) + len(resource)
    if length > _LARGEST_SEGMENT:
        return b""
    return _SEGMENT + struct.pack(">H", length) + _SIGNATURE + resource


def _tiff_bytes(image: Image.Image) -> object:
    """Returns the tag's bytes; many programs declare them as numbers, of which Pillow itself returns only the first."""
    return getattr(getattr(image, "tag_v2", None), "_tagdata", {}).get(IPTC_TAG)
