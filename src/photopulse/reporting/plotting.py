"""The style of all plots: one font size, colours that colour-blind readers can distinguish, no global state."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from photopulse.errors import PhotopulseError, system_reason
from photopulse.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette (2008) without its yellow, which is faint on white.
_PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LINES = ("-", "--", ":")
_DPI = 200
FAINT = "#666666"


def new_figure(*, width: float, height: float) -> "Figure":
    """Creates an empty figure, width and height in inches, with automatic margins."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


class Style(NamedTuple):
    """Colour, marker and line style of one label, in Matplotlib's notation."""

    colour: str
    marker: str
    line: str


def styles(labels: Iterable[str]) -> dict[str, Style]:
    """Returns a style for each label; up to 21 labels all look different, both as points and as lines."""
    return {
        label: Style(
            colour=_PALETTE[place % len(_PALETTE)],
            marker=_MARKERS[place % len(_MARKERS)],
            line=_LINES[place // len(_PALETTE) % len(_LINES)],
        )
        for place, label in enumerate(labels)
    }


def tidy(axes: "Axes", *, grid: Literal["x", "y", "both"]) -> None:
    """Removes the top and right frame and draws a light grid along the named axes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
        text.set_fontsize(9)


def save_figure(figure: "Figure", path: Path) -> None:
    """Writes a figure atomically, in the format of the extension; equal figures give equal PNG files.

    Raises:
        PhotopulseError: if the file cannot be written.
    """
    try:
        with atomic_path(path) as temporary:
            figure.savefig(temporary, facecolor="white")
    except (OSError, ValueError) as error:
        why = system_reason(error) if isinstance(error, OSError) else str(error)
        fix = "choose a folder that can be written to and has room, and .png or .jpg"
        raise PhotopulseError(f"cannot write {path}", why=why, fix=fix) from error
