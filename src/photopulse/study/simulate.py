"""Simulated raters, with which estimates are tested and studies are planned; they are no substitute for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from photopulse.study.answers import Answer, RaterAnswers, Seen
from photopulse.study.plan import Study, Trial

_SECONDS = 2.0  # Median of a simulated answer.


@dataclass(frozen=True, kw_only=True)
class SimulatedRater:
    """A rater as the model of Li et al. (2020) has it, or one who does not look.

    Attributes:
        kind: honest; clicker, who answers at random; always, who always gives the highest answer.
        bias: added to every rating.
        noise: standard deviation of what is added to each rating.
    """

    kind: Literal["honest", "clicker", "always"] = "honest"
    bias: float = 0.0
    noise: float = 0.7


def rate(quality: Any, bias: Any, noise: Any, random: Generator) -> NDArray[np.float64]:
    """Returns ratings from 1 to 5 of pictures of that quality; the arguments are numbers or arrays that broadcast."""
    shape = np.broadcast_shapes(np.shape(quality), np.shape(bias), np.shape(noise))
    felt = quality + bias + noise * random.standard_normal(shape)
    return np.clip(np.rint(felt), 1, 5)


def simulate_answers(
    study: Study, quality: Mapping[str, float], raters: Sequence[SimulatedRater], random: Generator
) -> list[RaterAnswers]:
    """Returns the answers that raters give, one on each seat in turn.

    Args:
        study: the plan.
        quality: quality of each picture, by its id, on the scale from 1 to 5.
        raters: the raters.
        random: source of randomness.
    """
    found: list[RaterAnswers] = []
    for number, rater in enumerate(raters):
        name, seat = f"simulated{number:04d}", number % len(study.seats)
        answers = [
            Answer(
                rater=name,
                trial=place,
                role=trial.role,
                pictures=trial.pictures,
                answer=_answer(study, trial, quality, rater, random),
                seen=_seen(random),
            )
            for place, trial in enumerate(study.seats[seat])
        ]
        found.append(RaterAnswers(rater=name, seat=seat, answers=answers))
    return found


def _seen(random: Generator) -> Seen:
    seconds = float(_SECONDS * np.exp(0.4 * random.standard_normal()))
    return Seen(seconds=seconds, screen="1920x1080", window="1920x960", zoom=1.0, whole=True)


def _answer(study: Study, trial: Trial, quality: Mapping[str, float], rater: SimulatedRater, random: Generator) -> int:
    if trial.role == "training":
        return trial.right[0]
    if rater.kind == "clicker":
        return int(random.choice(study.answers))
    if rater.kind == "always":
        return max(study.answers)
    shown = np.array([quality[picture] for picture in trial.pictures])
    if study.kind == "mos":
        return int(rate(shown[0], rater.bias, rater.noise, random))
    return 1 + int(np.argmax(shown + rater.noise * random.standard_normal(2)))
