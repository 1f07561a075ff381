"""Adds EXIF data to TIFF files that tifffile writes: texts as tags of the page, the rest in EXIF directories."""

import io
import struct

from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

_HEAD = b"II*\0\x08\0\0\0"
_FOLDERS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)

TiffTag = tuple[int, str, int, str, bool]
"""A tag in tifffile's form: code, type, count, value, and whether it is written to the first page only."""


def word_tags(exif: bytes) -> list[TiffTag]:
    """Returns the texts of an EXIF block that are tags of the page itself, such as camera and author."""
    return [(tag, "s", 0, value, True) for tag, value in _parsed(exif).items() if isinstance(value, str)]


def add_exif_folders(stream: io.BytesIO, exif: bytes) -> None:
    """Appends the directories of an EXIF block (exposure, time, place) to a little-endian TIFF of one page.

    A new directory of the page, with two more entries, is written at the end (TIFF 6.0, section 2); nothing to which it
    points moves.
    """
    # Append the EXIF and the GPS directory, and an entry for each.
    read, entries = _parsed(exif), _entries(stream)
    for folder in _FOLDERS:
        content = read.get_ifd(folder)
        if content:
            directory = ImageFileDirectory_v2(_HEAD, group=folder.value)
            for tag, value in content.items():
                directory[tag] = value
            start = _even_end(stream)
            stream.write(directory.tobytes(start))
            entries.append(struct.pack("<HHII", folder.value, 4, 1, start))
    # Append the page's directory, and let the header point to it.
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry))
    start = _even_end(stream)
    stream.write(struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))
    stream.seek(4)
    stream.write(struct.pack("<I", start))


def _parsed(exif: bytes) -> Image.Exif:
    read = Image.Exif()
    read.load(exif)
    return read


def _entries(stream: io.BytesIO) -> list[bytes]:
    """Returns the entries of the first page's directory, 12 bytes each."""
    data = stream.getbuffer()
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    return [bytes(data[start + 2 + 12 * i :][:12]) for i in range(count)]


def _even_end(stream: io.BytesIO) -> int:
    """Moves to the end of the file, padded to an even offset, at which directories must begin; returns the offset."""
    end = stream.seek(0, io.SEEK_END)
    return end + stream.write(bytes(end % 2))
