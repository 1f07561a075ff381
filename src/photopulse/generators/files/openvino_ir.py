"""Reads the published MobileStyleGAN, an OpenVINO IR (graph in XML, constants in a .bin), without OpenVINO.

The graph is not run: its constants are renamed to the parameters of ``MobileStyleGAN``.
"""

import copy
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

import numpy as np
import torch
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.files import read_regular
from photopulse.generators.mobilestylegan import MobileStyleGAN, MobileStyleGANSettings

_AVERAGE_SAMPLES = 65_536
_MOST_GRAPH = 16 * 2**20  # Bytes.
_MOST_CONSTANTS = 2**30


@dataclass(frozen=True, kw_only=True)
class Constant:
    """A float32 constant of an IR."""

    name: str
    values: Tensor


def load_mobilestylegan_ir(folder: Path, *, name: str) -> MobileStyleGAN:
    """Builds a MobileStyleGAN from the IR files ``MappingNetwork`` and ``SynthesisNetwork`` (.xml, .bin).

    The mean style, which the IR does not contain, is computed from 65,536 samples with seed 0.

    Raises:
        PhotopulseError: if a file is missing or is not the network that was published.
    """
    # Weights.
    mapping = read_constants(folder / "MappingNetwork.xml")
    synthesis = read_constants(folder / "SynthesisNetwork.xml")
    try:
        generator = MobileStyleGAN(MobileStyleGANSettings(), name=name)
        state = mapping_state(mapping) | synthesis_state(synthesis)
        generator.load_state_dict(state | {"w_avg": torch.zeros(generator.w_dim)}, strict=True)
    except (IndexError, KeyError, ValueError, RuntimeError) as error:
        raise PhotopulseError(
            f"cannot convert {folder}", why=f"it is not the published network ({error})", fix="fetch it again"
        ) from error

    # Mean style; in double precision, so that it is the same on any number of threads.
    with torch.no_grad():
        z = torch.randn(_AVERAGE_SAMPLES, generator.z_dim, generator=torch.Generator().manual_seed(0)).double()
        precise = copy.deepcopy(generator).double()
        parts = cast(tuple[Tensor, ...], z.split(4096))
        generator.w_avg.copy_(torch.stack([precise.map(part)[:, 0].mean(0) for part in parts]).mean(0))
    return generator


def read_constants(xml_path: Path) -> list[Constant]:
    """Reads all float32 constants of an IR in the order of its graph.

    Raises:
        PhotopulseError: if a file is missing or damaged, or a constant lies outside the .bin file.
    """
    try:
        graph = read_regular(xml_path, most=_MOST_GRAPH)
        layers = ElementTree.fromstring(graph).iterfind("layers/layer")
        raw = read_regular(xml_path.with_suffix(".bin"), most=_MOST_CONSTANTS)
        return list(_constants(layers, raw))
    except (OSError, ElementTree.ParseError, ValueError, LookupError, OverflowError) as error:
        raise PhotopulseError(
            f"cannot read {xml_path}", why=f"it is not a complete OpenVINO IR ({error})", fix="fetch it again"
        ) from error


def _constants(layers: Iterator[ElementTree.Element], raw: bytes) -> Iterator[Constant]:
    left = 2 * len(raw)  # Few constants share their bytes; if all did, a small file could fill the memory.
    for layer in layers:
        data = layer.find("data")
        if layer.get("type") != "Const" or data is None or data.get("element_type") != "f32":
            continue
        shape = [int(size) for size in data.get("shape", "").split(",") if size.strip()]
        if any(size < 0 for size in shape):
            raise ValueError(f"a constant has the shape {shape}")
        count, offset = math.prod(shape), int(data.get("offset", "-1"))
        left -= 4 * count
        if left < 0:
            raise ValueError("its constants have far more numbers than the .bin file")
        values = np.frombuffer(raw, dtype="<f4", count=count, offset=offset).reshape(shape)
        yield Constant(name=layer.get("name", ""), values=torch.from_numpy(values.copy()))


def mapping_state(constants: list[Constant]) -> dict[str, Tensor]:
    """Names the mapping network's constants: its matrices, each followed by its bias."""
    weights = [c.values for c in constants if c.values.ndim == 2 and c.values.numel() > 1]
    biases = [c.values for c in constants if c.values.ndim == 1 and c.values.numel() > 1]
    state: dict[str, Tensor] = {}
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        state |= {f"mapping.{i}.weight": weight, f"mapping.{i}.bias": bias}
    return state


def synthesis_state(constants: list[Constant]) -> dict[str, Tensor]:
    """Names the synthesis network's constants as ``MobileStyleGAN`` does."""
    return _affine_state(constants) | _trunk_state(constants)


def _our_name(ir_name: str) -> str:
    """Turns e.g. ``m.layers.3.conv1.conv.`` into ``blocks.3.conv1.``"""
    name = re.sub(r"^m\.layers\.\d+\.to_img\.(conv\.)?", "image.", ir_name)
    name = re.sub(r"^m\.layers\.(\d+)\.(up|conv\d)\.(conv\.)?", r"blocks.\1.\2.", name)
    return re.sub(r"^m\.(conv1|input)\.(conv\.)?", "input.", name)


def _affine_state(constants: list[Constant]) -> dict[str, Tensor]:
    """Collects the style layers; a constant that scales a style afterwards is folded into its layer."""
    state: dict[str, Tensor] = {}
    latest: str | None = None
    for constant in constants:
        if "modulation" in constant.name:
            layer, kind = _our_name(constant.name).rsplit("modulation.", 1)
            latest = layer + ("" if layer.endswith("up.") else "affine.")
            state[latest + kind] = constant.values.reshape(-1) if kind == "bias" else constant.values
        elif latest and constant.values.shape == (1, 1, 1, 1):
            scale = constant.values.reshape(())
            state |= {latest + kind: state[latest + kind] * scale for kind in ("weight", "bias")}
            latest = None
    return state


def _trunk_state(constants: list[Constant]) -> dict[str, Tensor]:
    """Collects the convolutions: the unnamed pointwise weight and noise map precede their layer's bias."""
    state: dict[str, Tensor] = {}
    unnamed: list[Tensor] = []
    for constant in constants:
        values, name = constant.values, _our_name(constant.name)
        if "modulation" in name or values.numel() == 1:
            continue
        # Constants with a name of their own.
        if name.endswith("weight_dw"):
            state[name.removesuffix("weight_dw") + "depthwise"] = values.flatten(1, 2)
        elif name == "input.input":
            state["input.const"] = values
        elif name.startswith("image."):
            state[name] = values.reshape(-1) if name.endswith("bias") else values
        # A bias ends its layer.
        elif name.endswith(".bias"):
            layer = name.removesuffix("bias")
            weight, noise = unnamed
            state[layer + ("weight" if layer == "input." else "pointwise")] = weight
            state |= {layer + "bias": values.reshape(-1)} | _noise_state(layer, noise)
            unnamed = []
        elif values.ndim == 4:
            unnamed.append(values)
    return state


def _noise_state(layer: str, noise: Tensor) -> dict[str, Tensor]:
    """Splits a baked noise map into a map of unit variance and its strength, so that it can be replaced."""
    strength = noise.double().square().mean().sqrt().float()
    if strength == 0:
        return {layer + "noise_const": noise, layer + "noise_strength": strength}
    return {layer + "noise_const": noise / strength, layer + "noise_strength": strength}
