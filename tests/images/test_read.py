"""Every mode, depth, profile and orientation, against Pillow's own converters or hand-worked numbers."""

import io
import struct
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageOps

from photopulse.images import read_image, to_uint8

RANDOM = np.random.default_rng(0)


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return RANDOM.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def rgb_of(path: Path) -> np.ndarray:
    return to_uint8(read_image(path).pixels)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, bits: int, colour_type: int, rows: bytes, *extra: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    body = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def png_rows(array: np.ndarray) -> bytes:
    big_endian = array.astype(array.dtype.newbyteorder(">")).reshape(len(array), -1)
    return b"".join(b"\0" + row.tobytes() for row in big_endian)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "ppm", "tga", "jp2", "webp", "gif", "ico", "sgi", "pcx"])
def test_lossless_formats_give_the_very_pixels(tmp_path: Path, suffix: str) -> None:
    array = noise(16, 16, 3) if suffix != "gif" else np.repeat(noise(16, 16)[..., None], 3, axis=2)
    path = tmp_path / f"a.{suffix}"
    options = {"webp": {"lossless": True}, "ico": {"sizes": [(16, 16)]}}.get(suffix, {})
    Image.fromarray(array).save(path, **options)
    photo = read_image(path)
    np.testing.assert_array_equal(to_uint8(photo.pixels), array)
    assert photo.pixels.dtype == torch.float32
    assert photo.pixels.is_contiguous()
    assert (photo.bits, photo.gray, photo.icc_profile, photo.exif) == (8, False, None, None)


