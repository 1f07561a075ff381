"""The networks that come with photopulse, on the bundled example: a portrait that was made small, noisy and blocky."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from photopulse import RestoreKit, RestoreSettings, restore_photo
from photopulse.degrade import GaussianBlur, Jpeg
from photopulse.faces.detect import FaceDetector
from photopulse.images import Photo, read_image
from photopulse.images.resize import resized
from photopulse.metrics.psnr import psnr
from photopulse.restoration.networks import RestoreNetworks
from photopulse.restoration.repair import find_damage, repair

EXAMPLES = Path(__file__).parents[2] / "examples"
SIZE = (480, 587)


@pytest.fixture(scope="module")
def sharp() -> Tensor:
    return read_image(EXAMPLES / "portrait.jpg").pixels


@pytest.fixture(scope="module")
def enlarged() -> Tensor:
    return resized(read_image(EXAMPLES / "old_portrait.jpg").pixels, SIZE[1], SIZE[0])


def test_the_photo_network_brings_a_damaged_portrait_nearer_to_the_sharp_one(sharp: Tensor, enlarged: Tensor):
    restored = restore_photo(EXAMPLES / "old_portrait.jpg", settings=RestoreSettings(size=SIZE, only="photo"))
    assert restored.size == SIZE
    assert psnr(restored.image, sharp).item() > psnr(enlarged, sharp).item() + 0.5


def test_half_the_working_size_and_the_guided_filter_bring_it_nearer_too(sharp: Tensor, enlarged: Tensor):
    settings = RestoreSettings(only="photo", working_size=294)
    restored = restore_photo(enlarged, settings=settings)
    assert "full_size" in restored.seconds
    assert psnr(restored.image, sharp).item() > psnr(enlarged, sharp).item() + 0.3


def test_the_enlarging_network_beats_cubic_curves(sharp: Tensor):
    kit = RestoreKit.load(RestoreSettings(scale=2, only="photo"))
    assert kit.enlarge_net is not None
    small = resized(sharp, 294, 240)
    cubic = resized(small, 588, 480)
    network = kit.enlarge_net(small).clamp(0, 1)
    whole = resized(sharp, 588, 480)
    assert psnr(network, whole).item() > psnr(cubic, whole).item() + 0.2


@pytest.mark.weights
def test_the_face_is_found_restored_and_pasted_without_a_change_of_colour(sharp: Tensor, enlarged: Tensor):
    kit = RestoreKit.load()
    restored, nearest = (
        restore_photo(enlarged, settings=RestoreSettings(size=SIZE, fidelity=fidelity), kit=kit)
        for fidelity in (0.5, 1.0)
    )
    photo = restore_photo(EXAMPLES / "old_portrait.jpg", settings=RestoreSettings(size=SIZE, only="photo"))
    assert [face.restored for face in restored.faces] == [True]
    assert (restored.image - photo.image).abs().max() > 0.02
    assert (restored.image.mean(dim=(2, 3)) - photo.image.mean(dim=(2, 3))).abs().max() < 1 / 255
    assert psnr(nearest.image, sharp).item() > psnr(enlarged, sharp).item()


@pytest.mark.weights
def test_a_face_that_somebody_enlarged_gets_sharp_and_fidelity_can_be_seen(sharp: Tensor, default_weights: None):
    # Cases of real use: 48 px enlarged tenfold and saved as JPEG stayed blurred; --fidelity changed nothing.
    tiny = resized(sharp[..., 20:500, :480], 48, 48)
    enlarged = Jpeg(85)(resized(tiny, 480, 480).clamp(0, 1), torch.Generator())
    kit = RestoreKit.load()
    convincing, nearest = (
        restore_photo(enlarged, settings=RestoreSettings(fidelity=fidelity), kit=kit) for fidelity in (0.0, 1.0)
    )
    assert [face.restored for face in convincing.faces] == [True]
    assert convincing.faces[0].evidence.effective_resolution < 100
    face = (..., slice(120, 360), slice(120, 360))
    before, crisp, near = (fineness(image[face]) for image in (enlarged, convincing.image, nearest.image))
    assert crisp > 1.2 * near
    assert near > 1.5 * before
    assert 255 * (convincing.image - nearest.image)[face].abs().mean() > 2
    # Made small again, the face is the input's.
    again, given = (resized(image, 32, 32)[..., 8:24, 8:24] for image in (convincing.image, enlarged))
    assert psnr(again, given).item() > 26


@pytest.mark.weights
def test_a_sharp_face_is_left(sharp: Tensor, face_weights: None):
    kit = RestoreKit.load(RestoreSettings(only="photo"))
    detector = FaceDetector.load()
    kit = replace(kit, detector=detector)
    restored = restore_photo(sharp, kit=kit)
    assert [face.why_not for face in restored.faces] == ["it is as sharp as its size allows"]
    face = (..., slice(150, 350), slice(150, 350))
    assert psnr(restored.image[face], sharp[face]).item() > 40


def fineness(image: Tensor) -> float:
    """Power of what is finer than 2 px."""
    return (image - GaussianBlur(2)(image, torch.Generator())).square().mean().item()


def test_the_inpainting_network_fills_a_scratch_across_the_face(sharp: Tensor):
    scratched, mask = sharp.clone(), torch.zeros_like(sharp)
    scratched[:, :, :, 230:233] = 1
    mask[:, :, :, 229:234] = 1
    restored = restore_photo(scratched, mask=mask, settings=RestoreSettings(only="photo", repair="auto"))
    assert psnr(restored.image, sharp).item() > psnr(scratched, sharp).item() + 6


def test_the_damage_network_finds_a_scratch_and_little_else(sharp: Tensor):
    scratched = sharp.clone()
    scratched[:, :, :400, 40:42] = 1
    kit = RestoreKit.load(RestoreSettings(only="photo", repair="auto"))
    networks = RestoreNetworks(kit, "a portrait")
    before, after = (find_damage(as_photo(one), networks.damage) for one in (sharp, scratched))
    assert before.mean() < 0.005
    assert after[:, :, :400, 40:42].mean() > 0.4
    assert torch.equal(repair(as_photo(sharp), networks, torch.zeros_like(before)).pixels, sharp)


def as_photo(pixels: Tensor) -> Photo:
    return Photo(pixels=pixels, alpha=None, gray=False, bits=8, icc_profile=None, exif=None)
