"""What a study found: scores of methods, differences between them, how far raters can be trusted."""

from collections.abc import Mapping
from dataclasses import dataclass

from photopulse.reporting.estimates import Estimate
from photopulse.study.rank_tests import RankTest
from photopulse.study.screening import Check
from photopulse.study.settings import Kind


@dataclass(frozen=True, kw_only=True)
class MethodScore:
    """The score of a method.

    Attributes:
        method: name of the method.
        score: mean opinion score; Bradley-Terry strength (log-odds, 0 is the mean of all methods); or fool rate, the
            share of answers that take its result for the photo.
        model: mean quality by the model of raters, of a mos study; None for the others.
        answers: how often each answer was given: ratings from 1 to 5; lost and won; seen through and taken for a photo.
        paper: score in PULSE's paper; None if it has none.
    """

    method: str
    score: Estimate
    model: Estimate | None
    answers: tuple[int, ...]
    paper: float | None = None


@dataclass(frozen=True, kw_only=True)
class PairScore:
    """The difference between two methods.

    Attributes:
        first: name of the first method.
        second: name of the second method.
        difference: score of the first minus that of the second; in a study of pairs, the share of answers that prefer
            the first.
        test: Mann-Whitney U test of a mos study; None for the others.
    """

    first: str
    second: str
    difference: Estimate
    test: RankTest | None = None


@dataclass(frozen=True, kw_only=True)
class RaterScore:
    """A rater.

    Attributes:
        check: what the screening found.
        bias: of a mos study, how much higher than others the rater rates; None if it is unknown.
        inconsistency: standard deviation of the rater's ratings without quality and bias; None if it is unknown.
    """

    check: Check
    bias: float | None = None
    inconsistency: float | None = None


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What a study found.

    Attributes:
        kind: what raters were asked.
        methods: scores, the best first.
        pairs: differences between methods.
        raters: all raters, also those that are not counted.
        finished: number of raters who gave all answers.
        self_agreement: of trials that were shown twice, the share with equal answers; in a mos study, with answers that
            differ by 1 at most.
        alpha: Krippendorff's alpha: 1 if raters agree, 0 if as by chance; None if it is unknown.
        seconds: median of the seconds that answers took.
        conditions: share of answers by what may have spoilt them: ``not whole`` (pictures larger than the window) and
            ``resampled`` (device pixels are no whole multiple of the pictures' pixels).
    """

    kind: Kind
    methods: tuple[MethodScore, ...]
    pairs: tuple[PairScore, ...]
    raters: tuple[RaterScore, ...]
    finished: int
    self_agreement: Estimate
    alpha: float | None
    seconds: float | None
    conditions: Mapping[str, float]

    @property
    def counted(self) -> int:
        """Number of raters whose answers are counted."""
        return sum(rater.check.reason is None for rater in self.raters)
