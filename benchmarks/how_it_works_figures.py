"""Draws what benchmarks/how_it_works.py measured."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Circle
from torch import Tensor

from photopulse.files import atomic_path
from photopulse.images import synthetic_metadata
from photopulse.reporting.plotting import FAINT, new_figure, styles, tidy
from photopulse.reporting.strips import Strip, write_sheet

CELL = 256
EPS = 1e-4
# Evaluations whose small pictures are shown, and where, in points from theirs.
SHOWN = {1: (32, -12), 5: (0, -32), 9: (0, 30), 0: (-14, -48)}

Pictures = dict[str, list[Tensor]]  # By the kind of event, each (3 * h * h,).


class Plane:
    """Small pictures, seen around the target along the two directions in which some of them differ most.

    Distances are root mean squares in grey levels; a projection can only shorten them.
    """

    def __init__(self, pictures: list[Tensor], target: Tensor) -> None:
        values = torch.stack(pictures).double().numpy()
        _, spread, axes = np.linalg.svd(values - values.mean(0), full_matrices=False)
        self.shares = spread[:2] ** 2 / (spread**2).sum()
        self._axes, self._target = axes[:2], target.double().numpy()

    def __call__(self, pictures: list[Tensor]) -> np.ndarray:
        away = torch.stack(pictures).double().numpy() - self._target
        return away @ self._axes.T * (255 / np.sqrt(away.shape[1]))


def draw_trajectory(measured: dict[str, Any], path: Path) -> None:
    """Draws the whole course of the fast search and, beside it, its end with the corrections."""
    target, fast = measured["target"], measured["fast"]
    events = list(zip(fast["kinds"], fast["pictures"], strict=True))
    pictures = {kind: [picture for k, picture in events if k == kind] for kind in ("twin", "again", "full")}
    figure = new_figure(width=8.4, height=4.0)
    whole, end = figure.subplots(1, 2)
    draw_whole(whole, pictures, target)
    draw_end(end, pictures, target.flatten(), fast["end"])
    save(figure, path)


def draw_whole(panel: Axes, pictures: Pictures, target: Tensor) -> None:
    plane, look = Plane(pictures["twin"], target.flatten()), styles(["twin", "full"])
    points = plane(pictures["twin"])
    panel.plot(*points.T, "-o", color=look["twin"].colour, markersize=3, linewidth=0.9, label="twin, each evaluation")
    panel.plot(*plane(pictures["full"]).T, "s", color=look["full"].colour, markersize=5, label="full passes")
    panel.plot(0, 0, "*", color="black", markersize=11, label="input")
    for number, offset in SHOWN.items():
        small = pictures["twin"][number - 1].view(target.shape[1:]).permute(1, 2, 0).clamp(0, 1).numpy()
        image = OffsetImage(small, zoom=2.2 * 16 / len(small), interpolation="nearest")
        line = {"arrowstyle": "-", "color": FAINT, "linewidth": 0.6}
        box = AnnotationBbox(image, points[number - 1], offset, boxcoords="offset points", pad=0.1, arrowprops=line)
        panel.add_artist(box)
    panel.set_title("the whole course: from the mean face to the input")
    finish(panel, plane)


def draw_end(panel: Axes, pictures: Pictures, target: Tensor, end: Tensor) -> None:
    shown, true = pictures["again"], pictures["full"]
    # After the last pass nothing is searched any more.
    moved = [target + twin - full for twin, full in zip(shown, true, strict=True)][:-1]
    plane, look = Plane([*shown, *true, *moved, target], target), styles(["twin", "full", "moved", "surface"])
    panel.add_patch(Circle((0, 0), 255 * EPS**0.5, fill=False, color=FAINT, linewidth=0.8, linestyle=(0, (4, 2))))
    for name, of_name, label in (
        ("twin", shown, "what the twin shows"),
        ("full", true, "what is true (full passes)"),
        ("moved", moved, "moved target"),
        ("surface", [end], "with the surface"),
    ):
        panel.plot(*plane(of_name).T, look[name].marker, color=look[name].colour, label=label)
    panel.plot(0, 0, "*", color="black", markersize=11, label="input")
    for number, (start, stop) in enumerate(zip(plane(true), plane(shown), strict=True), start=1):
        for place in (start, stop):
            panel.annotate(str(number), place, xytext=(5, 4), textcoords="offset points", fontsize=8)
        arrow(panel, start, stop, look["full"].colour)
    for place in plane(moved):
        arrow(panel, np.zeros(2), place, look["moved"].colour)
    best = min(true, key=lambda full: float((full - target).square().sum()))
    arrow(panel, plane([best])[0], plane([end])[0], look["surface"].colour)
    panel.set_title("its end: the target moves by the twin's error")
    finish(panel, plane)


def arrow(panel: Axes, start: np.ndarray, stop: np.ndarray, colour: str) -> None:
    look = {"arrowstyle": "-|>", "mutation_scale": 7, "color": colour, "linewidth": 0.9, "shrinkA": 3, "shrinkB": 3}
    panel.annotate("", xy=tuple(stop), xytext=tuple(start), arrowprops=look)


def finish(panel: Axes, plane: Plane) -> None:
    first, second = (f"{share:.0%}" for share in plane.shares)
    panel.set(xlabel=f"first component ({first}), grey levels", ylabel=f"second ({second})")
    panel.set_aspect("equal", adjustable="datalim")
    tidy(panel, grid="both")
    panel.legend(fontsize=7, frameon=False)


def draw_errors(measured: dict[str, Any], path: Path) -> None:
    """Draws how far the faces of both searches are from the input, over the seconds."""
    target, fast, look = measured["target"].flatten(), measured["fast"], styles(["fast", "classic"])
    figure = new_figure(width=6.4, height=3.6)
    panel = figure.subplots()
    for name, marker in (("classic", ""), ("fast", "s")):
        course = measured[name]
        events = zip(course["kinds"], course["seconds"], course["errors"], strict=True)
        seconds, errors = zip(*((second, error) for kind, second, error in events if kind == "full"), strict=True)
        panel.plot(seconds, errors, marker=marker, color=look[name].colour, markersize=4, label=f"{name}: full passes")
    events = zip(fast["kinds"], fast["seconds"], fast["pictures"], strict=True)
    twin = [(second, (picture - target).square().mean()) for kind, second, picture in events if kind == "twin"]
    panel.plot(*zip(*twin, strict=True), color=look["fast"].colour, linewidth=0.8, label="fast: what the twin shows")
    surface: dict[str, Any] = {"color": look["fast"].colour, "markerfacecolor": "white"}
    panel.plot(fast["end_seconds"], fast["end_error"], "D", **surface, label="fast: with the surface")
    for eps in (EPS, 1e-3):
        panel.axhline(eps, color=FAINT, linewidth=0.8, linestyle=(0, (4, 2)))
    panel.set(xscale="log", yscale="log", xlabel="seconds", ylabel="downscale MSE")
    tidy(panel, grid="both")
    panel.legend(fontsize=8, frameon=False)
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="jpeg", facecolor="white", pil_kwargs={"quality": 85})


def draw_answers(measured: dict[str, Any], path: Path) -> None:
    """Writes the input and the answers, three a row, below each what it downscales to."""
    pictures = [measured["target"], *measured["answers"].split(1)]
    below = [None, *measured["answers_small"].split(1)]
    strips = [Strip(pictures=pictures[k : k + 3], below=below[k : k + 3]) for k in range(0, len(pictures), 3)]
    told = synthetic_metadata(
        generator=measured["generator"], seed=0, version=version("photopulse"), method="fast", source=None
    )
    write_sheet(path, strips, columns=["", "", ""], cell=CELL, metadata=told)
