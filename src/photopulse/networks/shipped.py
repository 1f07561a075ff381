"""The networks of `photopulse restore` whose weights come with the package."""

from pathlib import Path

import torch

from photopulse.networks.enlarge import EnlargeNet, EnlargeNetSettings
from photopulse.networks.files import read_network
from photopulse.networks.full_size import FullSizeNet, FullSizeSettings
from photopulse.networks.photo import PhotoNet, PhotoNetSettings

# The names of the networks in the files, which are also the files' stems.
PHOTO, FULL_SIZE, ENLARGE = "photo", "full-size", "enlarge"

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


def _file(kind: str) -> Path:
    return _FOLDER / f"{kind}.safetensors"
