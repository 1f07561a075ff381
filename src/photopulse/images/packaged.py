"""Formats that are read by packages of the extra ``formats``: HEIC, JPEG XL, raw files of cameras."""

from dataclasses import dataclass
from importlib import import_module
from typing import BinaryIO

from PIL.ImageFile import ImageFile

from photopulse.extras import install_command, is_installed

HOW_TO_READ = install_command("formats")

_RAW_NAMES = (
    *("3fr", "arw", "cr2", "cr3", "crw", "dng", "erf", "iiq", "kdc", "mef", "mos", "mrw"),
    *("nef", "nrw", "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f"),
)
_RAW_MARKS = (b"FUJIFILM", b"\0MRM", b"FOVb", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"II\x1a\0\0\0HEAP")
_DNG_VERSIONS = (b"\x12\xc6\x01\0\x04\0\0\0", b"\xc6\x12\0\x01\0\0\0\x04")  # Tag, type and count, in both orders.
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})


@dataclass(frozen=True, kw_only=True)
class PackagedFormat:
    """A format, and the package that reads it.

    Attributes:
        name: name for messages, in the plural.
        format: ``format`` of the pictures that are opened.
        suffixes: extensions of its files.
        package: name under which the package is imported.
        reader: module of photopulse whose ``open_picture`` uses the package.
    """

    name: str
    format: str
    suffixes: frozenset[str]
    package: str
    reader: str

    @property
    def is_read(self) -> bool:
        """Tells whether the package is installed."""
        return is_installed(self.package)

    def open(self, stream: BinaryIO) -> ImageFile:
        """Reads the header of a picture; for a damaged file it may raise any exception of the package."""
        return import_module(self.reader).open_picture(stream)


HEIC = PackagedFormat(
    name="HEIC pictures",
    format="HEIF",
    suffixes=frozenset({".heic", ".heics", ".heif", ".heifs", ".hif"}),
    package="pillow_heif",
    reader="photopulse.images.heic",
)
JXL = PackagedFormat(
    name="JPEG XL pictures",
    format="JXL",
    suffixes=frozenset({".jxl"}),
    package="pillow_jxl",
    reader="photopulse.images.jxl",
)
RAW = PackagedFormat(
    name="raw files of cameras",
    format="RAW",
    suffixes=frozenset(f".{name}" for name in _RAW_NAMES),
    package="rawpy",
    reader="photopulse.images.raw",
)
PACKAGED_FORMATS = (HEIC, JXL, RAW)


def packaged_format(head: bytes, suffix: str) -> PackagedFormat | None:
    """Returns the format of a file by its first bytes, for TIFF-like raw files also by the suffix; None for others."""
    brand = head[8:12] if head[4:8] == b"ftyp" else b""
    if brand in _HEIC_BRANDS and b"avif" not in head[16:64]:
        return HEIC
    if head.startswith(b"\xff\x0a") or head[4:8] == b"JXL ":
        return JXL
    if brand == b"crx " or head.startswith(_RAW_MARKS):
        return RAW
    if head.startswith((b"II", b"MM")):
        is_raw = suffix.lower() in RAW.suffixes or head[8:10] == b"CR"
        return RAW if is_raw or any(mark in head for mark in _DNG_VERSIONS) else None
    return None
