"""Chooses the corrections that a photo gets before it is cleaned: of halftone screens and of fading."""

from collections.abc import Callable
from functools import partial

from torch import Tensor

from photopulse.restoration.halftone import without_screens
from photopulse.restoration.look import PhotoDamage
from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.stages import Stage
from photopulse.restoration.tone import without_fading

Mending = tuple[Stage, Callable[[Tensor], Tensor]]
"""A stage, and the function that it applies to a photo (1, 3, H, W) in [0, 1]."""


def mendings(damage: PhotoDamage, settings: RestoreSettings) -> list[Mending]:
    """Returns the corrections that a photo needs and the settings allow, in the order of their application.

    Halftone comes first, because fading is a change of continuous tones, which a raster of dots does not have.
    """
    if not settings.cleans_the_photo:
        return []
    needed: list[Mending] = []
    if damage.screens and settings.halftone == "auto":
        needed.append(("halftone", partial(without_screens, screens=damage.screens)))
    if damage.fading.amount and settings.tone == "auto":
        needed.append(("tone", partial(without_fading, fading=damage.fading)))
    return needed
