"""At which sizes a photo is restored, and how large it comes out."""

from dataclasses import dataclass

Size = tuple[int, int]
"""Width and height in px."""

# The full-size network was trained on pictures that had been made small and enlarged again. Up to about this longer
# side a picture that is to grow is therefore enlarged first, which is quick, and restored then.
LARGEST_ENLARGED_FIRST = 1920

# What is enlarged further than this before it is cleaned is too blurred for the photo network to see what it was: it
# is cleaned smaller first, enlarged, and cleaned again.
MOST_GROWTH = 4.0


@dataclass(frozen=True, kw_only=True)
class RestorePlan:
    """The sizes on a photo's way.

    Attributes:
        cleaned: at which the photo network sees it, one after the other.
        restored: to which the full-size network brings what was cleaned last, if that is not its size already.
        final: to which the enlarging network and, if it went too far, a filter bring the restored picture.
    """

    cleaned: tuple[Size, ...]
    restored: Size
    final: Size


def plan_restoration(size: Size, *, longer_side: int, scale: float = 1.0, final: Size | None = None) -> RestorePlan:
    """Shares growth out between the networks.

    A photo up to the working size is cleaned as large as it is to be, but no larger than the working size, in steps
    of at most ``MOST_GROWTH`` and then 2; nothing in it is finer than what was cleaned, so the enlarging network does
    the rest. So 100 px times 8 are cleaned at 320 px, again at 640 px, and enlarged.

    A larger one is cleaned at the working size, and the full-size network brings that back. Growth comes before it
    where the longer side then has at most ``LARGEST_ENLARGED_FIRST`` px, else a half or a quarter of it and so on, or
    none: 1280 px times 1.5 are restored at 1920 px; 1500 px times 1.5 as they are, doubled, made smaller.

    Args:
        size: of the photo.
        longer_side: the working size in px.
        scale: factor by which width and height grow.
        final: the size that is wanted, instead of ``scale``; it may be smaller.
    """
    wanted = final or (max(round(size[0] * scale), 1), max(round(size[1] * scale), 1))
    grown = wanted if max(wanted) > max(size) else size
    if max(size) <= longer_side:
        cleaned = working_size(grown, longer_side)
        return RestorePlan(cleaned=_steps(size, cleaned), restored=cleaned, final=wanted)
    restored = _enlarged_first(size, grown)
    return RestorePlan(cleaned=(working_size(restored, longer_side),), restored=restored, final=wanted)


def working_size(size: Size, longer_side: int) -> Size:
    """The size with that longer side and the same proportions; the size itself where it is no larger."""
    factor = longer_side / max(size)
    return size if factor >= 1 else _times(size, factor)


def _steps(size: Size, last: Size) -> tuple[Size, ...]:
    """The sizes, each half of the next, from the first that is at most ``MOST_GROWTH`` times as large."""
    steps = [last]
    while max(steps[0]) > MOST_GROWTH * max(size):
        steps.insert(0, _times(steps[0], 0.5))
    return tuple(steps)


def _enlarged_first(size: Size, grown: Size) -> Size:
    parts = 1
    while max(grown) > parts * LARGEST_ENLARGED_FIRST:
        parts *= 2
    enlarged = _times(grown, 1 / parts)
    return enlarged if max(enlarged) > max(size) else size


def _times(size: Size, factor: float) -> Size:
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)
