"""What an evaluation measures of results as faces, with a detector that finds a face where it is told to."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

from photopulse.evaluation.comparison import Comparison, Networks, confidence
from photopulse.evaluation.evaluate import evaluate_files
from photopulse.evaluation.places import SkinFinder, find_face
from photopulse.evaluation.records import read_rows
from photopulse.evaluation.settings import EvaluateSettings
from photopulse.faces.blazeface import Face
from photopulse.faces.detect import FaceDetector
from photopulse.faces.mesh import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE, FaceMesh
from photopulse.faces.skin_tone import SKIN_POLYGONS

SETTINGS = EvaluateSettings(
    methods=("nearest", "bicubic"), small=8, sizes=(16, 32), aligned=True, perceptual=False, identity=False
)
SKIN = (190, 140, 110)
# Edges of forehead and cheeks (left, top, right, bottom) in the face of 32 px: whole pixels of the small one of 8 px.
RECTANGLES = ((8, 4, 24, 12), (4, 16, 16, 24), (16, 16, 28, 24))


class MadeUpDetector:
    """Finds a face with a score of 0.9 in pictures of 32 px, and none in others."""

    def __init__(self, *, shift=0):
        self.mesher = self
        self.shift = shift
        self.meshes = 0

    def detect(self, image):
        if image.shape[-1] != 32:
            return []
        return [Face(box=(0, 0, 32, 32), score=0.9, keypoints=np.zeros((6, 2)))]

    def face_mesh(self, image, face):
        self.meshes += 1
        points = np.zeros((468, 3))
        for corners, (left, top, right, bottom) in zip(SKIN_POLYGONS, RECTANGLES, strict=True):
            turn = [(left, top), (right, top), (right, bottom), (left, bottom)]
            for i, corner in enumerate(corners):
                points[corner, :2] = turn[min(i, 3)]
        points[:, 0] += self.shift
        points[:, :2] -= 0.5  # Points are counted from the centre of the first pixel.
        return FaceMesh(points=points, presence=1)


@pytest.fixture
def detector(monkeypatch):
    made_up = MadeUpDetector()
    monkeypatch.setattr(FaceDetector, "load", lambda: made_up)
    return made_up


def by_place(rows):
    return sorted(rows, key=lambda row: (row.condition, row.size, row.method, row.image))


@pytest.fixture
def photos(tmp_path):
    """Faces of 32 px: skin with a darker left cheek, and stripes that methods render differently."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number, name in enumerate(("a.png", "b.png")):
        pixels = np.empty((32, 32, 3), np.uint8)
        pixels[:] = SKIN
        pixels[16:24, 4:16] -= np.uint8(40)
        pixels[::5, :: number + 3] += np.uint8(30)
        Image.fromarray(pixels).save(folder / name)
    return sorted(folder.iterdir())


