"""At which size a photo is restored, and how large it comes out."""

from dataclasses import dataclass

Size = tuple[int, int]
"""Width and height in px."""

# The networks were trained on pictures that had been made small and enlarged again. Up to about this longer side a
# picture that is to grow is therefore enlarged first, which is quick, and restored then.
LARGEST_ENLARGED_FIRST = 1920


@dataclass(frozen=True, kw_only=True)
class ScalePlan:
    """The sizes on a photo's way.

    Attributes:
        restored: to which it is brought by cubic curves, to be restored.
        final: to which the enlarging network and, if it went too far, a filter bring the restored picture.
    """

    restored: Size
    final: Size


def plan_scale(size: Size, *, scale: float = 1.0, final: Size | None = None) -> ScalePlan:
    """Shares growth out between the cubic enlargement before the restoration and the network after it.

    All of it comes first where the longer side then has at most ``LARGEST_ENLARGED_FIRST`` px, else a half or a
    quarter and so on (the network doubles), or nothing: a picture is never made smaller to be restored. So 640 px
    times 4 are restored at 1280 px and doubled; 1500 px times 1.5 are restored as they are, doubled, made smaller.

    Args:
        size: of the photo.
        scale: factor by which width and height grow.
        final: the size that is wanted, instead of ``scale``; it may be smaller.
    """
    width, height = size
    wanted = final or (max(round(width * scale), 1), max(round(height * scale), 1))
    parts = 1
    while max(wanted) > parts * LARGEST_ENLARGED_FIRST:
        parts *= 2
    enlarged = (round(wanted[0] / parts), round(wanted[1] / parts))
    return ScalePlan(restored=enlarged if max(enlarged) > max(size) else size, final=wanted)


def working_size(size: Size, longer_side: int) -> Size:
    """The size with that longer side and the same proportions; the size itself where it is no larger."""
    factor = longer_side / max(size)
    if factor >= 1:
        return size
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)
