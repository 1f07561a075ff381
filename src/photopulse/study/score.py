"""Scores a study: from the answers of raters to tables, figures and files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from photopulse.errors import PhotopulseError
from photopulse.reporting.arrays import Floats
from photopulse.reporting.estimates import Estimate, share
from photopulse.study.agreement import krippendorff_alpha
from photopulse.study.answers import RaterAnswers, read_answers
from photopulse.study.choices import score_fooled, score_pairs
from photopulse.study.mos import model_scores, score_ratings
from photopulse.study.plan import Study, read_plan
from photopulse.study.plots import write_plots
from photopulse.study.ratings import Ratings, to_ratings
from photopulse.study.report import write_raters, write_report
from photopulse.study.scores import RaterScore, Scores
from photopulse.study.screening import LEAST_ANSWERS, Check, check_raters


def score_study(folder: Path, output: Path, seed: int = 0) -> Scores:
    """Scores the study in ``folder``, also while it goes on, and writes tables and figures into ``output``.

    Args:
        folder: folder of a study, with its answers.
        output: folder for ``table.md``, ``table.csv``, ``pairs.csv``, ``raters.csv``, ``table.json``, ``figures/``.
        seed: seed of the resampling for intervals.

    Raises:
        PhotopulseError: if there is no study, no answer that counts, or a file cannot be written. Where nothing can be
            scored, ``raters.csv`` is written nevertheless, which tells why each rater is not counted.
    """
    study = read_plan(folder)
    screened = _screened(study, read_answers(folder, study))
    table = write_raters(output, [RaterScore(check=check) for check in screened.checks])
    try:
        scores = _scored(study, screened, seed)
    except PhotopulseError as error:
        raise PhotopulseError(error.what, why=error.why, fix=f"{error.fix}; {table} tells of each rater") from error
    write_report(output, study, scores)
    write_plots(output / "figures", scores)
    return scores


def score_answers(study: Study, raters: Sequence[RaterAnswers], seed: int = 0) -> Scores:
    """Scores answers.

    Raises:
        PhotopulseError: if there are no answers that count.
    """
    return _scored(study, _screened(study, raters), seed)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Screened:
    """The raters who gave an answer, with their answers as arrays and what is known of them."""

    raters: Sequence[RaterAnswers]
    ratings: Ratings
    checks: Sequence[Check]


def _screened(study: Study, raters: Sequence[RaterAnswers]) -> _Screened:
    raters = [rater for rater in raters if rater.answers]
    ratings = to_ratings(study, raters)
    return _Screened(raters=raters, ratings=ratings, checks=check_raters(study, raters, ratings.values))


def _scored(study: Study, screened: _Screened, seed: int) -> Scores:
    # Who is counted.
    raters, ratings, checks = screened.raters, screened.ratings, screened.checks
    counted = [place for place, check in enumerate(checks) if check.reason is None]
    values = ratings.values[counted]
    if len(counted) < 2:
        why = f"of {len(raters)} raters, {len(counted)} can be counted: {'; '.join(_reasons(checks)) or 'none began'}"
        raise PhotopulseError("cannot score the study", why=why, fix="wait for the answers of two raters or more")
    if not _compared(values):
        raise PhotopulseError(
            "cannot score the study", why="some methods have no answer yet", fix="wait for more answers"
        )
    # Scores of the methods.
    random = np.random.default_rng(seed)
    told = [RaterScore(check=check) for check in checks]
    pairs = ()
    if study.kind == "mos":
        judged = [place for place, check in enumerate(checks) if check.answers >= LEAST_ANSWERS]
        model, by_model = model_scores(ratings.values[judged], np.isin(judged, counted))
        for place, bias, inconsistency in zip(judged, model.bias, model.inconsistency, strict=True):
            told[place] = RaterScore(check=checks[place], bias=float(bias), inconsistency=float(inconsistency))
        methods, pairs = score_ratings(ratings.methods, values, by_model, random)
    elif study.kind == "pairs":
        methods, pairs = score_pairs(ratings.methods, values, random)
    else:
        methods = score_fooled(ratings.methods, values, random)
    # How far they can be trusted.
    answers = [answer for place in counted for answer in raters[place].answers if answer.role != "training"]
    return Scores(
        kind=study.kind,
        methods=tuple(methods),
        pairs=tuple(pairs),
        raters=tuple(told),
        finished=sum(len(rater.answers) == len(study.seats[rater.seat]) for rater in raters),
        self_agreement=_self_agreement(study, ratings, counted),
        alpha=krippendorff_alpha(_units(study, values), "ordinal" if study.kind == "mos" else "nominal"),
        seconds=float(np.median([answer.seen.seconds for answer in answers])),
        conditions={
            "not whole": sum(not answer.seen.whole for answer in answers) / len(answers),
            "resampled": sum(not float(answer.seen.zoom).is_integer() for answer in answers) / len(answers),
        },
    )


def _reasons(checks: Sequence[Check]) -> list[str]:
    return sorted({check.reason for check in checks if check.reason is not None})


def _compared(values: Floats) -> bool:
    """Says whether all methods have an answer."""
    answered = ~np.isnan(values).all(axis=(0, 1))  # (M,) or (M, M)
    return bool(np.all(answered if answered.ndim == 1 else np.any(answered, axis=1)))


def _units(study: Study, values: Floats) -> Floats:
    """Returns answers as raters by units (R, U); of pairs, each once."""
    if study.kind == "pairs":
        first, second = np.triu_indices(values.shape[-1], 1)
        values = values[..., first, second]
    return values.reshape(len(values), -1)


def _self_agreement(study: Study, ratings: Ratings, counted: Sequence[int]) -> Estimate:
    first, again = (_units(study, values)[counted] for values in (ratings.values, ratings.again))
    both = ~np.isnan(first) & ~np.isnan(again)
    return share((np.abs(first - again)[both] <= (1 if study.kind == "mos" else 0)).tolist())
