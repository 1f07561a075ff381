"""JPEG against a file that Pillow writes and reads, and against OpenCV's encoder."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from photopulse.degrade import Jpeg

UNUSED = torch.Generator()


def picture(side: int = 48) -> np.ndarray:
    """Smooth colours with edges, (H, W, 3) uint8."""
    rows, columns = np.mgrid[:side, :side] * 255 // side
    colours = np.stack([rows, columns, 255 - rows], axis=2).astype(np.uint8)
    colours[10:20, 12:40] = (200, 30, 60)
    return colours


def as_tensor(pixels: np.ndarray) -> Tensor:
    return torch.tensor(pixels).permute(2, 0, 1)[None] / 255


def as_array(image: Tensor) -> np.ndarray:
    return (image[0].permute(1, 2, 0) * 255).round().byte().numpy()


@pytest.mark.parametrize("quality", [1, 30, 100])
def test_the_result_equals_a_file_of_pillows(quality: int, tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.jpg", quality=quality, subsampling="4:2:0")
    spoiled = Jpeg(quality)(as_tensor(picture()), UNUSED)
    assert np.array_equal(as_array(spoiled), np.asarray(Image.open(tmp_path / "a.jpg")))


def test_the_result_equals_opencvs_but_for_rounding() -> None:
    flags = [cv2.IMWRITE_JPEG_QUALITY, 30, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    _, encoded = cv2.imencode(".jpg", picture()[..., ::-1], flags)
    expected = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    assert np.abs(as_array(Jpeg(30)(as_tensor(picture()), UNUSED)) - expected).max() <= 2


def test_lower_quality_is_farther_from_the_picture() -> None:
    image = as_tensor(picture())
    errors = [(Jpeg(quality)(image, UNUSED) - image).square().mean().item() for quality in (10, 30, 90)]
    assert errors[0] > errors[1] > errors[2] > 0


def test_every_picture_of_a_batch_is_compressed_alone_and_keeps_its_precision() -> None:
    images = torch.cat([as_tensor(picture()), as_tensor(picture()[::-1].copy())]).double()
    spoiled = Jpeg(30)(images, UNUSED)
    assert spoiled.dtype == torch.float64
    assert torch.equal(spoiled, torch.cat([Jpeg(30)(image[None], UNUSED) for image in images]))


def test_values_beyond_the_range_are_clamped() -> None:
    image = torch.cat([torch.full((1, 3, 16, 8), -0.5), torch.full((1, 3, 16, 8), 1.5)], dim=3)
    assert torch.equal(Jpeg(100)(image, UNUSED), Jpeg(100)(image.clamp(0, 1), UNUSED))


@pytest.mark.parametrize(("quality", "reason"), [(0, "from 1 to 100"), (101, "from 1 to 100"), (30.5, "whole number")])
def test_a_quality_that_libjpeg_lacks_is_refused(quality: float, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Jpeg(quality)
