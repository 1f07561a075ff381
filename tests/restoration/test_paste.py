import math

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from photopulse.faces.mesh import FaceMesh
from photopulse.faces.region import FaceRegion
from photopulse.metrics.seams import border_gradient, colour_shift, seam_gain
from photopulse.restoration.face_mask import paste_border
from photopulse.restoration.paste import PasteSettings, paste_face


def mesh_of(region: FaceRegion) -> FaceMesh:
    """An upright oval in the middle of the region, 0.5 wide and 0.6 high."""
    around = np.linspace(0, 2 * math.pi, 468, endpoint=False)
    oval = np.stack([0.25 * np.cos(around), 0.3 * np.sin(around)], axis=1)
    points = np.concatenate([region.to_photo(oval, 1), np.zeros((468, 1))], axis=1)
    return FaceMesh(points=points, presence=1.0)


def picture(height: int, width: int, *, smooth: float = 2.0) -> Tensor:
    noise = np.random.default_rng(0).random((height, width, 3), np.float32)
    soft = sum(cv2.GaussianBlur(noise, (0, 0), smooth * 2**level) * 2**level for level in range(4)) / 15
    return torch.from_numpy(0.5 + (soft - 0.5) * 3).permute(2, 0, 1)[None].float()


def pasted(photo: Tensor, face: Tensor, region: FaceRegion, settings: PasteSettings | None = None) -> Tensor:
    patch = paste_face(photo, face, region, mesh_of(region), settings)
    result = photo.clone()
    result[(..., *patch.window)] = patch.pixels
    return result


REGION = FaceRegion(centre=(155.0, 146.0), side=200.0, angle=15.0)


@pytest.mark.parametrize("side", [50.0, 128.0, 220.0])
def test_the_photos_own_crop_changes_nothing(side: float):
    photo = picture(300, 320)
    region = FaceRegion(centre=(155.0, 146.0), side=side, angle=15.0)
    torch.testing.assert_close(pasted(photo, region.crop(photo, 128), region), photo, atol=1e-6, rtol=0)


def test_the_photo_itself_stays_as_it_is():
    photo = picture(300, 320)
    before = photo.clone()
    paste_face(photo, torch.rand(1, 3, 64, 64), REGION, mesh_of(REGION))
    assert torch.equal(photo, before)


def test_light_and_colour_are_the_photos():
    photo = picture(300, 320)
    tint = torch.tensor([0.2, -0.1, 0.05]).reshape(1, 3, 1, 1)
    ramp = torch.linspace(-0.1, 0.1, 128)[None, None, :, None]
    face = REGION.crop(photo, 128)
    torch.testing.assert_close(pasted(photo, face + tint, REGION), photo, atol=1e-5, rtol=0)
    assert (pasted(photo, face + ramp, REGION) - photo).abs().max() < 0.01


def test_detail_is_the_faces():
    photo = picture(300, 320, smooth=6)
    waves = 0.1 * torch.sin(torch.arange(128) * 2 * math.pi / 8).expand(1, 3, 128, 128)
    change = pasted(photo, REGION.crop(photo, 128) + waves, REGION) - photo
    there = REGION.crop(change, 128)[..., 48:80, 48:80]
    torch.testing.assert_close(there, waves[..., 48:80, 48:80], atol=0.015, rtol=0)


@pytest.mark.parametrize(("detail", "low", "high"), [(1.0, 0.99, 1.01), (0.5, 0.5, 0.7), (0.0, 0.0, 0.3)])
def test_what_is_finer_than_the_faces_pixels_is_kept_by_its_share(detail: float, low: float, high: float):
    photo = torch.full((1, 3, 300, 320), 0.5)
    # Stripes two pixels wide, of which the face at a quarter of the size can know nothing.
    photo += 0.1 * torch.sin(torch.arange(320) * math.pi / 2 + 0.5)
    region = FaceRegion(centre=(155.0, 146.0), side=256.0, angle=0.0)
    result = pasted(photo, region.crop(photo, 64), region, PasteSettings(detail=detail))
    middle = (..., slice(136, 156), slice(140, 172))
    assert low <= (result[middle].std() / photo[middle].std()).item() <= high


