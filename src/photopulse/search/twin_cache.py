"""Loads the twins of a generator: fitted ones from the cache, else those that come with photopulse, else untrained."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from photopulse.errors import PhotopulseError
from photopulse.files import atomic_path
from photopulse.generators.protocol import Generator
from photopulse.generators.twin import Twin
from photopulse.search.cache_names import cache_stem
from photopulse.weights import cache_dir

TwinSource = Literal["fitted", "shipped", "untrained"]

_SHIPPED = Path(__file__).parent / "weights"
_KEY = "photopulse.twin"
_NUMBERS_EACH = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundTwin:
    """A frozen twin on the generator's device, and the source of its weights."""

    twin: Twin
    source: TwinSource


def twin_path(generator: Generator, size: int) -> Path:
    """Returns the file in the cache with the fitted twin of this generator.

    Its name contains a fingerprint of the generator's weights, which tells generators of the same name apart.
    """
    return cache_dir() / "twins" / _file_name(generator, size)


def shipped_twin_path(generator: Generator, size: int) -> Path:
    """Returns the path at which photopulse ships the twin of exactly this generator, if it does."""
    return _SHIPPED / _file_name(generator, size)


def find_twin(generator: Generator, size: int) -> FoundTwin | None:
    """Makes the best available twin of ``size`` px; None if the generator has none of that size.

    Missing and damaged files are passed over.
    """
    twin = generator.make_twin(size)
    if twin is None:
        return None
    twin.tail.requires_grad_(False).eval()
    places: tuple[tuple[Path, TwinSource], ...] = (
        (twin_path(generator, size), "fitted"),
        (shipped_twin_path(generator, size), "shipped"),
    )
    for path, source in places:
        with suppress(PhotopulseError):
            load_twin(twin, path)
            return FoundTwin(twin=twin, source=source)
    return FoundTwin(twin=twin, source="untrained")


def save_twin(twin: Twin, path: Path, *, told: Mapping[str, object]) -> None:
    """Writes the weights of the twin's tail in half precision, with ``told`` as metadata in JSON; atomic."""
    weights = {name: _halved(values) for name, values in twin.tail.state_dict().items()}
    with atomic_path(path) as temporary:
        # Its stub does not say of what the path-like argument is.
        cast(Any, safetensors.torch).save_file(weights, temporary, metadata={_KEY: json.dumps(told)})


def load_twin(twin: Twin, path: Path) -> dict[str, object]:
    """Loads the weights that ``save_twin`` wrote into a twin, and returns the metadata.

    Raises:
        PhotopulseError: if the file is missing, damaged or of another network; the twin is then unchanged.
    """
    try:
        # The stubs of safetensors leave out that this is a context manager over tensors.
        with cast(Any, safe_open)(path, framework="pt") as file:
            metadata = cast(dict[str, str], file.metadata() or {})
            weights = {name: file.get_tensor(name).float() for name in cast(list[str], file.keys())}
        told = json.loads(metadata[_KEY])
        _check_fit(weights, twin.tail.state_dict())
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise PhotopulseError(
            f"cannot read the twin {path}", why=str(error), fix="fit it anew with `photopulse models fit`"
        ) from error
    twin.tail.load_state_dict(weights)
    return cast(dict[str, object], told)


def _file_name(generator: Generator, size: int) -> str:
    # The stored weights themselves, not what they compute: those are the same on every device.
    weights = cast(nn.Module, generator).parameters()
    some = torch.cat([_some_numbers(values.detach()) for values in weights]).cpu()
    # Bits of bfloat16: a conversion may differ between two machines in the last digits.
    return f"{cache_stem(generator, some.bfloat16().view(torch.int16))}-{size}.safetensors"


def _some_numbers(values: Tensor) -> Tensor:
    flat = values.flatten()
    return flat[:: -(-len(flat) // _NUMBERS_EACH)].float() if len(flat) else flat.float()


def _halved(values: Tensor) -> Tensor:
    half = values.detach().half()
    # Half precision ends at 65504; what is larger stays as it is.
    return (half if half.isfinite().all() else values.detach()).cpu().contiguous()


def _check_fit(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    if weights.keys() != wanted.keys():
        raise ValueError(f"its weights are called otherwise: {sorted(weights.keys() ^ wanted.keys())[:4]}")
    for name, values in weights.items():
        if values.shape != wanted[name].shape:
            raise ValueError(f"{name} is {tuple(values.shape)}, not {tuple(wanted[name].shape)}")
        if not values.isfinite().all():
            raise ValueError(f"{name} holds values that are not numbers")
