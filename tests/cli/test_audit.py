"""`photopulse audit` as a user meets it."""

import importlib
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.faces.blazeface import Face
from photopulse.faces.mesh import FaceMesh
from photopulse.faces.skin_tone import SKIN_POLYGONS


class MadeUpDetector:
    """Finds one face in every picture; its skin is three rectangles."""

    def __init__(self):
        self.mesher = self

    def detect(self, image):
        return [Face(box=(0, 0, 32, 32), score=1, keypoints=np.zeros((6, 2)))]

    def face_mesh(self, image, face):
        side, points = image.shape[-1], np.zeros((468, 3))
        for place, corners in enumerate(SKIN_POLYGONS):
            top = 0.2 + 0.2 * place
            turn = [(0.2, top), (0.8, top), (0.8, top + 0.2), (0.2, top + 0.2)]
            for i, corner in enumerate(corners):
                points[corner, :2] = np.array(turn[min(i, 3)]) * side - 0.5
        return FaceMesh(points=points, presence=1)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, colour in {"a.png": (224, 180, 150), "b.png": (80, 52, 40)}.items():
        Image.new("RGB", (64, 64), colour).save(folder / name)
    return folder


@pytest.fixture
def audit_with(tmp_path, tiny_file, shared_cache, one_thread, monkeypatch, photos):
    monkeypatch.setattr("photopulse.faces.detect.FaceDetector.load", MadeUpDetector)

    def run(*arguments):
        settings = (photos, "-o", tmp_path / "out", "--generator", tiny_file, "--size", 8, "--aligned")
        return CliRunner().invoke(app, ["audit", *map(str, settings + arguments)])

    return run


@pytest.fixture
def audit(audit_with):
    """Audits the classic search with few steps."""
    return lambda *arguments: audit_with("--method", "classic", "--steps", 2, *arguments)


def test_a_folder_becomes_a_page_tables_figures_and_pictures(audit, tmp_path):
    result = audit()
    assert result.exit_code == 0
    assert "a.jpg" in result.stdout
    assert "2 faces measured, 0 failed" in result.stderr
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {
        "audit.csv",
        "audit.json",
        "audit.md",
        "figures",
        ".photopulse.jsonl",
        "pictures",
        "rows.csv",
    }
    assert {path.name for path in (out / "pictures").iterdir()} == {"a.jpg", "b.jpg"}
    assert {path.name for path in (out / "figures").iterdir()} == {"angles.png", "shift_tone.png", "success_tone.png"}
    assert "| dark \u2020 | 1 | 0 |" in (out / "audit.md").read_text(encoding="utf-8")


def test_json_is_all_of_stdout_and_a_rerun_is_kept(audit):
    first = json.loads(audit("--json").stdout)
    again = audit()
    assert again.stdout.count("kept from an earlier run") == 2
    assert json.loads(audit("--json").stdout) == first
    assert [row["tone_group"] for row in first["rows"]] == ["light", "dark"]


def test_labels_are_summarised(audit, tmp_path):
    (tmp_path / "labels.csv").write_text("file,hair\na.png,red\n", encoding="utf-8")
    assert audit("--labels", tmp_path / "labels.csv").exit_code == 0
    page = (tmp_path / "out" / "audit.md").read_text(encoding="utf-8")
    assert "## By hair" in page
    assert "| red \u2020 | 1 |" in page


def test_a_failed_photo_ends_with_1(audit, photos, tmp_path):
    (photos / "c.png").write_bytes(b"no picture")
    result = audit()
    assert result.exit_code == 1
    assert "c.png" in result.stderr
    assert "2 faces measured, 1 failed" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--size", "10"), "--size"),
        (("--labels", "missing.csv"), "missing.csv"),
        (("--generator", "missing.pt"), "missing.pt"),
    ],
)
def test_wrong_usage_ends_with_2(audit, arguments, words):
    result = audit(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_an_interruption_ends_with_130_and_what_was_finished_is_kept(audit, monkeypatch):
    module = importlib.import_module("photopulse.audit.audit")
    original, calls = module.upscale, []

    def interrupted(*arguments, **others):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments, **others)

    monkeypatch.setattr(module, "upscale", interrupted)
    result = audit()
    assert result.exit_code == 130
    assert "goes on from there" in result.stderr
    assert audit().stdout.count("kept from an earlier run") == 1


def test_the_fast_search_is_audited_unless_told_otherwise_from_the_same_seed_for_all(audit_with):
    rows = json.loads(audit_with("--seed", 3, "--json").stdout)["rows"]
    assert [(row["method"], row["seed"], row["error"]) for row in rows] == [("fast", 3, None)] * 2


def test_steps_without_the_classic_search_are_wrong_usage(audit_with, tmp_path):
    result = audit_with("--steps", 5)
    assert result.exit_code == 2
    assert result.stderr == "error: --steps is for the classic search: add --method classic, or leave it out\n"
    assert not (tmp_path / "out").exists()
