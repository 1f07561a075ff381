from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.training.batches import BatchOrder
from photopulse.training.fsrnet.face_parts import LANDMARKS
from photopulse.training.fsrnet.faces import CropSettings, TrainingFace
from photopulse.training.fsrnet.pairs import FaceBatch, batches, make_batch

UNCOLOURED = CropSettings(gain=0, gamma=0, gray=0)


def _batches(faces: list[TrainingFace], **others: Any) -> list[FaceBatch]:
    count = others.pop("count", 1)
    map_size = others.pop("map_size", 32)
    order = BatchOrder(**{"batch_size": 3, "seed": 7} | others)
    return list(islice(batches(faces, CropSettings(), order, factor=8, map_size=map_size), count))


def _equal(a: FaceBatch, b: FaceBatch) -> bool:
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in ("sharp", "small", "landmarks", "parts"))


def test_a_batch_has_faces_small_faces_and_maps(faces: list[TrainingFace]):
    batch = make_batch(faces[:2], CropSettings(), np.random.default_rng(0), factor=8, map_size=32)
    assert batch.sharp.shape == (2, 3, 128, 128)
    assert batch.small.shape == (2, 3, 16, 16)
    assert batch.landmarks.shape == (2, 32, 32, 32)
    assert batch.parts.shape == (2, 8, 32, 32)
    for tensor in (batch.sharp, batch.small, batch.landmarks, batch.parts):
        assert tensor.dtype == torch.float32
        assert 0 <= tensor.min() <= tensor.max() <= 1


def test_small_faces_are_what_pillow_makes_of_the_sharp_ones(faces: list[TrainingFace]):
    batch = make_batch(faces[:2], CropSettings(), np.random.default_rng(0), factor=8, map_size=32)
    for sharp, small in zip(batch.sharp, batch.small, strict=True):
        steps = small.numpy() * 255
        np.testing.assert_allclose(steps, steps.round(), atol=1e-4)
        channels = [Image.fromarray(channel.numpy()).resize((16, 16), Image.Resampling.BICUBIC) for channel in sharp]
        reduced = np.stack([np.asarray(channel) for channel in channels]) * 255
        # At the edges MATLAB's resize, which papers use, mirrors the picture; Pillow's ends there.
        assert abs(steps - reduced.clip(0, 255))[:, 2:-2, 2:-2].max() < 0.51


@pytest.mark.parametrize("seed", range(6))
def test_maps_lie_where_the_pixels_are(dotted: Any, seed: int):
    batch = make_batch([dotted(0.45, 0.55)], UNCOLOURED, np.random.default_rng(seed), factor=8, map_size=32)
    spot = torch.nn.functional.avg_pool2d(batch.sharp.mean(dim=1), 4)[0]
    for heatmap in batch.landmarks[0]:
        y, x = divmod(int(heatmap.argmax()), 32)
        expected_y, expected_x = divmod(int(spot.argmax()), 32)
        assert abs(y - expected_y) <= 1
        assert abs(x - expected_x) <= 1


def test_left_stays_left_in_mirrored_faces(faces: list[TrainingFace]):
    columns = torch.arange(32.0)
    for seed in range(6):
        batch = make_batch(faces[:1], CropSettings(turn=0), np.random.default_rng(seed), factor=8, map_size=32)
        x = (batch.landmarks[0].sum(dim=1) @ columns) / batch.landmarks[0].sum(dim=(1, 2))
        middle = x[28:].mean()
        assert (x[:14] < middle).all()
        assert (x[14:28] > middle).all()
        left_eye, right_eye = (columns[batch.parts[0, part].any(dim=0)].mean() for part in (3, 4))
        assert left_eye < middle < right_eye


def test_a_batch_depends_on_its_number_and_the_seed_only(faces: list[TrainingFace]):
    first = _batches(faces, count=4)
    again = _batches(faces, count=2, first=2)
    assert _equal(first[2], again[0])
    assert _equal(first[3], again[1])
    assert not _equal(first[0], first[1])
    assert not _equal(first[0], _batches(faces, seed=8)[0])


def test_all_faces_take_part(faces: list[TrainingFace]):
    lying = [TrainingFace(file=face.file, points=np.full((468, 2), place / 24)) for place, face in enumerate(faces)]
    seen = {round(float(batch.landmarks.sum()), 4) for batch in _batches(lying, count=60, batch_size=1, map_size=8)}
    assert len(seen) > 40
    assert len(LANDMARKS) == 32


def test_a_file_that_vanishes_ends_the_loop_with_its_name(tmp_path: Any, mesh: Any):
    gone = TrainingFace(file=tmp_path / "gone.png", points=mesh)
    with pytest.raises(PhotopulseError, match=r"gone\.png"):
        _batches([gone])
