"""Loads FSRNet from the weights that come with photopulse, or from a file of a training."""

from pathlib import Path
from typing import Literal

import torch

from photopulse.networks.files import read_network
from photopulse.networks.fsrnet import FSRNet, FSRNetSettings

FSRNetName = Literal["fsrnet", "fsrgan"]
_SHIPPED = Path(__file__).parent / "weights"
KIND = "FSRNet"


def load_fsrnet(name: FSRNetName, device: str | torch.device = "cpu") -> FSRNet:
    """Loads a network with the weights that come with photopulse; docs/fsrnet-card.md tells how they were trained.

    It is in eval mode, without gradients.
    """
    return read_fsrnet(_SHIPPED / f"{name}.safetensors", device)


def read_fsrnet(path: Path, device: str | torch.device = "cpu") -> FSRNet:
    """Loads a network from a file that `photopulse train` wrote, in eval mode, without gradients.

    Raises:
        PhotopulseError: if the file is missing, damaged or of another network, or the device cannot be used.
    """
    return read_network(path, KIND, lambda sizes: FSRNet(FSRNetSettings(**sizes)), device)
