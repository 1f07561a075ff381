"""HEIC, JPEG XL and raw files, made here by the packages that read them; and what is said without these packages."""

import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from photopulse.errors import PhotopulseError
from photopulse.images import read_image, to_uint8
from photopulse.images.opening import picture_size
from photopulse.images.packaged import packaged_format

pillow_heif = pytest.importorskip("pillow_heif")
pytest.importorskip("pillow_jxl")
rawpy = pytest.importorskip("rawpy")

COLOURS = ((200, 100, 50), (10, 220, 100))


def halves(width: int = 60, height: int = 40) -> NDArray[np.uint8]:
    """Two colours, left and right."""
    array = np.empty((height, width, 3), np.uint8)
    array[:, : width // 2], array[:, width // 2 :] = COLOURS
    return array


def exif(orientation: int) -> Image.Exif:
    written = Image.Exif()
    written[ExifTags.Base.Orientation] = orientation
    written[ExifTags.Base.Make] = "Camera"
    return written


def heic(array: NDArray[np.generic], path: Path, mode: str = "RGB", **options: object) -> Path:
    pillow_heif.from_bytes(mode, array.shape[1::-1], array.tobytes()).save(path, quality=-1, chroma=444, **options)
    return path


def jxl(array: NDArray[np.uint8], path: Path, **options: object) -> Path:
    Image.fromarray(array).save(path, lossless=True, effort=1, **options)
    return path


def dng(path: Path, colours: NDArray[np.float64], **tags: int) -> Path:
    """A Bayer mosaic (RGGB, 14 bits) of linear colours (H, W, 3) of a camera that sees as sRGB does."""
    mosaic = colours[..., 1].copy()
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = colours[0::2, 0::2, 0], colours[1::2, 1::2, 2]
    from_xyz = (3.2404542, -1.5371385, -0.4985314, -0.969266, 1.8760108, 0.041556, 0.0556434, -0.2040259, 1.0572252)
    entries = [
        (50706, "B", 4, (1, 4, 0, 0), True),  # DNGVersion
        (50708, "s", 0, "Camera", True),  # UniqueCameraModel
        (33421, "H", 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, "B", 4, bytes([0, 1, 1, 2]), True),  # CFAPattern
        (50721, "2i", 9, [n for value in from_xyz for n in (round(value * 10**6), 10**6)], True),  # ColorMatrix1
        (50728, "2I", 3, [1] * 6, True),  # AsShotNeutral
        (50778, "H", 1, 21, True),  # CalibrationIlluminant1: D65
        (50714, "H", 1, 0, True),  # BlackLevel
        (50717, "H", 1, 2**14 - 1, True),  # WhiteLevel
        (271, "s", 0, "Camera", True),
        (274, "H", 1, tags.get("orientation", 1), True),
    ]
    raw = np.rint(mosaic * (2**14 - 1)).astype(np.uint16)
    tifffile.imwrite(path, raw, photometric=32803, extratags=entries, metadata=None, software=False)
    return path


def srgb(linear: float) -> float:
    """IEC 61966-2-1."""
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def test_heic_is_read_upright_and_keeps_words(tmp_path: Path) -> None:
    path = heic(halves(), tmp_path / "a.heic", exif=exif(6).tobytes())
    photo = read_image(path)
    expected = np.rot90(halves(), -1)  # Orientation 6: turned clockwise to be upright.
    assert np.abs(to_uint8(photo.pixels).astype(int) - expected).max() <= 2
    assert (photo.bits, photo.gray, photo.alpha, photo.frames) == (8, False, None, 1)
    assert photo.exif is not None
    assert b"Camera" in photo.exif


def test_heic_of_10_bits_keeps_its_depth_and_reaches_white(tmp_path: Path) -> None:
    ramp = np.repeat(np.linspace(0, 65535, 512).astype(np.uint16)[None, :, None], 3, axis=2).repeat(16, axis=0)
    photo = read_image(heic(ramp, tmp_path / "a.heic", mode="RGB;16"))
    assert photo.bits == 16
    assert np.abs(photo.pixels[0].permute(1, 2, 0).numpy() - ramp / 65535).max() < 3 / 1023
    assert photo.pixels.max() == 1
    assert len(photo.pixels[0, 0, 0].unique()) > 400


def test_opacity_and_profile_of_heic_are_read(tmp_path: Path) -> None:
    array = np.dstack([halves(), np.full((40, 60), 128, np.uint8)])
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = tmp_path / "a.heic"
    picture = pillow_heif.from_pillow(Image.fromarray(array))
    picture[0].info["icc_profile"] = profile
    picture[0].info["icc_profile_type"] = "prof"
    picture.save(path, quality=-1)
    photo = read_image(path, own_colours=True)
    assert photo.alpha is not None
    assert (photo.alpha * 255 - 128).abs().max() <= 1
    assert photo.icc_profile == profile


def test_jpeg_xl_gives_the_very_pixels_and_words(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    path = jxl(noise, tmp_path / "a.jxl", exif=exif(1).tobytes(), xmp=b"<x:xmpmeta/>", use_container=True)
    photo = read_image(path)
    assert np.array_equal(to_uint8(photo.pixels), noise)
    assert picture_size(path, max_pixels=10**6) == (53, 37)
    assert photo.xmp == b"<x:xmpmeta/>"
    assert photo.exif is not None
    assert b"Camera" in photo.exif


@pytest.mark.parametrize(
    "size", [(8, 8), (64, 48), (100, 100), (256, 512), (513, 1), (1200, 675), (7, 1500), (3000, 9)]
)
def test_the_size_of_jpeg_xl_is_known_before_it_is_decoded(tmp_path: Path, size: tuple[int, int]) -> None:
    path = jxl(np.full((size[1], size[0], 3), 90, np.uint8), tmp_path / "a.jxl")
    assert picture_size(path, max_pixels=10**6) == size


def test_an_orientation_that_the_decoder_has_followed_is_not_followed_again(tmp_path: Path) -> None:
    path = jxl(halves(), tmp_path / "a.jxl", exif=exif(6).tobytes(), use_container=True)
    # What is written is upright; the words say otherwise, and do not count in this format.
    assert np.array_equal(to_uint8(read_image(path).pixels), halves())


def test_a_jpeg_within_jpeg_xl_comes_out_as_the_jpeg_does(tmp_path: Path) -> None:
    Image.fromarray(halves()).save(tmp_path / "a.jpg", exif=exif(6), quality=90)
    with pytest.warns(UserWarning, match="lossless JXL"):
        Image.open(tmp_path / "a.jpg").save(tmp_path / "a.jxl")
    one, other = (read_image(tmp_path / name) for name in ("a.jpg", "a.jxl"))
    assert one.pixels.shape == (1, 3, 60, 40)
    assert (one.pixels - other.pixels).abs().max() <= 2 / 255


def test_a_raw_file_is_developed_with_its_colours_and_16_bits(tmp_path: Path) -> None:
    colours = np.empty((64, 96, 3))
    colours[:, :48], colours[:, 48:] = (0.6, 0.3, 0.2), (0.1, 0.3, 0.5)
    photo = read_image(dng(tmp_path / "a.dng", colours))
    assert (photo.bits, photo.icc_profile, photo.pixels.shape) == (16, None, (1, 3, 64, 96))
    for column, linear in ((20, (0.6, 0.3, 0.2)), (76, (0.1, 0.3, 0.5))):
        expected = [srgb(value) for value in linear]
        assert photo.pixels[0, :, 32, column].tolist() == pytest.approx(expected, abs=0.01)
    assert photo.exif is not None
    assert b"Camera" in photo.exif


def test_a_raw_file_is_turned_upright_once_and_known_without_its_suffix(tmp_path: Path) -> None:
    colours = np.full((64, 96, 3), 0.5)
    path = dng(tmp_path / "a.dng", colours, orientation=6)
    assert read_image(path).pixels.shape == (1, 3, 96, 64)
    assert read_image(path.read_bytes()).pixels.shape == (1, 3, 96, 64)


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    paths = [
        heic(halves(), tmp_path / "a.heic"),
        jxl(halves(), tmp_path / "a.jxl"),
        dng(tmp_path / "a.dng", np.full((40, 60, 3), 0.5)),
    ]
    for path in paths:
        with pytest.raises(PhotopulseError, match="60 x 40 pixels, more than the allowed 1,000"):
            read_image(path, max_pixels=1000)
    # A codestream that declares a square of 2**30 px, and nothing else (ISO/IEC 18181-1, SizeHeader).
    bits = 0b11 << 1 | (2**30 - 1) << 3 | 1 << 33
    (tmp_path / "bomb.jxl").write_bytes(b"\xff\x0a" + bits.to_bytes(5, "little") + bytes(20))
    with pytest.raises(PhotopulseError, match="1073741824 x 1073741824 pixels"):
        read_image(tmp_path / "bomb.jxl")


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    whole = [
        heic(halves(), tmp_path / "a.heic"),
        jxl(halves(), tmp_path / "a.jxl", use_container=True, exif=exif(1).tobytes()),
        dng(tmp_path / "a.dng", np.full((40, 60, 3), 0.5)),
    ]
    for path in whole:
        data = path.read_bytes()
        for part in (data[:40], data[: len(data) // 3]):
            path.write_bytes(part)
            with pytest.raises(PhotopulseError, match="cannot read"):
                read_image(path)


@pytest.mark.parametrize(
    ("head", "suffix", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", ".png", "HEIC pictures"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0mif1heic", ".heif", "HEIC pictures"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0mif1avifmiaf", ".avif", None),
        (b"\0\0\0\x20ftypavif\0\0\0\0mif1avif", ".avif", None),
        (b"\xff\x0a\x7f", "", "JPEG XL pictures"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "", "JPEG XL pictures"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "", "raw files of cameras"),
        (b"II*\0\x10\0\0\0CR\2\0", "", "raw files of cameras"),
        (b"FUJIFILMCCD-RAW", "", "raw files of cameras"),
        (b"MM\0*\0\0\0\x08", ".NEF", "raw files of cameras"),
        (b"MM\0*\0\0\0\x08", ".tif", None),
        (b"\xff\xd8\xff\xe0", ".dng", None),
    ],
)
def test_formats_are_known_by_their_first_bytes(head: bytes, suffix: str, name: str | None) -> None:
    found = packaged_format(head, suffix)
    assert (found.name if found else None) == name


def test_without_the_package_it_is_said_how_to_read_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [
        heic(halves(), tmp_path / "a.heic"),
        jxl(halves(), tmp_path / "a.jxl"),
        dng(tmp_path / "a.dng", np.full((40, 60, 3), 0.5)),
    ]
    for package in ("pillow_heif", "pillow_jxl", "rawpy"):
        monkeypatch.setitem(sys.modules, package, None)
    for path in paths:
        with pytest.raises(PhotopulseError, match=r"not installed. Install it: pip install 'photopulse\[formats\]'"):
            read_image(path)


def test_avif_is_read_by_pillow(tmp_path: Path) -> None:
    Image.fromarray(halves()).save(tmp_path / "a.avif", quality=95)
    assert np.abs(to_uint8(read_image(tmp_path / "a.avif").pixels)[20, 5].astype(int) - COLOURS[0]).max() <= 4


def test_a_box_that_reaches_beyond_the_end_is_refused(tmp_path: Path) -> None:
    container = b"\0\0\0\x0cJXL \r\n\x87\n" + struct.pack(">I4s", 2**31, b"jxlc") + b"\xff\x0a"
    (tmp_path / "a.jxl").write_bytes(container)
    with pytest.raises(PhotopulseError, match="beyond the end"):
        read_image(tmp_path / "a.jxl")


def test_bytes_are_read_as_their_file(tmp_path: Path) -> None:
    path = heic(halves(), tmp_path / "a.heic")
    stream = io.BytesIO(path.read_bytes())
    assert (read_image(path).pixels - read_image(stream.getvalue()).pixels).abs().max() == 0
