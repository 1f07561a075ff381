"""The weights that a training begins with: random ones, or those of a trained network."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.training.learner import seeded_weights


class _Sized(Protocol):
    @property
    def settings(self) -> object: ...


Network = TypeVar("Network", bound=nn.Module)
SizedNetwork = TypeVar("SizedNetwork", bound=_Sized)


def first_network(make: Callable[[], Network], start: Network | None, *, seed: int) -> Network:
    """Makes a network with the weights of ``start``, or with random ones of that seed if it is None."""
    with seeded_weights(seed):
        network = make()
    if start is not None:
        network.load_state_dict(start.state_dict())
    return network


def read_start(path: Path | None, sizes: object, read: Callable[[Path], SizedNetwork]) -> SizedNetwork | None:
    """Reads the network that a training begins with; None if there is no path.

    Raises:
        PhotopulseError: if the file cannot be read, or its network does not have the settings ``sizes``.
    """
    if path is None:
        return None
    network = read(path)
    if network.settings != sizes:
        raise PhotopulseError(
            f"cannot begin with the weights of {path}",
            why="that network has other sizes",
            fix="leave --start out, or give a network of the usual sizes",
        )
    return network
