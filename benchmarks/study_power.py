"""How many raters a study needs to see a difference of mean opinion scores: the tables of docs/study.md, by simulation.

    python benchmarks/study_power.py

Two methods are rated from 1 to 5 by simulated raters, each of whom sees all faces. The assumptions below are ours: no
study with people has been run. A difference counts as seen if its 95 % interval, from resampling raters and faces as
`photopulse study score` does, leaves out 0; the second table has the Mann-Whitney test of PULSE's paper instead.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.stats
from numpy.random import Generator

from photopulse.reporting.arrays import Floats
from photopulse.reporting.markdown import markdown_table
from photopulse.study.crossed import crossed_resamples
from photopulse.study.simulate import rate

QUALITY = 3.2  # Of the worse method.
FACE = 0.3  # Standard deviation by which faces look better with both methods.
PICTURE = 0.3  # By which single pictures look better.
BIAS = 0.4  # Of raters.
TASTE = 0.15  # By which a rater likes one of the methods more.
NOISE = (0.5, 0.9)  # Range of the raters' inconsistencies.

DIFFERENCES = (0.0, 0.1, 0.2, 0.3, 0.5)
RATERS = (8, 16, 24, 40, 80)
FACES = (20, 40, 80)
RESAMPLES = 300


def simulated(raters: int, faces: int, difference: float, random: Generator) -> Floats:
    """Returns ratings (R, F, 2) of two methods, the second of which is better by the difference."""
    quality = QUALITY + FACE * random.standard_normal((faces, 1)) + PICTURE * random.standard_normal((faces, 2))
    quality[:, 1] += difference
    taste = TASTE * random.standard_normal((raters, 1, 2))
    bias = BIAS * random.standard_normal((raters, 1, 1))
    noise = random.uniform(*NOISE, (raters, 1, 1))
    return rate(quality + taste, bias, noise, random)


def is_seen_by_interval(ratings: Floats, random: Generator) -> bool:
    """Says whether the interval of the difference leaves out 0."""
    means = crossed_resamples(ratings, random, RESAMPLES)
    low, high = np.quantile(means[:, 1] - means[:, 0], (0.025, 0.975))
    return bool(low > 0 or high < 0)


def is_seen_by_ranks(ratings: Floats, _random: Generator) -> bool:
    """Says whether the Mann-Whitney test, which takes all answers for independent, has p below 5 %."""
    tested: Any = scipy.stats.mannwhitneyu(ratings[..., 0].ravel(), ratings[..., 1].ravel())
    return bool(tested.pvalue < 0.05)


def power(seen: Callable[[Floats, Generator], bool], faces: int, raters: int, difference: float, studies: int) -> float:
    """Returns the share of simulated studies in which the difference is seen."""
    random = np.random.default_rng((faces, raters, round(100 * difference)))
    return float(np.mean([seen(simulated(raters, faces, difference, random), random) for _ in range(studies)]))


def table(seen: Callable[[Floats, Generator], bool], studies: int) -> str:
    """Returns a Markdown table of the power, a line for each number of faces and raters."""
    lines: list[Sequence[str]] = [["faces", "raters", *(f"{one:.1f}" for one in DIFFERENCES)]]
    for faces in FACES:
        for raters in RATERS:
            shares = [power(seen, faces, raters, difference, studies) for difference in DIFFERENCES]
            lines.append([str(faces), str(raters), *(f"{share:.0%}" for share in shares)])
    return markdown_table(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=400, help="Simulated studies for each cell.")
    studies: int = parser.parse_args().studies
    print("Seen by the interval of the difference:\n")
    print(table(is_seen_by_interval, studies))
    print("\nSeen by the Mann-Whitney test:\n")
    print(table(is_seen_by_ranks, studies))


if __name__ == "__main__":
    main()
