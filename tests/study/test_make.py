"""A study is made of what `evaluate` wrote, and of any folder of methods."""

import json
import os
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from photopulse.degrade import Bicubic
from photopulse.errors import PhotopulseError
from photopulse.images import read_image, to_uint8
from photopulse.study.make import make_study
from photopulse.study.plan import ORIGINAL, read_plan
from photopulse.study.settings import StudySettings


def roles(study, seat=0):
    return Counter(trial.role for trial in study.seats[seat])


def test_a_mos_study_has_training_hidden_references_repeats_and_gold(make):
    _, study = make(training=2, gold=2, ratings=3, repeats=0.1)
    assert study.methods == (ORIGINAL, "bicubic", "nearest", "pulse")
    assert len(study.seats) == 3
    # Four of eight faces are held out: sixteen pictures are rated, two of them twice.
    assert roles(study) == {"training": 4, "rating": 16, "repeat": 2, "gold": 2}
    shown = {study.by_id[trial.pictures[0]].face: trial.role for trial in study.seats[0] if trial.role != "repeat"}
    assert Counter(shown.values()) == {"training": 2, "gold": 2, "rating": 4}
    examples = [(study.by_id[one.pictures[0]].method, one.right) for one in study.seats[0][:4]]
    assert examples == [("nearest", (1,))] * 2 + [(ORIGINAL, (5,))] * 2


def test_no_rater_sees_a_face_twice_in_a_row_and_orders_differ(make):
    _, study = make(training=2, ratings=5)
    for trials in study.seats:
        faces = [study.by_id[trial.pictures[0]].face for trial in trials]
        assert all(one != other for one, other in pairwise(faces))
    assert len(set(study.seats)) == 5


def test_pairs_are_all_pairs_of_results_of_one_face_on_random_sides(make):
    _, study = make(kind="pairs", ratings=4, repeats=0)
    rated = [trial for trials in study.seats for trial in trials if trial.role == "rating"]
    shown = [[study.by_id[picture] for picture in trial.pictures] for trial in rated]
    assert all(one.face == other.face for one, other in shown)
    sides = Counter((one.method, other.method) for one, other in shown)
    assert {frozenset(pair) for pair in sides} == {
        frozenset(pair) for pair in (("bicubic", "nearest"), ("bicubic", "pulse"), ("nearest", "pulse"))
    }
    assert len(sides) == 6
    gold = [trial for trials in study.seats for trial in trials if trial.role == "gold"]
    assert all(study.by_id[one.pictures[one.right[0] - 1]].method == ORIGINAL for one in gold)
    assert {one.right for one in gold} == {(1,), (2,)}


def test_which_is_real_is_asked_of_the_original_and_each_result(make):
    _, study = make(kind="real", ratings=2)
    for trials in study.seats:
        for trial in trials:
            assert ORIGINAL in {study.by_id[picture].method for picture in trial.pictures}


