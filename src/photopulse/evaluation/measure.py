"""What a measure is: a number of each picture, and the columns of the tables that it fills."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Literal, get_args

import numpy as np
from torch import Tensor

from photopulse.evaluation.comparison import Comparison
from photopulse.reporting.estimates import Estimate, estimate, share
from photopulse.reporting.intervals import Statistic

Trait = Sequence[float] | Sequence[Sequence[float | None]]
"""What one picture adds to the figures of its set."""
Value = float | bool | Trait
Values = Mapping[str, Value]
"""By the name of the measure; what was not measured is not there."""

Topic = Literal["consistency", "naturalness", "truth", "person", "set", "face", "detail", "work"]
"""What a column tells of, in the order of the page: fits the input, looks natural, is near the sharp picture, shows the
same person, is like the set of sharp pictures, has a face with its skin, has detail, and what the work was."""
TOPICS: tuple[Topic, ...] = get_args(Topic)

_MAX_DECIMALS = 3


@dataclass(frozen=True, kw_only=True)
class PictureSet:
    """What was measured of the pictures that one line of a table is about.

    Attributes:
        own: by the name of the picture.
        sharp: likewise, of the sharp pictures; empty for the sharp pictures themselves.
        fair: whether what this set will be compared with is over the same pictures.
    """

    own: Mapping[str, Values]
    sharp: Mapping[str, Values]
    fair: bool


Estimator = Callable[[str, PictureSet], Estimate]
"""From the name of a measure and a set of pictures to a figure of the set."""


def over_pictures(statistic: Statistic = np.mean, value: Callable[[float], float] = float) -> Estimator:
    """Estimates a statistic (which takes ``axis=``, as NumPy's) of ``value`` of what was measured of each picture."""

    def over(name: str, pictures: PictureSet) -> Estimate:
        known = (values.get(name) for values in pictures.own.values())
        return estimate([value(one) for one in known if isinstance(one, int | float)], statistic)

    return over


MEAN = over_pictures()


def share_of_pictures(name: str, pictures: PictureSet) -> Estimate:
    """Estimates of how many pictures it is true."""
    return share([bool(values[name]) for values in pictures.own.values() if name in values])


@dataclass(frozen=True)
class Column:
    """One column of the tables.

    Attributes:
        heading: of the column.
        topic: puts it in its place on the page.
        better: which way; None where neither is.
        meaning: what it is, in words.
        estimate: from what was measured to the figure of a set.
        name: the key in the CSV and JSON files; empty for that of its measure.
        unit: empty for a plain number.
        decimals: how many are written; None for three significant figures.
        main: whether the table of intervals shows it.
        listed: whether the page for readers shows it; the files for programs have all.
        plotted: whether the figure of robustness shows it.
        of: name of its measure, which sets it.
    """

    heading: str
    topic: Topic
    better: Literal["lower", "higher"] | None
    meaning: str
    estimate: Estimator = MEAN
    _: KW_ONLY
    name: str = ""
    unit: str = ""
    decimals: int | None = None
    main: bool = False
    listed: bool = True
    plotted: bool = False
    of: str = ""

    @property
    def arrow(self) -> str:
        """Points where better is: up, down, or nowhere."""
        return {"lower": " ↓", "higher": " ↑", None: ""}[self.better]

    def text(self, value: float | None) -> str:
        """Words a value for a reader; a dash for none."""
        if value is None:
            return "-"
        if not math.isfinite(value):
            return "nan" if math.isnan(value) else "∞" if value > 0 else "-∞"
        decimals = self._decimals(value)
        least = 10.0**-decimals
        if 0 < value < least / 2:
            return f"<{least:.{decimals}f}"
        return f"{round(value, decimals) + 0.0:.{decimals}f}"  # Adding 0 makes of -0.0 a plain zero.

    def _decimals(self, value: float) -> int:
        if self.decimals is not None:
            return self.decimals
        digits_before = 1 + math.floor(math.log10(abs(value))) if value else 1
        return min(max(3 - digits_before, 0), _MAX_DECIMALS)


class Measure:
    """A number of each picture (or a trait, for figures of the set), and what the tables say of it.

    Args:
        name: the key in ``rows.csv`` and in the memory beside a picture.
        compute: measures a picture; None from it is what does not apply. It is None itself for what the method tells
            of its work.
        columns: the figures that are made of it.
        kind: a number, whether something is so, or a trait, which ``rows.csv`` leaves out.
    """

    def __init__(
        self,
        name: str,
        compute: Callable[[Comparison], Tensor | float | Trait | None] | None,
        *columns: Column,
        kind: Literal["number", "truth", "trait"] = "number",
    ) -> None:
        self.name = name
        self.compute = compute
        self.columns = tuple(replace(column, name=column.name or name, of=name) for column in columns)
        self.kind = kind
