"""Interface of the methods that enlarge faces or restore photos, as an evaluation compares them."""

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
    """Options that all methods receive when they are built.

    Attributes:
        generator: name or file of the generator that searches use.
        degradation: name of the degradation that made the inputs.
        device: device on which methods compute.
        curves: whether searches record their course.
    """

    generator: str = DEFAULT_GENERATOR
    degradation: str = "bicubic"
    device: str = "cpu"
    curves: bool = False

    @cached_property
    def search_kit(self) -> SearchKit:
        """Kit of the generator, loaded once for all searches that are built with these options.

        Raises:
            PhotopulseError: if the generator cannot be loaded.
        """
        return SearchKit.find(load_generator(self.generator, self.device))

    @cached_property
    def restore_kit(self) -> RestoreKit:
        """Kit of photopulse's restoration, loaded once for all methods that are built with these options.

        Raises:
            PhotopulseError: if one of them cannot be loaded.
        """
        return RestoreKit.load(RestoreSettings(size=(1, 1)), self.device)


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """Result of a method for one input.

    Attributes:
        image: the result, (1, 3, H, W) in [0, 1], float32, on the CPU.
        seconds: duration in seconds, without loading and measuring.
        converged: whether a search converged; None for methods that do not search.
        curve: course of a search, if it was recorded.
        metadata: metadata for the file of the result, which mark a synthetic face as such.
    """

    image: Tensor
    seconds: float
    converged: bool | None = None
    curve: tuple[CurvePoint, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


class Method(Protocol):
    """A method that enlarges small faces, or restores damaged photos."""

    @property
    def name(self) -> str:
        """Name of the method in tables and folders, e.g. ``"pulse:400"``."""
        ...

    def fingerprint(self) -> str:
        """Returns a text that changes whenever the method's results may change: its settings and weights."""
        ...

    def __call__(self, given: Tensor, size: Size, seed: int) -> Made:
        """Makes a picture of the given width and height from an input (1, 3, h, w) in [0, 1] on the CPU.

        Methods that enlarge faces return a picture of their ``native_size``, a multiple of it.
        """
        ...


class Enlarger(Method, Protocol):
    """A method that enlarges small faces."""

    def native_size(self, small: int, size: int) -> int | None:
        """Returns the side in px of the method's picture for inputs of ``small`` px and results of ``size`` px.

        That side is a multiple of ``size``; None means that the method does not support these sizes.
        """
        ...
