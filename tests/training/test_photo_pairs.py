from itertools import islice
from pathlib import Path

import pytest
import torch
from PIL import Image

from photopulse.degrade.photo import Amount, DamageRecipe
from photopulse.errors import PhotopulseError
from photopulse.images import read_image
from photopulse.training.batches import BatchOrder, made_ahead
from photopulse.training.restoration.pairs import Pairs, PhotoCrops, make_pairs, photo_pairs

pytestmark = pytest.mark.usefixtures("one_thread")

CROPS = PhotoCrops(size=64)
WHOLE = DamageRecipe()


def _batches(files: list[Path], count: int, **others: int) -> list[Pairs]:
    return list(islice(photo_pairs(files, CROPS, BatchOrder(batch_size=3, seed=5, **others)), count))


def test_a_batch_depends_on_its_number_alone(pictures: list[Path]):
    whole = _batches(pictures, 4)
    for number, pairs in zip((1, 3), _batches(pictures, 2, first=1, every=2), strict=True):
        assert torch.equal(pairs.sharp, whole[number].sharp)
        assert torch.equal(pairs.damaged, whole[number].damaged)
    assert not torch.equal(whole[0].sharp, whole[1].sharp)
    assert whole[0].sharp.shape == whole[0].damaged.shape == (3, 3, 64, 64)
    assert not torch.equal(whole[0].sharp, whole[0].damaged)


def test_without_damage_and_scaling_a_crop_is_a_part_of_the_photo(pictures: list[Path]):
    crops = PhotoCrops(size=250, least_scale=1, most_scale=1, gray=0)
    made = make_pairs(pictures[:1], crops, 3, torch.Generator().manual_seed(0), recipe=WHOLE)
    photo = read_image(pictures[0]).pixels
    for crop in made.sharp:
        views = [photo[0, :, t : t + 250, le : le + 250] for t in range(7) for le in range(7)]
        assert any(torch.equal(crop, view) or torch.equal(crop.flip(2), view) for view in views)
    assert torch.equal(made.damaged, made.sharp)


def test_gray_crops_have_no_colours_and_small_ones_stay_small(pictures: list[Path]):
    crops = PhotoCrops(size=64, gray=1.0)
    half = DamageRecipe(shrink=Amount(2, 2))
    made = make_pairs(pictures, crops, 2, torch.Generator().manual_seed(0), recipe=half, same_size=False)
    assert torch.equal(made.sharp[:, 0], made.sharp[:, 2])
    assert made.damaged.shape == (2, 3, 32, 32)
    means = torch.nn.functional.avg_pool2d(made.sharp, 2)
    torch.testing.assert_close(made.damaged, means, rtol=0, atol=1e-5)


def test_photos_are_never_enlarged_unless_no_crop_fits(tmp_path: Path):
    Image.new("RGB", (40, 80), "red").save(tmp_path / "small.png")
    made = make_pairs([tmp_path / "small.png"], CROPS, 1, torch.Generator().manual_seed(0), recipe=WHOLE)
    assert made.sharp.shape == (1, 3, 64, 64)


def test_a_photo_that_ends_too_early_is_passed_over_with_a_warning(pictures: list[Path], tmp_path: Path):
    torn = tmp_path / "torn.png"
    torn.write_bytes(pictures[0].read_bytes()[:3000])
    with pytest.warns(UserWarning, match=r"left out of the training: cannot read .*torn\.png"):
        made = [
            make_pairs([torn, pictures[1]], CROPS, 1, torch.Generator().manual_seed(seed)).sharp for seed in range(6)
        ]
    assert all(crop.std() > 0.05 for crop in made)


@pytest.mark.filterwarnings("ignore:left out")
def test_nothing_but_broken_photos_is_an_error(tmp_path: Path):
    torn = tmp_path / "torn.png"
    torn.write_bytes(b"no picture")
    with pytest.raises(PhotopulseError, match="cannot read"):
        next(photo_pairs([torn], CROPS, BatchOrder(batch_size=1, seed=0)))


def test_things_are_made_one_ahead():
    made: list[int] = []

    def make(number: int) -> int:
        made.append(number)
        return number

    things = made_ahead(make, BatchOrder(batch_size=1, seed=0, first=3, every=2))
    assert [next(things), next(things)] == [3, 5]
    things.close()
    assert made == [3, 5, 7]


def test_pairs_move_with_both_pictures():
    pairs = Pairs(damaged=torch.rand(1, 3, 4, 5), sharp=torch.rand(1, 3, 4, 5))
    moved = pairs.to(torch.device("cpu"))
    assert torch.equal(moved.damaged, pairs.damaged)
    assert moved.sharp.stride() == (60, 1, 15, 3)


def test_their_share_of_a_batch_is_drawn_and_not_of_photos(tmp_path: Path):
    Image.new("RGB", (80, 80), (10, 20, 30)).save(tmp_path / "flat.png")
    crops = PhotoCrops(size=64, gray=0, drawn=0.5)
    made = make_pairs([tmp_path / "flat.png"], crops, 4, torch.Generator().manual_seed(0), recipe=WHOLE)
    flat = torch.tensor([10, 20, 30]).view(3, 1, 1) / 255
    assert [torch.allclose(crop, flat, atol=1e-4) for crop in made.sharp] == [False, False, True, True]


def test_recoloured_photos_have_other_hues_and_tinted_ones_a_single_one(tmp_path: Path):
    Image.new("RGB", (80, 80), (200, 30, 40)).save(tmp_path / "red.png")

    def drawn(crops: PhotoCrops) -> torch.Tensor:
        return make_pairs([tmp_path / "red.png"], crops, 12, torch.Generator().manual_seed(0), recipe=WHOLE).sharp

    red = drawn(PhotoCrops(size=64, gray=0))[:, :, 0, 0]
    assert (red.argmax(1) == 0).all()
    assert len(set(drawn(PhotoCrops(size=64, gray=0, recoloured=1, a_photo=1))[:, :, 0, 0].argmax(1).tolist())) == 3
    tinted = drawn(PhotoCrops(size=64, gray=0, tinted=1))
    assert tinted.flatten(2).std(2).max() < 1e-6
    assert not torch.equal(tinted[:, 0], tinted[:, 1])
