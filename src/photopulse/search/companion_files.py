"""Reads and writes networks that are fitted to a generator: weights in half precision, facts about the fit as JSON.

Fitted files are in the cache; photopulse ships some for its default generator. A file's name contains a fingerprint of
the generator's weights, so that two generators of the same name do not share files.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, cast

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from photopulse.errors import PhotopulseError
from photopulse.generators.protocol import Generator
from photopulse.search.cache_names import cache_stem
from photopulse.torch_file import read_safetensors, read_safetensors_metadata, write_safetensors
from photopulse.weights import cache_dir

Source = Literal["fitted", "shipped"]

_SHIPPED: Final = Path(__file__).parent / "weights"
_KEY: Final = "photopulse.twin"
_NUMBERS_EACH: Final = 16


def fitted_path(generator: Generator, part: str) -> Path:
    """Returns the path of a fitted part, e.g. ``"encoder"``, in the cache."""
    return cache_dir() / "twins" / _file_name(generator, part)


def shipped_path(generator: Generator, part: str) -> Path:
    """Returns the path of a part that photopulse ships for exactly this generator; the file may not exist."""
    return _SHIPPED / _file_name(generator, part)


def load_best(module: nn.Module, generator: Generator, part: str) -> Source | None:
    """Loads the fitted weights, else the shipped ones, into ``module``, and returns which; None if there are neither.

    Missing and damaged files are skipped.
    """
    places: tuple[tuple[Path, Source], ...] = (
        (fitted_path(generator, part), "fitted"),
        (shipped_path(generator, part), "shipped"),
    )
    for path, source in places:
        with suppress(PhotopulseError):
            load_fit(module, path)
            return source
    return None


def save_fit(module: nn.Module, path: Path, *, told: Mapping[str, object]) -> None:
    """Writes weights in half precision and ``told`` as metadata, atomically; parent folders are created."""
    weights = {name: _halved(values) for name, values in module.state_dict().items()}
    write_safetensors(path, weights, {_KEY: json.dumps(told)})


def load_fit(module: nn.Module, path: Path) -> dict[str, object]:
    """Loads weights that ``save_fit`` wrote into ``module``, and returns their metadata.

    Raises:
        PhotopulseError: if the file is missing, damaged or of another network; the module then stays unchanged.
    """
    try:
        told = json.loads(read_safetensors_metadata(path)[_KEY])
        weights = {name: values.float() for name, values in read_safetensors(path).items()}
        _check_fit(weights, module.state_dict())
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise PhotopulseError(
            f"cannot read {path}", why=str(error), fix="fit it anew with `photopulse models fit`"
        ) from error
    module.load_state_dict(weights)
    return cast(dict[str, object], told)


def _file_name(generator: Generator, part: str) -> str:
    # The fingerprint is of the weights, not of the generator's output, which differs between devices.
    weights = cast(nn.Module, generator).parameters()
    some = torch.cat([_some_numbers(values.detach()) for values in weights]).cpu()
    # Bits of bfloat16: a conversion may differ between two machines in the last digits.
    return f"{cache_stem(generator, some.bfloat16().view(torch.int16))}-{part}.safetensors"


def _some_numbers(values: Tensor) -> Tensor:
    flat = values.flatten()
    return flat[:: -(-len(flat) // _NUMBERS_EACH)].float() if len(flat) else flat.float()


def _halved(values: Tensor) -> Tensor:
    half = values.detach().half()
    # The largest number of half precision is 65504; tensors with larger values keep their type.
    return (half if half.isfinite().all() else values.detach()).cpu().contiguous()


def _check_fit(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    if weights.keys() != wanted.keys():
        raise ValueError(f"its weights are called otherwise: {sorted(weights.keys() ^ wanted.keys())[:4]}")
    for name, values in weights.items():
        if values.shape != wanted[name].shape:
            raise ValueError(f"{name} is {tuple(values.shape)}, not {tuple(wanted[name].shape)}")
        if not values.isfinite().all():
            raise ValueError(f"{name} holds values that are not numbers")
