"""Plans the sizes at which a photo is cleaned, restored and returned."""

from dataclasses import dataclass

Size = tuple[int, int]
"""Width and height in px."""

# The full-size network was trained on pictures that had been downscaled and enlarged again. Up to about this longer
# side in px, a picture is therefore enlarged first, which is quick, and then restored.
LARGEST_ENLARGED_FIRST = 1920

# A picture that is enlarged further than this is too blurred for the photo network. It is cleaned at a smaller size
# first, enlarged, and cleaned again.
MOST_GROWTH = 4.0


@dataclass(frozen=True, kw_only=True)
class RestorePlan:
    """The sizes of a photo during its restoration.

    Attributes:
        cleaned: sizes at which the photo network cleans the photo, one after the other.
        restored: size at which the full-size network applies the cleaning; it is not run if that is the last size of
            ``cleaned``.
        final: size of the result, reached by the enlarging network and interpolation.
    """

    cleaned: tuple[Size, ...]
    restored: Size
    final: Size


def plan_restoration(size: Size, *, longer_side: int, scale: float = 1.0, final: Size | None = None) -> RestorePlan:
    """Returns the sizes of a restoration, which divide the enlargement between the networks.

    A photo up to the working size is cleaned at its final size, but no larger than the working size, after one
    enlargement by at most ``MOST_GROWTH`` and further ones by 2; the enlarging network does the rest. For example,
    100 px that are enlarged by 8 are cleaned at 320 px, cleaned again at 640 px, and then enlarged.

    A larger photo is cleaned at the working size, and the full-size network applies that at full size. The photo is
    enlarged before that if its longer side then has at most ``LARGEST_ENLARGED_FIRST`` px; otherwise to a half, a
    quarter and so on of the final size, or not at all. For example, 1280 px that are enlarged by 1.5 are restored at
    1920 px, while 1500 px are restored at 1500 px, doubled and downscaled.

    Args:
        size: size of the photo.
        longer_side: working size in px.
        scale: factor by which width and height are enlarged.
        final: size of the result, which replaces ``scale``; it can be smaller than the photo.
    """
    # Small photos are cleaned at their size in the result, large ones at the working size.
    wanted = final or (max(round(size[0] * scale), 1), max(round(size[1] * scale), 1))
    grown = wanted if max(wanted) > max(size) else size
    if max(size) <= longer_side:
        cleaned = working_size(grown, longer_side)
        return RestorePlan(cleaned=_steps(size, cleaned), restored=cleaned, final=wanted)
    restored = _enlarged_first(size, grown)
    return RestorePlan(cleaned=(working_size(restored, longer_side),), restored=restored, final=wanted)


def working_size(size: Size, longer_side: int) -> Size:
    """Returns the size with that longer side and the same proportions; the size itself if it is no larger."""
    factor = longer_side / max(size)
    return size if factor >= 1 else _times(size, factor)


def _steps(size: Size, last: Size) -> tuple[Size, ...]:
    """Returns the sizes up to ``last``, each half of the next; the first is at most ``MOST_GROWTH`` times ``size``."""
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
