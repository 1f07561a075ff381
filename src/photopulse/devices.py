"""Turns PyTorch's errors about a missing or full device into errors that the user understands."""

from collections.abc import Generator
from contextlib import contextmanager

import torch

from photopulse.errors import PhotopulseError


@contextmanager
def using(device: str | torch.device) -> Generator[None]:
    """Turns what PyTorch raises inside the block about a missing or full device into a PhotopulseError.

    Raises:
        PhotopulseError: if the device cannot be used.
    """
    try:
        yield
    except (RuntimeError, AssertionError, NotImplementedError) as problem:
        raise PhotopulseError(
            f"cannot use the device {str(device)!r}",
            why=str(problem).partition("\n")[0][:160].rstrip("."),
            fix="use 'cpu', or 'cuda' or 'mps' where PyTorch finds such a device",
        ) from problem


def check_device(device: str | torch.device) -> None:
    """Raises PhotopulseError unless a tensor can be created on the device."""
    with using(device):
        torch.zeros(1, device=device)
