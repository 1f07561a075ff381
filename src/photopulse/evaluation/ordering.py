"""The order in which a reader expects methods and conditions."""

import re

from photopulse.degrade.corruptions import UNTOUCHED

ORIGINAL = "original"
"""Stands for a method: the sharp pictures themselves, with which results are compared, so they never win a column."""

# As papers list them: what to reach, what needs no learning, what learned, what searches.
_METHODS = (ORIGINAL, "nearest", "bicubic", "lanczos", "realesrgan", "fsrnet", "fsrgan", "pulse", "fast")


def method_order(method: str) -> tuple[int, str]:
    """Returns the key that sorts methods for a reader; variants (``pulse:400``) stand with their family."""
    family = re.split("[:-]", method)[0]
    place = next((place for place, name in enumerate(_METHODS) if family == name), len(_METHODS))
    return place, method


def condition_order(condition: str) -> tuple[bool, str]:
    """Returns the key that sorts conditions: the clean one first, the others by name."""
    return condition != UNTOUCHED, condition
