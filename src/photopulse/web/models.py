"""The networks that jobs use: loaded when the first job needs them, then kept."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Self

from torch import nn

from photopulse.faces.detect import FaceDetector
from photopulse.generators.files.load import load_generator
from photopulse.networks.realesrgan import load_realesrgan
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.settings import RestoreSettings
from photopulse.search.kit import SearchKit

_ALL = RestoreSettings(scale=2, repair="auto")  # Of what the settings of any job need, all but the other enlarger.


@dataclass(frozen=True, kw_only=True)
class Models:
    """Loaders of the networks that jobs use; not thread-safe.

    Attributes:
        restore_kit: returns the networks of ``restore_photo``, including those that enlarge and repair.
        search_kit: returns the generator of ``upscale``, with its prior and twins.
        detector: returns the face detector with which ``upscale`` aligns photos.
        realesrgan: returns the other network that enlarges photos.
    """

    restore_kit: Callable[[], RestoreKit]
    search_kit: Callable[[], SearchKit]
    detector: Callable[[], FaceDetector]
    realesrgan: Callable[[], nn.Module] = load_realesrgan

    @classmethod
    def lazy(cls, generator: str, device: str) -> Self:
        """Returns models that are loaded, and downloaded if missing, at their first use."""
        return cls(
            restore_kit=cache(lambda: RestoreKit.load(_ALL, device)),
            search_kit=cache(lambda: SearchKit.find(load_generator(generator, device))),
            detector=cache(FaceDetector.load),
            realesrgan=cache(partial(load_realesrgan, device)),
        )

    def restore_kit_for(self, settings: RestoreSettings) -> RestoreKit:
        """Returns the networks of a restoration with these settings."""
        kit = self.restore_kit()
        return replace(kit, enlarge_net=self.realesrgan()) if settings.sr == "realesrgan" else kit
