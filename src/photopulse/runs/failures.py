"""The errors that make a row of one item while the others go on, and their wording."""

import cv2
import torch

from photopulse.errors import PhotopulseError

FAILURES = (PhotopulseError, OSError, ValueError, RuntimeError, MemoryError, cv2.error)


def reason(error: BaseException) -> str:
    """Returns the text of an error for the report and for the user."""
    if isinstance(error, PhotopulseError):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return f"the memory is full ({error}). Close other programs, or use --device cpu."
    return f"unexpected {type(error).__name__}: {error}"