def test_nothing_changes_at_the_crops_border_and_beyond():
    photo = picture(300, 320)
    random = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    result = pasted(photo, random, REGION)
    ones = REGION.place(torch.ones(1, 1, 128, 128), (300, 320))
    within = torch.zeros(1, 1, 300, 320)
    within[(..., *ones.window)] = ones.pixels
    torch.testing.assert_close(torch.where(within > 0.99, photo, result), photo, atol=1e-6, rtol=0)
    assert (result - photo).abs().max() > 0.1
    assert border_gradient(result, REGION.corners) == pytest.approx(border_gradient(photo, REGION.corners), rel=1e-4)


def test_a_sharper_face_of_other_colours_leaves_neither_a_seam_nor_a_shift():
    photo = picture(300, 320)
    crop = REGION.crop(photo, 128)
    soft = torch.nn.functional.avg_pool2d(crop, 5, stride=1, padding=2, count_include_pad=False)
    face = crop + 0.5 * (crop - soft) + torch.tensor([0.1, -0.06, 0.04]).reshape(1, 3, 1, 1)
    result = pasted(photo, face, REGION)
    outline = paste_border(mesh_of(REGION), REGION, reach=PasteSettings().reach)
    assert border_gradient(result, outline) < 1.1 * border_gradient(photo, outline)
    assert seam_gain(photo, result, outline) < 1.05
    everywhere = torch.ones(1, 1, 300, 320)
    assert colour_shift(photo, result, everywhere).abs().max() < 0.1 / 255
    oval = torch.from_numpy(cv2.fillPoly(np.zeros((300, 320), np.float32), [outline.round().astype(np.int32)], (1.0,)))
    assert colour_shift(photo, result, oval[None, None]).abs().max() < 0.1 / 255


def lines_seen(result: Tensor, places: tuple[int, int]) -> np.ndarray:
    """How dark two upright lines are in each row, (rows, 2), as a share of a whole line's depth."""
    plane = 1 - result[0, 0].numpy() / 0.8
    return np.stack([plane[:, place - 1 : place + 2].max(axis=1) for place in places], axis=1)


def test_an_edge_that_lies_elsewhere_is_seen_once():
    # The temple of a pair of glasses crosses the mask's edge, six pixels aside from where the photo has it.
    photo, face = torch.full((1, 3, 256, 256), 0.8), torch.full((1, 3, 256, 256), 0.8)
    photo[..., 127:129] = 0
    face[..., 133:135] = 0
    region = FaceRegion(centre=(127.5, 127.5), side=256.0, angle=0.0)

    def doubled_rows(settings: PasteSettings) -> int:
        return int((lines_seen(pasted(photo, face, region, settings), (128, 134)).min(axis=1) > 0.25).sum())

    by_band = doubled_rows(PasteSettings(reach=0.1))
    # One wide feather for all bands would be that of the coarsest.
    one_for_all = doubled_rows(PasteSettings(reach=0.1, feather=20.0))
    assert one_for_all > 40
    assert by_band < one_for_all / 3
    result = pasted(photo, face, region)
    seen = lines_seen(result, (128, 134))
    assert seen[128] == pytest.approx((0.0, 1.0), abs=0.2)
    assert seen[2] == pytest.approx((1.0, 0.0), abs=0.01)


def test_a_face_over_the_photos_edge_is_pasted_where_the_photo_is():
    photo = picture(120, 100)
    region = FaceRegion(centre=(10.0, 100.0), side=90.0, angle=-20.0)
    face = region.crop(photo, 64) + 0.1 * torch.sin(torch.arange(64.0))
    result = pasted(photo, face, region)
    assert result.isfinite().all()
    assert (result - photo)[..., 95:105, 5:15].abs().max() > 0.03


def test_dtype_follows_the_photo():
    photo = picture(300, 320).double()
    assert paste_face(photo, torch.rand(1, 3, 64, 64), REGION, mesh_of(REGION)).pixels.dtype == torch.float64


@pytest.mark.parametrize(
    "settings", [{"reach": -0.1}, {"feather": 0.0}, {"colour": 0.0}, {"colour": 0.6}, {"detail": 1.5}]
)
def test_settings_out_of_range_are_refused(settings: dict[str, float]):
    with pytest.raises(ValueError, match=next(iter(settings))):
        PasteSettings(**settings)


def test_a_face_that_is_no_square_is_refused():
    with pytest.raises(ValueError, match="must be"):
        paste_face(picture(300, 320), torch.rand(1, 3, 64, 32), REGION, mesh_of(REGION))
