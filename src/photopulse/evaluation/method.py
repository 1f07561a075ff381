"""The seam between ways of enlarging a face and everything that compares them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from torch import Tensor

from photopulse.generators.files.load import load_generator
from photopulse.search.kit import SearchKit
from photopulse.weights import DEFAULT_GENERATOR


@dataclass(frozen=True, kw_only=True)
class MethodOptions:
    """What a method may need to know beside its input.

    Attributes:
        generator: name or file of the generator that searches use.
        degradation: name of the operator that made the inputs small.
        device: where to compute.
        curves: record how a search went on.
    """

    generator: str = DEFAULT_GENERATOR
    degradation: str = "bicubic"
    device: str = "cpu"
    curves: bool = False

    @cached_property
    def search_kit(self) -> SearchKit:
        """The generator and its companions, loaded once for all searches that are built with these options.

        Raises:
            PhotopulseError: if the generator cannot be loaded.
        """
        return SearchKit.find(load_generator(self.generator, self.device))


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """How good a search's best image was at one time.

    Attributes:
        step: of the search, from 1.
        seconds: since its start, measuring not counted.
        downscale_mse: of the best image so far.
        niqe: of the best image so far; None where it is too small.
    """

    step: int
    seconds: float
    downscale_mse: float
    niqe: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Enlarged:
    """What a method made of one small face.

    Attributes:
        image: (1, 3, side, side) in [0, 1], float32, on the CPU.
        seconds: the method took; loading and measuring are not counted.
        converged: whether a search came close enough; None for methods that do not search.
        curve: how a search went on, if that was asked for.
        metadata: what is to be written into the picture, of a synthetic face that it is one.
    """

    image: Tensor
    seconds: float
    converged: bool | None = None
    curve: tuple[CurvePoint, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


class Method(Protocol):
    """A way of enlarging small faces."""

    @property
    def name(self) -> str:
        """What tables and folders call it, e.g. ``"pulse:400"``."""
        ...

    def native_size(self, small: int, size: int) -> int | None:
        """Returns the side of what the method makes of ``small`` px for results of ``size`` px; None if it cannot.

        That side is a multiple of ``size``.
        """
        ...

    def fingerprint(self) -> str:
        """Returns what changes when the method's answers may change: its settings and weights."""
        ...

    def __call__(self, small: Tensor, size: int, seed: int) -> Enlarged:
        """Enlarges (1, 3, h, h) in [0, 1], on the CPU, to ``native_size(h, size)``."""
        ...
