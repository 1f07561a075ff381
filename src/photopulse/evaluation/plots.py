"""Figures of numbers: the course of searches over time, and how methods hold up under each condition."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from photopulse.evaluation.measure import Column
from photopulse.evaluation.measures import COLUMNS
from photopulse.evaluation.records import CurvePoint
from photopulse.evaluation.summaries import ORIGINAL, Summary, condition_order, method_order
from photopulse.reporting.arrays import Floats
from photopulse.reporting.estimates import Estimate
from photopulse.reporting.plotting import FAINT, Style, new_figure, save_figure, styles, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_GRID = 200
_LOWEST_ERROR = 1e-9  # what a logarithmic axis shows for zero
_SPREAD = 0.6  # of the room between two conditions, taken by the methods
_LOG_RANGE = 30  # from which on a ratio of figures is drawn on a logarithmic axis
_LOG_SPEEDS = 8  # from which ratio of the slowest to the fastest on the seconds are drawn logarithmically


def write_curves(
    path: Path,
    curves: Mapping[str, Sequence[Sequence[CurvePoint]]],
    *,
    eps: float | None = None,
    sharp_niqe: float | None = None,
) -> None:
    """Draws downscale MSE (logarithmic) and NIQE over seconds: the median over pictures, and the quartiles' band.

    Args:
        path: of the picture, PNG or JPEG.
        curves: the courses of a method by its label, one for each picture.
        eps: an MSE that counts as close enough, drawn as a line.
        sharp_niqe: the NIQE of the sharp pictures, drawn as a line.

    Between its points a course is a straight line (of the logarithm of the MSE); after its end it stays as it
    was, as the result does. Lines begin where all courses have begun. The axis of seconds is logarithmic where some
    methods are many times as fast as others. Raises PhotopulseError when the file cannot be written, ValueError
    when there is not one point to draw.
    """
    # Quartiles of both measures.
    errors = _bands(curves, _log_error)
    niqes = _bands(curves, _niqe)
    if not errors:
        raise ValueError("curves need a course with a point")
    # One panel per measure.
    look = styles(errors)
    figure = new_figure(width=7.2 if niqes else 4.2, height=3.2)
    panels = figure.subplots(1, 2 if niqes else 1, squeeze=False)[0]
    for label, band in errors.items():
        _draw(panels[0], label, Band(band.seconds, *(10**values for values in band[1:])), look[label])
    panels[0].set(yscale="log", ylabel="downscale MSE")
    for label, band in niqes.items():
        _draw(panels[1], label, band, look[label])
    if niqes:
        panels[1].set(ylabel="NIQE (lower is more natural)")
    # Axes, reference lines and legends.
    scale = "log" if _speeds_differ(errors) else "linear"
    for panel, level, name in zip(panels, (eps, sharp_niqe), (f"eps {eps}", "sharp pictures"), strict=False):
        if level is not None:
            panel.axhline(level, color=FAINT, linewidth=1, linestyle=(0, (4, 2)), label=name)
        panel.set(xlabel="seconds", xscale=scale)
        if scale == "linear":
            panel.set_xlim(left=0)
        tidy(panel, grid="both")
        panel.legend(fontsize=8, frameon=False)
    save_figure(figure, path)


class Band(NamedTuple):
    """Quartiles of courses over a common grid of seconds, each (N,)."""

    seconds: Floats
    low: Floats
    median: Floats
    high: Floats


def quartiles(courses: Sequence[Sequence[tuple[float, float]]]) -> Band:
    """Computes the quartiles of courses of (seconds, value), at least one each, as ``write_curves`` says."""
    tracks: list[Floats] = [np.array(sorted(course), dtype=np.float64).T for course in courses]  # (2, points)
    begin = max(float(track[0, 0]) for track in tracks)
    end = max(float(track[0, -1]) for track in tracks)
    seconds: Floats = np.linspace(begin, end, _GRID)
    values: list[Floats] = [np.interp(seconds, *track) for track in tracks]
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    return Band(seconds, low, median, high)


def _bands(
    curves: Mapping[str, Sequence[Sequence[CurvePoint]]], value: Callable[[CurvePoint], float | None]
) -> dict[str, Band]:
    """Returns the quartiles of each label for which the value is known."""
    courses = {
        label: [
            [(point.seconds, known) for point in course if (known := value(point)) is not None]
            for course in courses_of_label
        ]
        for label, courses_of_label in curves.items()
    }
    known = {label: [course for course in of_label if course] for label, of_label in courses.items()}
    return {label: quartiles(of_label) for label, of_label in known.items() if of_label}


def _speeds_differ(bands: Mapping[str, Band]) -> bool:
    ends = [band.seconds[-1] for band in bands.values()]
    begins_late = all(band.seconds[0] > 0 for band in bands.values())
    return begins_late and max(ends) > _LOG_SPEEDS * min(ends)


def _log_error(point: CurvePoint) -> float:
    return math.log10(max(point.downscale_mse, _LOWEST_ERROR))


def _niqe(point: CurvePoint) -> float | None:
    return point.niqe


def _draw(panel: "Axes", label: str, band: Band, style: Style) -> None:
    panel.fill_between(band.seconds, band.low, band.high, color=style.colour, alpha=0.2, linewidth=0)
    panel.plot(band.seconds, band.median, color=style.colour, linestyle=style.line, linewidth=1.6, label=label)


def write_points(path: Path, summaries: Sequence[Summary]) -> None:
    """Draws a panel for each ``plotted`` column: conditions from top to bottom, a point with 95 % interval a method.

    Args:
        path: of the picture, PNG or JPEG.
        summaries: of one input and output size, one for each method and condition; ``original`` is left out.

    Raises PhotopulseError when the file cannot be written, ValueError when the summaries are of several sizes, tell
    of a method twice, or have nothing to draw.
    """
    # Check the summaries, and choose the columns to draw.
    shown = [summary for summary in summaries if summary.method != ORIGINAL]
    if len({(summary.task.small, summary.task.size) for summary in shown}) > 1:
        raise ValueError("the summaries are of several sizes")
    if len({(summary.task, summary.method) for summary in shown}) < len(shown):
        raise ValueError("there are two summaries of one method and condition")
    plotted = [column for column in COLUMNS if column.plotted]
    known = [column for column in plotted if any(column.name in summary.figures for summary in shown)]
    if not known:
        raise ValueError(f"no summary has {' or '.join(column.name for column in plotted)}")
    conditions = sorted({summary.task.condition for summary in shown}, key=condition_order)
    methods = sorted({summary.method for summary in shown}, key=method_order)
    figure = new_figure(
        width=1.3 + 2.1 * len(known), height=1.1 + len(conditions) * max(0.35, 0.1 + 0.09 * len(methods))
    )
    panels = figure.subplots(1, len(known), sharey=True, squeeze=False)[0]
    for panel, column in zip(panels, known, strict=True):
        _panel(panel, column, shown, conditions, methods)
    panels[0].set_yticks(range(len(conditions)), conditions)
    panels[0].set_ylim(len(conditions) - 0.5, -0.5)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(methods), 6), fontsize=8, frameon=False)
    save_figure(figure, path)


def _panel(
    panel: "Axes", column: Column, summaries: Sequence[Summary], conditions: Sequence[str], methods: Sequence[str]
) -> None:
    # Points and intervals of each method, then the axes.
    look = styles(methods)
    drawn: list[float] = []
    for place, method in enumerate(methods):
        offset = _SPREAD * ((place + 0.5) / len(methods) - 0.5)
        found = [
            (conditions.index(summary.task.condition) + offset, value, *_reach(value, summary.figures[column.name]))
            for summary in summaries
            if summary.method == method and (value := _value(summary, column)) is not None
        ]
        drawn += [value for _, value, _, _ in found]
        panel.errorbar(
            [value for _, value, _, _ in found],
            [height for height, _, _, _ in found],
            xerr=[[below for _, _, below, _ in found], [above for _, _, _, above in found]],
            fmt=look[method].marker,
            color=look[method].colour,
            markersize=4,
            linewidth=1,
            label=method,
        )
    if min(drawn) > 0 and max(drawn) / min(drawn) > _LOG_RANGE:
        panel.set_xscale("log")
    panel.set_title(f"{column.heading}{column.arrow}" + (f" ({column.unit})" if column.unit else ""))
    panel.tick_params(axis="y", length=0)
    tidy(panel, grid="x")
    for edge in range(1, len(conditions)):
        panel.axhline(edge - 0.5, color="#eeeeee", linewidth=0.6)


def _value(summary: Summary, column: Column) -> float | None:
    return summary.figures[column.name].value if column.name in summary.figures else None


def _reach(value: float, estimate: Estimate) -> tuple[float, float]:
    """Returns the distances from the value to the lower and the upper end of its interval."""
    if estimate.low is None or estimate.high is None:
        return 0, 0
    return max(0, value - estimate.low), max(0, estimate.high - value)
