"""The trainings of the repair, tiny: what they learn from, what they write, and that they learn."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.networks.damage_mask import DamageMaskNet, DamageMaskSettings
from photopulse.networks.files import read_network
from photopulse.networks.inpaint import InpaintNet, InpaintSettings, fill_smoothly
from photopulse.training.compute import Compute
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.damage_mask import DamageMaskTraining, overlap_loss, train_damage_mask
from photopulse.training.restoration.inpaint import InpaintTraining, first_fill, train_inpaint, widened
from photopulse.training.restoration.old_prints import as_print
from photopulse.training.restoration.pairs import PhotoCrops
from photopulse.training.restoration.repair_recipes import run_damage_mask, run_inpaint
from photopulse.training.restoration.worn import WornCrops, make_worn, worn_batches

pytestmark = pytest.mark.usefixtures("one_thread")

CROPS = WornCrops(crops=PhotoCrops(size=64, gray=0.5), worn=1.0)
QUICK = Optimisation(steps=2, batch_size=2, learning_rate=1e-3, warmup=1)
MASK = DamageMaskTraining(network=DamageMaskSettings(widths=(4, 4), blocks=(1, 1)), optimisation=QUICK, crops=CROPS)
FILL = InpaintTraining(network=InpaintSettings(widths=(8, 8), blocks=(1, 1)), optimisation=QUICK, crops=CROPS)
CPU = Compute()


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_worn_crops_have_a_mask_where_they_are_worn(pictures: list[Path]):
    worn = make_worn(pictures, CROPS, 5, random())
    assert worn.picture.shape == worn.clean.shape == (5, 3, 64, 64)
    assert worn.mask.shape == (5, 1, 64, 64)
    changed = ((worn.picture - worn.clean).abs().mean(1, keepdim=True) > 0.2).float()
    within, around = changed[worn.mask > 0].mean(), changed[worn.mask == 0].mean()
    assert within > 5 * around


def test_crops_that_are_not_worn_have_an_empty_mask(pictures: list[Path]):
    assert not make_worn(pictures, replace(CROPS, worn=0.0), 4, random()).mask.any()


def test_each_batch_is_used_in_six_ways_and_then_comes_another(pictures: list[Path]):
    made = worn_batches(pictures, CROPS, QUICK, CPU)(0)
    masks = [next(made).mask for _ in range(6 * 12 + 1)]
    assert all(mask.sum() == masks[0].sum() for mask in masks[:72:12])
    assert len({float(mask.sum()) for mask in masks}) == 13
    assert torch.equal(masks[12], masks[0].flip(3))
    assert torch.equal(masks[48].rot90(2, (2, 3)), masks[0])


def test_the_overlap_is_one_less_the_f1_score():
    found, mask = torch.tensor([1.0, 1, 0, 0]).view(1, 1, 2, 2), torch.tensor([1.0, 0, 1, 1]).view(1, 1, 2, 2)
    precision, recall = 1 / 2, 1 / 3
    assert overlap_loss(found, mask).item() == pytest.approx(1 - 2 * precision * recall / (precision + recall))


def test_holes_are_made_wider_on_all_sides():
    mask = torch.zeros(1, 1, 9, 9)
    mask[:, :, 4, 4] = 1
    assert [int(widened(mask, more).sum()) for more in (0, 1, 2, 4)] == [1, 1, 9, 25]


def test_a_coarse_start_is_that_of_half_of_the_size():
    picture, holes = torch.full((1, 3, 32, 32), 0.25), torch.zeros(1, 1, 32, 32)
    picture[..., 16:], holes[..., 8:24] = 0.75, 1
    net = InpaintNet(FILL.network)
    plain, coarse = (first_fill(net, picture, holes, coarse=coarse) for coarse in (False, True))
    assert torch.equal(plain, fill_smoothly(picture, holes))
    assert torch.equal(coarse.where(holes == 0, picture), picture)
    torch.testing.assert_close(coarse, plain, atol=0.1, rtol=0)


@pytest.mark.parametrize("seed", range(40))
def test_old_prints_stay_pictures_and_gray_ones_gray(seed: int):
    picture = torch.rand(1, 3, 48, 48, generator=random(seed))
    printed = as_print(picture, random(seed), share=1.0)
    assert printed.shape == picture.shape
    assert 0 <= printed.min() <= printed.max() <= 1
    gray = as_print(picture.mean(1, keepdim=True).expand(-1, 3, -1, -1), random(seed), share=1.0)
    assert torch.equal(gray[:, 0], gray[:, 1])
    assert torch.equal(printed, as_print(picture, random(seed), share=1.0))


def test_photos_become_a_damage_network(pictures: list[Path], tmp_path: Path):
    weights = run_damage_mask(pictures, tmp_path, MASK, compute=CPU)
    network = read_network(weights, "damage-mask", lambda sizes: DamageMaskNet(DamageMaskSettings(**sizes)))
    assert (weights.name, network.settings) == ("damage-mask.safetensors", MASK.network)
    assert json.loads((tmp_path / "settings.json").read_text())["photos"] == 11
    assert Image.open(tmp_path / "samples" / "000002.png").width == 16 + 3 * 260 - 4


def test_photos_become_an_inpainting_network(pictures: list[Path], tmp_path: Path):
    weights = run_inpaint(pictures, tmp_path, FILL, compute=CPU)
    network = read_network(weights, "inpaint", lambda sizes: InpaintNet(InpaintSettings(**sizes)))
    assert (weights.name, network.settings) == ("inpaint.safetensors", FILL.network)
    assert Image.open(tmp_path / "samples" / "000002.png").width == 16 + 4 * 260 - 4


def test_the_first_fill_is_the_smooth_one(pictures: list[Path], tmp_path: Path):
    first = next(train_inpaint(pictures, FILL, checkpoint=tmp_path / "a.pt", compute=CPU))
    assert first.losses["hole"] == pytest.approx(first.losses["smooth"], rel=1e-2)


def test_weights_of_other_sizes_are_no_start(pictures: list[Path], tmp_path: Path):
    weights = run_damage_mask(pictures, tmp_path, MASK, compute=CPU)
    wider = replace(MASK, network=DamageMaskSettings(widths=(8, 8), blocks=(1, 1)))
    with pytest.raises(PhotopulseError, match="other sizes"):
        run_damage_mask(pictures, tmp_path / "b", wider, start=weights, compute=CPU)


def test_it_learns_to_find_damage(pictures: list[Path], tmp_path: Path):
    settings = replace(MASK, optimisation=replace(QUICK, steps=60, learning_rate=1e-2, ema_decay=0.9, batch_size=4))
    states = list(train_damage_mask(pictures, settings, checkpoint=tmp_path / "a.pt", compute=CPU))
    first, last = (sum(state.losses["overlap"] for state in part) / 12 for part in (states[:12], states[-12:]))
    assert last < first - 0.1
