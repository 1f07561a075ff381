"""Methods that restore damaged photos, for comparison."""

import time
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.evaluation.method import Made, MethodOptions, Size
from photopulse.evaluation.one_pass import Interpolated
from photopulse.fingerprint import weights_hash
from photopulse.images import from_uint8, restored_metadata, to_uint8
from photopulse.networks.realesrgan import OVERLAP, TILE, load_realesrgan
from photopulse.networks.rrdb import RRDBNet
from photopulse.networks.tiles import in_tiles
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.settings import RestoreSettings
from photopulse.runs.keys import key

_NLM_COLOUR = 3
_NLM_WINDOWS = (7, 21)  # Template and search window in px, as OpenCV recommends.


@dataclass(frozen=True, kw_only=True)
class Restoration:
    """photopulse's own restoration, as a method."""

    name: str
    settings: RestoreSettings
    options: MethodOptions

    def fingerprint(self) -> str:
        """Returns a key of the settings and the weights."""
        return key("restore", self.settings, self.options.restore_kit.fingerprints)

    def __call__(self, given: Tensor, size: Size, seed: int) -> Made:  # noqa: ARG002
        """Restores (1, 3, h, w) in [0, 1] to that size; nothing is random."""
        kit = self.options.restore_kit
        started = time.perf_counter()
        photo = restore_photo(given, settings=replace(self.settings, size=size), kit=kit)
        seconds = time.perf_counter() - started
        metadata = restored_metadata(
            version=version("photopulse"),
            faces=sum(face.restored for face in photo.faces or ()),
            fidelity=self.settings.fidelity,
            mode=self.settings.mode,
            source=None,
        )
        return Made(image=photo.image, seconds=seconds, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class PhotoRealESRGAN:
    """Applies Real-ESRGAN x4plus once, then resizes by an antialiased bicubic filter."""

    device: str = "cpu"
    name: str = "realesrgan"

    def fingerprint(self) -> str:
        """Returns a hash of the weights."""
        return weights_hash(self._net)

    def __call__(self, given: Tensor, size: Size, seed: int) -> Made:  # noqa: ARG002
        """Restores (1, 3, h, w) in [0, 1] to that size; nothing is random."""
        net = self._net
        started = time.perf_counter()
        with torch.inference_mode():
            large = in_tiles(lambda tile: net(tile.to(self.device)).cpu(), given, tile=TILE, overlap=OVERLAP)
            image = F.interpolate(large.clamp(0, 1), size=size[::-1], mode="bicubic", antialias=True).clamp(0, 1)
        return Made(image=image, seconds=time.perf_counter() - started)

    @cached_property
    def _net(self) -> RRDBNet:
        return load_realesrgan(self.device)


@dataclass(frozen=True, kw_only=True)
class NonLocalMeans:
    """Applies OpenCV's non-local means (Buades et al. 2005) to the input, then bicubic interpolation.

    Best in PSNR on three training portraits, of strengths 2, 3, 5, 7, 10 and 15, were 2 for light damage, 3 for medium
    and 5 for heavy; of 3 and 10 for colours, 3.
    """

    name: str
    strength: int = 3

    def fingerprint(self) -> str:
        """Returns the strength and the version of OpenCV."""
        return f"non-local means of strength {self.strength}, OpenCV {cv2.__version__}"

    def __call__(self, given: Tensor, size: Size, seed: int) -> Made:
        """Restores (1, 3, h, w) in [0, 1] to that size; nothing is random."""
        reverse = np.ascontiguousarray(to_uint8(given)[..., ::-1])
        started = time.perf_counter()
        clean = cv2.fastNlMeansDenoisingColored(reverse, None, self.strength, _NLM_COLOUR, *_NLM_WINDOWS)
        seconds = time.perf_counter() - started
        forward = np.ascontiguousarray(clean[..., ::-1], dtype=np.uint8)
        made = Interpolated(name="bicubic")(from_uint8(forward), size, seed)
        return replace(made, seconds=made.seconds + seconds)
