"""Faces that are redrawn are marked, nothing else is, and it is told."""

from dataclasses import asdict, replace

import pytest
import torch
from PIL import Image
from skimage import data
from torch import nn
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.faces.detect import FaceDetector
from photopulse.images import from_uint8, read_metadata, to_uint8
from photopulse.images.resize import resized
from photopulse.provenance.payload import payload_of
from photopulse.provenance.verify import verify_file
from photopulse.restoration.face_mark import face_squares, mark_faces
from photopulse.restoration.faces import find_faces
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.settings import RestoreSettings

LARGE, SMALL = (200.0, 170.0, 150.0), (420.0, 100.0, 30.0)


def photo(height=360, width=480):
    coarse = torch.rand(1, 3, height // 12, width // 12, generator=torch.Generator().manual_seed(0)) * 0.4 + 0.2
    return nn.functional.interpolate(coarse, (height, width), mode="bicubic")


def restored(kit, **settings):
    return restore_photo(photo(), kit=kit, settings=RestoreSettings(**settings))


@pytest.fixture
def kit(toy_restore_kit):
    return toy_restore_kit(faces=[LARGE, SMALL])


def test_the_mark_of_a_redrawn_face_is_told_and_found_in_the_file(kit, tmp_path):
    result = restored(kit)
    payload = payload_of("restore", generator=kit.fingerprints["face"], seed=0)
    assert [(face.restored, face.mark) for face in result.faces] == [(True, str(payload)), (True, "too small")]
    assert asdict(result.faces[0])["mark"] == str(payload)
    result.save(tmp_path / "a.png")
    assert read_metadata(tmp_path / "a.png")["photopulse:marked_faces"] == "1"
    told = verify_file(tmp_path / "a.png", find_faces=lambda image: face_squares(image, kit.detector))
    assert (told.verdict, told.agrees, told.mark.payload) == ("restored", True, payload)
    assert told.to_fields()["mark"]["face"]["x"] == pytest.approx(LARGE[0], abs=10)


def test_the_mark_is_added_to_the_face_alone_and_off_leaves_it_out(kit):
    result, unmarked = restored(kit), restored(kit, mark="off")
    assert [face.mark for face in unmarked.faces] == ["off", "off"]
    change = (result.image - unmarked.image).abs()[0].amax(0)
    assert 0 < change.max() < 12 / 255
    assert change[-20:].max() == 0
    assert change[:, 400:].max() == 0


@pytest.mark.parametrize("settings", [{"mode": "archival"}, {"only": "photo"}, {"max_faces": 0}])
def test_without_a_redrawn_face_nothing_is_marked(kit, tmp_path, settings):
    result = restored(kit, **settings)
    assert torch.equal(result.image, restored(kit, **settings, mark="off").image)
    assert all(face.mark is None for face in result.faces or ())
    result.save(tmp_path / "a.png")
    assert "photopulse:marked_faces" not in read_metadata(tmp_path / "a.png")


def test_a_face_that_the_generator_does_not_know_is_not_marked(toy_restore_kit):
    result = restored(toy_restore_kit(faces=[LARGE], misfit=2.0))
    assert [(face.restored, face.mark) for face in result.faces] == [(False, None)]


def test_the_size_in_the_result_decides_whether_a_face_can_be_marked(toy_restore_kit):
    # The photo grows to 640 px before its faces are looked for; a square of 96 px in the input is one of 192 px then.
    (small,) = restored(toy_restore_kit(faces=[(240.0, 180.0, 60.0)])).faces
    (same,) = restored(toy_restore_kit(faces=[(320.17, 240.17, 80.0)]), scale=2).faces
    assert small.side == pytest.approx(same.side, abs=0.2)
    assert (small.mark, len(same.mark)) == ("too small", 8)


def test_a_mark_is_on_or_off():
    with pytest.raises(ValueError, match="mark is one of on, off"):
        RestoreSettings(mark="perhaps")


@pytest.mark.weights
def test_the_real_detector_finds_the_marked_face_of_a_photo(tmp_path, face_weights):
    # As if the face had been redrawn; then the photo is saved as JPEG, at three quarters of its size.
    detector = FaceDetector.load()
    astronaut = resized(from_uint8(data.astronaut()), 720, 720)
    found = [replace(face, crop=astronaut) for face in find_faces(astronaut, detector, RestoreSettings(), growth=1.0)]
    payload = payload_of("restore", generator="abc", seed=0)
    marked = astronaut.clone()
    (told,) = mark_faces(marked, found, payload, "on", growth=1.0)
    assert told.told.mark == str(payload)
    picture = Image.fromarray(to_uint8(marked)).resize((540, 540), Image.Resampling.LANCZOS)
    picture.save(tmp_path / "a.jpg", quality=80)
    result = CliRunner().invoke(app, ["verify", str(tmp_path / "a.jpg")])
    assert result.exit_code == 0, result.output
    assert f"restored  metadata: none of photopulse  mark: {payload} by restore in the face at " in result.stdout
