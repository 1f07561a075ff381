"""Why faces are left as they are."""

from enum import StrEnum
from typing import Final

LEAST_FACE: Final = 16
"""A face of fewer px from brow to chin shows too little of a person: a generator would invent one."""


class WhyNot(StrEnum):
    """Why a face was not restored, in the words of the report."""

    NOT_CHOSEN = "other faces were chosen"
    TOO_SMALL = f"it is smaller than {LEAST_FACE} px"
    SHARP = "it is as sharp as its size allows"
    TOO_MANY = "there are max_faces larger faces"
    UNKNOWN = "the generator knows no face like it"
