"""What a face still holds, on textures whose power falls as that of faces does, and on real faces where they are."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.degrade import GaussianNoise, Jpeg
from photopulse.faces.evidence import SIZES, Evidence, blockiness, blur_of, measure_evidence

# The curve of the sharp faces, by which the texture is made: centres of the bands at 512 px, density.
CENTRES = torch.tensor([(low * high) ** 0.5 for low, high in pairwise(SIZES)])
DENSITY = torch.tensor([1.03, 0.59, 0.15, -0.17, -0.64, -1.14, -1.54, -2.01, -2.52, -3.12, -3.84])
PORTRAITS = Path(__file__).parents[3] / "shared" / "data" / "portraits" / "val"


def texture(seed: int = 0) -> Tensor:
    """Noise (1, 3, 512, 512) with the power of a sharp face in each band."""
    noise = torch.randn(512, 512, generator=torch.Generator().manual_seed(seed))
    size = torch.hypot(torch.fft.fftfreq(512)[:, None], torch.fft.rfftfreq(512)[None]) * 1024
    position = torch.log(size.clamp(11, 511) / CENTRES[0]) / torch.log(CENTRES[1] / CENTRES[0])
    low = position.clamp(0, len(DENSITY) - 1.001).long()
    density = DENSITY[low] + (position - low) * (DENSITY[(low + 1).clamp(max=len(DENSITY) - 1)] - DENSITY[low])
    plane = torch.fft.irfft2(torch.fft.rfft2(noise) * 10 ** (density / 2), s=(512, 512)) * 0.3
    return (0.5 + plane).clamp(0, 1).expand(1, 3, -1, -1).contiguous()


def resized(image: Tensor, side: int) -> Tensor:
    return F.interpolate(image, (side, side), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def measured(image: Tensor) -> Evidence:
    return measure_evidence(image, pixels=image.shape[-1])


@pytest.mark.parametrize("side", [32, 64, 128, 256, 512])
def test_a_sharp_texture_fills_its_pixels(side: int):
    sharp = measured(resized(texture(), side))
    assert sharp.fills(side)
    assert sharp.blur < 1
    assert not sharp.fills(4 * side) or side >= 256


@pytest.mark.parametrize("side", [24, 32, 48, 64, 96, 128, 192])
@pytest.mark.parametrize("seed", [0, 1])
def test_what_was_made_small_and_large_again_shows_that_size(side: int, seed: int):
    found = measured(resized(resized(texture(seed), side), 512))
    assert side / 2**0.5 <= found.effective_resolution <= side * 2**0.5
    assert not found.fills(512)


@pytest.mark.parametrize("deviation", [2.0, 4.0, 8.0])
def test_a_gaussian_is_measured_by_its_deviation(deviation: float):
    frequency = torch.hypot(torch.fft.fftfreq(512)[:, None], torch.fft.rfftfreq(512)[None])
    response = torch.exp(-2 * (torch.pi * frequency * deviation) ** 2)
    blurred = torch.fft.irfft2(torch.fft.rfft2(texture()) * response, s=(512, 512))
    found = measured(blurred)
    assert found.blur == pytest.approx(deviation, rel=0.4)
    assert found.blur == pytest.approx(blur_of(found.effective_resolution, 512), rel=0.02)


def test_noise_is_not_taken_for_detail():
    small = resized(texture(), 128)
    noisy = GaussianNoise(20)(small, torch.Generator().manual_seed(1)).clamp(0, 1)
    clean, found = measured(small), measured(noisy)
    assert found.effective_resolution < clean.effective_resolution
    # The luma of three independent channels has 0.67 of a channel's deviation.
    assert found.noise == pytest.approx(0.67 * 20 / 255, rel=0.3)
    assert clean.noise < 0.01


def test_jpeg_has_blocks_and_others_have_none():
    image = resized(texture(), 256)
    everything = (slice(0, 256), slice(0, 256))
    blocks = [blockiness(Jpeg(q)(image, torch.Generator()), everything) for q in (10, 40)]
    assert blocks[0] > blocks[1] > 1.1
    assert blockiness(image, everything) < 1.1
    assert blockiness(image, (slice(0, 10), slice(0, 256))) == 1
    # The grid is that of the photo, wherever the window begins.
    assert blockiness(Jpeg(10)(image, torch.Generator()), (slice(3, 250), slice(5, 240))) > 1.5


def test_a_picture_without_contrast_shows_nothing():
    assert measured(torch.full((1, 3, 64, 64), 0.4)).effective_resolution < 16


@pytest.mark.weights
@pytest.mark.skipif(not PORTRAITS.is_dir(), reason="no folder of portraits beside the checkout")
def test_real_faces_made_small_are_measured_within_a_step(face_weights: None):
    from photopulse.faces.align import align_faces
    from photopulse.faces.detect import FaceDetector
    from photopulse.images import read_image

    detector, right = FaceDetector.load(), []
    for file in sorted(PORTRAITS.glob("*.jpg"))[::9]:
        (face,) = align_faces(read_image(file).pixels, detector, size=512)[:1]
        for side in (24, 48, 96):
            small = Jpeg(60)(resized(face.image.clamp(0, 1), side), torch.Generator())
            found = measured(resized(small, 512)).effective_resolution
            right.append(side / 2**0.5 <= found <= side * 2**0.5)
    assert sum(right) >= 0.8 * len(right)
