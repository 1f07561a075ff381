"""The table of generator architectures, and how settings and tensors become a generator."""

import reprlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, cast

import torch
from torch import Tensor, nn

from photopulse.devices import using
from photopulse.generators.mobilestylegan import MobileStyleGAN, MobileStyleGANSettings
from photopulse.generators.protocol import Generator
from photopulse.generators.stylegan1 import StyleGAN1, StyleGAN1Settings
from photopulse.generators.stylegan2 import StyleGAN2, StyleGAN2Settings
from photopulse.generators.stylegan3 import StyleGAN3, StyleGAN3Settings
from photopulse.runs.fields import from_fields


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """An architecture: its settings, a frozen dataclass, and its network, made by ``network(settings, name=...)``."""

    settings: type[Any]
    network: type[nn.Module]


ARCHITECTURES: Mapping[str, Architecture] = {
    "mobilestylegan": Architecture(settings=MobileStyleGANSettings, network=MobileStyleGAN),
    "stylegan1": Architecture(settings=StyleGAN1Settings, network=StyleGAN1),
    "stylegan2": Architecture(settings=StyleGAN2Settings, network=StyleGAN2),
    "stylegan3": Architecture(settings=StyleGAN3Settings, network=StyleGAN3),
}

# What a setting may be at most, so that no hostile file makes us plan a giant before we see its tensors.
_LARGEST_COUNT = 64  # of layers, and of the items of a list
_LARGEST = {
    "channel_base": 2**20,
    "mapping_layers": _LARGEST_COUNT,
    "num_mapping_layers": _LARGEST_COUNT,
    "num_layers": _LARGEST_COUNT,
    "filter_size": 64,
    "conv_kernel": 7,
    "lrelu_upsampling": 8,
}
_LARGEST_NUMBER = 4096  # everything else: pixels, channels, lengths of latents


def settings_from_values(architecture: str, values: Any) -> Any:
    """Builds the settings of an architecture from parsed JSON and checks names and types.

    Raises:
        ValueError: the architecture is unknown, or a value is missing, unknown or of a wrong type.
    """
    # Names.
    entry = ARCHITECTURES.get(architecture)
    if entry is None:
        raise ValueError(f"architecture {architecture!r} is none of {', '.join(ARCHITECTURES)}")
    if not isinstance(values, dict):
        raise ValueError("the settings are not a JSON object")
    known = {field.name: field for field in fields(entry.settings)}
    given = cast(dict[str, Any], values)
    if unknown := given.keys() - known.keys():
        raise ValueError(f"unknown settings {', '.join(sorted(unknown))}")
    missing = [
        name
        for name, field in known.items()
        if name not in given and field.default is MISSING and field.default_factory is MISSING
    ]
    if missing:
        raise ValueError(f"the settings {', '.join(missing)} are missing")

    # Types.
    try:
        return from_fields(entry.settings, given)
    except TypeError as problem:
        raise ValueError(str(problem)) from problem


def assemble(architecture: str, settings: Any, state: Mapping[str, Tensor], *, name: str) -> Generator:
    """Builds a generator from its settings and tensors: on the CPU, in eval mode, without gradients.

    The network is built on the meta device, without memory, and takes over the tensors once names and shapes agree:
    memory stays in proportion to ``state``, whatever the settings claim. Half-precision tensors are converted to the
    network's dtype.

    Raises:
        ValueError: settings and tensors do not fit; names the first tensor that does not.
    """
    _check_bounds(settings)
    module = _planned(architecture, settings, name)
    plan = module.state_dict()
    _compare(plan, state)
    tensors = {key: value.to(plan[key].dtype).contiguous() for key, value in state.items()}
    module.load_state_dict(tensors, assign=True)
    return cast(Generator, module.eval().requires_grad_(False))


def moved(generator: Generator, device: str | torch.device) -> Generator:
    """Moves a generator to a device and returns it.

    Raises:
        PhotopulseError: there is no such device here.
    """
    with using(device):
        cast(nn.Module, generator).to(device)
    return generator


def _planned(architecture: str, settings: Any, name: str) -> nn.Module:
    try:
        with torch.device("meta"):
            return ARCHITECTURES[architecture].network(settings, name=name)
    except (RuntimeError, ArithmeticError, LookupError, TypeError) as problem:
        raise ValueError(f"the settings {reprlib.repr(settings)} make no network") from problem


def _check_bounds(settings: Any) -> None:
    for field in fields(settings):
        value = getattr(settings, field.name)
        items = cast(tuple[Any, ...], value) if isinstance(value, tuple) else (value,)
        largest = _LARGEST.get(field.name, _LARGEST_NUMBER)
        # Written so that NaN fails too.
        if len(items) > _LARGEST_COUNT or not all(
            0 <= item <= largest for item in items if isinstance(item, int | float)
        ):
            raise ValueError(f"{field.name} must be between 0 and {largest}, not {reprlib.repr(cast(object, value))}")


def _compare(plan: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    # Names.
    for what, keys in (
        ("is missing", plan.keys() - state.keys()),
        ("is unknown", state.keys() - plan.keys()),
    ):
        if keys:
            others = f" (and {len(keys) - 1} others)" if len(keys) > 1 else ""
            raise ValueError(f"the tensor {min(keys)} {what}{others}")

    # Shapes, dtypes and values.
    for key, wanted in plan.items():
        given = state[key]
        if given.shape != wanted.shape:
            raise ValueError(f"the tensor {key} must be {tuple(wanted.shape)}, but is {tuple(given.shape)}")
        if given.is_floating_point() != wanted.is_floating_point() or given.is_complex():
            raise ValueError(f"the tensor {key} must be {wanted.dtype}, but is {given.dtype}")
        if not torch.isfinite(given).all():
            raise ValueError(f"the tensor {key} holds values that are not numbers")
