"""Files of FSRNet's weights: safetensors in half precision, whose metadata has the sizes of the network."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, cast

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open

from photopulse.devices import using
from photopulse.errors import PhotopulseError
from photopulse.files import atomic_path
from photopulse.restore.fsrnet import FSRNet, FSRNetSettings

FSRNetName = Literal["fsrnet", "fsrgan"]
_SHIPPED = Path(__file__).parent / "weights"
_KEY = "photopulse.fsrnet"


def load_fsrnet(name: FSRNetName, device: str | torch.device = "cpu") -> FSRNet:
    """Makes a network from the weights that come with photopulse; docs/fsrnet-card.md says how they were made."""
    return read_fsrnet(_SHIPPED / f"{name}.safetensors", device)


def read_fsrnet(path: Path, device: str | torch.device = "cpu") -> FSRNet:
    """Makes a network from a file that ``write_fsrnet`` wrote, in eval mode, without gradients.

    Raises:
        PhotopulseError: if the file is missing, damaged or of another network, or there is no such device.
    """
    try:
        # The stubs of safetensors leave out that this is a context manager over tensors.
        with cast(Any, safe_open)(path, framework="pt") as file:
            metadata = cast(dict[str, str], file.metadata() or {})
            if _KEY not in metadata:
                raise ValueError("it does not say the sizes of an FSRNet")
            weights = {name: file.get_tensor(name).float() for name in cast(list[str], file.keys())}
        network = FSRNet(FSRNetSettings(**json.loads(metadata[_KEY])))
        network.load_state_dict(weights)
    except (OSError, SafetensorError, RuntimeError, TypeError, ValueError, ArithmeticError) as error:
        raise PhotopulseError(
            f"cannot read the network {path}",
            why=str(error).partition("\n")[0],
            fix="give a file that `photopulse train` wrote; install photopulse anew if the file came with it",
        ) from error
    with using(device):
        return network.eval().requires_grad_(False).to(device)


def write_fsrnet(network: FSRNet, path: Path) -> None:
    """Writes the weights in half precision with the network's sizes; atomic, parent folders are made."""
    weights = {name: values.half().cpu().contiguous() for name, values in network.state_dict().items()}
    with atomic_path(path) as temporary:
        # Its stub does not say of what the path-like argument is.
        cast(Any, safetensors.torch).save_file(
            weights, temporary, metadata={_KEY: json.dumps(asdict(network.settings))}
        )
