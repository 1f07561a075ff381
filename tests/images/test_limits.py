"""Small files that would take minutes to decode are refused at once, and reading changes nothing for other threads."""

import io
import struct
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.images import limits, read_image
from photopulse.images.limits import TimedFile


def jpeg(*, progressive: bool = False) -> bytes:
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 80).convert("RGB").save(stream, "JPEG", progressive=progressive)
    return stream.getvalue()


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def refusal(content: bytes) -> str:
    with pytest.raises(PhotopulseError) as caught:
        read_image(content)
    return str(caught.value)


def test_thousands_of_scans_are_refused():
    picture = jpeg(progressive=True)
    last = picture.rindex(b"\xff\xda")
    assert "more than 100 scans" in refusal(picture[:last] + picture[last:-2] * 200 + picture[-2:])
    assert read_image(picture[:last] + picture[last:-2] * 20 + picture[-2:]).pixels.shape == (1, 3, 64, 64)


def test_thousands_of_segments_are_refused_and_hundreds_of_a_depth_map_are_read():
    picture = jpeg()
    assert "Exif segments" in refusal(picture[:2] + segment(0xE1, b"Exif\0\0" + bytes(9)) * 70 + picture[2:])
    assert "segments" in refusal(picture[:2] + segment(0xFE, b"words") * 5000 + picture[2:])
    depth = segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(60_000))
    assert read_image(picture[:2] + depth * 300 + picture[2:]).pixels.shape == (1, 3, 64, 64)


def test_what_follows_a_jpeg_does_not_count():
    film = b"\xff\xda\0\x02" * 500
    assert read_image(jpeg() + film + b"\xff\xd9").pixels.shape == (1, 3, 64, 64)


def test_a_comment_of_megabytes_in_a_pixmap_is_refused():
    assert "comments" in refusal(b"P6\n#" + b"A" * 100_000 + b"\n1 1\n255\n\0\0\0")
    assert read_image(b"P6\n# made\n#\tby hand\n1 # wide\n1\n255\n\0\0\0").pixels.shape == (1, 3, 1, 1)


def test_decoding_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch):
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 50  # Each time that the decoder asks for bytes.
        return now

    monkeypatch.setattr(limits.time, "monotonic", clock)
    assert "takes more than 120 seconds" in refusal(jpeg())


def test_a_timed_file_is_the_file_itself(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"one\ntwo\n")
    with (tmp_path / "a").open("rb") as stream:
        timed = TimedFile(stream)
        assert (timed.readline(), timed.tell(), timed.read(2), timed.seek(0), timed.read()) == (
            *(b"one\n", 4, b"tw", 0),
            b"one\ntwo\n",
        )
        assert timed.fileno() == stream.fileno()


@pytest.mark.parametrize("tile", [None, (64, 64)])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_deep_tiff_of_which_parts_are_missing_is_refused(tile: tuple[int, int] | None, compression: str | None):
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 65536, (128, 128, 3)).astype(np.uint16)
    layout = {"tile": tile} if tile else {"rowsperstrip": 16}
    tifffile.imwrite(stream, pixels, photometric="rgb", compression=compression, **layout)  # pyright: ignore[reportArgumentType]
    assert read_image(stream.getvalue()).bits == 16
    with tifffile.TiffFile(io.BytesIO(stream.getvalue())) as file:
        counts = file.pages.first.tags["TileByteCounts" if tile else "StripByteCounts"]
        code, form = counts.valueoffset, {3: "<H", 4: "<I"}[int(counts.dtype)]
    content = bytearray(stream.getvalue())
    struct.pack_into(form, content, code, 0)
    assert "1 of its" in refusal(bytes(content))


def test_reading_in_threads_leaves_the_warning_filters_alone(tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(jpeg())
    before = list(warnings.filters)
    seen: list[bool] = []

    def read() -> None:
        for _ in range(20):
            read_image(tmp_path / "a.jpg")
            seen.append(list(warnings.filters) == before)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(seen)
    assert list(warnings.filters) == before
