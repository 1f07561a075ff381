"""What the search is given, from pictures of any mode, size and health."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.upscaling.inputs import fit_target, listed, read_target, target_sizes

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "YCbCr", "F")


def picture(mode, size, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    if mode == "I;16":
        return Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    return Image.fromarray(pixels).convert("RGBA" if mode in ("LA", "RGBA") else "RGB").convert(mode)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        *(("RGB", suffix) for suffix in (".png", ".webp", ".bmp")),
        *(("P", suffix) for suffix in (".png", ".gif")),
        *(("I;16", suffix) for suffix in (".png", ".tif")),
        *(("CMYK", suffix) for suffix in (".jpg", ".tif")),
        *(("L", ".jpg"), ("1", ".png"), ("LA", ".png"), ("YCbCr", ".jpg")),
    ],
)
def test_a_small_face_of_any_mode_is_read_as_rgb(tmp_path, mode, suffix):
    path = tmp_path / f"face{suffix}"
    picture(mode, (16, 16)).save(path)
    target = read_target(path, resolution=64)
    assert target.shape == (1, 3, 16, 16)
    assert target.dtype == torch.float32
    assert 0 <= target.min() < target.max() <= 1


def test_transparent_parts_become_white(tmp_path):
    # PULSE's own code crashes on four channels.
    pixels = np.zeros((8, 8, 4), dtype=np.uint8)
    pixels[:4] = (255, 0, 0, 255)
    pixels[4:, :4] = (0, 0, 0, 0)
    pixels[4:, 4:] = (0, 0, 0, 51)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    target = read_target(tmp_path / "a.png", resolution=64)
    assert target[0, :, 0, 0].tolist() == [1, 0, 0]
    assert target[0, :, 7, 0].tolist() == [1, 1, 1]
    assert target[0, :, 7, 7].tolist() == pytest.approx([0.8] * 3)


@pytest.mark.parametrize("size", [(20, 20), (16, 24), (2, 2), (64, 64), (1024, 1024)])
def test_a_size_that_does_not_fit_names_the_file_the_sizes_and_the_way_out(tmp_path, size):
    path = tmp_path / "face.png"
    Image.new("RGB", size).save(path)
    with pytest.raises(PhotopulseError) as caught:
        read_target(path, resolution=64)
    assert caught.value.what == f"cannot upscale {path}"
    assert caught.value.why == f"it has {size[0]} x {size[1]} pixels, and the search takes squares of " + (
        "4, 8, 16 or 32 pixels"
    )
    assert "--align" in caught.value.fix
    assert "--fit" in caught.value.fix


def test_the_sizes_are_those_that_divide_the_resolution():
    assert target_sizes(1024) == [4, 8, 16, 32, 64, 128, 256]
    assert target_sizes(32) == [4, 8, 16]
    assert target_sizes(8) == [4]
    assert target_sizes(4) == []
    assert [listed([]), listed([4]), listed([4, 8]), listed([4, 8, 16])] == ["", "4", "4 or 8", "4, 8 or 16"]


@pytest.mark.parametrize(
    "pixels",
    [torch.zeros(5, 16, 16), torch.zeros(2, 3, 16, 16), torch.zeros(1, 3, 16, 16).int(), torch.full((3, 16, 16), 9.0)],
)
@pytest.mark.parametrize("read", [read_target, fit_target])
def test_pixels_of_another_shape_or_kind_are_refused(read, pixels):
    with pytest.raises(ValueError, match="pixels"):
        read(pixels, resolution=64)


def test_given_pixels_stay_as_they_are():
    pixels = torch.rand(1, 3, 16, 16)
    assert torch.equal(read_target(pixels, resolution=64), pixels)


def test_every_form_of_a_small_face_gives_the_same_target(tmp_path):
    face = picture("RGB", (16, 16))
    face.save(tmp_path / "face.png")
    array = np.asarray(face)
    tensor = torch.from_numpy(array.transpose(2, 0, 1).copy())
    expected = read_target(tmp_path / "face.png", resolution=64)
    for form in ((tmp_path / "face.png").read_bytes(), face, array, array / 255, tensor, tensor[None] / 255):
        torch.testing.assert_close(read_target(form, resolution=64), expected, atol=1e-7, rtol=0)


def test_fitting_takes_the_middle_square_and_only_shrinks():
    pixels = torch.zeros(1, 3, 40, 100)
    pixels[..., 30:70] = 0.5
    assert torch.allclose(fit_target(pixels, resolution=1024), torch.full((1, 3, 32, 32), 0.5), atol=1e-6)
    square = torch.rand(1, 3, 16, 16)
    assert torch.allclose(fit_target(square, resolution=1024), square, atol=1e-6)
    assert fit_target(torch.rand(1, 3, 900, 700), resolution=1024).shape == (1, 3, 256, 256)
    assert fit_target(torch.rand(1, 3, 64, 64), resolution=32).shape == (1, 3, 16, 16)


def test_a_picture_too_small_to_fit_is_named(tmp_path):
    Image.new("RGB", (100, 3)).save(tmp_path / "thin.png")
    with pytest.raises(PhotopulseError, match=r"thin\.png: its shorter side has 3 px\. Give a picture of at least 4"):
        fit_target(tmp_path / "thin.png", resolution=64)


@settings(max_examples=60)
@given(
    mode=st.sampled_from(MODES),
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    resolution=st.sampled_from([4, 32]),
)
def test_any_picture_becomes_a_square_that_fits_or_a_clear_error(tmp_path_factory, mode, width, height, resolution):
    path = tmp_path_factory.mktemp("any") / "any.tif"
    picture(mode, (width, height)).save(path)
    fits = {
        read_target: width == height and width in target_sizes(resolution),
        fit_target: min(width, height) >= 4 and resolution > 4,
    }
    for read, possible in fits.items():
        if not possible:
            with pytest.raises(PhotopulseError, match=re.escape(str(path))):
                read(path, resolution=resolution)
            continue
        target = read(path, resolution=resolution)
        assert target.shape[2] == target.shape[3]
        assert target.shape[2] in target_sizes(resolution)
        assert 0 <= target.min() <= target.max() <= 1


@settings(max_examples=40)
@given(cut=st.integers(0, 200), noise=st.lists(st.tuples(st.integers(0, 199), st.integers(0, 255)), max_size=6))
def test_a_damaged_picture_is_read_or_refused_but_nothing_else(tmp_path_factory, cut, noise):
    path = tmp_path_factory.mktemp("damaged") / "damaged.png"
    picture("RGB", (8, 8)).save(path)
    data = bytearray(path.read_bytes()[:cut])
    for place, value in noise:
        if place < len(data):
            data[place] = value
    path.write_bytes(data)
    try:
        said = f"{path} has {read_target(path, resolution=32).shape[2]} px"
    except PhotopulseError as error:
        said = str(error)
    assert str(path) in said
