"""Boxes around the things that a picture shows, and the square that is cut out around one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box in px of its picture; the sides right and bottom are outside.

    Attributes:
        left: first column.
        top: first row.
        right: column after the last one.
        bottom: row after the last one.
        label: name of the thing; empty if it is unknown.
    """

    left: float
    top: float
    right: float
    bottom: float
    label: str = ""

    @property
    def sides(self) -> tuple[float, float]:
        """Width and height."""
        return self.right - self.left, self.bottom - self.top


FindBoxes = Callable[[Path, Tensor], list[Box]]
"""Returns the boxes of a picture, given its file and pixels (1, 3, H, W) in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class BoxFilter:
    """Which boxes are used.

    Attributes:
        labels: names of the things; empty for all.
        least: smallest width and height in px.
        most: largest width and height in px; None for any.
        ratio: smallest ratio of the shorter side to the longer one.
        inside: whether boxes that touch an edge of the picture are left out.
    """

    labels: frozenset[str] = frozenset()
    least: float = 16
    most: float | None = None
    ratio: float = 0.0
    inside: bool = False

    def takes(self, box: Box, width: int, height: int) -> bool:
        """Tells whether a box of a picture of this width and height is used."""
        short, long = sorted(box.sides)
        touches = box.left <= 0 or box.top <= 0 or box.right >= width or box.bottom >= height
        return (
            (not self.labels or box.label in self.labels)
            and short >= self.least
            and (self.most is None or long <= self.most)
            and short >= self.ratio * long
            and not (self.inside and touches)
        )


@dataclass(frozen=True, kw_only=True)
class Square:
    """A square of whole pixels inside a picture."""

    left: int
    top: int
    side: int


def square_around(box: Box, width: int, height: int, *, margin: float, side: int | None = None) -> Square:
    """Returns the square around a box, moved and, where need be, made smaller until it lies inside the picture.

    Args:
        box: the box.
        width: width of the picture in px.
        height: height of the picture in px.
        margin: what is added on each of the four sides, as a share of the box's longer side.
        side: side of the square in px; None for that of the box with its margins.
    """
    wanted = round(max(box.sides) * (1 + 2 * margin)) if side is None else side
    length = max(1, min(wanted, width, height))
    left = round((box.left + box.right - length) / 2)
    top = round((box.top + box.bottom - length) / 2)
    return Square(left=min(max(left, 0), width - length), top=min(max(top, 0), height - length), side=length)
