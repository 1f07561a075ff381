"""Where networks compute: a device that is not there is an error that says so."""

from collections.abc import Generator
from contextlib import contextmanager

import torch

from photopulse.errors import PhotopulseError


@contextmanager
def using(device: str | torch.device) -> Generator[None]:
    """Within, what PyTorch says of a device that is missing or full becomes a PhotopulseError.

    Raises:
        PhotopulseError: the device cannot be used.
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
    """Raises PhotopulseError unless tensors can be put on the device."""
    with using(device):
        torch.zeros(1, device=device)
