"""A folder of photos, on faces that are made up."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from photopulse.errors import PhotopulseError
from photopulse.images import read_image, write_image
from photopulse.runs.log import Log
from photopulse.upscaling import align_worker
from photopulse.upscaling.align_batch import align_files


@dataclass
class MadeUp:
    """Stands for an aligned face of one gray."""

    gray: float

    @property
    def image(self):
        return torch.full((1, 3, 8, 8), self.gray)

    @property
    def alignment(self):
        return SimpleNamespace(quad=np.array([(0, 0), (0, 7.123), (7, 7), (7, 0)], dtype=float))


@pytest.fixture
def found(monkeypatch):
    """What is found in photos, by their stem: grays of faces, or an error."""
    table = {}

    def find(photo, *, size, detector, padding):
        faces = table[photo.stem]
        if isinstance(faces, Exception):
            raise faces
        return [MadeUp(gray) for gray in faces]

    monkeypatch.setattr(align_worker, "align", find)
    return table


def run(folder, *names, **options):
    return align_files([Path("photos") / name for name in names], folder, "detector", **options)


def test_one_face_keeps_the_name_and_several_are_numbered(found, tmp_path):
    found.update(one=[0.2], two=[0.4, 0.6])
    items = run(tmp_path / "out", "one.jpg", "two.jpg")
    assert [Path(item.output).name for item in items] == ["one.png", "two_face1.png", "two_face2.png"]
    assert [item.face for item in items] == [1, 1, 2]
    assert [item.status for item in items] == ["aligned"] * 3
    assert items[0].quad[1] == (0, 7.12)
    assert read_image(Path(items[2].output)).pixels.mean().item() == pytest.approx(0.6, abs=1 / 255)
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert content["command"] == "align"
    assert [row["size"] for row in content["items"]] == [[8, 8]] * 3


@pytest.mark.parametrize(
    "error",
    [
        PhotopulseError("cannot align two.jpg", why="no face was found in it", fix="come closer"),
        ValueError("the square lies outside of the photo"),
        MemoryError(),
    ],
)
def test_a_photo_that_fails_stops_no_other(found, tmp_path, error):
    found.update(one=[0.2], two=error, three=[0.4])
    items = run(tmp_path / "out", "one.jpg", "two.jpg", "three.jpg")
    assert [item.status for item in items] == ["aligned", "failed", "aligned"]
    assert items[1].input == "photos/two.jpg"
    assert items[1].error


def test_a_full_disk_fails_the_face_and_the_others_go_on(found, tmp_path, monkeypatch):
    found.update(two=[0.4, 0.6])

    def full(path, *arguments, **others):
        if path.stem == "two_face1":
            raise OSError(28, "No space left on device")
        write_image(path, *arguments, **others)

    monkeypatch.setattr(align_worker, "write_image", full)
    items = run(tmp_path / "out", "two.jpg")
    assert [item.status for item in items] == ["failed", "aligned"]
    assert "No space left" in items[0].error


def test_photos_are_never_overwritten(found, tmp_path):
    found.update(one=[0.2])
    (tmp_path / "one.png").write_bytes(b"the photo")
    items = align_files([tmp_path / "one.png"], tmp_path, "detector")
    assert [item.status for item in items] == ["failed"]
    assert "one of the inputs" in items[0].error
    assert (tmp_path / "one.png").read_bytes() == b"the photo"


def test_a_face_and_another_photo_of_that_name_are_both_kept(found, tmp_path):
    found.update(x=[0.2, 0.4], x_face1=[0.6])
    items = run(tmp_path / "out", "x.jpg", "x_face1.jpg")
    assert [Path(item.output).name for item in items] == ["x_face1.png", "x_face2.png", "x_face1-2.png"]


def test_a_wrong_size_stops_before_any_photo(tmp_path):
    with pytest.raises(PhotopulseError, match="must divide 1024"):
        run(tmp_path / "out", "one.jpg", size=20)
    assert not (tmp_path / "out").exists()


def test_each_row_is_told_after_the_log_has_it(found, tmp_path, listen):
    found.update(one=[0.2], two=[0.4])
    lengths = []

    def end(item, *, resumed=False):
        lengths.append(len(Log(tmp_path).read()))

    run(tmp_path, "one.jpg", "two.jpg", watcher=listen(end=end))
    assert lengths == [1, 2]
