"""Files of trained networks: safetensors in half precision, with the network's settings in the metadata."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from safetensors import SafetensorError
from torch import nn

from photopulse.devices import using
from photopulse.errors import PhotopulseError
from photopulse.torch_file import read_safetensors, read_safetensors_metadata, write_safetensors

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NetworkT = TypeVar("NetworkT", bound=nn.Module)


def write_network(network: nn.Module, settings: "DataclassInstance", kind: str, path: Path) -> None:
    """Writes a network's weights, in half precision, and its settings to a file, atomically.

    Buffers keep their precision, because running variances can be smaller than any number of half precision. Missing
    parent folders are created.

    Args:
        network: on any device, in any memory format.
        settings: a frozen dataclass of numbers, texts, None and tuples of these.
        kind: name of the network, e.g. ``"FSRNet"``; the file has it in lower case.
        path: path of the file, which ends with ``.safetensors``.
    """
    halved = {name for name, _ in network.named_parameters()}
    weights = {
        name: (values.half() if name in halved else values).cpu().contiguous()
        for name, values in network.state_dict().items()
    }
    write_safetensors(path, weights, {_key(kind): json.dumps(asdict(settings))})


def read_network(
    path: Path, kind: str, make: Callable[[dict[str, Any]], NetworkT], device: str | torch.device = "cpu"
) -> NetworkT:
    """Loads a network from a file of ``write_network``: float32, in eval mode, without gradients.

    Args:
        path: path of the file.
        kind: name of the network.
        make: creates the network from a dict of its settings, e.g.
            ``lambda sizes: FSRNet(FSRNetSettings(**sizes))``; tuples are tuples again.
        device: where the network is put.

    Raises:
        PhotopulseError: if the file is missing, damaged or of another network, or the device cannot be used.
    """
    # Read the settings and the weights, and create the network from them.
    try:
        metadata = read_safetensors_metadata(path)
        if _key(kind) not in metadata:
            raise ValueError(f"it does not say the sizes of {_with_article(kind)}")
        network = make(_settings(metadata[_key(kind)]))
        network.load_state_dict(read_safetensors(path))
    except (OSError, SafetensorError, RuntimeError, TypeError, ValueError, ArithmeticError) as error:
        raise PhotopulseError(
            f"cannot read the network {path}",
            why=str(error).partition("\n")[0],
            fix="give a file that `photopulse train` wrote; reinstall photopulse if the file came with it",
        ) from error
    # Move it to the device.
    with using(device):
        return network.eval().requires_grad_(False).to(device)


def _key(kind: str) -> str:
    return f"photopulse.{kind.lower()}"


def _with_article(kind: str) -> str:
    """Puts the article before a name: an EnlargeNet, a PhotoNet, but an FSRNet, whose letters are spelled out."""
    return f"{'an' if re.match('[AEIOaeio]|[FHLMNRSX][A-Z]', kind) else 'a'} {kind}"


def _settings(text: str) -> dict[str, Any]:
    settings = _with_tuples(json.loads(text))
    if not isinstance(settings, dict):
        raise ValueError("its settings have no names")
    return cast(dict[str, Any], settings)


def _with_tuples(value: object) -> object:
    """Turns lists back to tuples, which JSON cannot hold; frozen settings contain no lists."""
    if isinstance(value, list):
        return tuple(_with_tuples(item) for item in cast(list[object], value))
    if isinstance(value, dict):
        return {name: _with_tuples(item) for name, item in cast(dict[str, object], value).items()}
    return value
