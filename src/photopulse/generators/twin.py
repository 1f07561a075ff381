"""The seam between small-picture twins of generators and everything that uses them."""

from typing import Protocol

from torch import Tensor, nn


class Twin(Protocol):
    """A cheap stand-in for a generator: renders what its picture looks like once downscaled to ``size`` px.

    It approximates ``Bicubic(resolution // size)(generator.synthesize(ws))`` with the stored noise. The trunk, up to
    ``size``, is the generator's own; the tail stands for all later layers and is evaluated at ``size`` px. A
    generator makes it with ``make_twin``, frozen, on its own device and from its own weights, so that it is useful
    unfitted; what fits it calls ``tail.requires_grad_()``.
    """

    @property
    def size(self) -> int:
        """Height and width of its picture in pixels."""
        ...

    @property
    def tail(self) -> nn.Module:
        """Everything that can be fitted, and all that is to be saved: ``tail.state_dict()``."""
        ...

    def features(self, ws: Tensor) -> Tensor:
        """The trunk's output for ws (B, num_ws, w_dim), exact: (B, size, size, channels), for ``render`` only."""
        ...

    def render(self, features: Tensor, ws: Tensor) -> Tensor:
        """Turns ``features(ws)`` into RGB (B, 3, size, size), in the dtype of ws, also under autocast.

        Nominally in [0, 1], not clamped, differentiable in both arguments and in the tail's parameters.
        """
        ...

    def __call__(self, ws: Tensor) -> Tensor:
        """``render(features(ws), ws)``."""
        ...

    def finish(self, features: Tensor, ws: Tensor) -> Tensor:
        """Runs the generator's own later layers on features: the full picture (B, 3, resolution, resolution).

        Nominally in [0, 1], not clamped, with the stored noise; ``finish(features(ws), ws)`` is the generator's
        ``synthesize(ws)`` but for rounding. Features that were changed in between give pictures that no ws give
        (intermediate layer optimization: Daras et al. 2021, arXiv 2102.07364).
        """
        ...


def has_twin(size: int, resolution: int) -> bool:
    """Whether a network that doubles its size up to ``resolution`` px has a twin of ``size`` px.

    That takes a power of two from 8, below which the trunk knows no face, to half the resolution.
    """
    return 8 <= size < resolution and size.bit_count() == 1
