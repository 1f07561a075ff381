"""Running the networks of a kit on one photo: on their device, in tiles, and never without a look at the result."""

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
from photopulse.restoration.face_search import DrawnFace
from photopulse.restoration.kit import RestoreKit

_Net = TypeVar("_Net")

PHOTO_TILE, PHOTO_OVERLAP = 640, 64
ENLARGE_TILE, ENLARGE_OVERLAP = 256, 32


class RestoreNetworks:
    """The kit's networks as functions of pictures (B, 3, H, W) in [0, 1] on the CPU, with results likewise, clamped.

    Each raises PhotopulseError when its network is not in the kit, or returns another shape or values that are no
    finite numbers: what it should have restored must not pass for restored.

    Args:
        kit: the networks.
        name: of the photo, for errors.
    """

    def __init__(self, kit: RestoreKit, name: str) -> None:
        self._kit = kit
        self._name = name

    def faces(self, crops: Tensor, resolutions: Sequence[float]) -> list[DrawnFace]:
        """Draws upright, cleaned faces (B, 3, 512, 512) anew, see ``FaceRestorer``."""
        drawn = self._needed(self._kit.face_restorer, "face").restore(crops, resolutions)
        for face in drawn:
            self._checked(face.image, "face", None)
        return drawn

    def photo(self, photo: Tensor) -> Tensor:
        """Cleans a picture, large ones in tiles."""
        net = self._kit.photo_net
        result = in_tiles(lambda part: self._run(net, part), photo, tile=PHOTO_TILE, overlap=PHOTO_OVERLAP)
        return self._checked(result, "photo", photo.shape)

    def damage(self, photo: Tensor) -> Tensor:
        """Returns the probability (B, 1, H, W) that each pixel is damaged."""
        net = self._needed(self._kit.damage_net, "damage")
        return self._checked(self._run(partial(damage_of, net), photo), "damage", photo[:, :1].shape)

    def fill(self, photo: Tensor, holes: Tensor) -> Tensor:
        """Fills the holes (1, 1, H, W) of a picture, see ``fill_holes``."""
        net = self._needed(self._kit.inpaint_net, "inpainting")
        filled = self._run(partial(fill_holes, net), photo, holes)
        return self._checked(filled, "inpainting", photo.shape)

    def full_size(self, small: Tensor, small_restored: Tensor, large: Tensor) -> Tensor:
        """Does to ``large`` what was done to ``small``, its smaller version."""

        def restore(*pictures: Tensor) -> Tensor:
            return restore_full_size(self._kit.full_size_net, *pictures)

        return self._checked(self._run(restore, small, small_restored, large), "full-size", large.shape)

    def enlarge(self, image: Tensor) -> Tensor:
        """Enlarges by the network's own factor, in tiles."""
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
        # A NaN anywhere makes both of them NaN, without a copy of a large picture.
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
