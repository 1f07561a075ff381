"""Marks a picture that photopulse made, and checks that the mark is found."""

from typing import Final

from torch import Tensor

from photopulse.images.arrays import from_uint8, to_uint8
from photopulse.provenance.embed import add_mark, can_hold_mark
from photopulse.provenance.find import THRESHOLD, find_mark
from photopulse.provenance.payload import MarkChoice, Payload

_ROOM: Final = 1.05
"""Score of a mark over the threshold: what follows, a last correction or compression, weakens it a little."""


def marked(image: Tensor, payload: Payload, choice: MarkChoice) -> tuple[Tensor, str]:
    """Returns the picture (1, 3, H, W), marked if that is wanted and of use, and what a report tells of the mark.

    That is the payload as 8 hex digits, or else ``"off"``, ``"too small"`` for a picture of less than 256 px, or
    ``"too faint"`` where the mark would not be found in the picture in 8 bits: the picture is then left unmarked. It
    happens in pictures of less than 512 px.
    """
    if choice == "off":
        return image, "off"
    if not can_hold_mark(*image.shape[-2:]):
        return image, "too small"
    with_mark = add_mark(image, payload)
    if find_mark(from_uint8(to_uint8(with_mark)), thorough=False).score < _ROOM * THRESHOLD:
        return image, "too faint"
    return with_mark, str(payload)
