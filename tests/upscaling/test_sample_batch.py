"""A folder of faces drawn from the toy generator: names, resuming, failures."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from photopulse.errors import PhotopulseError
from photopulse.images import read_image, read_metadata
from photopulse.runs.report import exit_code
from photopulse.upscaling import sample_batch as sample
from photopulse.upscaling.sample import sample_faces
from photopulse.upscaling.sample_batch import SampleSettings, sample_files

PLAIN = SampleSettings()


@pytest.fixture
def drawn(monkeypatch):
    """The seeds that are really drawn; those in ``failing`` raise."""

    class Drawn(list):
        failing = frozenset()

    seeds = Drawn()

    def spy(generator, wanted, **others):
        seeds.extend(wanted)
        if seeds.failing & set(wanted):
            raise RuntimeError("the disk fell out")
        return sample_faces(generator, wanted, **others)

    monkeypatch.setattr(sample, "sample_faces", spy)
    return seeds


def report(folder):
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def test_each_seed_becomes_a_picture_that_says_it_is_synthetic(tmp_path, tiny_generator):
    items = sample_files(range(9, 12), tmp_path, tiny_generator, replace(PLAIN, truncation_psi=0.7))
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == [".photopulse.jsonl", "000009.png", "000010.png", "000011.png", "report.json"]
    faces = dict(sample_faces(tiny_generator, range(9, 12), truncation_psi=0.7))
    for item in items:
        assert (item.status, item.size, item.generator) == ("made", (32, 32), "tiny")
        assert (read_image(Path(item.output)).pixels - faces[item.seed]).abs().max() <= 0.51 / 255
        told = read_metadata(Path(item.output))
        assert told["photopulse:synthetic"] == "true"
        assert (told["photopulse:seed"], told["photopulse:method"]) == (str(item.seed), "sample")
        assert told["photopulse:truncation_psi"] == "0.7"
    content = report(tmp_path)
    assert content["command"] == "sample"
    assert [row["input"] for row in content["items"]] == ["seed 9", "seed 10", "seed 11"]
    assert exit_code(items) == 0


def test_smaller_faces_can_be_asked_for(tmp_path, tiny_generator):
    (item,) = sample_files(range(1), tmp_path, tiny_generator, replace(PLAIN, size=16))
    assert item.size == (16, 16)
    assert read_image(Path(item.output)).pixels.shape == (1, 3, 16, 16)


def test_a_rerun_draws_only_what_is_missing(tmp_path, tiny_generator, drawn, listen):
    first = sample_files(range(3), tmp_path, tiny_generator, PLAIN)
    (tmp_path / "000001.png").unlink()
    drawn.clear()
    told = []
    watcher = listen(end=lambda item, *, resumed=False: told.append(resumed))
    second = sample_files(range(4), tmp_path, tiny_generator, PLAIN, watcher)
    assert drawn == [1, 3]
    assert told == [True, False, True, False]
    assert [item.output for item in second[:3]] == [item.output for item in first]
    assert len(report(tmp_path)["items"]) == 4


@pytest.mark.parametrize("change", [{"truncation_psi": 0.5}, {"size": 8}], ids=str)
def test_other_settings_draw_anew(tmp_path, tiny_generator, drawn, change):
    for settings in (PLAIN, replace(PLAIN, **change)):
        sample_files(range(2), tmp_path, tiny_generator, settings)
    assert drawn == [0, 1, 0, 1]


def test_another_generator_of_the_same_name_draws_anew(tmp_path, tiny_generator, build_generator, drawn):
    sample_files(range(1), tmp_path, tiny_generator, PLAIN)
    sample_files(range(1), tmp_path, build_generator(seed=1), PLAIN)
    assert drawn == [0, 0]


def test_an_interrupted_run_goes_on_to_the_same_pictures(tmp_path, tiny_generator, drawn, listen):
    def interrupt(row, *, resumed=False):
        if row.seed == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample_files(range(4), tmp_path / "a", tiny_generator, PLAIN, listen(end=interrupt))
    assert [row["seed"] for row in report(tmp_path / "a")["items"]] == [0, 1]
    sample_files(range(4), tmp_path / "a", tiny_generator, PLAIN)
    assert drawn == [0, 1, 2, 3]
    sample_files(range(4), tmp_path / "b", tiny_generator, PLAIN)
    for name in ("000000.png", "000003.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_face_that_fails_stops_no_other_and_is_tried_again(tmp_path, tiny_generator, drawn):
    drawn.failing = {1}
    items = sample_files(range(3), tmp_path, tiny_generator, PLAIN)
    assert [item.status for item in items] == ["made", "failed", "made"]
    assert "the disk fell out" in items[1].error
    assert exit_code(items) == 1
    drawn.failing = frozenset()
    assert exit_code(sample_files(range(3), tmp_path, tiny_generator, PLAIN)) == 0
    assert drawn == [0, 1, 2, 1]


def test_a_picture_that_is_not_a_number_fails(tmp_path, tiny_generator, monkeypatch):
    monkeypatch.setattr(sample, "sample_faces", lambda *a, **k: [(0, torch.full((1, 3, 8, 8), torch.nan))])
    (item,) = sample_files(range(1), tmp_path, tiny_generator, PLAIN)
    assert item.status == "failed"
    assert not (tmp_path / "000000.png").exists()


def test_wrong_settings_stop_before_the_folder_is_made(tmp_path, tiny_generator):
    with pytest.raises(PhotopulseError, match="the size must divide"):
        sample_files(range(1), tmp_path / "out", tiny_generator, replace(PLAIN, size=20))
    assert not (tmp_path / "out").exists()
