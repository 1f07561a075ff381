"""Makes faces in photos sharp: realistic large faces that downscale to the small one you have, and clean old photos.

>>> from photopulse import load_generator, restore_photo, upscale
>>> generator = load_generator()
>>> upscale("face_16.png", generator)[0].save("face_1024.png")
>>> restore_photo("old.jpg").save("clean.jpg")
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photopulse.errors import PhotopulseError
    from photopulse.generators.files.load import load_generator
    from photopulse.restoration.kit import RestoreKit
    from photopulse.restoration.restore import restore_photo
    from photopulse.restoration.restored_photo import RestoredPhoto
    from photopulse.restoration.settings import RestoreSettings
    from photopulse.search.fast import FastSettings
    from photopulse.search.pulse import PulseSettings
    from photopulse.upscaling.align import align
    from photopulse.upscaling.upscale import UpscaledFace, UpscaleSettings, upscale

__all__ = [
    "FastSettings",
    "PhotopulseError",
    "PulseSettings",
    "RestoreKit",
    "RestoreSettings",
    "RestoredPhoto",
    "UpscaleSettings",
    "UpscaledFace",
    "align",
    "load_generator",
    "restore_photo",
    "upscale",
]

# Loaded at first use, so that importing the package, and `photopulse --help`, stay quick.
_HOMES = {
    "FastSettings": "photopulse.search.fast",
    "PhotopulseError": "photopulse.errors",
    "PulseSettings": "photopulse.search.pulse",
    "RestoreKit": "photopulse.restoration.kit",
    "RestoreSettings": "photopulse.restoration.settings",
    "RestoredPhoto": "photopulse.restoration.restored_photo",
    "UpscaleSettings": "photopulse.upscaling.upscale",
    "UpscaledFace": "photopulse.upscaling.upscale",
    "align": "photopulse.upscaling.align",
    "load_generator": "photopulse.generators.files.load",
    "restore_photo": "photopulse.restoration.restore",
    "upscale": "photopulse.upscaling.upscale",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("photopulse")
    if name not in _HOMES:
        raise AttributeError(f"module 'photopulse' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__, "__version__"]