def skin_angle(pixels):
    """The angle of the mean colour of the skin's pixels of a small face (8, 8, 3), 0..255."""
    mask = np.zeros((8, 8), bool)
    for left, top, right, bottom in RECTANGLES:
        mask[top // 4 : bottom // 4, left // 4 : right // 4] = True
    lightness, _, b = rgb2lab(pixels[mask].mean(axis=0)[None, None] / 255)[0, 0]
    return np.degrees(np.arctan2(lightness - 50, b))


def test_skin_shifts_by_the_angle_between_input_and_downscaled_result(photos, detector, tmp_path):
    rows = evaluate_files(photos, tmp_path / "out", replace(SETTINGS, degradation="box"))
    for row in (row for row in rows if row.method != "original"):
        small = np.asarray(Image.open(tmp_path / f"out/clean/small/{row.image}.png"), dtype=float)
        picture = np.asarray(Image.open(tmp_path / f"out/clean/{row.method}/{row.size}/{row.image}.png"), dtype=float)
        factor = row.size // 8
        downscaled = picture.reshape(8, factor, 8, factor, 3).mean(axis=(1, 3))
        assert row.values["ita_shift"] == pytest.approx(skin_angle(downscaled) - skin_angle(small), abs=0.02)
    shifts = {row.values["ita_shift"] for row in rows if (row.method, row.size) == ("bicubic", 32)}
    assert all(0.5 < abs(shift) < 10 for shift in shifts)
    # Not even that of the sharp face is nought: the input has 8 bits.
    assert all(abs(row.values["ita_shift"]) < 0.5 for row in rows if row.method == "original")
    assert detector.meshes == 2  # Once a picture, whatever the methods and sizes.


def test_confidence_is_that_of_the_picture_at_the_size_it_is_measured_at(photos, detector, tmp_path):
    rows = evaluate_files(photos, tmp_path / "out", SETTINGS)
    assert {(row.size, row.values["confidence"]) for row in rows} == {(16, 0), (32, 0.9)}
    assert by_place(read_rows(tmp_path / "out/rows.csv")) == by_place(rows)
    table = json.loads((tmp_path / "out/table.json").read_text())
    assert {(summary["size"], summary["confidence"]) for summary in table["summaries"]} == {(16, 0), (32, 0.9)}
    assert "ITA shift either way ↓" in (tmp_path / "out/table.md").read_text(encoding="utf-8")


def test_results_that_were_measured_without_faces_are_kept_and_measured_anew(photos, detector, tmp_path):
    settings = replace(SETTINGS, methods=("nearest",), sizes=(32,))
    without = evaluate_files(photos, tmp_path / "out", replace(settings, faces=False))
    assert {row.values.get(name) for row in without for name in ("confidence", "ita_shift")} == {None}
    picture, sidecar = (tmp_path / f"out/clean/nearest/32/a{suffix}" for suffix in (".png", ".json"))
    made = picture.stat().st_mtime_ns
    # As a version that did not know them wrote it.
    content = json.loads(sidecar.read_text())
    for name in ("confidence", "ita_shift"):
        del content["measured"]["32"][1][name]
    sidecar.write_text(json.dumps(content))
    rows = evaluate_files(photos, tmp_path / "out", settings)
    assert all(row.values["confidence"] == 0.9 and "ita_shift" in row.values for row in rows)
    assert [{n: v for n, v in row.values.items() if n not in ("confidence", "ita_shift")} for row in rows] == [
        row.values for row in without
    ]
    assert picture.stat().st_mtime_ns == made


@pytest.mark.parametrize("why", ["grey", "no face", "outside"])
def test_skin_without_a_tone_has_no_shift_and_fails_nothing(tmp_path, why):
    file = tmp_path / "a.png"
    Image.new("RGB", (48, 48) if why == "no face" else (32, 32), (120, 120, 121) if why == "grey" else SKIN).save(file)
    detector = MadeUpDetector(shift=1000 if why == "outside" else 0)
    assert SkinFinder(detector, side=8).coverage(file) is None


@pytest.mark.weights
def test_the_real_detector_is_sure_of_a_portrait_and_finds_none_in_its_small_version(face_weights):
    from skimage import data

    from photopulse.evaluation.measuring import at_size
    from photopulse.images import from_uint8

    detector = FaceDetector.load()
    portrait = from_uint8(data.astronaut())[..., :256, 96:352]
    blocks = torch.nn.functional.interpolate(at_size(portrait, 8), size=256)
    networks = Networks(detector=detector)
    sure, none = (confidence(Comparison(image=image, sharp=None, networks=networks)) for image in (portrait, blocks))
    assert sure > 0.9
    assert none == 0


class MadeUpMesher(MadeUpDetector):
    """Finds a round face of 18 px, upright, in the middle of pictures of 32 px."""

    def face_mesh(self, image, face):
        turn = np.linspace(0, 2 * np.pi, 468)
        points = np.stack([16 + 9 * np.cos(turn), 16 + 9 * np.sin(turn), 0 * turn], axis=1)
        for landmarks, place in ((LEFT_EYE, (12, 14)), (RIGHT_EYE, (20, 14)), (MOUTH_CORNERS, (16, 21))):
            points[list(landmarks), :2] = place
        return FaceMesh(points=points, presence=1)


def test_the_face_of_a_photo_is_the_box_of_the_square_that_the_face_network_takes():
    photo = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    place = find_face(photo, MadeUpMesher(), least=11)
    left, top, right, bottom = place.box
    # The square is 1.6 times as wide as the face, 28.8 px, and cut off where the photo ends.
    assert 28 <= right - left <= 31
    assert (top, 27 <= bottom <= 32) == (0, True)
    assert torch.equal(place.cut(photo), photo[..., top:bottom, left:right])
    assert place.align(photo).shape == (1, 3, 512, 512)
    assert find_face(photo, MadeUpMesher(), least=32) is None
    assert find_face(photo[..., :24], MadeUpMesher(), least=11) is None
