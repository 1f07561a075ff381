"""Pictures that we write, read back by Pillow, OpenCV, tifffile and ourselves."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.images import OUTPUT_SUFFIXES, read_image, write_image

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
METADATA = {"Title": "Grüße", "Software": "photopulse"}


def image(*shape: int, levels: int = 255, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, levels + 1, shape, generator=generator) / levels


def exif_block() -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera works"
    return exif.tobytes()


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    bits=st.sampled_from([8, 16]),
    suffix=st.sampled_from([".png", ".tiff"]),
    gray=st.booleans(),
    with_alpha=st.booleans(),
)
def test_lossless_formats_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    height: int,
    width: int,
    bits: int,
    suffix: str,
    gray: bool,
    with_alpha: bool,
) -> None:
    path = tmp_path_factory.getbasetemp() / f"exact{suffix}"
    levels = 2**bits - 1
    pixels = image(1, 1 if gray else 3, height, width, levels=levels).expand(1, 3, -1, -1)
    alpha = image(1, 1, height, width, levels=levels, seed=1) if with_alpha else None
    write_image(path, pixels, alpha=alpha, bits=bits, gray=gray, metadata=METADATA)
    photo = read_image(path)
    torch.testing.assert_close(photo.pixels, pixels, atol=1e-7, rtol=0)
    assert photo.bits == bits
    assert (photo.alpha is None) == (alpha is None)
    if photo.alpha is not None and alpha is not None:
        torch.testing.assert_close(photo.alpha, alpha, atol=1e-7, rtol=0)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_lossy_formats_come_back_nearly(tmp_path: Path, suffix: str) -> None:
    pixels = torch.nn.functional.interpolate(image(1, 3, 4, 4), size=(64, 48), mode="bilinear")
    write_image(tmp_path / f"a{suffix}", pixels, bits=16, metadata=METADATA)
    photo = read_image(tmp_path / f"a{suffix}")
    assert (photo.pixels - pixels).abs().mean() < 0.01
    assert photo.bits == 8


def test_jpegs_keep_full_colour_resolution_and_little_loss(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", image(3, 32, 32))
    with Image.open(tmp_path / "a.jpg") as jpeg:
        assert jpeg.layer == [("R", 1, 1, 0)] or all(entry[1:3] == (1, 1) for entry in jpeg.layer)
        assert max(jpeg.quantization[0]) <= 13  # the standard table at quality 95


def test_16_bit_pngs_are_read_by_opencv(tmp_path: Path) -> None:
    pixels = image(3, 9, 7, levels=65535)
    write_image(tmp_path / "a.png", pixels, bits=16, metadata=METADATA, icc_profile=PROFILE, exif=exif_block())
    bgr = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(bgr[..., ::-1], torch.round(pixels * 65535).permute(1, 2, 0))


def test_16_bit_tiffs_are_read_by_tifffile(tmp_path: Path) -> None:
    pixels = image(3, 9, 7, levels=65535)
    write_image(tmp_path / "a.tif", pixels, bits=16, metadata=METADATA, icc_profile=PROFILE)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), torch.round(pixels * 65535).permute(1, 2, 0))


def test_every_chunk_of_a_png_has_its_place_and_checksum(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", image(3, 4, 4), metadata=METADATA, icc_profile=PROFILE, exif=exif_block())
    data = (tmp_path / "a.png").read_bytes()
    kinds, place = [], 8
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        content = data[place + 8 : place + 8 + length]
        assert zlib.crc32(kind + content) == struct.unpack(">I", data[place + 8 + length : place + 12 + length])[0]
        kinds.append(kind)
        place += 12 + length
    assert kinds == [b"IHDR", b"iCCP", b"eXIf", b"iTXt", b"tEXt", b"iTXt", b"IDAT", b"IEND"]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("suffix", OUTPUT_SUFFIXES)
def test_profiles_are_embedded_untouched(tmp_path: Path, suffix: str, bits: int) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, image(3, 4, 4), bits=bits, icc_profile=PROFILE)
    with Image.open(path) as written:
        assert written.info["icc_profile"] == PROFILE


def test_a_profile_for_colours_is_not_put_on_gray(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", image(3, 4, 4), gray=True, icc_profile=PROFILE)
    with Image.open(tmp_path / "a.png") as written:
        assert written.mode == "L"
        assert "icc_profile" not in written.info


@pytest.mark.parametrize(("suffix", "bits"), [*((s, 8) for s in OUTPUT_SUFFIXES), (".png", 16), (".tif", 16)])
def test_exif_is_kept(tmp_path: Path, suffix: str, bits: int) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, image(3, 4, 4), bits=bits, exif=exif_block(), metadata=METADATA)
    with Image.open(path) as written:
        assert written.getexif()[ExifTags.Base.Make] == "Camera works"
    assert read_image(path).exif is not None


def test_values_are_clamped_and_rounded(tmp_path: Path) -> None:
    values = torch.tensor([-3.0, 0.4 / 255, 0.6 / 255, 1.5]).reshape(1, 1, 1, 4).expand(1, 3, 1, 4)
    write_image(tmp_path / "a.png", values)
    with Image.open(tmp_path / "a.png") as written:
        assert np.asarray(written)[0, :, 0].tolist() == [0, 0, 1, 255]


def test_gray_is_the_luma_of_the_colours(tmp_path: Path) -> None:
    pixels = image(3, 8, 8)
    write_image(tmp_path / "colour.png", pixels)
    write_image(tmp_path / "gray.png", pixels, gray=True)
    with Image.open(tmp_path / "colour.png") as colour, Image.open(tmp_path / "gray.png") as gray:
        np.testing.assert_allclose(np.asarray(gray).astype(int), np.asarray(colour.convert("L")), atol=1)


def test_jpegs_lay_transparent_pictures_over_white(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", torch.zeros(3, 8, 8), alpha=torch.full((1, 8, 8), 0.25))
    torch.testing.assert_close(read_image(tmp_path / "a.jpg").pixels, torch.full((1, 3, 8, 8), 0.75), atol=0.01, rtol=0)


def test_webp_keeps_alpha(tmp_path: Path) -> None:
    alpha = image(1, 1, 8, 8)
    write_image(tmp_path / "a.webp", torch.zeros(3, 8, 8), alpha=alpha)
    written = read_image(tmp_path / "a.webp").alpha
    assert written is not None
    torch.testing.assert_close(written, alpha)


def test_a_name_without_extension_becomes_a_png(tmp_path: Path) -> None:
    write_image(tmp_path / "picture", image(3, 4, 4))
    with Image.open(tmp_path / "picture") as written:
        assert written.format == "PNG"


def test_folders_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_image(tmp_path / "new" / "folder" / "a.png", image(3, 4, 4))
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["a.png"]


def test_tensors_of_any_dtype_and_with_gradient_are_written(tmp_path: Path) -> None:
    for dtype in (torch.float64, torch.bfloat16, torch.float16):
        write_image(tmp_path / "a.png", torch.ones(3, 2, 2, dtype=dtype, requires_grad=True))
        assert read_image(tmp_path / "a.png").pixels.min() == 1


def test_an_unknown_extension_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(PhotopulseError, match=r"type \.gif are not written.*\.png, \.jpg"):
        write_image(tmp_path / "a.gif", image(3, 4, 4))


def test_targets_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    for target in (tmp_path / "file" / "a.png", tmp_path / "folder.png", tmp_path / ("n" * 300 + ".png")):
        with pytest.raises(PhotopulseError, match="cannot write"):
            write_image(target, image(3, 4, 4))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


@pytest.mark.parametrize(("suffix", "width"), [(".jpg", 70_000), (".webp", 20_000)])
def test_pictures_too_large_for_a_format_are_refused(tmp_path: Path, suffix: str, width: int) -> None:
    with pytest.raises(PhotopulseError, match=r"write it as \.png|Write it as \.png"):
        write_image(tmp_path / f"a{suffix}", torch.zeros(3, 1, width))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (1, 4, 4), (4, 4), (3, 0, 4)])
def test_tensors_that_are_no_image_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="one image"):
        write_image(tmp_path / "a.png", torch.zeros(shape))


def test_wrong_alpha_bits_and_values_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="alpha is"):
        write_image(tmp_path / "a.png", image(3, 4, 4), alpha=torch.ones(1, 4, 5))
    with pytest.raises(ValueError, match="bits must be"):
        write_image(tmp_path / "a.png", image(3, 4, 4), bits=10)
    with pytest.raises(ValueError, match="not a number"):
        write_image(tmp_path / "a.png", torch.full((3, 4, 4), float("nan")))
    assert list(tmp_path.iterdir()) == []
