"""Reads and checks which faces the user has chosen, by number or by a point in the face."""

import math
from collections.abc import Sequence
from typing import Final

from photopulse.errors import PhotopulseError
from photopulse.restoration.settings import ChosenFace

Box = tuple[float, float, float, float]
"""The left, top, right and bottom edge of a face, in px of the input."""

_MOST_TOLD: Final = 8


def parse_face(text: str) -> ChosenFace:
    """Returns the number or the point (x, y) that a text of the form ``N`` or ``X,Y`` names.

    Raises:
        ValueError: if the text has neither form.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
        if len(numbers) == 2 and all(math.isfinite(number) for number in numbers):
            return numbers[0], numbers[1]
        return int(text)
    except ValueError:
        raise ValueError(f"--face takes a number or a place X,Y in px, not {text!r}") from None


def is_chosen(number: int, box: Box, chosen: Sequence[ChosenFace]) -> bool:
    """Returns whether a face is one of those that were chosen.

    Args:
        number: number of the face, 1 for the largest.
        box: bounding box of the face.
        chosen: chosen faces, see ``RestoreSettings.faces``.
    """
    return any(one == number if isinstance(one, int) else _lies_in(one, box) for one in chosen)


def check_chosen(chosen: Sequence[ChosenFace], boxes: Sequence[Box], name: str) -> None:
    """Checks that each chosen face was found.

    Args:
        chosen: chosen faces, see ``RestoreSettings.faces``.
        boxes: bounding boxes of the faces that were found, largest first.
        name: name of the photo, for the error.

    Raises:
        PhotopulseError: if a chosen face was not found.
    """
    for one in chosen:
        if isinstance(one, int):
            if one > len(boxes):
                raise _no_such_number(one, len(boxes), name)
        elif not any(_lies_in(one, box) for box in boxes):
            raise _no_face_there(one, boxes, name)


def _lies_in(place: tuple[float, float], box: Box) -> bool:
    left, top, right, bottom = box
    return left <= place[0] <= right and top <= place[1] <= bottom


def _no_such_number(number: int, found: int, name: str) -> PhotopulseError:
    choice = {0: "", 1: "choose --face 1, or "}.get(found, f"choose --face 1 to {found}, or ")
    return PhotopulseError(
        f"cannot restore face {number} of {name}", why=_found_told(found), fix=f"{choice}leave --face out"
    )


def _no_face_there(place: tuple[float, float], boxes: Sequence[Box], name: str) -> PhotopulseError:
    where = f"{place[0]:g},{place[1]:g}"
    if not boxes:
        return PhotopulseError(
            f"cannot restore the face at {where} of {name}", why=_found_told(0), fix="leave --face out"
        )
    # Name the centres of the faces that were found.
    middles = [f"{round((left + right) / 2)},{round((top + bottom) / 2)}" for left, top, right, bottom in boxes]
    told = ", ".join(middles[:_MOST_TOLD])
    more = f" and {len(middles) - _MOST_TOLD} smaller ones elsewhere" if len(middles) > _MOST_TOLD else ""
    faces = "the face is" if len(boxes) == 1 else "the faces are, the largest first,"
    return PhotopulseError(
        f"cannot restore the face at {where} of {name}",
        why=f"no face lies at {where}",
        fix=f"leave --face out, or choose a place within a face: {faces} at {told}{more}",
    )


def _found_told(found: int) -> str:
    return {0: "no face was found", 1: "1 face was found"}.get(found, f"{found} faces were found")
