from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.runs.watcher import Watcher
from photopulse.training.restoration.files import hold_out, spread, usable_photos


@pytest.fixture
def mixed(tmp_path: Path) -> list[Path]:
    sizes = {"a.png": (64, 200), "b.jpg": (63, 200), "c.png": (300, 64)}
    for name, size in sizes.items():
        Image.new("RGB", size).save(tmp_path / name)
    (tmp_path / "d.png").write_bytes(b"nothing")
    (tmp_path / "e.png").write_bytes(b"")
    return [tmp_path / name for name in ("a.png", "b.jpg", "c.png", "d.png", "e.png", "gone.png", "a.png")]


def test_broken_and_small_photos_become_notes(mixed: list[Path], listen: Callable[..., Watcher]):
    notes: list[str] = []
    kept = usable_photos(mixed, least_side=64, watcher=listen(note=notes.append))
    assert [path.name for path in kept] == ["a.png", "c.png", "a.png"]
    broken, small = notes
    assert broken.startswith("3 of 7 files are left out: cannot read")
    assert "d.png" in broken
    assert small.startswith("1 of 7 photos have a side below 64 px")
    assert small.endswith("b.jpg")


def test_nothing_left_is_an_error(mixed: list[Path]):
    with pytest.raises(PhotopulseError, match="none of them is a photo of 500 px"):
        usable_photos(mixed, least_side=500, watcher=Watcher())


def test_photos_kept_apart_are_never_learned_from(tmp_path: Path):
    files = [tmp_path / f"{number:02d}" for number in range(30)]
    learned, held_out = hold_out([*files, *files[:16]], most=6)
    assert [file.name for file in held_out] == ["05", "15", "25"]
    assert len(learned) == 46 - 5
    assert not set(learned) & set(held_out)


def test_one_photo_cannot_be_split(tmp_path: Path):
    with pytest.raises(PhotopulseError, match="one photo"):
        hold_out([tmp_path / "a", tmp_path / "a"], most=6)


@pytest.mark.parametrize(
    ("count", "places"), [(1, [0]), (19, [9]), (20, [5, 15]), (1000, [83, 250, 416, 583, 750, 916])]
)
def test_places_are_a_tenth_evenly_spread(count: int, places: list[int]):
    assert spread(count, most=6) == places
