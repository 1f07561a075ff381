"""What every corruption says of itself: what it does, what it does on average, and what it is on a smaller picture."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Corruption(ABC):
    """A way in which a picture is spoiled at full size.

    All members are abstract, so that a new corruption that lacks one cannot be made at all: no search may pass over
    a part of what happened to its input.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Its text form, which ``parse_corruptions`` reads back."""

    @property
    @abstractmethod
    def is_random(self) -> bool:
        """Whether two draws differ."""

    @property
    @abstractmethod
    def is_linear(self) -> bool:
        """Whether ``expected`` takes means of pictures to means, but for what is clamped at black and white."""

    @property
    @abstractmethod
    def has_steps(self) -> bool:
        """Whether ``expected`` jumps where the picture changes smoothly, as rounding does."""

    @abstractmethod
    def __call__(self, image: Tensor, random: torch.Generator) -> Tensor:
        """Spoils (B, 3, H, W) in [0, 1]; same shape, device and dtype, no gradients.

        ``random`` is a CPU generator: the same seed gives the same result on every device. The pictures of a
        batch share it, so corrupt pictures one by one, each with its own, to be free of the batch and the order.
        """

    @abstractmethod
    def expected(self, image: Tensor) -> Tensor:
        """Gives the mean of what becomes of (B, 3, H, W) over all draws, differentiably."""

    @abstractmethod
    def at_scale(self, ratio: float) -> "Corruption | None":
        """Gives the corruption that does the same to a picture ``ratio`` times as wide and high, 0 < ratio < 1.

        None where nothing of it would be left to see.
        """
