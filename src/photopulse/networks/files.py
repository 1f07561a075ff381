"""Files of trained networks: safetensors in half precision, whose metadata has the sizes of the network."""

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
    """Writes the weights in half precision with the network's settings; atomic, parent folders are made.

    Buffers stay in their own precision: running variances lie far below what half precision holds.

    Args:
        network: on any device, in any memory layout.
        settings: a frozen dataclass of numbers, words, None and tuples of these.
        kind: the network's name, e.g. ``"FSRNet"``; the file has it in small letters.
        path: ends with ``.safetensors``.
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
    """Makes a network from a file that ``write_network`` wrote: float32, in eval mode, without gradients.

    Args:
        path: the file.
        kind: of the network.
        make: builds the network from the settings by their names, e.g.
            ``lambda sizes: FSRNet(FSRNetSettings(**sizes))``; what were tuples are tuples again.
        device: where the network is to be.

    Raises:
        PhotopulseError: if the file is missing, damaged or of another network, or there is no such device.
    """
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
            fix="give a file that `photopulse train` wrote; install photopulse anew if the file came with it",
        ) from error
    with using(device):
        return network.eval().requires_grad_(False).to(device)


def _key(kind: str) -> str:
    return f"photopulse.{kind.lower()}"


def _with_article(kind: str) -> str:
    """An EnlargeNet, a FaceNet, but an FSRNet, whose letters are spelled out."""
    return f"{'an' if re.match('[AEIOaeio]|[FHLMNRSX][A-Z]', kind) else 'a'} {kind}"


def _settings(text: str) -> dict[str, Any]:
    settings = _with_tuples(json.loads(text))
    if not isinstance(settings, dict):
        raise ValueError("its settings have no names")
    return cast(dict[str, Any], settings)


def _with_tuples(value: object) -> object:
    """Gives back the tuples that JSON turned into lists; frozen settings hold no lists."""
    if isinstance(value, list):
        return tuple(_with_tuples(item) for item in cast(list[object], value))
    if isinstance(value, dict):
        return {name: _with_tuples(item) for name, item in cast(dict[str, object], value).items()}
    return value