def test_pictures_are_the_methods_own_downscaled_as_evaluate_measures_them(make, evaluation):
    folder, study = make()
    assert study.size == (16, 16)
    for picture in study.pictures:
        place = {ORIGINAL: "sharp", "pulse": "clean/pulse/32"}.get(picture.method, f"clean/{picture.method}/16")
        source = read_image(evaluation / place / f"{picture.face}.png").pixels
        wanted = Bicubic(source.shape[-1] // 16)(source).clamp(0, 1)
        with Image.open(folder / "pictures" / f"{picture.id}.png") as copied:
            np.testing.assert_array_equal(np.asarray(copied), to_uint8(wanted))
            assert not copied.info
    assert read_plan(folder) == study


def test_the_same_seed_makes_the_same_study(evaluation, tmp_path):
    settings = StudySettings(training=1, gold=1, ratings=2)
    first, second = (make_study(evaluation, tmp_path / name, settings) for name in "ab")
    assert first == second


def test_a_rater_sees_a_part_where_that_is_asked_for(make):
    _, study = make(trials=5, ratings=3, repeats=0, training=1, gold=2)
    # Five faces of four methods; each of the 20 pictures is seen three times.
    assert [roles(study, seat)["rating"] for seat in range(len(study.seats))] == [5] * 12


@pytest.mark.parametrize(
    ("task", "side"), [({"sizes": (16,), "small": 8, "aligned": True}, 16), ({"restore": ("light",)}, 64)]
)
def test_what_evaluate_writes_is_taken_as_it_is(write_methods, tmp_path, task, side):
    from photopulse.evaluation.evaluate import evaluate_files
    from photopulse.evaluation.settings import EvaluateSettings

    photos = sorted((write_methods(tmp_path, 4, {"photos": 64}) / "photos").iterdir())
    worst = "input" if "restore" in task else "nearest"
    off = dict.fromkeys(("perceptual", "identity", "faces"), False)
    evaluate_files(photos, tmp_path / "out", EvaluateSettings(methods=(worst, "bicubic"), **task, **off))
    study = make_study(tmp_path / "out", tmp_path / "study", StudySettings(training=1, gold=1, worst=worst))
    assert study.methods == (ORIGINAL, "bicubic", worst)
    assert study.size == (side, side)
    assert {picture.face for picture in study.pictures} == {photo.stem for photo in photos}


def test_a_folder_of_methods_needs_no_evaluation(write_methods, tmp_path):
    root = write_methods(tmp_path / "mine", 3, {"original": 12, "mine": 12, "yours": 12})
    (root / "yours" / "face 2.png").unlink()
    study = make_study(root, tmp_path / "study", StudySettings(training=0, gold=0, ratings=1, repeats=0))
    assert study.methods == (ORIGINAL, "mine", "yours")
    assert {picture.face for picture in study.pictures} == {"face 0", "face 1"}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"methods": ("nearest", "wrong")}, "there is no method wrong, only original, bicubic, nearest, pulse"),
        ({"condition": "noise-25"}, "there is no condition noise-25, only clean"),
        ({"size": 24}, "which is no multiple of 24 px. Choose another --size"),
        ({"worst": "mosaic"}, "there is no method mosaic, only .* Name a bad method with --worst"),
        ({"training": 4, "gold": 4}, "there are 8 faces, and 8 of them are examples or gold questions"),
        ({"kind": "pairs", "methods": ("pulse",)}, "it takes two methods"),
    ],
)
def test_what_cannot_be_made_says_why_and_leaves_no_study(make, tmp_path, settings, told):
    with pytest.raises(PhotopulseError, match=told):
        make(**settings)
    assert not list(tmp_path.glob("study*/study.json"))


def test_pictures_of_one_face_must_have_one_size(write_methods, tmp_path):
    root = write_methods(tmp_path / "mine", 3, {"original": 12, "mine": 13})
    with pytest.raises(PhotopulseError, match=r"and the same face has 1[23] x 1[23] px elsewhere"):
        make_study(root, tmp_path / "study", StudySettings(training=0, gold=0))


def test_a_study_is_not_overwritten(make):
    make()
    with pytest.raises(PhotopulseError, match="there is a study already"):
        make()


@pytest.mark.parametrize(
    "harm",
    [
        lambda told: told | {"version": 99},
        lambda told: told | {"pictures": [{"id": "../../secret", "face": "a", "method": "b"}]},
        lambda told: told | {"seats": [[{"role": "rating", "pictures": ["99999"], "right": []}]]},
        lambda told: told | {"kind": "guess"},
        lambda told: [told],
    ],
)
def test_a_damaged_plan_is_refused(make, harm):
    folder, _ = make()
    told = json.loads((folder / "study.json").read_text())
    (folder / "study.json").write_text(json.dumps(harm(told)))
    with pytest.raises(PhotopulseError, match="it is no study"):
        read_plan(folder)


def test_a_plan_that_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "study.json")
    with pytest.raises(PhotopulseError, match="a folder or device, not a file"):
        read_plan(tmp_path)


def test_more_than_a_rater_can_answer_is_refused(make, monkeypatch):
    monkeypatch.setattr("photopulse.study.make.MOST_TRIALS", 15)
    with pytest.raises(PhotopulseError, match="each rater would see 20 pictures or pairs, more than 15"):
        make()
    make(trials=15)


def test_settings_that_make_no_sense_are_refused():
    for wrong in (
        {"ratings": 0},
        {"size": 15},
        {"repeats": 0.5},
        {"repeats": float("nan")},
        {"gold": -1},
        {"trials": 0},
        {"faces": 1},
    ):
        with pytest.raises(ValueError, match="--"):
            StudySettings(**wrong)
