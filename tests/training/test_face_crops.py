from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from photopulse.degrade.photo import TRAINING, DamageRecipe
from photopulse.networks.face import FACE_SIZE
from photopulse.training.batches import BatchOrder
from photopulse.training.restoration.face_crops import STORED_SIZE, FaceCrops, Jitter, face_batches, face_pairs

pytestmark = pytest.mark.usefixtures("one_thread")

STILL = Jitter(turn=0, zoom=0, shift=0, gain=0, gamma=0, gray=0)
EDGE = (STORED_SIZE - FACE_SIZE) // 2


def _middle(faces: FaceCrops, crop: int) -> torch.Tensor:
    part = faces.pixels[crop, EDGE : EDGE + FACE_SIZE, EDGE : EDGE + FACE_SIZE]
    return torch.from_numpy(part.copy()).permute(2, 0, 1).float() / 255


def test_without_jitter_a_face_is_the_middle_of_its_crop_or_its_mirror_image(face_crops: FaceCrops):
    faces = replace(face_crops, jitter=STILL)
    (batch,) = islice(face_batches(faces, BatchOrder(batch_size=12, seed=0)), 1)
    middles = [_middle(faces, crop) for crop in range(4)]
    views = [*middles, *(middle.flip(2) for middle in middles)]
    nearest = [min(range(8), key=lambda n, face=face: (views[n] - face).abs().max().item()) for face in batch]
    for face, place in zip(batch, nearest, strict=True):
        torch.testing.assert_close(face, views[place], rtol=0, atol=2 / 255)
    assert len(set(nearest)) > 4


def test_jitter_changes_faces_a_little(face_crops: FaceCrops):
    faces = replace(face_crops, jitter=replace(STILL, turn=2.0, zoom=0.04, shift=0.015, gain=0.05))
    (batch,) = islice(face_batches(faces.without([1, 2]), BatchOrder(batch_size=8, seed=0)), 1)
    middle = _middle(faces, 0)
    distances = [min((face - view).abs().mean().item() for view in (middle, middle.flip(2))) for face in batch]
    assert all(0.002 < distance < 0.2 for distance in distances)


def test_gray_faces_have_no_colours(face_crops: FaceCrops):
    faces = replace(face_crops, jitter=replace(STILL, gray=1.0))
    (batch,) = islice(face_batches(faces, BatchOrder(batch_size=2, seed=0)), 1)
    assert torch.equal(batch[:, 0], batch[:, 2])


def test_a_batch_depends_on_its_number_alone(face_crops: FaceCrops):
    whole = list(islice(face_pairs(face_crops, TRAINING, BatchOrder(batch_size=1, seed=2)), 4))
    other = list(islice(face_pairs(face_crops, TRAINING, BatchOrder(batch_size=1, seed=2, first=1, every=2)), 2))
    for number, pairs in zip((1, 3), other, strict=True):
        assert torch.equal(pairs.sharp, whole[number].sharp)
        assert torch.equal(pairs.damaged, whole[number].damaged)
    assert whole[0].damaged.shape == (1, 3, 256, 256)


def test_pairs_hold_the_faces_of_the_batches_of_that_number(face_crops: FaceCrops):
    (pairs,) = islice(face_pairs(face_crops, DamageRecipe(), BatchOrder(batch_size=2, seed=3, first=5)), 1)
    (faces,) = islice(face_batches(face_crops, BatchOrder(batch_size=2, seed=3, first=5)), 1)
    assert torch.equal(pairs.sharp, faces)
    assert torch.equal(pairs.damaged, faces)


def test_leaving_a_face_out_leaves_out_all_of_its_photo(face_crops: FaceCrops):
    twice = replace(face_crops, places=np.array([0, 1, 2, 3, 0, 1]))
    assert twice.without([2]).places.tolist() == [0, 1, 0, 1]
    assert twice.without([4]).places.tolist() == [1, 2, 3, 1]
    assert len(twice.without([0, 1, 3])) == 0


def test_the_upright_face_is_the_middle_of_the_crop(face_crops: FaceCrops):
    picked = replace(face_crops, places=np.array([3]))
    assert torch.equal(picked.upright(0)[0], _middle(face_crops, 3))
