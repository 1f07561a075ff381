"""What `verify` tells of good, damaged and hostile files."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.images import restored_metadata, synthetic_metadata, write_image
from photopulse.provenance.embed import add_mark
from photopulse.provenance.payload import payload_of
from photopulse.provenance.verify import verify_file
from photopulse.runs.failures import FAILURES

TOLD = synthetic_metadata(generator="tiny", seed=3, version="0.1.0", method="fast", source="face.png")
PAYLOAD = payload_of("upscale", generator="tiny", seed=3)


def noise(side=256):
    return torch.from_numpy(np.random.default_rng(0).uniform(0.3, 0.7, (1, 3, side, side))).float()


@pytest.fixture
def marked(tmp_path):
    path = tmp_path / "marked.png"
    write_image(path, add_mark(noise(), PAYLOAD), metadata=TOLD)
    return path


def test_metadata_and_mark_that_agree(marked):
    told = verify_file(marked)
    assert (told.verdict, told.agrees, told.mark.payload) == ("synthetic", True, PAYLOAD)
    assert told.metadata["source"] == "face.png"
    fields = json.loads(json.dumps(told.to_fields()))
    assert fields["mark"]["payload"] == str(PAYLOAD)
    assert fields["mark"]["maker"] == "upscale"


def test_a_mark_outlives_the_metadata(marked, tmp_path):
    Image.open(marked).convert("RGB").save(tmp_path / "stripped.jpg", quality=75)
    told = verify_file(tmp_path / "stripped.jpg")
    assert (told.verdict, told.metadata, told.agrees) == ("synthetic", {}, None)
    assert told.mark.payload == PAYLOAD


def test_metadata_of_another_picture_are_told(tmp_path):
    path = tmp_path / "swapped.png"
    write_image(path, add_mark(noise(), PAYLOAD), metadata=TOLD | {"photopulse:seed": "4"})
    assert verify_file(path).agrees is False


@pytest.mark.parametrize(
    ("metadata", "verdict"),
    [
        (TOLD, "synthetic"),
        (restored_metadata(version="1", faces=1, fidelity=0.5, mode="enhance", source=None), "restored"),
        (
            restored_metadata(version="1", faces=0, fidelity=0.5, mode="enhance", source=None, changed=False),
            "nothing found",
        ),
        ({"Title": "holiday"}, "nothing found"),
        ({"photopulse:synthetic": "perhaps"}, "nothing found"),
    ],
)
def test_metadata_alone(tmp_path, metadata, verdict):
    path = tmp_path / "plain.webp"
    write_image(path, noise(), metadata=metadata)
    told = verify_file(path, thorough=False)
    assert (told.verdict, told.mark.is_marked, told.agrees) == (verdict, False, None)


def test_hostile_metadata_are_cut_and_believed_no_more_than_they_deserve(tmp_path):
    path = tmp_path / "hostile.png"
    hostile = {"photopulse:seed": "9" * 5000, "photopulse:generator": "\u202e" * 5000, "photopulse:seed2": "-1"}
    write_image(path, add_mark(noise(), PAYLOAD), metadata=TOLD | hostile)
    told = verify_file(path)
    assert max(map(len, told.metadata.values())) == 200
    assert told.agrees is False


def test_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    for path in (tmp_path / "empty.png", tmp_path / "missing.png", tmp_path):
        with pytest.raises((PhotopulseError, OSError)):
            verify_file(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff"])
def test_damaged_files_are_refused_or_read_and_never_marked_by_chance(tmp_path, suffix):
    # Random bytes are changed, and the end is cut off; only a decoder's error that is told may come of it.
    random = np.random.default_rng(1)
    write_image(tmp_path / f"good{suffix}", noise(96), metadata=TOLD)
    good = np.frombuffer((tmp_path / f"good{suffix}").read_bytes(), np.uint8)
    for number in range(40):
        damaged = good.copy()
        damaged[random.integers(0, len(good), 1 + number)] = random.integers(0, 256, 1 + number)
        path = tmp_path / f"damaged{suffix}"
        path.write_bytes(damaged[: random.integers(len(good) // 2, len(good) + 1)].tobytes())
        try:
            told = verify_file(path, thorough=False)
        except FAILURES:
            continue
        assert not told.mark.is_marked
