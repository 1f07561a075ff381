"""Plots of a bias audit: shift by group, skin tone before and after, success by group."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from photopulse.audit.bias_audit import (
    ALL,
    CODE_EPS,
    LEAST_FACES,
    PAPER_EPS,
    TONE,
    GroupSummary,
    grouped,
    groupings,
    summarise_audit,
)
from photopulse.audit.rows import AuditRow
from photopulse.reporting.estimates import Estimate
from photopulse.reporting.plotting import new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS, _SUMMARY, _SECOND, _LINE = "#8fb3d9", "#12365c", "#c0612b", "#888888"
_GREY = "#b0b0b0"
# Half width over which the points of a group are spread.
_SPREAD = 0.18


def write_audit_figures(folder: Path, rows: Iterable[AuditRow]) -> list[Path]:
    """Plots an audit into PNG files in ``folder`` and returns their paths.

    They are the angles, and shift and success by tone and by each label. Plots without any measurement are left out.

    Raises:
        PhotopulseError: if the folder cannot be written to.
    """
    rows = [row for row in rows if row.error is None]
    figures: dict[str, Figure] = {}
    if any(row.shift_large is not None or row.shift_small is not None for row in rows):
        figures["angles"] = angles_figure(rows)
    for number, by in enumerate(by for by in groupings(rows) if by != ALL):
        name = by if by == TONE else f"label{number}"
        if grouped(rows, by):
            figures[f"shift_{name}"] = shift_figure(rows, by)
            figures[f"success_{name}"] = success_figure(rows, by)
    for name, figure in figures.items():
        save_figure(figure, folder / f"{name}.png")
    return [folder / f"{name}.png" for name in figures]


def shift_figure(rows: Sequence[AuditRow], by: str = TONE) -> "Figure":
    """Plots each face's shift in degrees with the group's median and its 95 % interval, small and large."""
    groups = grouped([row for row in rows if row.error is None], by)
    figure = new_figure(width=max(9.6, 1.6 * len(groups)), height=4.6)
    summaries = {group.group: group for group in summarise_audit(rows, by)}
    left, right = figure.subplots(1, 2, sharey=False)
    for axes, size, title in (
        (left, "small", "input to downscaled result"),
        (right, "large", "sharp original to result"),
    ):
        # One column of points per group, with the median and its interval on it.
        axes.axhline(0, color=_LINE, linewidth=1)
        for place, (name, members) in enumerate(groups):
            shifts = [row.shift_small if size == "small" else row.shift_large for row in members]
            known = [shift for shift in shifts if shift is not None]
            across = place + _SPREAD * np.linspace(-1, 1, max(len(known), 2))[: len(known)]
            axes.scatter(across, known, s=14, color=_POINTS, linewidths=0)
            summary = summaries[name].shift_small if size == "small" else summaries[name].shift_large
            _draw_estimate(axes, place, summary.median, color=_SUMMARY)
        axes.set_title(title)
        _name_groups(axes, [summaries[name] for name, _ in groups])
    left.set_ylabel("shift of the typology angle (degrees; up is lighter)")
    figure.suptitle(f"Change of skin tone by {_text(by)}: faces, median and its 95 % interval")
    return figure


def angles_figure(rows: Sequence[AuditRow]) -> "Figure":
    """Plots the angle after against the angle before, with the line of no change; small and large."""
    figure = new_figure(width=9.6, height=4.9)
    pairs = (
        ("small face", [(row.ita_input, row.ita_output_small) for row in rows]),
        ("sharp face", [(row.ita_original, row.ita_output) for row in rows]),
    )
    for axes, (title, angles) in zip(figure.subplots(1, 2), pairs, strict=True):
        # Points within square limits, around the diagonal of no change.
        known = np.array([(x, y) for x, y in angles if x is not None and y is not None]).reshape(-1, 2)
        low, high = (float(known.min()) - 5, float(known.max()) + 5) if known.size else (-30, 60)
        axes.plot((low, high), (low, high), color=_LINE, linewidth=1)
        axes.scatter(known[:, 0], known[:, 1], s=16, color=_SUMMARY, alpha=0.6, linewidths=0)
        axes.set(xlim=(low, high), ylim=(low, high), aspect="equal", title=title)
        axes.set_xlabel("before: typology angle (degrees)")
        axes.set_ylabel("after (above the line is lighter)")
    figure.suptitle("Skin tone before and after")
    return figure


def success_figure(rows: Sequence[AuditRow], by: str = TONE) -> "Figure":
    """Plots the share of successful faces of each group, at the bounds of PULSE's paper and code, with intervals."""
    # The two bounds side by side in each group.
    groups = [group for group in summarise_audit(rows, by) if group.measured]
    figure = new_figure(width=max(6.4, 0.8 * len(groups)), height=4.2)
    axes = figure.subplots()
    for offset, bound, color in ((-0.1, PAPER_EPS, _SUMMARY), (0.1, CODE_EPS, _SECOND)):
        for place, group in enumerate(groups):
            estimate = group.success if bound == PAPER_EPS else group.success_code
            _draw_estimate(axes, place + offset, estimate, color=color)
        axes.plot([], [], "o", color=color, label=f"within {bound:g}")
    axes.set(ylim=(-0.03, 1.03), ylabel="share of faces")
    axes.set_title(f"Results that downscale to the input, by {_text(by)}, with 95 % intervals", fontsize=11)
    axes.legend(loc="best", frameon=False)
    _name_groups(axes, groups)
    return figure


def _draw_estimate(axes: "Axes", x: float, estimate: Estimate, *, color: str) -> None:
    if estimate.value is None:
        return
    if estimate.low is not None and estimate.high is not None:
        axes.plot((x, x), (estimate.low, estimate.high), color=color, linewidth=2)
    axes.plot(x, estimate.value, "o", color=color, markersize=7)


def _name_groups(axes: "Axes", groups: Sequence[GroupSummary]) -> None:
    """Labels the x axis with the groups' names and sizes; groups that are too small for conclusions are grey."""
    names = [f"{_text(group.group)}\nn = {group.measured}" for group in groups]
    axes.set_xticks(range(len(groups)), names, fontsize=8)
    for label, group in zip(axes.get_xticklabels(), groups, strict=True):
        label.set_color(_GREY if group.too_small else "black")
    axes.set_xlim(-0.6, max(len(groups), 1) - 0.4)
    axes.set_xlabel(f"grey: fewer than {LEAST_FACES} faces, too few for conclusions", fontsize=8, color=_LINE)
    axes.grid(axis="y", color="#e6e6e6")
    axes.set_axisbelow(True)


def _text(name: str) -> str:
    """Prepares a text of the user's for a plot: shortened, with dollar signs escaped, which would begin a formula."""
    return name[:24].replace("$", r"\$")
