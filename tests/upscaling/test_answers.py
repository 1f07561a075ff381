"""How different the answers to one face are: when it is told, and what."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photopulse.runs.report import ReportItem
from photopulse.search.fast import FastSettings
from photopulse.upscaling.answers import Answers
from photopulse.upscaling.batch import upscale_files
from photopulse.upscaling.batch_settings import BatchSettings
from photopulse.upscaling.upscale import UpscaleSettings

QUICK = BatchSettings(upscale=UpscaleSettings(fast=FastSettings(quality="draft")))


@pytest.fixture
def row(tmp_path):
    """Writes a picture and returns its row."""

    def write(name, *, source="face.png", face=None, seed=0, **fields):
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
        return ReportItem(input=source, status="converged", output=str(tmp_path / name), face=face, **fields)

    return write


def spread(*paths):
    pictures = np.stack([np.asarray(Image.open(path)).astype(float) for path in paths])
    return pictures.std(axis=0).mean()


def report(folder):
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))["items"]


def test_the_last_answer_completes_the_face(row):
    answers = Answers(3)
    rows = [row(f"{k}.png", seed=k) for k in range(3)]
    assert answers.add(7, rows[2]) == []
    assert answers.add(5, rows[0]) == []
    told = answers.add(6, rows[1])
    assert sorted(place for place, _ in told) == [5, 6, 7]
    for place, known in told:
        original = rows[place - 5]
        assert known.diversity == pytest.approx(spread(*(each.output for each in rows)), rel=1e-5)
        assert replace(known, diversity=None) == original


def test_one_answer_is_compared_with_nothing(row):
    answers = Answers(1)
    assert [answers.add(k, row(f"{k}.png", seed=k)) for k in range(3)] == [[], [], []]


def test_faces_and_photos_are_kept_apart(row):
    answers = Answers(2)
    alike = [row("a.png", face=1, seed=4), row("b.png", face=1, seed=4)]
    assert answers.add(0, alike[0]) == []
    assert answers.add(1, row("c.png", face=2, seed=5)) == []
    assert answers.add(2, row("d.png", face=1, seed=6, source="other.png")) == []
    told = answers.add(3, alike[1])
    assert [(place, known.diversity) for place, known in told] == [(0, 0), (3, 0)]


def test_a_failed_answer_leaves_the_face_without_a_figure(row):
    answers = Answers(2)
    failed = ReportItem(input="face.png", status="failed", error="no memory")
    assert answers.add(0, row("a.png")) == []
    assert answers.add(1, failed) == []


def test_a_picture_that_was_taken_away_stops_nobody(row, tmp_path):
    answers = Answers(2)
    answers.add(0, row("a.png"))
    (tmp_path / "a.png").unlink()
    assert answers.add(1, row("b.png", seed=1)) == []


def test_rows_that_an_earlier_run_completed_are_not_written_again(row, tmp_path):
    known = [row(f"{k}.png", seed=k) for k in range(2)]
    first = Answers(2)
    completed = [told for k, each in enumerate(known) for _, told in first.add(k, each)]
    again = Answers(2)
    assert [again.add(k, each) for k, each in enumerate(completed)] == [[], []]


def test_a_figure_over_other_answers_is_replaced(row):
    answers = Answers(2)
    assert answers.add(0, row("0.png", diversity=99.0)) == []
    told = answers.add(1, row("1.png", seed=1, diversity=99.0))
    assert [place for place, _ in told] == [0, 1]
    assert all(known.diversity != 99 for _, known in told)


def test_an_answer_that_was_made_anew_is_compared_with_those_of_the_earlier_run(row):
    answers = Answers(2)
    answers.add(0, row("a.png", diversity=3.5))
    told = answers.add(1, row("b.png", seed=1))
    assert [place for place, _ in told] == [0, 1]
    expected = spread(*(known.output for _, known in told))
    assert [known.diversity for _, known in told] == [pytest.approx(expected, rel=1e-5)] * 2


def test_the_report_tells_each_faces_diversity(faces, tmp_path, tiny_generator):
    items = upscale_files(faces("a.png", "b.png"), tmp_path / "out", tiny_generator, replace(QUICK, count=3))
    assert [Path(item.output).name for item in items] == [f"{name}_{k}.png" for name in "ab" for k in range(3)]
    for three in (items[:3], items[3:]):
        expected = spread(*(item.output for item in three))
        assert expected > 0.5
        assert [item.diversity for item in three] == [pytest.approx(expected, rel=1e-5)] * 3
    assert [row["diversity"] for row in report(tmp_path / "out")] == [item.diversity for item in items]


def test_one_answer_has_no_diversity_in_the_report(faces, tmp_path, tiny_generator):
    upscale_files(faces("a.png"), tmp_path / "out", tiny_generator, QUICK)
    assert "diversity" not in report(tmp_path / "out")[0]


def test_a_rerun_keeps_the_figures_and_more_answers_renew_them(faces, tmp_path, tiny_generator):
    files, two = faces("a.png"), replace(QUICK, count=2)
    first = upscale_files(files, tmp_path / "out", tiny_generator, two)
    before = (tmp_path / "out" / "report.json").read_bytes()
    assert upscale_files(files, tmp_path / "out", tiny_generator, two) == first
    assert (tmp_path / "out" / "report.json").read_bytes() == before
    more = upscale_files(files, tmp_path / "out", tiny_generator, replace(QUICK, count=3))
    expected = spread(*(item.output for item in more))
    assert [item.diversity for item in more] == [pytest.approx(expected, rel=1e-5)] * 3
    assert more[0].diversity != first[0].diversity


def test_an_interrupted_run_has_the_figures_when_it_went_on(faces, tmp_path, tiny_generator, listen):
    files, two = faces("a.png", "b.png"), replace(QUICK, count=2)
    heard = []

    def stop(row):
        heard.append(row)
        if len(heard) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upscale_files(files, tmp_path / "out", tiny_generator, two, listen(end=stop))
    assert ["diversity" in row for row in report(tmp_path / "out")] == [True, True, False]
    items = upscale_files(files, tmp_path / "out", tiny_generator, two)
    for pair in (items[:2], items[2:]):
        expected = spread(*(item.output for item in pair))
        assert [item.diversity for item in pair] == [pytest.approx(expected, rel=1e-5)] * 2
    assert [row["diversity"] for row in report(tmp_path / "out")] == [item.diversity for item in items]


def test_an_answer_that_was_lost_is_made_again_and_the_figure_is_the_same(faces, tmp_path, tiny_generator):
    files, two = faces("a.png"), replace(QUICK, count=2)
    first = upscale_files(files, tmp_path / "out", tiny_generator, two)
    (tmp_path / "out" / "a_1.png").unlink()
    again = upscale_files(files, tmp_path / "out", tiny_generator, two)
    # Another batch changes the last digits only.
    assert [item.diversity for item in again] == [pytest.approx(first[0].diversity, rel=0.05)] * 2


def test_answers_to_one_face_are_searched_one_after_the_other_or_as_many_at_once_as_is_asked_for(
    faces, tmp_path, tiny_generator, listen
):
    started = []
    watcher = listen(start=lambda stage, steps: started.append((stage, steps)))
    files, steps = faces("a.png", "b.png"), QUICK.upscale.most_steps
    upscale_files(files, tmp_path / "one", tiny_generator, replace(QUICK, count=2), watcher)
    assert started == [(f"{name}.png", steps) for name in ("a_0", "a_1", "b_0", "b_1")]
    started.clear()
    upscale_files(files, tmp_path / "two", tiny_generator, replace(QUICK, count=2, batch_size=2), watcher)
    assert started == [("a_0.png and 1 more", steps), ("b_0.png and 1 more", steps)]
