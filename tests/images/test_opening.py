"""Files that are no picture, too large or damaged: always a PhotopulseError that names the file."""

import io
import os
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.images import read_image


def refusal(path: Path, *, max_pixels: int = 100_000_000) -> str:
    with pytest.raises(PhotopulseError) as caught:
        read_image(path, max_pixels=max_pixels)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"just some text", "not a picture in a known format"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n%%EndComments\n", "PostScript"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "."),
    ],
)
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.png").write_bytes(content)
    assert reason in refusal(tmp_path / "a.png")


def test_missing_files_folders_and_pipes_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "No such file" in refusal(tmp_path / "missing.png")
    assert "folder or device" in refusal(tmp_path)
    assert "folder or device" in refusal(tmp_path / "pipe.png")
    assert "too long" in refusal(tmp_path / ("n" * 300))


def test_a_file_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"x")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    assert "Permission denied" in refusal(tmp_path / "a.png")


def huge_png(width: int, height: int, bits: int = 8) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def huge_tiff(width: int, height: int) -> bytes:
    tags = [(256, width), (257, height), (258, 16), (259, 1), (262, 2), (273, 8), (277, 3), (278, height)]
    tags += [(279, 4)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in tags)
    return b"II*\0" + struct.pack("<I", 12) + bytes(4) + directory + bytes(4)


@pytest.mark.parametrize(
    "content",
    [
        huge_png(100_000, 100_000),
        huge_png(10_001, 10_001),
        huge_png(12_000, 12_000, bits=16),
        huge_tiff(60_000, 60_000),
        b"P6 2000000 2000000 255\n",
        b"P5 20000 20000 65535\n",
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 50_000, 50_000, 1, 24, 0, 0, 0, 0, 0, 0),
    ],
)
def test_decompression_bombs_are_refused_without_decoding(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bomb.png").write_bytes(content)
    Image.init()
    tracemalloc.start()
    # Seconds of this process alone: a busy machine changes no verdict.
    start = time.process_time()
    message = refusal(tmp_path / "bomb.png")
    assert time.process_time() - start < 2
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert "pixels" in message


def test_a_small_tiff_with_one_giant_tile_is_refused(tmp_path: Path) -> None:
    tags = [(256, 16), (257, 16), (258, 16), (259, 1), (262, 2), (277, 3)]
    tags += [(322, 2**20), (323, 2**12), (324, 8), (325, 4)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in tags)
    (tmp_path / "a.tif").write_bytes(b"II*\0" + struct.pack("<I", 12) + bytes(4) + directory + bytes(4))
    assert "its tiles hold" in refusal(tmp_path / "a.tif")


def test_a_chunk_that_declares_gigabytes_is_refused_at_once(tmp_path: Path) -> None:
    data = SOUND["png16"]
    start = data.index(b"IEND") - 4
    tail = struct.pack(">I", 0xFFFF0000) + b"tEXt" + data[start:]
    (tmp_path / "a.png").write_bytes(data[:start] + tail)
    tracemalloc.start()
    before = time.process_time()
    refusal(tmp_path / "a.png")
    assert time.process_time() - before < 2
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_the_pixel_limit_is_the_callers(tmp_path: Path) -> None:
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png")
    assert "20 x 10 pixels, more than the allowed 199" in refusal(tmp_path / "a.png", max_pixels=199)
    assert read_image(tmp_path / "a.png", max_pixels=200).pixels.shape == (1, 3, 10, 20)


@pytest.mark.parametrize("values", [[[np.nan, 0.0]], [[np.inf, 0.0]], [[70_000.0, 0.0]]])
def test_float_pictures_without_meaning_are_refused(tmp_path: Path, values: list[list[float]]) -> None:
    Image.fromarray(np.array(values, np.float32)).save(tmp_path / "a.tif")
    refusal(tmp_path / "a.tif")


def encoded(kind: str) -> bytes:
    random = np.random.default_rng(1)
    if kind == "png16":
        return cv2.imencode(".png", random.integers(0, 65535, (9, 8, 3), dtype=np.uint16))[1].tobytes()
    buffer = io.BytesIO()
    if kind == "tiff16":
        deep = random.integers(0, 65535, (9, 8, 3), dtype=np.uint16)
        tifffile.imwrite(buffer, deep, photometric="rgb", compression="zlib")
        return buffer.getvalue()
    image = Image.fromarray(random.integers(0, 255, (16, 16, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[274] = 6
    options = {"exif": exif} if kind in {"PNG", "JPEG", "WEBP", "TIFF"} else {}
    image.save(buffer, kind, **options)
    return buffer.getvalue()


KINDS = [
    "PNG",
    "JPEG",
    "WEBP",
    "TIFF",
    "BMP",
    "GIF",
    "PPM",
    "TGA",
    "ICO",
    "JPEG2000",
    "AVIF",
    "png16",
    "tiff16",
]
SOUND = {kind: encoded(kind) for kind in KINDS}


def read_or_refuse(path: Path) -> bool:
    """Whether the file was read; anything raised but a PhotopulseError fails the test."""
    try:
        photo = read_image(path, max_pixels=1_000_000)
    except PhotopulseError:
        return False
    assert bool(((photo.pixels >= 0) & (photo.pixels <= 1)).all())
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_the_sound_files_of_these_tests_are_read(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").write_bytes(SOUND[kind])
    assert read_or_refuse(tmp_path / "a")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "PPM", "png16"])
def test_files_cut_in_half_are_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").write_bytes(SOUND[kind][: len(SOUND[kind]) // 2])
    assert not read_or_refuse(tmp_path / "a")


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_16_bit_tiffs_that_end_early_are_refused(
    tmp_path: Path, compression: str | None, tile: tuple[int, int] | None, share: float
) -> None:
    deep = np.random.default_rng(2).integers(0, 65535, (64, 40, 3), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb", compression=compression, tile=tile)
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[: int(share * len(data))])
    assert not read_or_refuse(tmp_path / "a.tif")


@given(kind=st.sampled_from(KINDS), share=st.floats(0, 1))
def test_files_cut_anywhere_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, share: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "cut"
    path.write_bytes(SOUND[kind][: int(share * len(SOUND[kind]))])
    read_or_refuse(path)


@given(
    kind=st.sampled_from(KINDS),
    flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), min_size=1, max_size=8),
)
def test_files_with_flipped_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, flips: list[tuple[float, int]]
) -> None:
    data = bytearray(SOUND[kind])
    for place, flip in flips:
        data[int(place * len(data))] ^= flip
    path = tmp_path_factory.getbasetemp() / "flipped"
    path.write_bytes(data)
    read_or_refuse(path)


@given(head=st.sampled_from([sound[:20] for sound in SOUND.values()]), tail=st.binary(max_size=200))
def test_noise_behind_a_true_signature_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, tail: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise"
    path.write_bytes(head + tail)
    read_or_refuse(path)
