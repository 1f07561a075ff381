import math

import numpy as np
import pytest
from scipy import ndimage

from photopulse.faces.mesh import FaceMesh
from photopulse.faces.region import FaceRegion
from photopulse.restoration.face_mask import band_weights, paste_border


def round_mesh(radius: float) -> FaceMesh:
    around = np.linspace(0, 2 * math.pi, 468, endpoint=False)
    points = np.stack([100 + radius * np.cos(around), 90 + radius * np.sin(around), 0 * around], axis=1)
    return FaceMesh(points=points, presence=1.0)


REGION = FaceRegion(centre=(100.0, 90.0), side=128.0, angle=30.0)


@pytest.mark.parametrize("reach", [0.0, 0.2])
def test_a_fine_bands_weight_is_the_widened_disk_softened(reach: float):
    # The rectangle around a disk of radius 30 is 60 px high.
    radius = 30 + 60 * reach
    y, x = np.mgrid[:128, :128] - 63.5
    disk = (np.hypot(x, y) <= radius).astype(float)
    expected = ndimage.gaussian_filter(disk, 3.0)
    (weight,) = band_weights(round_mesh(30), REGION, 128, reach=reach, deviations=[3.0])
    assert np.abs(weight - expected).mean() < 0.005
    assert np.abs(weight - expected).max() < 0.1


def test_coarse_bands_fade_more_widely_and_all_vanish_at_the_crops_border():
    fine, coarse = band_weights(round_mesh(40), REGION, 256, reach=0.3, deviations=[2.0, 30.0])
    for weight in (fine, coarse):
        rim = np.concatenate([weight[:5].ravel(), weight[-5:].ravel(), weight[:, :5].ravel(), weight[:, -5:].ravel()])
        assert rim.max() == 0
        assert 0 <= weight.min() <= weight.max() <= 1 + 1e-6
        assert weight[128, 128] > 0.9
    assert ((coarse > 0.1) & (coarse < 0.9)).sum() > 2 * ((fine > 0.1) & (fine < 0.9)).sum()


def test_the_border_is_where_the_weight_is_a_half():
    border = REGION.to_crop(paste_border(round_mesh(30), REGION, reach=0.1), 256)
    (weight,) = band_weights(round_mesh(30), REGION, 256, reach=0.1, deviations=[2.0])
    on_border = ndimage.map_coordinates(weight, [border[:, 1], border[:, 0]], order=1)
    np.testing.assert_allclose(on_border, 0.5, atol=0.1)


def test_the_border_stays_within_the_crop():
    border = REGION.to_crop(paste_border(round_mesh(60), REGION, reach=0.5), 1)
    assert border.min() > -0.5 + 0.02
    assert border.max() < 0.5 - 0.02
