"""How methods hold up under each condition, as a figure: points with their confidence intervals."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from photopulse.evaluation.measures import MEASURES, Measure
from photopulse.evaluation.ordering import ORIGINAL, condition_order, method_order
from photopulse.evaluation.summaries import Summary
from photopulse.reporting.estimates import Estimate
from photopulse.reporting.plotting import new_figure, save_figure, styles, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROBUSTNESS = ("downscale_mse_median", "niqe", "set_niqe", "psnr", "identity_distance")
_SPREAD = 0.6  # of the room between two conditions, taken by the methods
_LOG_RANGE = 30  # from which on a ratio of figures is drawn on a logarithmic axis


def write_points(path: Path, summaries: Sequence[Summary], *, measures: Sequence[str] = ROBUSTNESS) -> None:
    """Draws a panel for each measure: conditions from top to bottom, a point with its 95 % interval a method.

    Args:
        path: of the picture, PNG or JPEG.
        summaries: of one input and output size, one for each method and condition; ``original`` is left out.
        measures: names in ``MEASURES``; those that nobody measured get no panel.

    Raises PhotopulseError when the file cannot be written, ValueError when the summaries are of several sizes, tell
    of a method twice, or have nothing to draw.
    """
    shown = [summary for summary in summaries if summary.method != ORIGINAL]
    if len({(summary.task.small, summary.task.size) for summary in shown}) > 1:
        raise ValueError("the summaries are of several sizes")
    if len({(summary.task, summary.method) for summary in shown}) < len(shown):
        raise ValueError("there are two summaries of one method and condition")
    known = [
        measure
        for measure in MEASURES
        if measure.name in measures and any(measure.name in summary.figures for summary in shown)
    ]
    if not known:
        raise ValueError(f"no summary has {' or '.join(measures)}")
    conditions = sorted({summary.task.condition for summary in shown}, key=condition_order)
    methods = sorted({summary.method for summary in shown}, key=method_order)
    figure = new_figure(
        width=1.3 + 2.1 * len(known), height=1.1 + len(conditions) * max(0.35, 0.1 + 0.09 * len(methods))
    )
    panels = figure.subplots(1, len(known), sharey=True, squeeze=False)[0]
    for panel, measure in zip(panels, known, strict=True):
        _panel(panel, measure, shown, conditions, methods)
    panels[0].set_yticks(range(len(conditions)), conditions)
    panels[0].set_ylim(len(conditions) - 0.5, -0.5)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(methods), 6), fontsize=8, frameon=False)
    save_figure(figure, path)


def _panel(
    panel: "Axes", measure: Measure, summaries: Sequence[Summary], conditions: Sequence[str], methods: Sequence[str]
) -> None:
    look = styles(methods)
    drawn: list[float] = []
    for place, method in enumerate(methods):
        offset = _SPREAD * ((place + 0.5) / len(methods) - 0.5)
        found = [
            (conditions.index(summary.task.condition) + offset, value, *_reach(value, summary.figures[measure.name]))
            for summary in summaries
            if summary.method == method and (value := _value(summary, measure)) is not None
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
    panel.set_title(f"{measure.heading}{measure.arrow}" + (f" ({measure.unit})" if measure.unit else ""))
    panel.tick_params(axis="y", length=0)
    tidy(panel, grid="x")
    for edge in range(1, len(conditions)):
        panel.axhline(edge - 0.5, color="#eeeeee", linewidth=0.6)


def _value(summary: Summary, measure: Measure) -> float | None:
    return summary.figures[measure.name].value if measure.name in summary.figures else None


def _reach(value: float, estimate: Estimate) -> tuple[float, float]:
    """How far the interval reaches below and above the value."""
    if estimate.low is None or estimate.high is None:
        return 0, 0
    return max(0, value - estimate.low), max(0, estimate.high - value)
