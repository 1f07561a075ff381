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
from photopulse.restoration.face_search import FaceRestorer, FaceSearch
from photopulse.restoration.look import PhotoDamage, look_at
from photopulse.restoration.settings import RestoreSettings


@dataclass(frozen=True, kw_only=True, eq=False)
class RestoreKit:
    """What restores photos: a face detector and trained networks, in eval mode, without gradients, on one device.

    Attributes:
        detector: finds faces, on the CPU; None where none are restored.
        face_restorer: draws faces anew; None where none are restored.
        photo_net: ``PhotoNet``, which also cleans faces before they are restored.
        full_size_net: ``FullSizeNet``.
        damage_net: ``DamageMaskNet``; None where nothing is repaired.
        inpaint_net: ``InpaintNet``; None likewise.
        enlarge_net: ``EnlargeNet``, or another that enlarges by an integer; None where nothing is to grow.
        look: measures how damaged a photo (1, 3, H, W) in [0, 1] is.
        device: of the networks.
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
        """Loads what the settings need: the networks that come with photopulse, and what is fetched once.

        Raises:
            PhotopulseError: if there is no such device, or weights are missing, damaged or cannot be fetched.
        """
        settings = settings or RestoreSettings()
        check_device(device)
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
        """The first 16 hex digits of the hash of each network's weights, by the network's name."""
        networks = {
            "photo": self.photo_net,
            "full_size": self.full_size_net,
            "enlarge": self.enlarge_net,
            "damage_mask": self.damage_net,
            "inpaint": self.inpaint_net,
        }
        told = {name: weights_hash(network)[:16] for name, network in networks.items() if network is not None}
        return told if self.face_restorer is None else {"face": self.face_restorer.fingerprint[:16]} | told
