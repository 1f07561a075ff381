"""A network in training, with its optimizer, its learning rate schedule and the moving average of its weights."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from photopulse.errors import PhotopulseError
from photopulse.training.checkpoints import Stateful
from photopulse.training.compute import Compute
from photopulse.training.optimisation import Optimisation

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
        schedule: factor of the learning rate in each step, counted from 1; by default it is constant.
        ema_decay: decay of the EMA, in [0, 1); None keeps no EMA.
    """

    def __init__(
        self,
        network: Network_co,
        compute: Compute,
        *,
        learning_rate: float,
        betas: tuple[float, float],
        schedule: Callable[[int], float] = _constant,
        ema_decay: float | None = None,
    ) -> None:
        self.network = network
        self.compute = compute
        self._optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate, betas=betas)
        self._highest_rate = learning_rate
        self._schedule = schedule
        self._average = None if ema_decay is None else averaged_copy(network, ema_decay)

    @property
    def result(self) -> nn.Module:
        """The network to use: that of the averaged weights, or without an EMA the network itself."""
        return self.network if self._average is None else self._average.module

    def parts(self, prefix: str = "") -> dict[str, Stateful]:
        """Returns what a checkpoint keeps, by names that start with ``prefix``."""
        parts: dict[str, Stateful] = {"network": self.network, "optimizer": self._optimizer}
        if self._average is not None:
            parts["average"] = self._average.module
        return {prefix + name: part for name, part in parts.items()}

    def minimize(self, loss: Tensor, step: int) -> None:
        """Takes an optimizer step, with the gradient clipped to a norm of 1, and updates the average.

        Args:
            loss: a scalar.
            step: number of the step, from 1.

        Raises:
            DivergedError: if the loss or its gradient is infinite or not a number; the weights are then as before.
        """
        if not loss.isfinite():
            raise DivergedError(step)

        # Gradients, the same in all processes.
        self._optimizer.zero_grad()
        loss.backward()
        self.compute.average_gradients(self.network)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
        # A finite loss can have a gradient that is not, and a checkpoint with weights that are no numbers is no use.
        if not norm.isfinite():
            raise DivergedError(step)

        # The weights, and their average. torch's LambdaLR gives the same learning rate but counts the steps itself,
        # so that a checkpoint would have to keep its count too; a function of the step resumes every checkpoint.
        for group in self._optimizer.param_groups:
            group["lr"] = self._highest_rate * self._schedule(step)
        self._optimizer.step()
        if self._average is not None:
            move_average(self._average, self.network, step)


def learner_of(
    network: Network, compute: Compute, settings: Optimisation, *, betas: tuple[float, float] = (0.9, 0.99)
) -> Learner[Network]:
    """Makes the learner of a network with the learning rate, schedule and average of its settings; see ``Learner``."""
    return Learner(
        network,
        compute,
        learning_rate=settings.learning_rate,
        betas=betas,
        schedule=settings.schedule,
        ema_decay=settings.ema_decay,
    )


def averaged_copy(network: nn.Module, decay: float) -> AveragedModel:
    """Makes a frozen copy of a network, for the exponential moving average of its weights with this decay.

    In the first steps the average is the plain mean of the weights so far, the initial ones among them. Buffers, e.g.
    the statistics of batch normalisation, are copied.
    """

    def move(averages: Sequence[Tensor], weights: Sequence[Tensor], step: Tensor | int) -> None:
        share = max(1 - decay, 1 / (int(step) + 1))
        for average, now in zip(averages, weights, strict=True):
            average.lerp_(now, share)

    return AveragedModel(network, multi_avg_fn=move).requires_grad_(False).eval()


def move_average(average: AveragedModel, network: nn.Module, step: int) -> None:
    """Moves averaged weights towards those of the network after a step, counted from 1."""
    # Set, not counted on: checkpoints keep the averaged weights alone.
    average.n_averaged.fill_(step)
    average.update_parameters(network)


def channels_last(thing: T) -> T:
    """Converts a network, or images, to the channels-last memory format: convolutions on CPUs are twice as fast."""
    return cast(Any, thing).to(memory_format=torch.channels_last)


@contextmanager
def seeded_weights(seed: int) -> Generator[None]:
    """Seeds the initial weights of layers made inside the block; torch's random state is unchanged afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
