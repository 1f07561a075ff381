"""`photopulse align` as a user meets it."""

import importlib
import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.faces.blazeface import Face
from photopulse.faces.mesh import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE, FaceMesh


class MadeUpDetector:
    """Finds as many faces as the picture's first red value says, side by side."""

    def __init__(self):
        self.mesher = self

    def detect(self, image):
        count = round(image[0, 0, 0, 0].item() * 255)
        boxes = [(50.0 * i, 0.0, 50.0 * i + 50, 50.0) for i in range(count)]
        return [Face(box=box, score=1, keypoints=np.zeros((6, 2))) for box in boxes]

    def face_mesh(self, image, face):
        x, points = face.box[0] + 25, np.zeros((468, 3))
        points[list(LEFT_EYE), :2] = (x - 10, 20)
        points[list(RIGHT_EYE), :2] = (x + 10, 20)
        points[list(MOUTH_CORNERS), :2] = [(x - 8, 40), (x + 8, 40)]
        return FaceMesh(points=points, presence=1)


@pytest.fixture
def photo(tmp_path):
    """Writes a photo in which ``count`` faces are found."""

    def write(name, count):
        path = tmp_path / "photos" / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (100, 60), (count, 90, 120)).save(path)
        return path

    return write


@pytest.fixture
def align(tmp_path, monkeypatch):
    monkeypatch.setattr("photopulse.faces.detect.FaceDetector.load", MadeUpDetector)

    def run(*arguments):
        return CliRunner().invoke(app, ["align", "-o", str(tmp_path / "out"), *map(str, arguments)])

    return run


def sizes(folder):
    return {path.name: Image.open(path).size for path in sorted(folder.glob("*.png"))}


def test_faces_of_a_folder_are_cropped_and_made_small(align, photo, tmp_path):
    photo("one.png", 1)
    photo("two.png", 2)
    result = align(tmp_path / "photos")
    assert result.exit_code == 0
    assert sizes(tmp_path / "out") == {
        "one.png": (32, 32),
        "two_face1.png": (32, 32),
        "two_face2.png": (32, 32),
    }
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr == f"3 aligned; report: {tmp_path / 'out' / 'report.json'}\n"


def test_faces_of_subfolders_keep_their_place(align, photo, tmp_path):
    (tmp_path / "photos" / "sub").mkdir(parents=True)
    photo("one.png", 1)
    photo("sub/one.png", 1)
    assert align(tmp_path / "photos", "--recursive").exit_code == 0
    assert sizes(tmp_path / "out") == sizes(tmp_path / "out" / "sub") == {"one.png": (32, 32)}


def test_a_photo_without_a_face_fails_and_the_others_go_on(align, photo, tmp_path):
    result = align(photo("none.png", 0), photo("one.png", 1), "--json")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: cannot align {tmp_path / 'photos' / 'none.png'}: no face was found in it.")
    content = json.loads(result.stdout)
    assert content == json.loads((tmp_path / "out" / "report.json").read_text())
    assert [item["status"] for item in content["items"]] == ["failed", "aligned"]
    assert set(content["items"][0]) == {"input", "output", "status", "error"}
    aligned = content["items"][1]
    assert set(aligned) == {"input", "output", "status", "error", "seconds", "size", "face", "quad"}
    assert np.array(aligned["quad"]).shape == (4, 2)


def test_size_zero_keeps_the_full_crop(align, photo, tmp_path):
    assert align(photo("one.png", 1), "--size", 0).exit_code == 0
    assert sizes(tmp_path / "out") == {"one.png": (1024, 1024)}


@pytest.mark.parametrize("size", ["20", "33", "2048"])
def test_a_size_that_does_not_divide_is_wrong_usage(align, photo, tmp_path, size):
    result = align(photo("one.png", 1), "--size", size)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: cannot align to {size} px: the size must divide 1024")
    assert not (tmp_path / "out").exists()


def test_without_padding_what_lies_outside_is_black(align, photo, tmp_path):
    align(photo("one.png", 1), "--no-padding")
    assert np.asarray(Image.open(tmp_path / "out" / "one.png"))[0].max() < 60
    align(photo("one.png", 1), "--padding")
    assert np.asarray(Image.open(tmp_path / "out" / "one.png"))[0].min(axis=0)[2] > 100


def test_an_interruption_exits_with_130(align, photo, tmp_path, monkeypatch):
    module = importlib.import_module("photopulse.upscaling.align_worker")
    original, calls = module.align, []

    def impatient(*arguments, **others):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments, **others)

    monkeypatch.setattr(module, "align", impatient)
    assert align(photo("one.png", 1), photo("two.png", 2)).exit_code == 130
    assert len(json.loads((tmp_path / "out" / "report.json").read_text())["items"]) == 1


@pytest.mark.weights
def test_real_faces_are_found(tmp_path, face_weights):
    from skimage import data

    portrait = data.astronaut()[:256, 100:356]
    Image.fromarray(portrait).save(tmp_path / "one.png")
    Image.fromarray(np.concatenate([portrait, portrait[:, ::-1]], axis=1)).save(tmp_path / "two.png")
    Image.new("RGB", (200, 200), "gray").save(tmp_path / "none.png")
    photos = [str(tmp_path / name) for name in ("one.png", "two.png", "none.png")]
    result = CliRunner().invoke(app, ["align", *photos, "-o", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "none.png: no face was found" in result.stderr
    assert list(sizes(tmp_path / "out")) == ["one.png", "two_face1.png", "two_face2.png"]
    faces = {path.stem: torch.tensor(np.asarray(Image.open(path)) / 255) for path in (tmp_path / "out").glob("*.png")}
    assert (faces["two_face1"] - faces["two_face2"].flip(1)).abs().mean() < 0.05
