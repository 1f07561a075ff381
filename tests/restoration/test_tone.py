"""Fading is measured and undone on photos that were faded on purpose; what has not faded is left."""

import numpy as np
import pytest
import torch
from skimage import data
from skimage.color import deltaE_ciede2000, rgb2lab
from torch import Tensor

from photopulse.degrade.prints import faded
from photopulse.images.arrays import from_uint8, to_array
from photopulse.images.resize import resized
from photopulse.restoration.tone import measure_fading, without_fading

pytestmark = pytest.mark.usefixtures("one_thread")

FADINGS = {
    "magenta": ((0.45, 0.7, 0.6), (0.02, 0.06, 0.08)),
    "yellowed": ((0.5, 0.5, 0.45), (0.05, 0.08, 0.2)),
    "pale": ((0.5, 0.5, 0.5), (0.06, 0.06, 0.08)),
}
LIGHTS = {"sunset": (1, 0.6, 0.3), "red lamp": (1, 0.25, 0.2), "blue hour": (0.5, 0.7, 1), "night": (0.3, 0.3, 0.4)}


def difference(one: Tensor, other: Tensor) -> float:
    return float(deltaE_ciede2000(*(rgb2lab(to_array(picture)) for picture in (one, other))).mean())


def photo(name: str) -> Tensor:
    return resized(from_uint8(getattr(data, name)()), 200, 240)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
@pytest.mark.parametrize("light", [*LIGHTS, "day"])
def test_photos_in_any_light_have_not_faded(name, light):
    lit = photo(name).pow(2.2) * torch.tensor(LIGHTS.get(light, (1, 1, 1))).view(1, 3, 1, 1)
    picture = lit.pow(1 / 2.2)
    fading = measure_fading(picture)
    assert fading.amount == 0
    assert without_fading(picture, fading) is picture


@pytest.mark.parametrize("name", ["brick", "grass", "gravel", "page", "clock"])
def test_textures_pages_and_mist_have_not_faded(name):
    gray = getattr(data, name)()
    assert measure_fading(from_uint8(np.stack([gray] * 3, axis=2))).amount == 0


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
@pytest.mark.parametrize("kind", FADINGS)
def test_faded_colours_come_back(name, kind):
    true = photo(name)
    kept, stain = FADINGS[kind]
    seen = faded(true, kept=kept, stain=stain)
    fading = measure_fading(seen)
    assert fading.amount > 0.5
    assert not fading.one_tint
    assert difference(without_fading(seen, fading), true) < 0.6 * difference(seen, true)


def test_the_curves_rise_and_cut_hardly_anything_off():
    seen = faded(photo("astronaut"), kept=(0.45, 0.7, 0.6), stain=(0.02, 0.06, 0.08))
    fading = measure_fading(seen)
    ramp = torch.linspace(0, 1, 256).view(1, 1, 1, -1).expand(1, 3, 1, -1)
    assert (without_fading(ramp, fading).diff(dim=3) >= 0).all()
    clear = without_fading(seen, fading)
    assert ((clear == 0) | (clear == 1)).float().mean() < 0.005


def test_a_sepia_photo_gets_its_blacks_back_and_stays_sepia():
    luma = photo("astronaut").mean(1, keepdim=True) * 0.5 + 0.25
    sepia = luma + torch.tensor([0.08, 0.0, -0.08]).view(1, 3, 1, 1)
    fading = measure_fading(sepia)
    assert (fading.one_tint, fading.amount) == (True, 0.7)
    clear = without_fading(sepia, fading)
    assert (clear.amax() - clear.amin()) > 1.25 * (sepia.amax() - sepia.amin())
    inner = clear[(clear > 0.02).all(1, keepdim=True).expand(-1, 3, -1, -1) & (clear < 0.98)].numel()
    assert inner > 0.9 * clear.numel()
    assert 0.1 < (clear[:, 0] - clear[:, 2]).median() <= 0.161


def test_blacks_are_told_in_the_channels_own_figures():
    veiled = 60 / 255 + photo("astronaut") * 130 / 255
    fading = measure_fading(veiled)
    lowest = np.percentile(to_array(veiled)[20:-20, 24:-24].reshape(-1, 3) * 255, 0.5, axis=0)
    np.testing.assert_allclose(fading.black, lowest, atol=3)
    assert fading.amount == 1


def test_pictures_of_a_few_pixels_are_measured_too():
    for size in ((1, 1), (1, 40), (9, 2)):
        assert 0 <= measure_fading(torch.rand(1, 3, *size)).amount <= 1
