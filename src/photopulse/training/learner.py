"""A network in training, with what moves its weights: an optimizer, a learning rate schedule, a moving average."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor, nn

from photopulse.errors import PhotopulseError
from photopulse.training.checkpoints import Stateful
from photopulse.training.compute import Compute

T = TypeVar("T", bound=nn.Module | Tensor)
Network = TypeVar("Network", bound=nn.Module)
Network_co = TypeVar("Network_co", bound=nn.Module, covariant=True)

_LARGEST_GRADIENT = 1.0


class DivergedError(PhotopulseError):
    """A loss is infinite or not a number.

    Attributes:
        step: number of the step, from 1.
    """

    def __init__(self, step: int) -> None:
        super().__init__(
            f"training failed at step {step}",
            why="the loss grew beyond all numbers",
            fix="start anew (--fresh) with a smaller learning rate (--lr)",
        )
        self.step = step


def _constant(_step: int) -> float:
    return 1.0


class Learner(Generic[Network_co]):
    """A network with its Adam optimizer and, if wanted, the exponential moving average (EMA) of its weights.

    Args:
        network: on the device of ``compute``, with its first weights.
        compute: averages the gradients over the processes.
        learning_rate: the highest learning rate.
        betas: decays of Adam's moments.
        parameters: weights to train, or groups of them with learning rates of their own; None trains all.
        schedule: factor of the learning rates in each step, counted from 1; by default they are constant.
        ema_decay: decay of the EMA, in [0, 1); None keeps no EMA.
    """

    def __init__(
        self,
        network: Network_co,
        compute: Compute,
        *,
        learning_rate: float,
        betas: tuple[float, float],
        parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]] | None = None,
        schedule: Callable[[int], float] = _constant,
        ema_decay: float | None = None,
    ) -> None:
        self.network = network
        self.compute = compute
        self._optimizer = torch.optim.Adam(parameters or network.parameters(), lr=learning_rate, betas=betas)
        self._highest_rates = [cast(float, group["lr"]) for group in self._optimizer.param_groups]
        self._schedule = schedule
        self._decay = ema_decay
        self.average = None if ema_decay is None else averaged_copy(network)

    @property
    def result(self) -> nn.Module:
        """The network to use: that of the averaged weights, or without an EMA the network itself."""
        return self.network if self.average is None else self.average

    def parts(self, prefix: str = "") -> dict[str, Stateful]:
        """Returns what a checkpoint keeps, by names that start with ``prefix``."""
        parts: dict[str, Stateful] = {"network": self.network, "optimizer": self._optimizer}
        if self.average is not None:
            parts["average"] = self.average
        return {prefix + name: part for name, part in parts.items()}

    def minimize(self, loss: Tensor, step: int) -> None:
        """Moves the weights one step against the gradient, cut at a norm of 1, and the average towards them.

        Args:
            loss: a scalar.
            step: number of the step, from 1.

        Raises:
            DivergedError: if the loss is infinite or not a number; the weights are then as before.
        """
        if not loss.isfinite():
            raise DivergedError(step)

        # Gradients, the same in all processes.
        self._optimizer.zero_grad()
        loss.backward()
        self.compute.average_gradients(self.network)
        nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)

        # The weights, and their average.
        factor = self._schedule(step)
        for group, rate in zip(self._optimizer.param_groups, self._highest_rates, strict=True):
            group["lr"] = rate * factor
        self._optimizer.step()
        if self.average is not None and self._decay is not None:
            move_average(self.average, self.network, decay=self._decay, step=step)


def averaged_copy(network: Network) -> Network:
    """Returns a frozen copy that ``move_average`` keeps near the network."""
    return deepcopy(network).requires_grad_(False).eval()


def move_average(average: nn.Module, network: nn.Module, *, decay: float, step: int) -> None:
    """Moves averaged weights towards the network's by ``1 - decay``, faster in the first steps.

    Buffers, e.g. the statistics of batch normalisation, are copied.
    """
    share = max(1 - decay, 1 / (step + 1))
    for mean, now in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(now.detach(), share)
    for kept, now in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(now)


def channels_last(thing: T) -> T:
    """Puts a network's kernels, or images, channel by channel: convolutions on a CPU are twice as fast so."""
    return cast(Any, thing).to(memory_format=torch.channels_last)


@contextmanager
def seeded_weights(seed: int) -> Generator[None]:
    """Within, new layers draw their weights from this seed; torch's own randomness is as before afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
