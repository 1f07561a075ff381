"""The networks of `photopulse restore` whose weights come with the package."""

from pathlib import Path

import torch

from photopulse.networks.damage_mask import DamageMaskNet, DamageMaskSettings
from photopulse.networks.enlarge import EnlargeNet, EnlargeNetSettings
from photopulse.networks.files import read_network
from photopulse.networks.full_size import FullSizeNet, FullSizeSettings
from photopulse.networks.inpaint import InpaintNet, InpaintSettings
from photopulse.networks.photo import PhotoNet, PhotoNetSettings

# The kinds that the files name, and the files' stems.
FACE, PHOTO, FULL_SIZE, ENLARGE = "face", "photo", "full-size", "enlarge"
DAMAGE_MASK, INPAINT = "damage-mask", "inpaint"

_FOLDER = Path(__file__).parent / "weights"


def load_photo_net(device: str | torch.device = "cpu") -> PhotoNet:
    """Loads the network for whole photos. Each of these raises PhotopulseError if weights are missing or damaged."""
    return read_network(_file(PHOTO), PHOTO, lambda sizes: PhotoNet(PhotoNetSettings(**sizes)), device)


def load_full_size_net(device: str | torch.device = "cpu") -> FullSizeNet:
    """Loads the network that takes a restored small picture back to its full size."""
    return read_network(_file(FULL_SIZE), FULL_SIZE, lambda sizes: FullSizeNet(FullSizeSettings(**sizes)), device)


def load_enlarge_net(device: str | torch.device = "cpu") -> EnlargeNet:
    """Loads the network that doubles width and height."""
    return read_network(_file(ENLARGE), ENLARGE, lambda sizes: EnlargeNet(EnlargeNetSettings(**sizes)), device)


def load_damage_mask_net(device: str | torch.device = "cpu") -> DamageMaskNet:
    """Loads the network that finds scratches, creases, dust, spots and tears."""
    path = _file(DAMAGE_MASK)
    return read_network(path, DAMAGE_MASK, lambda sizes: DamageMaskNet(DamageMaskSettings(**sizes)), device)


def load_inpaint_net(device: str | torch.device = "cpu") -> InpaintNet:
    """Loads the network that fills damage from its surroundings."""
    return read_network(_file(INPAINT), INPAINT, lambda sizes: InpaintNet(InpaintSettings(**sizes)), device)


def _file(kind: str) -> Path:
    return _FOLDER / f"{kind}.safetensors"
