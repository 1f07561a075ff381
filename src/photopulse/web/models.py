"""The networks that jobs use: loaded when the first job needs them, then kept."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Self

from photopulse.faces.detect import FaceDetector
from photopulse.generators.files.load import load_generator
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.settings import RestoreSettings
from photopulse.search.kit import SearchKit


@dataclass(frozen=True, kw_only=True)
class Models:
    """Loaders of the networks that jobs use; not thread-safe.

    Attributes:
        restore_kit: returns the networks of ``restore_photo``, including those that enlarge.
        search_kit: returns the generator of ``upscale``, with its prior and twins.
        detector: returns the face detector with which ``upscale`` aligns photos.
    """

    restore_kit: Callable[[], RestoreKit]
    search_kit: Callable[[], SearchKit]
    detector: Callable[[], FaceDetector]

    @classmethod
    def lazy(cls, generator: str, device: str) -> Self:
        """Returns models that are loaded, and downloaded if missing, at their first use."""
        return cls(
            restore_kit=cache(lambda: RestoreKit.load(RestoreSettings(scale=2), device)),
            search_kit=cache(lambda: SearchKit.find(load_generator(generator, device))),
            detector=cache(FaceDetector.load),
        )
