"""`photopulse restore` as a user meets it, on toy networks; once with the real detector."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.images import write_image


@pytest.fixture
def loaded(monkeypatch, toy_restore_kit):
    """The settings and devices for which networks were loaded."""
    calls = []

    def load(settings, device):
        calls.append((settings, device))
        return toy_restore_kit(faces=[(60, 45, 40)])

    monkeypatch.setattr("photopulse.pipeline.RestoreKit.load", load)
    return calls


@pytest.fixture
def photos(tmp_path):
    """A folder with one.jpg and two.png, 120 x 90 px."""
    for name in ("one.jpg", "two.png"):
        write_image(tmp_path / "photos" / name, torch.full((1, 3, 90, 120), 0.4))
    return tmp_path / "photos"


@pytest.fixture
def restore(tmp_path, loaded, one_thread):
    return lambda *arguments: CliRunner().invoke(app, ["restore", "-o", str(tmp_path / "out"), *map(str, arguments)])


def test_a_folder_is_restored(restore, photos, tmp_path):
    result = restore(photos)
    assert result.exit_code == 0, result.stderr
    assert [line.split("  ")[:2] for line in result.stdout.splitlines()] == [
        [str(tmp_path / "out" / name), "restored"] for name in ("one.jpg", "two.png")
    ]
    assert result.stderr == f"2 restored; report: {tmp_path / 'out' / 'report.json'}\n"
    with Image.open(tmp_path / "out" / "one.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (120, 90))
        assert max(layer[1] for layer in picture.layer) == 1  # no colour subsampling


def test_the_screen_says_how_many_faces_were_restored(restore, photos, loaded, monkeypatch, toy_restore_kit):
    assert restore(photos / "two.png").stdout.split("  ")[2] == "1 of 1 face restored"
    many = toy_restore_kit(faces=[(30, 45, 30), (90, 45, 28), (60, 20, 20)])
    monkeypatch.setattr("photopulse.pipeline.RestoreKit.load", lambda *_: many)
    told = restore(photos / "two.png", "--max-faces", 2).stdout.split("  ")[2]
    assert told == "2 of 3 faces restored, --max-faces 3 does all"
    chosen = restore(photos / "two.png", "--face", 2, "--face", "60,20", "--json")
    faces = json.loads(chosen.stdout)["items"][0]["faces"]
    assert [face["restored"] for face in faces] == [False, True, True]
    assert faces[0]["why_not"] == "other faces were chosen"
    assert faces[0]["evidence"].keys() == {"pixels", "effective_resolution", "blur", "noise", "blocks"}


@pytest.mark.parametrize("text", ["first", "1.5", "1,2,3", "0", "nan,3"])
def test_a_face_that_is_no_number_and_no_place_is_wrong_usage(restore, photos, text):
    result = restore(photos / "two.png", "--face", text)
    assert result.exit_code == 2
    assert "face" in result.stderr
    assert "Traceback" not in result.stderr


def test_every_option_reaches_the_restoration(restore, photos, loaded, tmp_path):
    options = "--scale 1.5 --sr realesrgan --only face --fidelity 0.2 --working-size 320 --max-faces 3"
    result = restore(photos / "two.png", *options.split(), "--format", "webp", "--compare", "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    ((settings, device),) = loaded
    assert (settings.scale, settings.sr, settings.only, settings.fidelity) == (1.5, "realesrgan", "face", 0.2)
    assert (settings.working_size, settings.max_faces, device) == (320, 3, "cpu")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["report.json", "two.webp", "two_compare.png"]
    assert Image.open(tmp_path / "out" / "two.webp").size == (180, 135)


def test_json_is_the_report_and_a_rerun_goes_on_unless_fresh(restore, photos, tmp_path):
    result = restore(photos, "--json")
    assert json.loads(result.stdout) == json.loads((tmp_path / "out" / "report.json").read_text())
    assert result.stdout.count('"why_not"') == 2
    assert restore(photos).stdout.count("kept from an earlier run") == 2
    assert restore(photos, "--fresh").stdout.count("kept from an earlier run") == 0


def test_a_photo_that_fails_is_told_and_the_exit_code_is_1(restore, photos):
    (photos / "bad.png").write_bytes(b"no picture")
    result = restore(photos)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: cannot read {photos / 'bad.png'}")
    assert len(result.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    "wrong",
    [["--scale", "3"], ["--fidelity", "1.5"], ["--sr", "magic"], ["--working-size", "8"], ["--only", "hair"]],
)
def test_wrong_usage_exits_with_2_before_any_network_is_loaded(restore, photos, loaded, wrong):
    assert restore(photos, *wrong).exit_code == 2
    assert loaded == []


def test_missing_inputs_exit_with_2(restore, tmp_path):
    result = restore(tmp_path / "nowhere.jpg")
    assert result.exit_code == 2
    assert "nowhere.jpg" in result.stderr


def test_an_interruption_exits_with_130(restore, photos, monkeypatch):
    def interrupt(*arguments, **others):
        raise KeyboardInterrupt

    monkeypatch.setattr("photopulse.batch.restore.restore_photo", interrupt)
    result = restore(photos)
    assert result.exit_code == 130
    assert "goes on from there" in result.stderr


@pytest.mark.weights
def test_the_faces_of_a_real_photo_are_found_and_told(restore, tmp_path, toy_restore_kit, face_weights, monkeypatch):
    from skimage import data

    from photopulse.faces.detect import FaceDetector

    detector = FaceDetector.load()
    monkeypatch.setattr("photopulse.pipeline.RestoreKit.load", lambda *_: toy_restore_kit(detector=detector))
    portrait = data.astronaut()[:256, 100:356]
    # Somebody made it small and large again: there is something to restore.
    portrait = np.asarray(Image.fromarray(portrait).resize((80, 80)).resize((256, 256), Image.Resampling.BICUBIC))
    Image.fromarray(np.concatenate([portrait, portrait[:, ::-1]], axis=1)).save(tmp_path / "two.png")
    result = restore(tmp_path / "two.png", "--json")
    assert result.exit_code == 0, result.stderr
    (item,) = json.loads(result.stdout)["items"]
    assert [face["restored"] for face in item["faces"]] == [True, True]
    middles = sorted(np.mean([corner[0] for corner in face["corners"]]) for face in item["faces"])
    assert middles[0] + middles[1] == pytest.approx(511, abs=4)  # mirrored
