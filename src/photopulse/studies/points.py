"""How methods hold up under each condition, as a figure: points with their confidence intervals."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from photopulse.studies.measures import MEASURES, Measure, condition_order, is_reference, method_order
from photopulse.studies.plotting import new_figure, save_figure, styles, tidy
from photopulse.studies.summaries import Estimate, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROBUSTNESS = ("downscale_mse_median", "niqe", "psnr", "identity")
_SPREAD = 0.6  # of the room between two conditions, taken by the methods
_LOG_RANGE = 30  # from which on a ratio of figures is drawn on a logarithmic axis


def write_points(path: Path, summaries: Sequence[Summary], *, measures: Sequence[str] = ROBUSTNESS) -> None:
    """Draws a panel for each measure: conditions from top to bottom, a point with its 95 % interval a method.

    Args:
        path: of the picture, PNG or JPEG.
        summaries: of one input and output size and one scope; ``original`` is left out.
        measures: names in ``MEASURES``; those that nobody measured get no panel.

    Raises PhotopulseError when the file cannot be written, ValueError when the summaries are of several sizes or
    scopes, or have nothing to draw.
    """
    shown = [summary for summary in summaries if not is_reference(summary.method)]
    if len({(summary.task.small, summary.task.size, summary.scope) for summary in shown}) > 1:
        raise ValueError("the summaries are of several sizes or scopes")
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
            (conditions.index(summary.task.condition) + offset, summary.figures[measure.name])
            for summary in summaries
            if summary.method == method and measure.name in summary.figures
        ]
        drawn += [estimate.value for _, estimate in found]
        panel.errorbar(
            [estimate.value for _, estimate in found],
            [height for height, _ in found],
            xerr=[[_below(estimate) for _, estimate in found], [_above(estimate) for _, estimate in found]],
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


def _below(estimate: Estimate) -> float:
    return 0 if estimate.low is None else max(0, estimate.value - estimate.low)


def _above(estimate: Estimate) -> float:
    return 0 if estimate.high is None else max(0, estimate.high - estimate.value)
