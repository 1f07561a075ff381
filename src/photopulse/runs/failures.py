"""The errors that make a row of one item while the others go on, and their wording."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import cv2
import torch

from photopulse.errors import PhotopulseError, is_out_of_memory, system_reason

FAILURES = (PhotopulseError, OSError, ValueError, RuntimeError, MemoryError, cv2.error)

Item = TypeVar("Item")
Result = TypeVar("Result")


def reason(error: BaseException) -> str:
    """Returns the text of an error for the report and for the user."""
    if isinstance(error, PhotopulseError):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError) or is_out_of_memory(error):
        return f"the memory is full ({error}). Close other programs, or use --device cpu."
    if isinstance(error, OSError) and error.filename is not None:
        return f"{system_reason(error)} ({error.filename})"
    return f"unexpected {type(error).__name__}: {error}"


def together_or_alone(
    items: Sequence[Item], work: Callable[[Sequence[Item]], Sequence[Result]]
) -> Iterator[tuple[Item, Result | str]]:
    """Does the work for all items at once, and where that fails, for each alone.

    Yields each item with its result, or with the reason why it has none: one that fails costs the others nothing.
    """
    results = _results(items, work)
    if not isinstance(results, str):
        yield from zip(items, results, strict=True)
    elif len(items) == 1:
        yield items[0], results
    else:
        for item in items:
            yield from together_or_alone([item], work)


def _results(items: Sequence[Item], work: Callable[[Sequence[Item]], Sequence[Result]]) -> Sequence[Result] | str:
    """The results, or why there are none; the error itself would keep the memory of the work alive."""
    try:
        return work(items)
    except FAILURES as error:
        return reason(error)
