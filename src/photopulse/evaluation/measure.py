"""Defines measures: a number or trait of each picture, and the columns of the tables that result from it."""

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
"""What one picture contributes to the estimates of its set, e.g. its features."""
Value = float | bool | Trait
Values = Mapping[str, Value]
"""Values by the name of the measure, without those that were not measured."""

Topic = Literal["consistency", "naturalness", "truth", "person", "set", "face", "detail", "work"]
"""Topic of a column, in the order of the page: agreement with the input, naturalness, closeness to the original, the
person's identity, distance between sets, face and skin, detail, and the work of the method."""
TOPICS: tuple[Topic, ...] = get_args(Topic)

_MAX_DECIMALS = 3


@dataclass(frozen=True, kw_only=True)
class PictureSet:
    """Values of the pictures that one line of a table summarises.

    Attributes:
        own: values of the results, by the name of the picture.
        sharp: values of the originals, by the name of the picture; empty for the originals themselves.
        fair: whether the sets with which this one is compared consist of the same pictures.
    """

    own: Mapping[str, Values]
    sharp: Mapping[str, Values]
    fair: bool


Estimator = Callable[[str, PictureSet], Estimate]
"""Function from the name of a measure and a set of pictures to an estimate for the set."""


def over_pictures(statistic: Statistic = np.mean, value: Callable[[float], float] = float) -> Estimator:
    """Returns an estimator of a statistic (with ``axis=``, as NumPy's) of ``value`` of each picture's number."""

    def over(name: str, pictures: PictureSet) -> Estimate:
        known = (values.get(name) for values in pictures.own.values())
        return estimate([value(one) for one in known if isinstance(one, int | float)], statistic)

    return over


MEAN = over_pictures()


def share_of_pictures(name: str, pictures: PictureSet) -> Estimate:
    """Estimates the share of the pictures for which the measure is true."""
    return share([bool(values[name]) for values in pictures.own.values() if name in values])


@dataclass(frozen=True)
class Column:
    """One column of the tables.

    Attributes:
        heading: heading of the column.
        topic: topic, which determines its place on the page.
        better: direction that is better; None if neither is.
        meaning: explanation for the legend.
        estimate: estimator of the value for a set of pictures.
        name: key in the CSV and JSON files; if empty, the name of its measure.
        unit: unit of the values; empty for a plain number.
        decimals: number of decimals that are written; None for three significant figures.
        main: whether the table of intervals shows the column.
        listed: whether the page for readers shows the column; files for programs contain every column.
        plotted: whether the plot of robustness shows the column.
        of: name of its measure; the measure sets it.
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
        """Arrow in the direction that is better; empty if neither is."""
        return {"lower": " ↓", "higher": " ↑", None: ""}[self.better]

    def text(self, value: float | None) -> str:
        """Formats a value for a reader; a dash stands for None."""
        if value is None:
            return "-"
        if not math.isfinite(value):
            return "nan" if math.isnan(value) else "∞" if value > 0 else "-∞"
        decimals = self._decimals(value)
        least = 10.0**-decimals
        if 0 < value < least / 2:
            return f"<{least:.{decimals}f}"
        return f"{round(value, decimals) + 0.0:.{decimals}f}"  # Adding 0 turns -0.0 into 0.

    def _decimals(self, value: float) -> int:
        if self.decimals is not None:
            return self.decimals
        digits_before = 1 + math.floor(math.log10(abs(value))) if value else 1
        return min(max(3 - digits_before, 0), _MAX_DECIMALS)


class Measure:
    """A number of each picture, or a trait for estimates of a set, and the columns that summarise it.

    Args:
        name: key in ``rows.csv`` and in the sidecar of a picture.
        compute: function that measures a picture, and returns None if the measure does not apply; None itself if the
            method reports the value, e.g. its seconds.
        columns: columns of the tables that summarise the measure.
        kind: ``"number"``, ``"truth"`` for true or false, or ``"trait"``, which ``rows.csv`` leaves out.
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
