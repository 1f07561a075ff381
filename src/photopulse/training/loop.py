"""What every recipe's loop needs: a learning rate schedule, averaged weights, checkpoints, a steady pace."""

import math
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import torch
from torch import Tensor, nn

from photopulse.errors import PhotopulseError
from photopulse.files import atomic_path

T = TypeVar("T", bound=nn.Module | Tensor)
Network = TypeVar("Network", bound=nn.Module)


class Stateful(Protocol):
    """What a checkpoint keeps: networks and optimisers."""

    def state_dict(self) -> dict[str, Any]:
        """Returns everything to go on from."""
        ...

    def load_state_dict(self, state_dict: Any) -> Any:
        """Takes over what ``state_dict`` returned."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """What a training yields after each step: its number from 1, the losses, and the averaged network."""

    step: int
    losses: dict[str, float]
    network: nn.Module


def channels_last(thing: T) -> T:
    """Puts a network's kernels, or images, channel by channel: convolutions on a CPU are twice as fast so."""
    return cast(Any, thing).to(memory_format=torch.channels_last)


@contextmanager
def seeded_weights(seed: int) -> Generator[None]:
    """Within, new layers draw their weights from this seed; torch's own randomness is as before afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def warm_cosine(step: int, *, steps: int, warmup: int, last: float = 0.01) -> float:
    """Returns the factor of the learning rate: up a line for ``warmup`` steps, then down a cosine to ``last``."""
    if step < warmup:
        return step / warmup
    progress = min((step - warmup) / max(steps - warmup, 1), 1.0)
    return last + (1 - last) * (1 + math.cos(math.pi * progress)) / 2


def averaged_copy(network: Network) -> Network:
    """Returns a frozen copy that ``move_average`` keeps near the network."""
    return deepcopy(network).requires_grad_(False).eval()


def move_average(average: nn.Module, network: nn.Module, *, decay: float, step: int) -> None:
    """Moves averaged weights towards the network's by ``1 - decay``, faster in the first steps."""
    share = max(1 - decay, 1 / (step + 1))
    for mean, now in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(now.detach(), share)


def check_finite(loss: Tensor, step: int) -> None:
    """Raises PhotopulseError if a loss is not a number any more, before it spoils the weights."""
    if not loss.isfinite():
        raise PhotopulseError(
            f"training failed at step {step}",
            why="the loss grew beyond all numbers",
            fix="start anew (--fresh) with a smaller learning rate (--lr)",
        )


def save_checkpoint(path: Path, step: int, parts: Mapping[str, Stateful]) -> None:
    """Writes the state of all parts after a step; atomic."""
    with atomic_path(path) as temporary:
        torch.save({"step": step} | {name: part.state_dict() for name, part in parts.items()}, temporary)


def load_checkpoint(path: Path, parts: Mapping[str, Stateful]) -> int:
    """Takes over what ``save_checkpoint`` wrote and returns its step; 0 if there is no such file.

    Raises:
        PhotopulseError: if the file is damaged or of other networks.
    """
    if not path.is_file():
        return 0
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        for name, part in parts.items():
            part.load_state_dict(content[name])
        return int(content["step"])
    except Exception as error:
        # torch.load fails in many ways on a damaged file, and all of them mean the same to the person.
        raise PhotopulseError(
            f"cannot go on from {path}",
            why=str(error).partition("\n")[0],
            fix="train with the settings that the file was made with, or remove it to start anew",
        ) from error
