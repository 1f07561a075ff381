"""Networks that fail are never taken for networks that restored."""

import pytest
import torch
from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.restoration.face_restorer import DrawnFace
from photopulse.restoration.networks import RestoreNetworks

GRAY = torch.full((1, 3, 32, 48), 0.5)


class Returning(nn.Module):
    """Applies a function to its first input."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, image, *others):
        return self.function(image)


def with_nan(image):
    spoiled = image.clone()
    spoiled[0, 1, 3, 5] = float("nan")
    return spoiled


@pytest.mark.parametrize("broken", [with_nan, lambda image: image / 0, lambda image: -image / 0])
def test_one_value_that_is_no_number_is_an_error_that_names_network_and_photo(toy_restore_kit, broken):
    class Broken:
        fingerprint = ""

        def restore(self, crops, resolutions):
            return [DrawnFace(image=broken(crops), misfit=0.0)]

    enlarge = Returning(lambda image: broken(image.repeat_interleave(2, 2).repeat_interleave(2, 3)))
    networks = RestoreNetworks(toy_restore_kit(face_restorer=Broken(), enlarge_net=enlarge), "old.jpg")
    for run in (lambda x: networks.faces(x, [64.0]), networks.enlarge):
        with pytest.raises(
            PhotopulseError, match=r"cannot restore old\.jpg: the \w+ network failed: .*no finite numbers"
        ):
            run(GRAY)


def test_a_full_size_network_that_is_broken_is_an_error(toy_restore_kit):
    kit = toy_restore_kit()
    with torch.no_grad():
        kit.full_size_net.last.bias.fill_(float("nan"))
    small = GRAY[..., :16, :24]
    with pytest.raises(PhotopulseError, match="the full-size network failed"):
        RestoreNetworks(kit, "old.jpg").full_size(small, small, GRAY)


def test_another_shape_is_an_error(toy_restore_kit):
    networks = RestoreNetworks(toy_restore_kit(enlarge_net=nn.Identity()), "old.jpg")
    with pytest.raises(PhotopulseError, match="48 x 32 px of 48 x 32 px"):
        networks.enlarge(GRAY)


def test_a_network_that_was_not_loaded_is_an_error(toy_restore_kit):
    networks = RestoreNetworks(toy_restore_kit(face_restorer=None, enlarge_net=None), "old.jpg")
    for run in (lambda x: networks.faces(x, [64.0]), networks.enlarge):
        with pytest.raises(PhotopulseError, match="was not loaded"):
            run(GRAY)


def test_results_are_clamped_and_large_pictures_go_in_tiles(toy_restore_kit):
    seen = []

    def spy(image):
        seen.append(image.shape[2:])
        return image + 0.75

    result = RestoreNetworks(toy_restore_kit(photo_net=Returning(spy)), "old.jpg").photo(torch.rand(1, 3, 20, 1500))
    assert result.shape == (1, 3, 20, 1500)
    assert result.min().item() >= 0.75
    assert result.max().item() == 1
    assert len(seen) > 1
    assert all(max(shape) <= 640 for shape in seen)
