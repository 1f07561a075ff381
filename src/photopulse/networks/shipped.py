"""The networks of `photopulse restore` whose weights come with the package."""

from pathlib import Path
from typing import Final

import torch

from photopulse.networks.damage_mask import DamageMaskNet, DamageMaskSettings
from photopulse.networks.enlarge import EnlargeNet, EnlargeNetSettings
from photopulse.networks.face_features import FaceFeatureNet, FaceFeatureSettings
from photopulse.networks.files import read_network
from photopulse.networks.full_size import FullSizeNet, FullSizeSettings
from photopulse.networks.inpaint import InpaintNet, InpaintSettings
from photopulse.networks.photo import PhotoNet, PhotoNetSettings

# The names of the networks in the files, which are also the files' stems.
PHOTO, FULL_SIZE, ENLARGE = "photo", "full-size", "enlarge"
DAMAGE_MASK, INPAINT = "damage-mask", "inpaint"

FACE_SIZES: Final = (64,)
"""Sizes in px of the generator's features for which there is a face network; others are optimised."""

_FOLDER = Path(__file__).parent / "weights"


def load_photo_net(device: str | torch.device = "cpu") -> PhotoNet:
    """Loads the photo network, in eval mode.

    Raises:
        PhotopulseError: if its file is missing or damaged, or the device cannot be used.
    """
    return read_network(_file(PHOTO), PHOTO, lambda sizes: PhotoNet(PhotoNetSettings(**sizes)), device)


def load_full_size_net(device: str | torch.device = "cpu") -> FullSizeNet:
    """Loads the full-size network, in eval mode; PhotopulseError as for ``load_photo_net``."""
    return read_network(_file(FULL_SIZE), FULL_SIZE, lambda sizes: FullSizeNet(FullSizeSettings(**sizes)), device)


def load_enlarge_net(device: str | torch.device = "cpu") -> EnlargeNet:
    """Loads the enlarging network, in eval mode; PhotopulseError as for ``load_photo_net``."""
    return read_network(_file(ENLARGE), ENLARGE, lambda sizes: EnlargeNet(EnlargeNetSettings(**sizes)), device)


def load_damage_mask_net(device: str | torch.device = "cpu") -> DamageMaskNet:
    """Loads the network that finds scratches, creases, dust, spots and tears."""
    path = _file(DAMAGE_MASK)
    return read_network(path, DAMAGE_MASK, lambda sizes: DamageMaskNet(DamageMaskSettings(**sizes)), device)


def load_inpaint_net(device: str | torch.device = "cpu") -> InpaintNet:
    """Loads the network that fills damage from its surroundings."""
    return read_network(_file(INPAINT), INPAINT, lambda sizes: InpaintNet(InpaintSettings(**sizes)), device)


def load_face_net(size: int, device: str | torch.device = "cpu") -> FaceFeatureNet:
    """Loads the network that changes the default generator's features of ``size`` px, one of ``FACE_SIZES``."""
    kind = face_kind(size)
    return read_network(_file(kind), kind, lambda sizes: FaceFeatureNet(FaceFeatureSettings(**sizes)), device)


def face_kind(size: int) -> str:
    """Returns the name, in its file, of the face network for features of ``size`` px."""
    return f"face-{size}"


def _file(kind: str) -> Path:
    return _FOLDER / f"{kind}.safetensors"
