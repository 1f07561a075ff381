"""JPEG files that have lost their end, as rescued memory cards and old downloads have them."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from photopulse.errors import PhotopulseError
from photopulse.images import read_image


@pytest.fixture(scope="module")
def jpeg() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(data.astronaut()).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def test_a_file_without_its_last_two_bytes_is_whole(jpeg: bytes, tmp_path: Path):
    (tmp_path / "whole.jpg").write_bytes(jpeg)
    (tmp_path / "cut.jpg").write_bytes(jpeg[:-2])
    whole, cut = (read_image(tmp_path / name) for name in ("whole.jpg", "cut.jpg"))
    assert (whole.missing_rows, cut.missing_rows) == (0, 0)
    assert (whole.pixels - cut.pixels).abs().max() == 0


def test_a_file_is_read_as_far_as_it_goes_and_says_how_many_rows_are_missing(jpeg: bytes, tmp_path: Path):
    (tmp_path / "whole.jpg").write_bytes(jpeg)
    (tmp_path / "cut.jpg").write_bytes(jpeg[: len(jpeg) * 8 // 10])
    whole, cut = (read_image(tmp_path / name) for name in ("whole.jpg", "cut.jpg"))
    assert 40 < cut.missing_rows < 200
    # A row of blocks may be there in part, and colours are smoothed over their edge.
    there = 512 - cut.missing_rows - 18
    assert (whole.pixels - cut.pixels)[:, :, :there].abs().max() == 0


def test_a_file_of_which_little_is_left_is_refused(jpeg: bytes, tmp_path: Path):
    (tmp_path / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 4])
    with pytest.raises(PhotopulseError, match=r"cut off: \d+ of its 512 rows are missing"):
        read_image(tmp_path / "cut.jpg")


def test_padding_after_the_end_is_no_damage(jpeg: bytes, tmp_path: Path):
    (tmp_path / "padded.jpg").write_bytes(jpeg + bytes(5000))
    assert read_image(tmp_path / "padded.jpg").missing_rows == 0


def test_zeros_in_place_of_the_end_are_an_end_that_is_missing(jpeg: bytes, tmp_path: Path):
    there = len(jpeg) * 8 // 10
    (tmp_path / "cut.jpg").write_bytes(jpeg[:there])
    (tmp_path / "zeros.jpg").write_bytes(jpeg[:there] + bytes(len(jpeg) - there))
    cut, zeros = (read_image(tmp_path / name) for name in ("cut.jpg", "zeros.jpg"))
    assert (cut.cut_off, zeros.cut_off) == (True, True)
    assert cut.missing_rows == zeros.missing_rows


def test_a_progressive_file_that_was_cut_off_has_all_rows_and_says_so(jpeg: bytes, tmp_path: Path):
    stream = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).save(stream, "JPEG", progressive=True, quality=85)
    data = stream.getvalue()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) * 8 // 10])
    (tmp_path / "whole.jpg").write_bytes(data)
    cut, whole = (read_image(tmp_path / name) for name in ("cut.jpg", "whole.jpg"))
    assert (cut.cut_off, cut.missing_rows) == (True, 0)
    assert (whole.cut_off, whole.missing_rows) == (False, 0)
    assert (cut.pixels - whole.pixels).abs().max() > 0


def test_a_file_with_padding_is_not_cut_off(jpeg: bytes, tmp_path: Path):
    (tmp_path / "padded.jpg").write_bytes(jpeg + bytes(5000))
    assert not read_image(tmp_path / "padded.jpg").cut_off


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_whose_end_mark_comes_too_early_is_told_or_refused(progressive: bool):
    random = np.random.default_rng(0)
    stream = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (256, 256, 3), dtype=np.uint8)).save(stream, "JPEG", quality=90)
    whole = stream.getvalue()
    assert not read_image(whole).cut_off
    photo = read_image(whole[: int(0.7 * len(whole))] + b"\xff\xd9")
    assert photo.cut_off
    assert 60 < photo.missing_rows < 100
    with pytest.raises(PhotopulseError, match="rows are missing"):
        read_image(whole[: int(0.3 * len(whole))] + b"\xff\xd9")
    # A header that promises four times the size.
    frame = whole.index(b"\xff\xc0") + 5
    with pytest.raises(PhotopulseError, match="rows are missing"):
        read_image(whole[:frame] + bytes([2, 0, 2, 0]) + whole[frame + 4 :])
    # A border of one colour is no damage.
    bordered = random.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    bordered[128:] = 20
    stream = io.BytesIO()
    Image.fromarray(bordered).save(stream, "JPEG", progressive=progressive)
    assert not read_image(stream.getvalue()).cut_off
    assert read_image(stream.getvalue()).missing_rows == 0
