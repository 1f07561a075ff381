"""IPTC records and comments: out of JPEG and TIFF as other programs write them, and back."""

import io
import struct
from pathlib import Path

import pytest
import tifffile
import torch
from PIL import Image, IptcImagePlugin

from photopulse.images import read_image, write_image

CITY, KEYWORD = (2, 90), (2, 25)


def record(kind: tuple[int, int], text: bytes) -> bytes:
    return b"\x1c" + bytes(kind) + struct.pack(">H", len(text)) + text


IPTC = record((1, 90), b"\x1b%G") + record(CITY, "Zürich".encode()) + record(KEYWORD, b"family")
PIXELS = torch.full((1, 3, 16, 24), 0.4)


def told(path: Path) -> dict[tuple[int, int], object]:
    """What Pillow finds."""
    with Image.open(path) as image:
        return dict(IptcImagePlugin.getiptcinfo(image) or {})


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
@pytest.mark.parametrize("data", [IPTC, IPTC + record(CITY, b"x")], ids=["even", "odd"])
def test_records_are_written_as_others_read_them_and_read_back(tmp_path: Path, suffix: str, data: bytes) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, PIXELS, iptc=data, exif=None, comment=b"hello" if suffix == ".jpg" else None)
    assert told(path)[KEYWORD] == b"family"
    assert read_image(path).iptc == data


@pytest.mark.parametrize("order", ["<", ">"])
def test_records_that_a_tiff_declares_as_long_numbers_are_the_same_bytes(tmp_path: Path, order: str) -> None:
    data = IPTC + bytes(-len(IPTC) % 4)
    numbers = struct.unpack(f"{order}{len(data) // 4}I", data)
    pixels = torch.zeros(8, 8, 3, dtype=torch.uint8).numpy()
    tags = [(33723, "I", len(numbers), numbers, True)]
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", byteorder=order, extratags=tags)
    assert read_image(tmp_path / "a.tif").iptc == data


def test_records_that_are_none_or_too_long_are_left_out(tmp_path: Path) -> None:
    write_image(tmp_path / "a.tif", PIXELS, iptc=b"something else")
    assert read_image(tmp_path / "a.tif").iptc is None
    write_image(tmp_path / "a.jpg", PIXELS, iptc=record(CITY, bytes(30000)) * 3)
    assert read_image(tmp_path / "a.jpg").iptc is None
    write_image(tmp_path / "a.png", PIXELS, iptc=IPTC)
    assert read_image(tmp_path / "a.png").iptc is None


@pytest.mark.parametrize(("given", "kept"), [("Großmutter".encode(), "Großmutter"), (b"M\xfcller\0", "Müller")])
def test_a_comment_is_kept_in_jpeg_and_png(tmp_path: Path, given: bytes, kept: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (24, 16)).save(stream, "JPEG", comment=given)
    photo = read_image(stream.getvalue())
    assert photo.comment == given
    for name in ("a.png", "a.jpg"):
        write_image(tmp_path / name, photo.pixels, comment=photo.comment)
    assert read_image(tmp_path / "a.jpg").comment == given
    assert Image.open(tmp_path / "a.png").info["Comment"] == kept
    assert read_image(tmp_path / "a.png").comment == kept.encode()
