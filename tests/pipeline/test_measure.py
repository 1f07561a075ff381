"""What is measured of a face, on pictures whose figures are known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from photopulse.pipeline.measure import Meter, at_size, own_niqe


@pytest.fixture
def pictures():
    return torch.rand(2, 1, 3, 64, 64, generator=torch.Generator().manual_seed(4)).unbind()


def test_at_the_smaller_size_both_pictures_are_downscaled_first(pictures):
    image, sharp = pictures
    measured = Meter().measure(image, small=at_size(image, 16), sharp=sharp, size=32)
    a, b = (at_size(picture, 32)[0].numpy() for picture in (image, sharp))
    assert measured.psnr == pytest.approx(peak_signal_noise_ratio(b, a, data_range=1), abs=1e-3)


def test_consistency_is_that_of_the_whole_picture_through_the_named_operator(pictures):
    image, sharp = pictures
    box = image.reshape(1, 3, 16, 4, 16, 4).mean(dim=(3, 5))
    assert Meter(degradation="box").measure(image, small=box, sharp=sharp, size=32).downscale_mse < 1e-12
    shifted = Meter(degradation="box").measure(image, small=box + 0.1, sharp=sharp, size=32)
    assert shifted.downscale_mse == pytest.approx(0.01, rel=1e-4)


def test_the_sharp_face_is_compared_with_nothing_and_what_is_infinite_is_none(pictures):
    image, _ = pictures
    alone = Meter().measure(image, small=at_size(image, 16), sharp=None, size=64)
    assert (alone.psnr, alone.psnr_y, alone.ssim) == (None, None, None)
    assert alone.sharpness > 0
    itself = Meter().measure(image, small=at_size(image, 16), sharp=image, size=64)
    assert itself.psnr is None
    assert itself.ssim == pytest.approx(1)


def test_identity_compares_the_faces_at_that_size(pictures):
    def embed(face):
        assert face.shape == (1, 3, 32, 32)
        return np.array([1.0, 0.0]) if face.mean() < 0.3 else np.array([1.0, 1.0])

    image, sharp = pictures
    meter = Meter(identity=SimpleNamespace(embed=embed))
    measured = meter.measure(image * 0.5, small=at_size(image, 16), sharp=sharp, size=32)
    assert measured.identity == pytest.approx(0.5**0.5)
    assert measured.perceptual is None


@pytest.mark.parametrize(("side", "own", "blocks"), [(64, False, 0), (128, False, 1), (192, True, 0)])
def test_faces_of_one_block_give_it_for_the_niqe_of_the_set(side, own, blocks):
    image = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1))
    measured = Meter().measure(image, small=at_size(image, side // 8), sharp=None, size=side)
    assert (measured.niqe is not None) == own
    assert (own_niqe(image) is not None) == own
    assert len(measured.niqe_blocks) == blocks
    assert all(len(block) == 36 for block in measured.niqe_blocks)
