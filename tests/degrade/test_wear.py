"""Wear that is drawn over pictures, and the mask that says where."""

import cv2
import numpy as np
import pytest
import torch

from photopulse.degrade.wear import SCANNED, Worn, wear

GRAY = torch.full((1, 3, 96, 128), 0.5)


def drawn(seed: int, picture: torch.Tensor = GRAY) -> Worn:
    return wear(picture, torch.Generator().manual_seed(seed))


def change(worn: Worn, picture: torch.Tensor = GRAY) -> np.ndarray:
    return (worn.picture - picture).abs().amax(1)[0].numpy()


@pytest.mark.parametrize("seed", range(20))
def test_what_changes_much_lies_in_the_mask(seed: int):
    worn = drawn(seed)
    mask = worn.mask[0, 0].numpy()
    assert set(np.unique(mask)) <= {0, 1}
    assert not (change(worn) > 0.3)[mask == 0].any()


@pytest.mark.parametrize("seed", range(20))
def test_the_mask_goes_no_farther_than_a_pixel_beyond_what_is_to_be_seen(seed: int):
    worn = drawn(seed)
    seen = (change(worn) > 10 / 255).astype(np.uint8)
    around = cv2.dilate(seen, np.ones((3, 3), np.uint8))
    assert not (worn.mask[0, 0].numpy() > around).any()


def test_pictures_are_worn_a_little_and_in_many_ways():
    shares = np.array([drawn(seed).mask.mean().item() for seed in range(60)])
    assert (shares > 0).mean() > 0.9
    assert 0.01 < shares.mean() < 0.2
    assert shares.max() < 0.9


def test_the_same_seed_wears_alike_and_another_does_not():
    first, again, other = drawn(1), drawn(1), drawn(2)
    assert torch.equal(first.picture, again.picture)
    assert torch.equal(first.mask, again.mask)
    assert not torch.equal(first.picture, other.picture)


def test_the_picture_itself_is_not_changed():
    picture = GRAY.clone()
    wear(picture, torch.Generator().manual_seed(0))
    assert torch.equal(picture, GRAY)


def test_what_cannot_be_seen_is_no_damage():
    """White lines on white, black ones on black: each seed wears both, so that no colour is hidden in both."""
    for seed in range(10):
        worn = drawn(seed, torch.ones(1, 3, 64, 64))
        assert not (
            worn.mask[0, 0].numpy()
            > cv2.dilate((change(worn, torch.ones(1, 3, 64, 64)) > 0.039).astype(np.uint8), np.ones((3, 3), np.uint8))
        ).any()


@pytest.mark.parametrize("size", [(1, 1), (2, 40), (33, 9)])
def test_any_size_is_worn(size: tuple[int, int]):
    for seed in range(10):
        worn = drawn(seed, torch.rand(1, 3, *size))
        assert worn.picture.shape == (1, 3, *size)
        assert worn.mask.shape == (1, 1, *size)
        assert 0 <= worn.picture.min() <= worn.picture.max() <= 1


def test_scans_keep_what_the_picture_shows():
    picture = torch.linspace(0, 1, 64).view(1, 1, 1, 64).expand(1, 3, 64, 64)
    for seed in range(5):
        random = torch.Generator().manual_seed(seed)
        assert abs(SCANNED.draw(random)(picture, random).mean().item() - 0.5) < 0.03