@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    case=st.sampled_from(
        [
            *((mode, "png") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
            *((mode, "tiff") for mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB")),
            *((mode, "tiff") for mode in ("I;16", "I", "F")),
            *((mode, "jpg") for mode in ("L", "RGB", "CMYK")),
            *((mode, suffix) for mode in ("RGB", "RGBA") for suffix in ("webp", "jp2", "avif", "tga")),
            *((mode, "gif") for mode in ("1", "L", "P")),
            *((mode, "bmp") for mode in ("1", "L", "P", "RGB")),
        ]
    ),
)
def test_every_mode_and_size_is_read(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, case: tuple[str, str]
) -> None:
    mode, suffix = case
    path = tmp_path_factory.getbasetemp() / f"mode.{suffix}"
    image = Image.new("RGB", (width, height), (200, 200, 200)).convert("L").convert(mode.replace(";16", ""))
    if mode == "1":
        image = Image.new("1", (width, height), 1)
    elif mode in {"LA", "RGBA"}:
        image.putalpha(128)
    elif mode == "I;16":
        image = Image.fromarray(np.full((height, width), 200 * 257, np.uint16))
    elif mode == "I":
        image = Image.fromarray(np.full((height, width), 200 * 257, np.int32))
    image.save(path)
    photo = read_image(path)
    assert photo.pixels.shape == (1, 3, height, width)
    expected = 1.0 if mode == "1" else 200 / 255
    torch.testing.assert_close(photo.pixels, torch.full_like(photo.pixels, expected), atol=0.03, rtol=0)
    assert (photo.alpha is not None) == (mode in {"LA", "PA", "RGBA"})
    if mode != "P" and suffix != "gif":  # a palette of grays may count as either
        assert photo.gray == (mode in {"1", "L", "LA", "I", "F", "I;16"})


def test_alpha_and_colour_come_apart(tmp_path: Path) -> None:
    array = noise(5, 7, 4)
    Image.fromarray(array).save(tmp_path / "a.png")
    photo = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(to_uint8(photo.pixels), array[..., :3])
    assert photo.alpha is not None
    np.testing.assert_array_equal(torch.round(photo.alpha[0, 0] * 255), array[..., 3])


def test_gray_with_alpha_stays_gray(tmp_path: Path) -> None:
    array = noise(5, 7, 2)
    Image.fromarray(array).save(tmp_path / "a.png")
    photo = read_image(tmp_path / "a.png")
    assert photo.gray
    assert photo.alpha is not None
    np.testing.assert_array_equal(to_uint8(photo.pixels)[..., 1], array[..., 0])
    np.testing.assert_array_equal(torch.round(photo.alpha[0, 0] * 255), array[..., 1])


def test_a_transparent_palette_colour_becomes_alpha(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "a.png", transparency=1)
    photo = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(to_uint8(photo.pixels), [[[255, 0, 0], [0, 0, 255]]])
    assert photo.alpha is not None
    assert photo.alpha.flatten().tolist() == [1.0, 0.0]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_transparent_key_colour_becomes_alpha(tmp_path: Path, mode: str) -> None:
    image = Image.new(mode, (2, 1), 0)
    image.putpixel((1, 0), 9 if mode == "L" else (9, 9, 9))
    image.save(tmp_path / "a.png", transparency=9 if mode == "L" else (9, 9, 9))
    photo = read_image(tmp_path / "a.png")
    assert photo.alpha is not None
    assert photo.alpha.flatten().tolist() == [1.0, 0.0]
    assert photo.gray == (mode == "L")


def test_16_bit_rgb_png_keeps_every_bit(tmp_path: Path) -> None:
    array = noise(6, 5, 3, dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(png(5, 6, 16, 2, png_rows(array)))
    photo = read_image(tmp_path / "a.png")
    assert (photo.bits, photo.gray, photo.alpha) == (16, False, None)
    np.testing.assert_array_equal(torch.round(photo.pixels[0] * 65535).permute(1, 2, 0), array)


def test_16_bit_png_with_alpha_keeps_every_bit(tmp_path: Path) -> None:
    array = noise(6, 5, 4, dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(png(5, 6, 16, 6, png_rows(array)))
    photo = read_image(tmp_path / "a.png")
    assert photo.alpha is not None
    whole = torch.cat([photo.pixels, photo.alpha], dim=1)
    np.testing.assert_array_equal(torch.round(whole[0] * 65535).permute(1, 2, 0), array)


def test_16_bit_gray_png_with_alpha_keeps_every_bit(tmp_path: Path) -> None:
    array = noise(6, 5, 2, dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(png(5, 6, 16, 4, png_rows(array)))
    photo = read_image(tmp_path / "a.png")
    assert photo.gray
    assert photo.alpha is not None
    np.testing.assert_array_equal(torch.round(photo.pixels[0, 2] * 65535), array[..., 0])
    np.testing.assert_array_equal(torch.round(photo.alpha[0, 0] * 65535), array[..., 1])


def test_16_bit_gray_png_keeps_every_bit_and_its_key_colour(tmp_path: Path) -> None:
    array = np.array([[0, 300, 65535]], np.uint16)
    key = chunk(b"tRNS", struct.pack(">H", 300))
    (tmp_path / "a.png").write_bytes(png(3, 1, 16, 0, png_rows(array), key))
    photo = read_image(tmp_path / "a.png")
    assert (photo.bits, photo.gray) == (16, True)
    np.testing.assert_array_equal(torch.round(photo.pixels[0, 1] * 65535), array)
    assert photo.alpha is not None
    assert photo.alpha.flatten().tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_16_bit_rgb_tiff_keeps_every_bit(tmp_path: Path, planes: str, order: str, compression: str | None) -> None:
    array = noise(6, 5, 3, dtype=np.uint16)
    stored = array if planes == "contig" else array.transpose(2, 0, 1)
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        photometric="rgb",
        planarconfig=planes,
        byteorder=order,
        compression=compression,
    )
    photo = read_image(tmp_path / "a.tif")
    assert photo.bits == 16
    np.testing.assert_array_equal(torch.round(photo.pixels[0] * 65535).permute(1, 2, 0), array)


def test_16_bit_lzw_tiff_keeps_every_bit(tmp_path: Path) -> None:
    array = noise(6, 5, 3, dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "a.tif"), array[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    photo = read_image(tmp_path / "a.tif")
    assert photo.bits == 16
    np.testing.assert_array_equal(torch.round(photo.pixels[0] * 65535).permute(1, 2, 0), array)


def test_16_bit_tiff_with_alpha_keeps_every_bit(tmp_path: Path) -> None:
    array = noise(6, 5, 4, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=["unassalpha"])
    photo = read_image(tmp_path / "a.tif")
    assert photo.alpha is not None
    np.testing.assert_array_equal(torch.round(photo.alpha[0, 0] * 65535), array[..., 3])


def test_white_is_zero_tiffs_are_turned_around(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 65535]], np.uint16), photometric="miniswhite")
    assert read_image(tmp_path / "a.tif").pixels[0, 0, 0].tolist() == [1.0, 0.0]


def test_12_bit_tiffs_reach_white(tmp_path: Path) -> None:
    tags = [(256, 2), (257, 1), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 3)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in tags)
    pixels = bytes([0xFF, 0xF8, 0x00])  # 4095 and 2048 in twelve bits each
    content = b"II*\0" + struct.pack("<I", 12) + pixels + b"\0" + directory + bytes(4)
    (tmp_path / "a.tif").write_bytes(content)
    torch.testing.assert_close(read_image(tmp_path / "a.tif").pixels[0, 0, 0], torch.tensor([1, 2048 / 4095]))


