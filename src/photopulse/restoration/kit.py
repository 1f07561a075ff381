"""The networks that a restoration runs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor, nn

from photopulse.devices import check_device
from photopulse.faces.detect import FaceDetector
from photopulse.fingerprint import weights_hash
from photopulse.networks.full_size import FullSizeNet
from photopulse.networks.realesrgan import load_realesrgan
from photopulse.networks.shipped import (
    load_damage_mask_net,
    load_enlarge_net,
    load_full_size_net,
    load_inpaint_net,
    load_photo_net,
)
from photopulse.restoration.face_restorer import FaceRestorer
from photopulse.restoration.face_search import FaceSearch
from photopulse.restoration.look import PhotoDamage, look_at
from photopulse.restoration.settings import RestoreSettings


@dataclass(frozen=True, kw_only=True, eq=False)
class RestoreKit:
    """The face detector and the trained networks of a restoration, in eval mode, without gradients, on one device.

    Attributes:
        detector: face detector, on the CPU; None if no faces are restored.
        face_restorer: search or network that redraws faces; None if no faces are restored.
        photo_net: ``PhotoNet``, which cleans photos, and faces before they are redrawn.
        full_size_net: ``FullSizeNet``, which applies the cleaning of a small photo to the same photo at full size.
        damage_net: ``DamageMaskNet``, which finds scratches and spots; None if nothing is repaired.
        inpaint_net: ``InpaintNet``, which fills them; None if nothing is repaired.
        enlarge_net: ``EnlargeNet``, or another network that enlarges by an integer; None if nothing is enlarged.
        look: function that measures the damage of a photo (1, 3, H, W) in [0, 1].
        device: device of the networks.
    """

    detector: FaceDetector | None
    face_restorer: FaceRestorer | None
    photo_net: nn.Module
    full_size_net: FullSizeNet
    enlarge_net: nn.Module | None
    damage_net: nn.Module | None = None
    inpaint_net: nn.Module | None = None
    look: Callable[[Tensor], PhotoDamage] = look_at
    device: str | torch.device = "cpu"

    @classmethod
    def load(cls, settings: RestoreSettings | None = None, device: str | torch.device = "cpu") -> Self:
        """Loads the networks that the settings need; those that do not come with photopulse are downloaded once.

        Raises:
            PhotopulseError: if there is no such device, or weights are missing, damaged or cannot be fetched.
        """
        settings = settings or RestoreSettings()
        check_device(device)
        # Leave out the networks that the settings do not need.
        faces, repairs = settings.looks_for_faces, settings.repairs
        load_enlarger = load_realesrgan if settings.sr == "realesrgan" else load_enlarge_net
        return cls(
            detector=FaceDetector.load() if faces else None,
            face_restorer=FaceSearch.load(device) if faces else None,
            photo_net=load_photo_net(device),
            full_size_net=load_full_size_net(device),
            enlarge_net=load_enlarger(device) if settings.may_enlarge else None,
            damage_net=load_damage_mask_net(device) if repairs else None,
            inpaint_net=load_inpaint_net(device) if repairs else None,
            device=device,
        )

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Returns the first 16 hex digits of the hash of each loaded network's weights, by the network's name."""
        networks = {
            "photo": self.photo_net,
            "full_size": self.full_size_net,
            "enlarge": self.enlarge_net,
            "damage_mask": self.damage_net,
            "inpaint": self.inpaint_net,
        }
        told = {name: weights_hash(network)[:16] for name, network in networks.items() if network is not None}
        return told if self.face_restorer is None else {"face": self.face_restorer.fingerprint[:16]} | told
