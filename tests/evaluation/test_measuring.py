"""What is measured of a face, on pictures whose figures are known."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from skimage.metrics import peak_signal_noise_ratio

from photopulse.evaluation.comparison import Networks
from photopulse.evaluation.measuring import Meter, at_size
from photopulse.evaluation.places import FacePlace
from photopulse.evaluation.sets import own_niqe


@pytest.fixture
def pictures():
    return torch.rand(2, 1, 3, 64, 64, generator=torch.Generator().manual_seed(4)).unbind()


def test_at_the_smaller_size_both_pictures_are_downscaled_first(pictures):
    image, sharp = pictures
    measured = Meter().face(image, small=at_size(image, 16), sharp=sharp, size=32)
    a, b = (at_size(picture, 32)[0].numpy() for picture in (image, sharp))
    assert measured["psnr"] == pytest.approx(peak_signal_noise_ratio(b, a, data_range=1), abs=1e-3)


def test_consistency_is_that_of_the_whole_picture_through_the_named_operator(pictures):
    image, sharp = pictures
    box = image.reshape(1, 3, 16, 4, 16, 4).mean(dim=(3, 5))
    assert Meter(degradation="box").face(image, small=box, sharp=sharp, size=32)["downscale_mse"] < 1e-12
    shifted = Meter(degradation="box").face(image, small=box + 0.1, sharp=sharp, size=32)
    assert shifted["downscale_mse"] == pytest.approx(0.01, rel=1e-4)


def test_the_sharp_face_is_compared_with_nothing_and_what_is_infinite_is_none(pictures):
    image, _ = pictures
    alone = Meter().face(image, small=at_size(image, 16), sharp=None, size=64)
    assert (alone["psnr"], alone["psnr_y"], alone["ssim"]) == (None, None, None)
    assert alone["sharpness"] > 0
    itself = Meter().face(image, small=at_size(image, 16), sharp=image, size=64)
    assert itself["psnr"] is None
    assert itself["ssim"] == pytest.approx(1)


def test_identity_compares_the_faces_at_that_size(pictures):
    def embed(face):
        assert face.shape == (1, 3, 32, 32)
        return np.array([1.0, 0.0]) if face.mean() < 0.3 else np.array([1.0, 1.0])

    image, sharp = pictures
    meter = Meter(networks=Networks(identity=SimpleNamespace(embed=embed)))
    measured = meter.face(image * 0.5, small=at_size(image, 16), sharp=sharp, size=32)
    assert measured["identity"] == pytest.approx(0.5**0.5)
    assert measured["identity_distance"] == pytest.approx(1)
    assert measured["perceptual"] is None


@pytest.mark.parametrize(("side", "own", "blocks"), [(64, False, 0), (128, False, 1), (192, True, 0)])
def test_faces_of_one_block_give_it_for_the_niqe_of_the_set(side, own, blocks):
    image = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1))
    measured = Meter().face(image, small=at_size(image, side // 8), sharp=None, size=side)
    assert (measured["niqe"] is not None) == own
    assert (own_niqe(image) is not None) == own
    assert len(measured["niqe_blocks"]) == blocks
    assert all(len(block) == 36 for block in measured["niqe_blocks"])


@pytest.mark.parametrize("side", [128, 192])
def test_a_flat_face_has_no_niqe_and_can_be_written_as_json(side):
    flat = torch.full((1, 3, side, side), 0.4)
    measured = Meter().face(flat, small=at_size(flat, side // 8), sharp=None, size=side)
    assert measured["niqe"] is None
    assert own_niqe(flat) is None
    json.dumps(measured, allow_nan=False)
    assert all(None in block for block in measured["niqe_blocks"])


def test_the_features_of_the_set_are_those_of_the_face_at_that_size(pictures):
    net = SimpleNamespace(pooled=lambda image: image.mean(dim=(2, 3)), stages=lambda image: [image - 0.5])
    image, sharp = pictures
    measured = Meter(networks=Networks(features=net)).face(image, small=at_size(image, 16), sharp=sharp, size=32)
    assert measured["features"] == pytest.approx(at_size(image, 32).mean(dim=(2, 3))[0].tolist(), abs=5e-5)
    assert all(round(value, 4) == value for value in measured["features"])
    assert measured["perceptual"] > 0


def test_lpips_is_measured_where_faces_are_large_enough(pictures):
    def distance(a, b):
        return (a - b).abs().mean(dim=(1, 2, 3))

    image, sharp = pictures
    meter = Meter(networks=Networks(lpips=distance))
    measured = [meter.face(image, small=at_size(image, 16), sharp=sharp, size=size) for size in (32, 16)]
    assert measured[0]["lpips"] == pytest.approx(distance(at_size(image, 32), at_size(sharp, 32)).item())
    assert measured[1]["lpips"] is None
    assert meter.face(image, small=at_size(image, 16), sharp=None, size=32)["lpips"] is None


class MadeUpDetector:
    """Finds what it is told to, and remembers what it saw."""

    def __init__(self, *scores):
        self.scores, self.seen = scores, []

    def detect(self, image):
        self.seen.append(tuple(image.shape))
        return [SimpleNamespace(score=score) for score in self.scores]


@pytest.mark.parametrize(("scores", "confidence"), [((0.6, 0.9, 0.7), 0.9), ((), 0)])
def test_confidence_is_the_score_of_the_surest_face_and_0_without_one(pictures, scores, confidence):
    image, sharp = pictures
    detector = MadeUpDetector(*scores)
    measured = Meter(networks=Networks(detector=detector)).face(image, small=at_size(image, 16), sharp=sharp, size=32)
    assert measured["confidence"] == confidence
    assert detector.seen == [(1, 3, 32, 32)]
    assert Meter().face(image, small=at_size(image, 16), sharp=sharp, size=32)["confidence"] is None


def test_the_shift_of_skin_is_the_angle_of_the_downscaled_face_less_that_of_the_input_where_skin_is():
    before, after = np.array([0.55, 0.40, 0.33]), np.array([0.75, 0.60, 0.50])
    small = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    small[..., :4] = torch.tensor(before).view(1, 3, 1, 1)
    face = torch.zeros(1, 3, 32, 32)
    face[..., :16] = torch.tensor(after).view(1, 3, 1, 1)
    skin = np.zeros((8, 8))
    skin[2:6, :4] = 0.5
    skin[0, 0] = 1

    def angle(colour):
        lightness, _, b = rgb2lab(colour[None, None])[0, 0]
        return np.degrees(np.arctan2(lightness - 50, b))

    meter = Meter(degradation="box")
    for size in (16, 32):
        measured = meter.face(face, small=small, sharp=None, size=size, skin=skin)
        assert measured["ita_shift"] == pytest.approx(angle(after) - angle(before), abs=0.05)
    assert measured["ita_shift"] > 20
    assert meter.face(face, small=small, sharp=None, size=32)["ita_shift"] is None


def test_the_fingerprint_follows_what_is_measured_and_the_weights_of_lpips():
    def net(seed):
        torch.manual_seed(seed)
        return torch.nn.Linear(2, 2)

    def meter(**network):
        return Meter(networks=Networks(**network))

    meters = [Meter(), Meter(degradation="box"), meter(features=net(0)), meter(identity=net(0))]
    meters += [meter(lpips=net(0)), meter(lpips=net(1)), meter(detector=MadeUpDetector())]
    assert len({meter.fingerprint() for meter in meters}) == len(meters)
    assert meter(lpips=net(0)).fingerprint() == meters[4].fingerprint()


def test_a_photo_is_measured_whole_and_its_face_by_itself(pictures):
    def embed(face):
        assert face.shape == (1, 3, 512, 512)
        return np.array([1.0, face.mean().item()])

    image, sharp = (picture[..., :48] for picture in pictures)
    image = image.clone()
    image[..., 32:, :] = sharp[..., 32:, :]
    place = FacePlace(box=(8, 32, 40, 64), quad=((8, 32), (8, 63), (39, 63), (39, 32)))
    meter = Meter(networks=Networks(identity=SimpleNamespace(embed=embed)))
    whole = meter.photo(image, sharp=sharp, face=None)
    assert whole["psnr"] == pytest.approx(peak_signal_noise_ratio(sharp.numpy(), image.numpy(), data_range=1), abs=1e-3)
    assert (whole["identity"], whole["downscale_mse"], whole["ita_shift"]) == (None, None, None)
    face = meter.photo(image, sharp=sharp, face=place)
    assert face["psnr"] is None  # Infinite: in the box nothing differs.
    assert face["ssim"] == pytest.approx(1)
    assert face["identity"] == pytest.approx(1, abs=1e-3)
    assert meter.photo(sharp, sharp=None, face=place)["identity"] is None
