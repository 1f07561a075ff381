"""Random damage of photos, on which restoration is trained and measured.

The chain is blur -> shake -> defocus -> downscaling -> noise -> colour noise -> mosaic -> JPEG: the first-order
degradation of Real-ESRGAN (Wang et al. 2021, arXiv 2107.10833, 3.1), with shake, defocus, colour noise and mosaic
added. A recipe has ranges; a draw from it is one damage, which is then applied to a photo:
``LEVELS["medium"].draw(random)(photo, random)``. All random numbers come from that one ``torch.Generator``, so a photo
with a seed of its own is always damaged in the same way.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, cast

import torch
from torch import Tensor

from photopulse.degrade.amounts import amount_text
from photopulse.degrade.blur import Defocus, GaussianBlur, MotionBlur
from photopulse.degrade.corruptions import UNTOUCHED, Corruption, Corruptions
from photopulse.degrade.jpeg import Jpeg
from photopulse.degrade.mosaic import Mosaic
from photopulse.degrade.noise import ChromaNoise, GaussianNoise
from photopulse.images.resize import resized

# Smaller amounts would not change the picture.
_LEAST_BLUR, _LEAST_SHAKE, _LEAST_DEFOCUS = 0.1, 1.0, 0.5
_LEAST_SIDE = 8


@dataclass(frozen=True)
class Amount:
    """A range from which the strength of one corruption is drawn.

    Attributes:
        low: least amount.
        high: greatest amount.
        share: part of the photos that get the corruption at all, in [0, 1].
        even_ratios: whether the logarithm is drawn uniformly, so that 1 to 2 is as likely as 4 to 8; otherwise the
            amount itself is.

    Raises:
        ValueError: unless 0 <= low <= high, 0 <= share <= 1 and, with ``even_ratios``, low > 0.
    """

    low: float
    high: float
    share: float = 1.0
    even_ratios: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high < math.inf:
            raise ValueError(f"an amount is drawn from low to high, both from 0, got {self.low:g} to {self.high:g}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"the share of the photos must be from 0 to 1, got {self.share:g}")
        if self.even_ratios and self.low == 0:
            raise ValueError("ratios are even only above zero, got an amount from 0")

    def draw(self, random: torch.Generator) -> float | None:
        """Draws an amount, or None for a photo that does not get the corruption.

        It always takes two numbers from ``random``, so that later draws do not depend on the outcome.
        """
        hit, place = cast(list[float], torch.rand(2, generator=random).tolist())
        if hit >= self.share:
            return None
        if self.even_ratios:
            return self.low * (self.high / self.low) ** place
        return self.low + (self.high - self.low) * place


_NONE: Final = Amount(0, 0, share=0)


@dataclass(frozen=True, kw_only=True)
class DamageRecipe:
    """The ranges from which damage is drawn, in the order in which the corruptions are applied.

    Attributes:
        blur: standard deviation of a Gaussian, in px of the sharp photo.
        shake: length of a straight motion in a random direction, in px of the sharp photo.
        defocus: radius of a disk, in px of the sharp photo.
        shrink: factor by which width and height become smaller, 1 or more.
        noise: standard deviation in each channel of the small photo, on the scale of 255.
        chroma_noise: standard deviation in Cb and Cr of the small photo, on the scale of 255.
        mosaic: side of the squares in px of the small photo, rounded; 1 is no mosaic.
        jpeg: JPEG quality of the small photo, rounded, 1 to 100.
    """

    blur: Amount = _NONE
    shake: Amount = _NONE
    defocus: Amount = _NONE
    shrink: Amount = _NONE
    noise: Amount = _NONE
    chroma_noise: Amount = _NONE
    mosaic: Amount = _NONE
    jpeg: Amount = _NONE

    def draw(self, random: torch.Generator) -> "Damage":
        """Draws one damage; ``random`` is a CPU generator, of which every draw takes the same number of values.

        Amounts are rounded to two decimals, as the damage's name shows them.
        """
        # All amounts are drawn first, whether they are used or not.
        blur, shake, defocus, shrink, noise, chroma, mosaic, jpeg = (
            amount.draw(random)
            for amount in (
                self.blur,
                self.shake,
                self.defocus,
                self.shrink,
                self.noise,
                self.chroma_noise,
                self.mosaic,
                self.jpeg,
            )
        )
        angle = 180 * torch.rand((), generator=random).item()
        # Corruptions of the sharp photo, except those too weak to change it.
        before: list[Corruption] = []
        if blur is not None and blur >= _LEAST_BLUR:
            before.append(GaussianBlur(_short(blur)))
        if shake is not None and shake >= _LEAST_SHAKE:
            before.append(MotionBlur(_short(shake), _short(angle)))
        if defocus is not None and defocus >= _LEAST_DEFOCUS:
            before.append(Defocus(_short(defocus)))
        # Corruptions of the small photo.
        after: list[Corruption] = []
        if noise is not None:
            after.append(GaussianNoise(_short(noise)))
        if chroma is not None:
            after.append(ChromaNoise(_short(chroma)))
        if mosaic is not None and round(mosaic) > 1:
            after.append(Mosaic(round(mosaic)))
        if jpeg is not None:
            after.append(Jpeg(round(jpeg)))
        return Damage(before=Corruptions(tuple(before)), shrink=_short(shrink or 1.0), after=Corruptions(tuple(after)))


@dataclass(frozen=True)
class DamageMixture:
    """Several recipes, of which one is drawn for each photo.

    Attributes:
        recipes: pairs of a recipe and the share of the photos that get it.

    Raises:
        ValueError: unless the shares are positive and sum to 1.
    """

    recipes: tuple[tuple[DamageRecipe, float], ...]

    def __post_init__(self) -> None:
        shares = [share for _, share in self.recipes]
        if min(shares, default=0.0) <= 0 or abs(sum(shares) - 1) > 1e-6:
            raise ValueError(f"shares of recipes are positive and sum to 1, got {shares}")

    def draw(self, random: torch.Generator) -> "Damage":
        """Draws a recipe, and one damage from it; ``random`` is a CPU generator."""
        place = torch.rand((), generator=random).item()
        for recipe, share in self.recipes:
            place -= share
            if place < 0:
                return recipe.draw(random)
        return self.recipes[-1][0].draw(random)


Damages = DamageRecipe | DamageMixture
"""Anything from which damage can be drawn."""


@dataclass(frozen=True, kw_only=True)
class Damage:
    """What happens to one photo: corruptions of the sharp photo, downscaling, corruptions of the small one.

    Attributes:
        before: corruptions of the sharp photo.
        shrink: factor by which width and height become smaller, 1 or more.
        after: corruptions of the small photo.

    Raises:
        ValueError: if ``shrink`` is below 1 or not finite.
    """

    before: Corruptions = field(default_factory=Corruptions)
    shrink: float = 1.0
    after: Corruptions = field(default_factory=Corruptions)

    def __post_init__(self) -> None:
        if not 1 <= self.shrink < math.inf:
            raise ValueError(f"a photo shrinks by a factor of 1 or more, got {self.shrink:g}")

    @property
    def name(self) -> str:
        """All drawn amounts, e.g. ``"blur:1.2+shrink:4+noise:8+jpeg:40"``, or ``"clean"``."""
        shrink = [f"shrink:{amount_text(self.shrink)}"] if self.shrink > 1 else []
        parts = [self.before.name, *shrink, self.after.name]
        return "+".join(part for part in parts if part != UNTOUCHED) or UNTOUCHED

    def __call__(self, photo: Tensor, random: torch.Generator) -> Tensor:
        """Damages one photo (1, 3, H, W) in [0, 1], without gradients; ``random`` is a CPU generator.

        Returns:
            The small photo in [0, 1], with the dtype and device of the photo. Its sides are those of the photo over
            ``shrink``, rounded, but not reduced below 8 px. After a JPEG the values are whole 255ths.

        Raises:
            ValueError: if it is not one photo.
        """
        _check_one(photo)
        blurred = self.before(photo, random)
        height, width = (min(side, max(round(side / self.shrink), _LEAST_SIDE)) for side in photo.shape[2:])
        return self.after(resized(blurred, height, width), random)


def _check_one(photo: Tensor) -> None:
    if photo.ndim != 4 or photo.shape[:2] != (1, 3):
        raise ValueError(f"one photo (1, 3, H, W) is needed, got the shape {tuple(photo.shape)}")


def _short(amount: float) -> float:
    """Rounds to two decimals, so that the name tells the exact amount."""
    return round(amount, 2)


LEVELS: Final[Mapping[str, DamageRecipe]] = MappingProxyType(
    {
        "light": DamageRecipe(blur=Amount(0.4, 1.0), shrink=Amount(2, 2), noise=Amount(2, 4), jpeg=Amount(60, 60)),
        "medium": DamageRecipe(
            blur=Amount(1.0, 2.0),
            shrink=Amount(4, 4),
            noise=Amount(6, 10),
            chroma_noise=Amount(4, 8),
            jpeg=Amount(40, 40),
        ),
        "heavy": DamageRecipe(
            blur=Amount(2.0, 4.0),
            shake=Amount(4, 12),
            shrink=Amount(8, 8),
            noise=Amount(10, 16),
            chroma_noise=Amount(8, 12),
            jpeg=Amount(20, 20),
        ),
    }
)
"""The damage on which restoration is measured, see ``docs/degradations.md``; lengths suit photos of about 800 px."""

TRAINING: Final = DamageRecipe(
    blur=Amount(0.3, 4.0, share=0.7, even_ratios=True),
    shake=Amount(2, 12, share=0.2),
    defocus=Amount(0.7, 4, share=0.2),
    shrink=Amount(1, 5, share=0.85, even_ratios=True),
    noise=Amount(1, 25, share=0.8, even_ratios=True),
    chroma_noise=Amount(2, 20, share=0.4),
    mosaic=Amount(2, 4, share=0.03),
    jpeg=Amount(14, 95, share=0.85),
)
"""Damage of all degrees, from hardly visible to severe."""

GENTLE: Final = DamageRecipe(
    blur=Amount(0.2, 0.7, share=0.4, even_ratios=True),
    shrink=Amount(1, 1.3, share=0.3, even_ratios=True),
    noise=Amount(0.5, 5, share=0.5, even_ratios=True),
    chroma_noise=Amount(1, 4, share=0.2),
    jpeg=Amount(60, 98, share=0.6),
)
"""Mild damage, as of a good camera and of pictures on the web."""

GRAIN: Final = DamageRecipe(
    blur=Amount(0.3, 1.0, share=0.3),
    noise=Amount(3, 40, even_ratios=True),
    chroma_noise=Amount(2, 20, share=0.4),
    jpeg=Amount(40, 98, share=0.5),
)
"""Strong noise at full resolution, as of sensors in low light and of fast film."""

EVERYTHING: Final = DamageMixture(((TRAINING, 0.5), (GENTLE, 0.15), (GRAIN, 0.2), (DamageRecipe(), 0.15)))
"""The photo network's training mixture; it includes undamaged pictures, which must come back unchanged."""
