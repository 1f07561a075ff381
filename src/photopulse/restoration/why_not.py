"""The reasons for which faces are not redrawn."""

from enum import StrEnum
from typing import Final

LEAST_FACE: Final = 16
"""Smallest size of a face from brow to chin, in px: in a smaller one, the generator would invent the person."""


class WhyNot(StrEnum):
    """The reason for which a face was not redrawn, as it is worded in the report."""

    NOT_CHOSEN = "other faces were chosen"
    TOO_SMALL = f"it is smaller than {LEAST_FACE} px"
    SHARP = "it is as sharp as its size allows"
    TOO_MANY = "there are max_faces larger faces"
    UNKNOWN = "the generator knows no face like it"
