from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.faces.mesh import FaceMesh
from photopulse.faces.region import face_region
from photopulse.images import read_image, to_uint8
from photopulse.runs.watcher import Watcher
from photopulse.training.restoration.face_crops import STORED_SIZE
from photopulse.training.restoration.face_store import gather_faces

pytestmark = pytest.mark.usefixtures("one_thread")


class Detector:
    """Finds as many equal faces as the first pixel's red says, of a mesh that fills the picture."""

    def __init__(self, points: np.ndarray, size: float = 1.0) -> None:
        self.points, self.size, self.mesher = points, size, self
        self.seen: list[int] = []

    def detect(self, pixels):
        count = round(pixels[0, 0, 0, 0].item() * 255)
        self.seen.append(count)
        return ["face"] * count

    def face_mesh(self, pixels, face):
        flat = self.points * pixels.shape[-1] * self.size
        return FaceMesh(points=np.concatenate([flat, np.zeros((468, 1))], axis=1), presence=1.0)


@pytest.fixture
def finds(mesh: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Detector:
    found = Detector(mesh)
    monkeypatch.setattr("photopulse.training.restoration.face_store.FaceDetector.load", lambda: found)
    return found


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Photos with 1, 0, 2 and 1 faces."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, count in enumerate((1, 0, 2, 1)):
        pixels = np.random.default_rng(number).integers(0, 256, (300, 300, 3), dtype=np.uint8)
        pixels[0, 0, 0] = count
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


def test_crops_are_the_faces_squares_a_little_wider(finds: Detector, photos: list[Path], tmp_path: Path):
    faces = gather_faces(photos, tmp_path / "store")
    assert faces.pixels.shape == (4, STORED_SIZE, STORED_SIZE, 3)
    assert faces.photos.tolist() == [0, 2, 2, 3]
    assert faces.places.tolist() == [0, 1, 2, 3]
    for place, photo in enumerate((photos[0], photos[2], photos[2], photos[3])):
        pixels = read_image(photo).pixels
        region = face_region(finds.face_mesh(pixels, "face"))
        wide = type(region)(centre=region.centre, side=region.side * 1.3125, angle=region.angle)
        assert np.array_equal(faces.stored(place), to_uint8(wide.crop(pixels, STORED_SIZE)))


def test_the_next_call_searches_nothing(
    finds: Detector, photos: list[Path], tmp_path: Path, listen: Callable[..., Watcher]
):
    first = gather_faces(photos, tmp_path / "store")
    calls: list[object] = []
    watcher = listen(start=lambda *stage: calls.append(stage), step=calls.append)
    second = gather_faces(photos, tmp_path / "store", watcher=watcher)
    assert finds.seen == [1, 0, 2, 1]
    assert calls == [("finding faces", 4), 4]
    assert np.array_equal(first.pixels, second.pixels)


def test_a_search_that_was_cut_off_goes_on(
    finds: Detector, photos: list[Path], tmp_path: Path, listen: Callable[..., Watcher]
):
    whole = np.array(gather_faces(photos, tmp_path / "whole").pixels)

    def stop(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    finds.seen.clear()
    with pytest.raises(KeyboardInterrupt):
        gather_faces(photos, tmp_path / "parts", watcher=listen(step=stop))
    # What a crash can leave: crops that no line counts, and half a line.
    with (tmp_path / "parts" / "faces.bin").open("ab") as crops:
        crops.write(b"half a crop")
    with (tmp_path / "parts" / "faces.csv").open("a") as lines:
        lines.write("0123")
    assert np.array_equal(gather_faces(photos, tmp_path / "parts").pixels, whole)
    assert finds.seen == [1, 0, 2, 1]


@pytest.mark.parametrize("damage", ["changed photo", "short crops", "other header"])
def test_what_is_no_longer_true_is_searched_anew(finds: Detector, photos: list[Path], tmp_path: Path, damage: str):
    whole = np.array(gather_faces(photos, tmp_path / "store").pixels)
    finds.seen.clear()
    if damage == "changed photo":
        Image.open(photos[2]).save(photos[2], compress_level=1)
    elif damage == "short crops":
        with (tmp_path / "store" / "faces.bin").open("r+b") as crops:
            crops.truncate(STORED_SIZE * STORED_SIZE * 3 * 2)
    else:
        lines = (tmp_path / "store" / "faces.csv").read_text().splitlines()
        (tmp_path / "store" / "faces.csv").write_text("\n".join(["other faces", *lines[1:], ""]))
    assert np.array_equal(gather_faces(photos, tmp_path / "store").pixels, whole)
    assert finds.seen == ([1, 0, 2, 1] if damage == "other header" else [2, 1])


def test_a_file_named_twice_counts_twice_and_is_searched_once(finds: Detector, photos: list[Path], tmp_path: Path):
    faces = gather_faces([*photos, photos[2]], tmp_path / "store")
    assert faces.places.tolist() == [0, 1, 2, 3, 1, 2]
    assert len(faces.pixels) == 4
    assert finds.seen == [1, 0, 2, 1]


def test_a_broken_photo_is_noted_and_left_out(
    finds: Detector, photos: list[Path], tmp_path: Path, listen: Callable[..., Watcher]
):
    photos[2].write_bytes(photos[2].read_bytes()[:5000])
    notes: list[str] = []
    faces = gather_faces(photos, tmp_path / "store", watcher=listen(note=notes.append))
    assert faces.photos.tolist() == [0, 3]
    (note,) = notes
    assert note.startswith("left out: cannot read")
    assert "2.png" in note


def test_small_faces_are_left_out_and_none_at_all_is_an_error(finds: Detector, photos: list[Path], tmp_path: Path):
    finds.size = 0.3
    with pytest.raises(PhotopulseError, match="no face with a square of 190 px or more"):
        gather_faces(photos, tmp_path / "store")


def test_a_missing_photo_is_named(photos: list[Path], tmp_path: Path):
    with pytest.raises(PhotopulseError, match=r"cannot read .*gone\.png"):
        gather_faces([photos[0], tmp_path / "gone.png"], tmp_path / "store")


def test_no_more_than_a_crop_is_in_memory(finds: Detector, photos: list[Path], tmp_path: Path):
    assert isinstance(gather_faces(photos, tmp_path / "store").pixels, np.memmap)
