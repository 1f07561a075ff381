"""Studies with simulated raters: the truth is recovered, careless raters are found, files tell what was found."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.study.answers import Start, append_answer
from photopulse.study.paper import PAPER
from photopulse.study.plan import ORIGINAL
from photopulse.study.score import score_answers, score_study
from photopulse.study.simulate import SimulatedRater, simulate_answers

TRUTH = {ORIGINAL: 3.8, "nearest": 1.2, "bicubic": 2.0, "pulse": 3.2}


def people(random, careful=24, clickers=0, always=0):
    raters = [
        SimulatedRater(bias=0.3 * random.standard_normal(), noise=random.uniform(0.4, 0.9)) for _ in range(careful)
    ]
    raters += [SimulatedRater(kind="clicker")] * clickers
    return raters + [SimulatedRater(kind="always")] * always


def simulated(study, seed=0, **counts):
    random = np.random.default_rng(seed)
    quality = {picture.id: TRUTH[picture.method] for picture in study.pictures}
    return simulate_answers(study, quality, people(random, **counts), random)


def test_the_true_scores_are_recovered_with_intervals_that_hold_them(make):
    _, study = make(ratings=24)
    errors, held = [], []
    for seed in range(40):
        scores = {score.method: score for score in score_answers(study, simulated(study, seed)).methods}
        # Nearest is left out: ratings of 1 at least raise its mean.
        for method in (ORIGINAL, "bicubic", "pulse"):
            for found in (scores[method].score, scores[method].model):
                errors.append(found.value - TRUTH[method])
                held.append(found.low < TRUTH[method] < found.high)
    assert abs(np.mean(errors)) < 0.05
    assert np.std(errors) < 0.15
    assert np.mean(held) > 0.9


def test_careful_raters_are_counted_and_methods_ranked(make):
    _, study = make(ratings=24)
    scores = score_answers(study, simulated(study))
    assert [score.method for score in scores.methods] == [ORIGINAL, "pulse", "bicubic", "nearest"]
    for score in scores.methods:
        assert score.model.value == pytest.approx(score.score.value, abs=0.1)
        assert sum(score.answers) == score.score.count == 24 * 5
        assert score.paper == PAPER[score.method]
    assert scores.counted == scores.finished == 24
    assert scores.alpha > 0.6
    assert scores.self_agreement.value > 0.8
    first = scores.pairs[0]
    assert (first.first, first.second) == (ORIGINAL, "pulse")
    assert first.difference.low > 0
    assert first.test.p_holm < 1e-3


def test_who_clicks_at_random_or_always_says_5_is_left_out_and_changes_nothing(make):
    _, study = make(ratings=30, repeats=0.1)
    clean = score_answers(study, simulated(study))
    spoilt = score_answers(study, simulated(study, clickers=4, always=2))
    reasons = [rater.check.reason for rater in spoilt.raters]
    assert reasons[:24] == [None] * 24
    assert all(reasons[24:])
    assert "gold" in reasons[-1]
    for before, after in zip(clean.methods, spoilt.methods, strict=True):
        assert after.score == before.score
        # The model uses their answers too, and is hardly moved.
        assert after.model.value == pytest.approx(before.model.value, abs=0.1)
    assert min(rater.inconsistency for rater in spoilt.raters[24:28]) > 1
    assert spoilt.raters[-1].bias > 1


def test_who_always_says_5_is_found_without_gold_questions(make):
    _, study = make(ratings=12, gold=0)
    scores = score_answers(study, simulated(study, careful=10, clickers=1, always=1))
    assert [rater.check.reason for rater in scores.raters[10:]] == [
        "rates as if at random: no correlation with the others",
        "gave the same rating to 100%",
    ]


def test_biases_and_inconsistencies_are_recovered(make):
    _, study = make(ratings=24, repeats=0)
    random = np.random.default_rng(3)
    quality = {picture.id: TRUTH[picture.method] for picture in study.pictures}
    raters = [SimulatedRater(bias=bias, noise=0.6) for bias in np.linspace(-0.8, 0.8, 24)]
    scores = score_answers(study, simulate_answers(study, quality, raters, random))
    found = [rater.bias for rater in scores.raters]
    assert np.corrcoef(found, [rater.bias for rater in raters])[0, 1] > 0.9


def test_the_better_of_two_is_found(make):
    _, study = make(kind="pairs", ratings=24)
    scores = score_answers(study, simulated(study, always=1, clickers=1))
    assert [score.method for score in scores.methods] == ["pulse", "bicubic", "nearest"]
    assert scores.methods[0].score.low > 0 > scores.methods[2].score.high
    assert scores.raters[-1].check.reason is not None


def test_nobody_can_tell_what_is_as_good_as_the_photo(make):
    _, study = make(kind="real", ratings=40)
    random = np.random.default_rng(0)
    truth = TRUTH | {"pulse": TRUTH[ORIGINAL]}
    quality = {picture.id: truth[picture.method] for picture in study.pictures}
    raters = [SimulatedRater(noise=0.7) for _ in range(40)]
    scores = score_answers(study, simulate_answers(study, quality, raters, random))
    rates = {score.method: score.score for score in scores.methods}
    assert rates["pulse"].low < 0.5 < rates["pulse"].high
    assert rates["nearest"].high < 0.1
    assert scores.counted == 40


def test_files_tell_what_was_found(make):
    folder, study = make(ratings=12)
    for rater in simulated(study, careful=11, always=1):
        for line in (Start(rater=rater.rater, seat=rater.seat), *rater.answers):
            append_answer(folder, line)
    scores = score_study(folder, folder / "scores")
    page = (folder / "scores" / "table.md").read_text()
    assert "12 raters, of whom 11 are counted; 12 gave all answers." in page
    assert "| paper |" in page
    told = json.loads((folder / "scores" / "table.json").read_text())
    assert told["methods"][0]["score"]["value"] == scores.methods[0].score.value
    with (folder / "scores" / "table.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["score.value"]) for row in rows] == [score.score.value for score in scores.methods]
    with (folder / "scores" / "raters.csv").open() as stream:
        assert [row["left out because"] for row in csv.DictReader(stream)][:11] == [""] * 11
    for name in ("scores", "answers", "raters"):
        with Image.open(folder / "scores" / "figures" / f"{name}.png") as figure:
            assert figure.width > 500
    assert score_study(folder, folder / "again") == scores


def test_a_study_without_answers_says_so(make):
    folder, study = make()
    with pytest.raises(PhotopulseError, match="of 0 raters, 0 can be counted: none began"):
        score_study(folder, folder / "scores")
    few = [replace(rater, answers=rater.answers[:6]) for rater in simulated(study, careful=3)]
    with pytest.raises(PhotopulseError, match=r"of 3 raters, 0 can be counted: gave . answers, fewer than 10"):
        score_answers(study, few)


def test_why_nobody_is_counted_is_told_of_each_rater(make):
    folder, study = make()
    for rater in simulated(study, careful=3):
        for line in (Start(rater=rater.rater, seat=rater.seat), *rater.answers[:6]):
            append_answer(folder, line)
    with pytest.raises(PhotopulseError, match=r"scores/raters\.csv tells of each rater"):
        score_study(folder, folder / "scores")
    with (folder / "scores" / "raters.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["rater"] for row in rows] == ["simulated0000", "simulated0001", "simulated0002"]
    assert {row["left out because"] for row in rows} == {
        f"gave {row['answers']} answers, fewer than 10" for row in rows
    }
    assert not (folder / "scores" / "table.md").exists()


def test_a_study_can_be_scored_while_it_goes_on(make):
    _, study = make(ratings=12, repeats=0)
    raters = simulated(study, careful=8)
    raters[3].answers[15:] = []
    scores = score_answers(study, raters)
    assert (scores.counted, scores.finished) == (8, 7)
