"""The seam between ways of enlarging a face or restoring a photo, and everything that compares them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from torch import Tensor

from photopulse.evaluation.records import CurvePoint
from photopulse.generators.files.load import load_generator
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.settings import RestoreSettings
from photopulse.search.kit import SearchKit
from photopulse.weights import DEFAULT_GENERATOR

Size = tuple[int, int]
"""Width and height in px."""


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

    @cached_property
    def restore_kit(self) -> RestoreKit:
        """The networks of photopulse's restoration, loaded once for all methods that are built with these options.

        Raises:
            PhotopulseError: if one of them cannot be loaded.
        """
        return RestoreKit.load(RestoreSettings(size=(1, 1)), self.device)


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """What a method made of one picture.

    Attributes:
        image: (1, 3, H, W) in [0, 1], float32, on the CPU.
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
    """A way of enlarging small faces, or of restoring damaged photos."""

    @property
    def name(self) -> str:
        """What tables and folders call it, e.g. ``"pulse:400"``."""
        ...

    def fingerprint(self) -> str:
        """Returns what changes when the method's answers may change: its settings and weights."""
        ...

    def __call__(self, given: Tensor, size: Size, seed: int) -> Made:
        """Makes of (1, 3, h, w) in [0, 1], on the CPU, a picture of that width and height.

        What enlarges faces makes one of ``native_size``, a multiple of that.
        """
        ...


class Enlarger(Method, Protocol):
    """A way of enlarging small faces."""

    def native_size(self, small: int, size: int) -> int | None:
        """Returns the side of what the method makes of ``small`` px for results of ``size`` px; None if it cannot.

        That side is a multiple of ``size``.
        """
        ...
