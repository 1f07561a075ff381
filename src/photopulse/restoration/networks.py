"""Runs the networks of a kit on one photo, on their device and in tiles, and checks each result."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.networks.damage_mask import damage_of
from photopulse.networks.full_size import restore_full_size
from photopulse.networks.inpaint import fill_holes
from photopulse.networks.tiles import in_tiles
from photopulse.restoration.face_restorer import DrawnFace
from photopulse.restoration.kit import RestoreKit

_Net = TypeVar("_Net")

PHOTO_TILE, PHOTO_OVERLAP = 640, 64
ENLARGE_TILE, ENLARGE_OVERLAP = 256, 32


class RestoreNetworks:
    """Runs the kit's networks on pictures (B, 3, H, W) in [0, 1] on the CPU; results are on the CPU and clamped, too.

    Each method raises PhotopulseError if its network is not in the kit, or returns a wrong shape or values that are
    not finite, so that a failed picture is never taken for a restored one.

    Args:
        kit: kit with the networks.
        name: name of the photo, for errors.
    """

    def __init__(self, kit: RestoreKit, name: str) -> None:
        self._kit = kit
        self._name = name

    def faces(self, crops: Tensor, resolutions: Sequence[float]) -> list[DrawnFace]:
        """Returns redrawn faces for upright, cleaned crops (B, 3, 512, 512), see ``FaceRestorer``."""
        drawn = self._needed(self._kit.face_restorer, "face").restore(crops, resolutions)
        for face in drawn:
            self._checked(face.image, "face", None)
        return drawn

    def photo(self, photo: Tensor) -> Tensor:
        """Returns the cleaned picture, of the same size; large pictures are cleaned in tiles."""
        net = self._kit.photo_net
        result = in_tiles(lambda part: self._run(net, part), photo, tile=PHOTO_TILE, overlap=PHOTO_OVERLAP)
        return self._checked(result, "photo", photo.shape)

    def damage(self, photo: Tensor) -> Tensor:
        """Returns the probability (B, 1, H, W) that each pixel is damaged."""
        net = self._needed(self._kit.damage_net, "damage")
        return self._checked(self._run(partial(damage_of, net), photo), "damage", photo[:, :1].shape)

    def fill(self, photo: Tensor, holes: Tensor) -> Tensor:
        """Returns a picture with its holes (1, 1, H, W) filled, see ``fill_holes``."""
        net = self._needed(self._kit.inpaint_net, "inpainting")
        filled = self._run(partial(fill_holes, net), photo, holes)
        return self._checked(filled, "inpainting", photo.shape)

    def full_size(self, small: Tensor, small_restored: Tensor, large: Tensor) -> Tensor:
        """Applies the change from ``small`` to ``small_restored`` to ``large``, the same picture at full size."""

        def restore(*pictures: Tensor) -> Tensor:
            return restore_full_size(self._kit.full_size_net, *pictures)

        return self._checked(self._run(restore, small, small_restored, large), "full-size", large.shape)

    def enlarge(self, image: Tensor) -> Tensor:
        """Returns the picture enlarged by the network's own factor, in tiles."""
        net = self._needed(self._kit.enlarge_net, "enlarging")
        result = in_tiles(lambda part: self._run(net, part), image, tile=ENLARGE_TILE, overlap=ENLARGE_OVERLAP)
        if result.shape[3] <= image.shape[3]:
            raise self._failure("enlarging", f"it made {_size(result)} px of {_size(image)} px")
        return self._checked(result, "enlarging", None)

    def _run(self, call: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        return call(*(given.to(self._kit.device) for given in inputs)).float().cpu()

    def _needed(self, net: _Net | None, which: str) -> _Net:
        if net is None:
            raise PhotopulseError(
                f"cannot restore {self._name}",
                why=f"it needs the {which} network, which was not loaded",
                fix="load the kit for the same settings",
            )
        return net

    def _checked(self, result: Tensor, which: str, shape: torch.Size | None) -> Tensor:
        if shape is not None and result.shape != shape:
            raise self._failure(which, f"it returned the shape {tuple(result.shape)} instead of {tuple(shape)}")
        # Any NaN makes both extremes NaN; this needs no copy of a large picture.
        darkest, brightest = torch.aminmax(result)
        if not (math.isfinite(darkest.item()) and math.isfinite(brightest.item())):
            raise self._failure(which, "it returned values that are no finite numbers")
        return result.clamp_(0, 1)

    def _failure(self, which: str, why: str) -> PhotopulseError:
        return PhotopulseError(
            f"cannot restore {self._name}: the {which} network failed",
            why=why,
            fix="try --device cpu; if that fails too, install photopulse anew, because its weights may be damaged",
        )


def _size(image: Tensor) -> str:
    return f"{image.shape[3]} x {image.shape[2]}"
