"""The interface of twins: cheap approximations of what a generator's images look like once downscaled."""

from typing import Final, Protocol

from torch import Tensor, nn

_ROUNDING: Final = 1e-3  # Added to a channel's deviation, which can be zero.


class Twin(Protocol):
    """Approximates a generator's images downscaled to ``size`` px, at a fraction of the generator's cost.

    The approximated image is ``Bicubic(resolution // size)(generator.synthesize(ws))``, with the stored noise. The
    first layers, up to ``size`` px, are the generator's own ("trunk"). A small network ("tail"), evaluated at ``size``
    px, replaces all later layers. ``Generator.make_twin`` initialises it from the generator's weights, frozen and on
    its device, so that it is useful before it is trained; for training, call ``tail.requires_grad_()``.
    """

    @property
    def size(self) -> int:
        """Height and width of its image in pixels."""
        ...

    @property
    def tail(self) -> nn.Module:
        """The network that can be trained; its state dict is all that has to be saved."""
        ...

    def features(self, ws: Tensor) -> Tensor:
        """Computes the trunk's features (B, size, size, channels) of ws (B, num_ws, w_dim)."""
        ...

    def render(self, features: Tensor, ws: Tensor) -> Tensor:
        """Renders ``features(ws)`` as RGB (B, 3, size, size), in the dtype of ws, also under autocast.

        Nominally in [0, 1], not clamped, differentiable in both arguments and in the tail's parameters.
        """
        ...

    def __call__(self, ws: Tensor) -> Tensor:
        """Renders ws (B, num_ws, w_dim): ``render(features(ws), ws)``."""
        ...

    def finish(self, features: Tensor, ws: Tensor) -> Tensor:
        """Runs the generator's own later layers on features: the full image (B, 3, resolution, resolution).

        Nominally in [0, 1], not clamped, with the stored noise. ``finish(features(ws), ws)`` is the generator's
        ``synthesize(ws)`` but for rounding; optimised features give images that no ws give (intermediate layer
        optimization: Daras et al. 2021, arXiv 2102.07364).
        """
        ...


def has_twin(size: int, resolution: int) -> bool:
    """Returns whether a generator whose layers double the size up to ``resolution`` px has a twin of ``size`` px.

    Sizes are powers of two from 8, since smaller features show no face yet, to half the resolution.
    """
    return 8 <= size < resolution and size.bit_count() == 1


def feature_unit(features: Tensor) -> Tensor:
    """Returns the unit of changes, (B, 1, 1, C): the standard deviation of each channel of (B, size, size, C)."""
    return features.flatten(1, 2).std(1)[:, None, None] + _ROUNDING
