"""Boxes around the things that a picture shows, and the square that is cut out around one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from photopulse.errors import PhotopulseError


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


ENDLESS, OUTSIDE = "with a right or bottom that is not beyond its left or top", "outside of the picture"
"""What is wrong with a box itself, whichever are wanted."""


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

    def refusal(self, box: Box, width: int, height: int) -> str | None:
        """Returns what keeps a box of a picture of this width and height from being used; None if it is used."""
        short, long = sorted(box.sides)
        if self.labels and box.label not in self.labels:
            return f"not of {', '.join(sorted(self.labels))} (--labels)"
        if short <= 0:
            return ENDLESS
        if box.right <= 0 or box.bottom <= 0 or box.left >= width or box.top >= height:
            return OUTSIDE
        if short < self.least:
            return f"smaller than {self.least:g} px (--least)"
        if self.most is not None and long > self.most:
            return f"larger than {self.most:g} px (--most)"
        if short < self.ratio * long:
            return f"longer than the --ratio {self.ratio:g} allows"
        touches = box.left <= 0 or box.top <= 0 or box.right >= width or box.bottom >= height
        return "at an edge of the picture (--inside)" if self.inside and touches else None


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


def refuse_smaller(file: Path, pixels: Tensor, side: int) -> None:
    """Raises PhotopulseError if no square of ``side`` px fits into a picture (1, 3, H, W)."""
    height, width = pixels.shape[2:]
    if min(height, width) < side:
        raise no_crops(
            file,
            f"it has {width} x {height} pixels, and the squares have {side} x {side}",
            fix="choose a smaller --side, or leave the picture out",
        )


def no_crops(file: Path, why: str, fix: str = "leave the picture out, or choose other --boxes") -> PhotopulseError:
    """Returns the error for a picture of which nothing can be cropped."""
    return PhotopulseError(f"no crops of {file}", why=why, fix=fix)
