"""Pictures in every form in which a caller may have them: the same pixels come out."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from photopulse.errors import PhotopulseError
from photopulse.images import read_image
from photopulse.images.given import read_given, read_pixels

ARRAY = np.random.default_rng(0).integers(0, 256, (12, 17, 4), dtype=np.uint8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Image.fromarray(ARRAY[..., :3]).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def forms(path: Path) -> dict[str, Any]:
    array = np.asarray(Image.open(path))
    planes = torch.from_numpy(array.transpose(2, 0, 1).copy())
    return {
        "text": str(path),
        "bytes": path.read_bytes(),
        "bytearray": bytearray(path.read_bytes()),
        "memory": io.BytesIO(path.read_bytes()),
        "picture": Image.open(path),
        "uint8 array": array,
        "uint16 array": array.astype(np.uint16) * 257,
        "float32 array": array.astype(np.float32) / np.float32(255),
        "float64 array": array / 255,
        "uint8 tensor": planes,
        "float tensor": planes[None].float() / 255,
        "double tensor": planes.double() / 255,
    }


def test_every_form_gives_the_pixels_of_the_path(path: Path) -> None:
    expected = read_image(path).pixels
    for name, given in forms(path).items():
        _, pixels = read_pixels(given)
        assert pixels.dtype == torch.float32, name
        assert (pixels - expected).abs().max() < 1e-7, name
    with path.open("rb") as stream:
        assert torch.equal(read_pixels(stream)[1], expected)
        assert not stream.closed
    written = io.BytesIO()
    Image.open(path).save(written, "PNG")  # It is at its end now.
    assert torch.equal(read_pixels(written)[1], expected)


def test_half_precision_is_read_as_it_is() -> None:
    planes = torch.full((3, 4, 5), 0.25, dtype=torch.float16)
    assert torch.equal(read_pixels(planes)[1], torch.full((1, 3, 4, 5), 0.25))
    assert torch.equal(read_pixels(planes.bfloat16())[1], torch.full((1, 3, 4, 5), 0.25))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_gray_and_opacity_are_known_by_the_number_of_channels(channels: int) -> None:
    array = ARRAY[..., :channels]
    for given in (array, torch.from_numpy(array.transpose(2, 0, 1).copy())):
        _, photo = read_given(given)
        assert (photo.gray, photo.alpha is not None, photo.bits) == (channels < 3, channels in (2, 4), 8)
        shown = photo.pixels[0].permute(1, 2, 0).numpy() * 255
        assert np.abs(shown - (array[..., :1] if channels < 3 else array[..., :3])).max() < 1e-4
        if photo.alpha is not None:
            assert np.abs(photo.alpha[0, 0].numpy() * 255 - array[..., -1]).max() < 1e-4


def test_two_dimensions_are_gray_and_transparent_parts_white() -> None:
    assert read_given(ARRAY[..., 0])[1].gray
    assert read_given(torch.from_numpy(ARRAY[..., 0].copy()))[1].gray
    hidden = np.zeros((4, 4, 4), np.uint8)
    assert (read_pixels(hidden)[1] == 1).all()


def test_a_picture_keeps_profile_and_words_and_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "Anna"
    Image.fromarray(ARRAY[..., :3]).save(tmp_path / "a.jpg", exif=exif, dpi=(300, 300), comment=b"hello")
    expected = read_image(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as picture:
        _, photo = read_given(picture)
        assert picture.size == (17, 12)
    assert torch.equal(photo.pixels, expected.pixels)
    assert (photo.exif, photo.dpi, photo.comment) == (expected.exif, expected.dpi, expected.comment)


def test_what_is_given_is_not_changed_with_the_answer() -> None:
    for given in (np.full((4, 5, 3), 0.5, np.float32), torch.full((1, 3, 4, 5), 0.5)):
        read_given(given)[1].pixels[:] = 1
        assert float(given.max()) == 0.5


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (np.zeros((3, 40, 50), np.uint8), r"\(H, W, C\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), r"\(H, W, C\)"),
        (np.zeros((4, 4, 3), np.int64), "uint8, uint16 or floats, not int64"),
        (np.zeros((4, 4, 3), bool), "not bool"),
        (np.full((4, 4, 3), 255.0), r"in \[0, 1\], and these are in \[255, 255\]"),
        (np.full((4, 4, 3), np.nan), r"in \[0, 1\]"),
        (torch.zeros(40, 50, 3), r"\(C, H, W\)"),
        (torch.zeros(2, 3, 4, 4), r"\(1, C, H, W\)"),
        (torch.zeros(3, 4, 4, dtype=torch.int32), "not int32"),
        (torch.full((3, 4, 4), -1.0), r"in \[-1, -1\]"),
    ],
)
def test_other_shapes_types_and_ranges_are_refused(given: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_pixels(given)


def test_what_is_no_picture_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(TypeError, match="not a int"):
        read_pixels(3)  # pyright: ignore[reportArgumentType]
    with (tmp_path / "a.txt").open() as stream, pytest.raises(TypeError, match="'rb'"):
        read_pixels(stream)  # pyright: ignore[reportArgumentType]
    with pytest.raises(PhotopulseError, match="cannot read the given picture: it is not a picture"):
        read_pixels(b"no picture")
    with pytest.raises(PhotopulseError, match="0 x 4 pixels"):
        read_pixels(np.zeros((4, 0, 3), np.uint8))


def test_too_many_pixels_are_refused_before_they_are_copied() -> None:
    many = np.broadcast_to(np.uint8(0), (20_000, 20_000, 3))
    with pytest.raises(PhotopulseError, match="more than the allowed"):
        read_pixels(many)
    with pytest.raises(PhotopulseError, match="more than the allowed"):
        read_pixels(torch.zeros(1, dtype=torch.uint8).expand(3, 20_000, 20_000))
