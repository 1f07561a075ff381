"""What is compared: each method takes a small damaged file to the size that the photo had."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from photopulse.fingerprint import weights_hash
from photopulse.images import from_uint8, read_image
from photopulse.images.resize import resized
from photopulse.networks.realesrgan import OVERLAP, TILE, load_realesrgan
from photopulse.networks.tiles import in_tiles
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.settings import RestoreSettings

from .inputs import Case, Size

# Best in PSNR on three training portraits of 2, 3, 5, 7, 10 and 15, and 3 and 10 for the colours. In light it is best
# to do nothing.
NLM_STRENGTHS = {"light": 2, "medium": 3, "heavy": 5}
NLM_COLOUR = 3
WINDOWS = (7, 21)  # OpenCV's own advice.


class Restored(NamedTuple):
    """A picture (1, 3, H, W), and for photopulse the seconds by stage."""

    image: Tensor
    stages: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Method:
    """A way to restore; ``version`` loads its networks, and changes with them, so that old results are not kept."""

    name: str
    restore: Callable[[Case], Restored]
    version: Callable[[], str] = field(default=lambda: "")


def find_method(name: str, device: str) -> Method:
    """Finds ``input``, ``bicubic``, ``lanczos``, ``nlm``, ``realesrgan``, or a variant of photopulse.

    Variants: ``photopulse``, ``photopulse:F`` with fidelity F, ``photopulse-photo`` without the face network, and for
    the guided filter ``photo-full`` and ``photo-half``, which are given the damaged photo enlarged by cubic curves, and
    clean it at this size and at half of it.
    """
    if name in RESAMPLING:
        filter_ = RESAMPLING[name]
        return Method(name, lambda case: Restored(resampled(read_array(case), case.size, filter_)))
    if name == "nlm":
        return Method(name, lambda case: Restored(resampled(denoised(case), case.size, Image.Resampling.BICUBIC)))
    if name == "realesrgan":
        return Method(
            name, lambda case: Restored(enlarged(case, device)), lambda: weights_hash(realesrgan(device))[:16]
        )
    if name.partition(":")[0] in PHOTOPULSE:
        settings_for(name, (1, 1))  # Complains of a fidelity that is none.
        return Method(name, lambda case: photopulse(name, case, device), lambda: networks(name, device))
    raise ValueError(f"there is no method {name!r}")


RESAMPLING = {
    "input": Image.Resampling.NEAREST,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
PHOTOPULSE = ("photopulse", "photopulse-photo", "photo-full", "photo-half")
DEFAULT = ("input", "bicubic", "lanczos", "nlm", "realesrgan", "photopulse")


def read_array(case: Case) -> np.ndarray:
    with Image.open(case.damaged) as picture:
        return np.asarray(picture.convert("RGB"))


def resampled(small: np.ndarray, size: Size, filter_: Image.Resampling) -> Tensor:
    return from_uint8(np.asarray(Image.fromarray(small).resize(size, filter_)))


def denoised(case: Case) -> np.ndarray:
    """OpenCV's non-local means on the small picture."""
    reverse = np.ascontiguousarray(read_array(case)[..., ::-1])
    strength = NLM_STRENGTHS[case.level]
    return np.ascontiguousarray(
        cv2.fastNlMeansDenoisingColored(reverse, None, strength, NLM_COLOUR, *WINDOWS)[..., ::-1]
    )


def enlarged(case: Case, device: str) -> Tensor:
    """Real-ESRGAN x4plus once, then the antialiased cubic filter to the size."""
    net, small = realesrgan(device), read_image(case.damaged).pixels
    with torch.inference_mode():
        large = in_tiles(lambda tile: net(tile.to(device)).cpu(), small, tile=TILE, overlap=OVERLAP).clamp(0, 1)
        return F.interpolate(large, size=case.size[::-1], mode="bicubic", antialias=True).clamp(0, 1)


def photopulse(name: str, case: Case, device: str) -> Restored:
    settings = settings_for(name, case.size)
    photo = case.damaged if settings.size else resized(read_image(case.damaged).pixels, *case.size[::-1])
    result = restore_photo(photo, settings=settings, kit=kit(device))
    return Restored(result.image, {stage: round(seconds, 4) for stage, seconds in result.seconds.items()})


def settings_for(name: str, size: Size) -> RestoreSettings:
    kind, _, fidelity = name.partition(":")
    if kind in ("photo-full", "photo-half"):
        working_size = max(size) if kind == "photo-full" else max(size) // 2
        return RestoreSettings(only="photo", working_size=max(working_size, 64))
    if kind == "photopulse-photo":
        return RestoreSettings(size=size, only="photo")
    return RestoreSettings(size=size, fidelity=float(fidelity)) if fidelity else RestoreSettings(size=size)


def networks(name: str, device: str) -> str:
    """The fingerprints of the networks that a variant runs."""
    used = ("face", "photo", "full_size") if name.startswith("photopulse") else ("photo", "full_size")
    used = used[1:] if name == "photopulse-photo" else used
    return " ".join(f"{part}:{kit(device).fingerprints[part]}" for part in used)


def fingerprint(net: torch.nn.Module) -> str:
    return weights_hash(net)[:16]


@cache
def kit(device: str) -> RestoreKit:
    return RestoreKit.load(RestoreSettings(size=(1, 1)), device)


@cache
def realesrgan(device: str) -> torch.nn.Module:
    return load_realesrgan(device)