@pytest.mark.parametrize("full", [1.0, 255.0, 65535.0])
def test_float_pictures_find_their_range(tmp_path: Path, full: float) -> None:
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    Image.fromarray(values * np.float32(full)).save(tmp_path / "a.tif")
    np.testing.assert_allclose(read_image(tmp_path / "a.tif").pixels[0, 1], values, atol=1e-6)


def test_float_pictures_a_little_above_white_are_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.array([[-0.5, 0.5, 1.25]], np.float32)).save(tmp_path / "a.tif")
    assert read_image(tmp_path / "a.tif").pixels[0, 0, 0].tolist() == [0.0, 0.5, 1.0]


def test_the_first_frame_of_an_animation_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    for suffix in ("gif", "webp", "png", "tiff"):
        path = tmp_path / f"a.{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:])
        assert rgb_of(path)[0, 0, 0] > 250


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    smooth = cv2.resize(noise(2, 3, 3), (24, 16), interpolation=cv2.INTER_LINEAR)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(smooth).save(tmp_path / f"a.{suffix}", exif=exif)
    with Image.open(tmp_path / f"a.{suffix}") as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    np.testing.assert_array_equal(rgb_of(tmp_path / f"a.{suffix}"), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_16_bit_tiffs_are_turned_like_8_bit_ones(tmp_path: Path, orientation: int) -> None:
    array = noise(6, 5, 3, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    with Image.open(tmp_path / "a.tif") as image:
        image.load()
        upright = np.asarray(image)
    photo = read_image(tmp_path / "a.tif")
    assert photo.bits == 16
    high_bytes = torch.round(photo.pixels[0] * 65535).permute(1, 2, 0).numpy().astype(np.uint16) >> 8
    np.testing.assert_array_equal(high_bytes, upright)


def test_alpha_is_turned_with_the_colours(tmp_path: Path) -> None:
    array = noise(3, 2, 4)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(array).save(tmp_path / "a.png", exif=exif)
    photo = read_image(tmp_path / "a.png")
    assert photo.alpha is not None
    np.testing.assert_array_equal(torch.round(photo.alpha[0, 0] * 255), np.rot90(array[..., 3], -1))


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile_with_red_and_blue_swapped() -> bytes:
    """sRGB whose table of tags gives red's colour as blue's and the other way round."""
    profile = srgb_profile()
    return profile.replace(b"rXYZ", b"tmp!", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tmp!", b"bXYZ", 1)


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp", "jpg"])
def test_colour_profiles_are_applied(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    image = Image.new("RGB", (16, 16), (220, 120, 40))
    options = {"webp": {"lossless": True}, "jpg": {"quality": 100, "subsampling": 0}}.get(suffix, {})
    image.save(path, icc_profile=profile_with_red_and_blue_swapped(), **options)
    photo = read_image(path)
    np.testing.assert_allclose(to_uint8(photo.pixels)[0, 0], [40, 120, 220], atol=3)
    assert photo.icc_profile is None


def test_an_srgb_profile_changes_nothing(tmp_path: Path) -> None:
    array = noise(32, 32, 3)
    Image.fromarray(array).save(tmp_path / "a.png", icc_profile=srgb_profile())
    np.testing.assert_allclose(rgb_of(tmp_path / "a.png").astype(int), array, atol=1)


def test_profiles_leave_alpha_alone(tmp_path: Path) -> None:
    array = noise(4, 4, 4)
    Image.fromarray(array).save(tmp_path / "a.png", icc_profile=profile_with_red_and_blue_swapped())
    photo = read_image(tmp_path / "a.png")
    assert photo.alpha is not None
    np.testing.assert_array_equal(torch.round(photo.alpha[0, 0] * 255), array[..., 3])
    np.testing.assert_allclose(to_uint8(photo.pixels).astype(int), array[..., 2::-1], atol=3)


def gray_profile_with_gamma_one() -> bytes:
    """A minimal ICC v2 profile of gray light measured linearly, worked by hand (ICC.1:2001-04)."""
    curve = b"curv" + bytes(4) + struct.pack(">I", 0)
    white = b"XYZ " + bytes(4) + struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D)
    start = 128 + 4 + 2 * 12
    tags = struct.pack(">I", 2)
    tags += struct.pack(">4sII", b"kTRC", start, 12) + struct.pack(">4sII", b"wtpt", start + 12, 20)
    header = struct.pack(">I4sI4s4s4s", start + 32, b"lcms", 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    header += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D)
    return header.ljust(128, b"\0") + tags + curve + white


def test_gray_profiles_are_applied(tmp_path: Path) -> None:
    Image.new("L", (2, 2), 55).save(tmp_path / "a.png", icc_profile=gray_profile_with_gamma_one())
    photo = read_image(tmp_path / "a.png")
    linear = 55 / 255
    expected = 1.055 * linear ** (1 / 2.4) - 0.055  # IEC 61966-2-1
    torch.testing.assert_close(photo.pixels, torch.full((1, 3, 2, 2), expected), atol=0.01, rtol=0)
    assert photo.gray


@pytest.mark.parametrize("profile", [b"no profile at all", srgb_profile()[:200], gray_profile_with_gamma_one()])
def test_a_profile_that_does_not_fit_is_ignored(tmp_path: Path, profile: bytes) -> None:
    array = noise(4, 4, 3)
    Image.fromarray(array).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(rgb_of(tmp_path / "a.png"), array)


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp", "jpg"])
def test_own_colours_stay_in_the_profile_of_the_file(tmp_path: Path, suffix: str) -> None:
    path, profile = tmp_path / f"a.{suffix}", profile_with_red_and_blue_swapped()
    options = {"webp": {"lossless": True}, "jpg": {"quality": 100, "subsampling": 0}}.get(suffix, {})
    Image.new("RGB", (16, 16), (220, 120, 40)).save(path, icc_profile=profile, **options)
    photo = read_image(path, own_colours=True)
    np.testing.assert_allclose(to_uint8(photo.pixels)[0, 0], [220, 120, 40], atol=3)
    assert photo.icc_profile == profile


def test_own_colours_of_gray_and_of_transparent_pictures_stay_too(tmp_path: Path) -> None:
    Image.new("L", (2, 2), 55).save(tmp_path / "gray.png", icc_profile=gray_profile_with_gamma_one())
    gray = read_image(tmp_path / "gray.png", own_colours=True)
    assert (to_uint8(gray.pixels) == 55).all()
    assert gray.icc_profile == gray_profile_with_gamma_one()
    array = noise(4, 4, 4)
    Image.fromarray(array).save(tmp_path / "alpha.png", icc_profile=profile_with_red_and_blue_swapped())
    photo = read_image(tmp_path / "alpha.png", own_colours=True)
    np.testing.assert_array_equal(to_uint8(photo.pixels), array[..., :3])
    assert photo.icc_profile == profile_with_red_and_blue_swapped()


@pytest.mark.parametrize("profile", [b"no profile at all", srgb_profile()[:200], gray_profile_with_gamma_one()])
def test_own_colours_do_without_a_profile_that_does_not_fit(tmp_path: Path, profile: bytes) -> None:
    array = noise(4, 4, 3)
    Image.fromarray(array).save(tmp_path / "a.png", icc_profile=profile)
    photo = read_image(tmp_path / "a.png", own_colours=True)
    np.testing.assert_array_equal(to_uint8(photo.pixels), array)
    assert photo.icc_profile is None


def test_16_bit_pictures_keep_their_own_profile(tmp_path: Path) -> None:
    array = noise(6, 5, 3, dtype=np.uint16)
    profile = profile_with_red_and_blue_swapped()
    content = png(5, 6, 16, 2, png_rows(array), chunk(b"iCCP", b"p\0\0" + zlib.compress(profile)))
    (tmp_path / "a.png").write_bytes(content)
    photo = read_image(tmp_path / "a.png")
    assert photo.icc_profile == profile
    np.testing.assert_array_equal(torch.round(photo.pixels[0] * 65535).permute(1, 2, 0), array)


def test_cmyk_jpegs_of_adobe_are_not_negatives(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 0, 255, 0)).save(tmp_path / "a.jpg", quality=100)
    assert b"Adobe" in (tmp_path / "a.jpg").read_bytes()
    np.testing.assert_allclose(rgb_of(tmp_path / "a.jpg")[3, 3], [255, 255, 0], atol=6)


def test_lab_tiffs_become_srgb(tmp_path: Path) -> None:
    lab = np.full((2, 2, 3), (136, 208, 195), np.uint8).astype(np.uint8)  # sRGB red: L 53, a 80, b 67
    tifffile.imwrite(tmp_path / "a.tif", lab ^ np.array([0, 128, 128], np.uint8), photometric="cielab")
    with Image.open(tmp_path / "a.tif") as image:
        assert image.mode == "LAB"
    np.testing.assert_allclose(rgb_of(tmp_path / "a.tif")[0, 0], [255, 0, 0], atol=12)


def test_exif_keeps_what_stays_true(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera works"
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.ImageWidth] = 5
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.ISOSpeedRatings: 200, ExifTags.Base.ExifImageWidth: 5}
    exif[ExifTags.IFD.GPSInfo] = {1: "N"}
    Image.new("RGB", (5, 4)).save(tmp_path / "a.jpg", exif=exif)
    photo = read_image(tmp_path / "a.jpg")
    assert photo.exif is not None
    kept = Image.Exif()
    kept.load(photo.exif)
    assert dict(kept.get_ifd(ExifTags.IFD.Exif)) == {ExifTags.Base.ISOSpeedRatings: 200}
    assert dict(kept.get_ifd(ExifTags.IFD.GPSInfo)) == {1: "N"}
    assert kept[ExifTags.Base.Make] == "Camera works"
    assert ExifTags.Base.Orientation not in kept
    assert ExifTags.Base.ImageWidth not in kept


def test_damaged_exif_does_not_refuse_a_sound_picture(tmp_path: Path) -> None:
    array = noise(4, 4, 3)
    Image.fromarray(array).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff broken")
    np.testing.assert_array_equal(rgb_of(tmp_path / "a.png"), array)


def test_reading_changes_no_global_state_and_warns_nobody(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    before = (Image.MAX_IMAGE_PIXELS, list(warnings.filters))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        filters = list(warnings.filters)
        read_image(tmp_path / "a.png")
        assert list(warnings.filters) == filters
    assert not caught
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before
