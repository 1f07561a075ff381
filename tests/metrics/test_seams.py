import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.draw import polygon
from torch import Tensor

from photopulse.metrics.seams import border_gradient, colour_shift, seam_gain

SQUARE = np.array([(20.0, 20.0), (20.0, 60.0), (60.0, 60.0), (60.0, 20.0)])
# Luma has 219 grey levels between black and white.
LEVELS = 219


def circle(radius: float) -> np.ndarray:
    around = np.linspace(0, 2 * math.pi, 200, endpoint=False)
    return np.stack([40 + radius * np.cos(around), 40 + radius * np.sin(around)], axis=1)


def grey(plane: np.ndarray) -> Tensor:
    return torch.from_numpy(plane).float().expand(1, 3, *plane.shape)


def waves() -> np.ndarray:
    y, x = np.mgrid[:81, :81]
    return 0.5 + 0.2 * np.sin(x / 3) * np.cos(y / 4)


def test_a_ramp_has_its_slope_along_any_line():
    y, x = np.mgrid[:81, :81]
    ramp = grey((3 * x + 4 * y) / 1000)
    for outline in (SQUARE, circle(25.3)):
        assert border_gradient(ramp, outline) == pytest.approx(5 / 1000 * LEVELS, rel=1e-4)


def test_it_agrees_with_numpys_gradient_read_by_scipy():
    plane = np.random.default_rng(0).random((81, 81))
    around = np.linspace(0, 2 * math.pi, 20_000, endpoint=False)
    places = [40 + 30 * np.sin(around), 40 + 30 * np.cos(around)]
    down, across = (ndimage.map_coordinates(part, places, order=1) for part in np.gradient(plane))
    expected = np.hypot(across, down).mean() * LEVELS
    assert border_gradient(grey(plane), circle(30)) == pytest.approx(expected, rel=0.01)


def test_a_seam_shows_on_its_line_and_nowhere_else():
    plane = waves()
    inside = np.zeros_like(plane)
    inside[polygon(*(circle(20.0).T[::-1]))] = 0.1
    before, after = grey(plane), grey(plane + inside)
    assert border_gradient(after, circle(20)) > 1.2 * border_gradient(before, circle(20))
    assert border_gradient(after, circle(25)) == pytest.approx(border_gradient(before, circle(25)))


def test_more_contrast_is_no_seam_but_a_step_is():
    plane = waves()
    inside = np.zeros_like(plane)
    inside[20:60, 20:60] = 0.1
    outline = np.array([(19.5, 19.5), (19.5, 59.5), (59.5, 59.5), (59.5, 19.5)])
    assert seam_gain(grey(plane), grey(0.25 + plane / 2), outline) == pytest.approx(1, abs=1e-4)
    assert seam_gain(grey(plane), grey(plane + inside), outline) > 1.5


def test_flat_pictures_have_no_seam_gain():
    flat = torch.full((1, 3, 81, 81), 0.5)
    with pytest.raises(ValueError, match="flat along the line"):
        seam_gain(flat, flat, SQUARE)


def test_parts_of_the_line_beyond_the_image_do_not_count():
    plane = np.zeros((81, 81))
    plane[:, 40:] = np.arange(41) / 100
    left = np.array([(-50.0, -50.0), (-50.0, 20.0), (20.0, 20.0), (20.0, -50.0)])
    assert border_gradient(grey(plane), left) == 0
    with pytest.raises(ValueError, match="no point of the line"):
        border_gradient(grey(plane), left - 50)


def test_the_colour_shift_is_the_weighted_mean_difference():
    before = torch.zeros(1, 3, 2, 2)
    after = before.clone()
    after[0, 0] = torch.tensor([(0.4, 0.0), (0.0, 0.9)])
    after[0, 2] = -0.1
    mask = torch.tensor([(1.0, 0.5), (0.5, 0.0)]).reshape(1, 1, 2, 2)
    torch.testing.assert_close(colour_shift(before, after, mask), torch.tensor([0.2, 0.0, -0.1]))


def test_masks_that_say_nothing_are_refused():
    image = torch.zeros(1, 3, 4, 4)
    with pytest.raises(ValueError, match="is empty"):
        colour_shift(image, image, torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match="the mask must be"):
        colour_shift(image, image, torch.ones(4, 4))
