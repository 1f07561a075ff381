"""Converts StyleGAN2 weights of the widespread ``stylegan2-pytorch`` port by rosinality.

Such a ``.pt`` file is ``{"g_ema": state dict, "latent_avg": mean style, ...}``. Its tensors are NVIDIA's, but
for names and axes of length 1: the affine biases already contain the 1, and both networks enlarge by a
transposed convolution with the kernel as it is stored, so nothing is flipped or scaled.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from photopulse.errors import PhotopulseError
from photopulse.generators.layers import leaky_relu, pixel_norm
from photopulse.generators.stylegan2 import StyleGAN2Settings
from photopulse.generators.stylegan2_layers import resample_kernel
from photopulse.torch_file import tensors_of

_LR_MULTIPLIER = 0.01
_MEAN_STYLE_SAMPLES = 4096


@dataclass(frozen=True, kw_only=True)
class ConvertedStyleGAN2:
    """Settings of a StyleGAN2 and the state dict that fits them."""

    settings: StyleGAN2Settings
    state: Mapping[str, Tensor]


def is_rosinality(content: Any) -> bool:
    """Returns whether the content of a ``.pt`` file is a checkpoint of the port, or the state dict of its generator."""
    return "conv1.conv.modulation.weight" in (_generator_state(content) or {})


def convert_rosinality(content: Any, path: Path) -> ConvertedStyleGAN2:
    """Converts the content of a ``.pt`` file of the port; ``path`` is for messages only.

    If the file has no ``latent_avg``, the mean style is computed from 4096 latents with seed 0.

    Raises:
        PhotopulseError: a tensor is missing or has an odd shape, or channel counts are not the official ones.
    """
    source = _generator_state(content) or {}
    try:
        resolution = 4 * 2 ** _count(source, "to_rgbs.{}.bias")
        settings = _settings(source, resolution)
        state = _mapping(source, settings) | _synthesis(source, settings)
        state["mapping.w_avg"] = _mean_style(content, state, settings)
    except KeyError as missing:
        raise _unfit(path, f"the tensor {missing} is missing") from missing
    except (ValueError, IndexError, RuntimeError) as problem:
        raise _unfit(path, str(problem)) from problem
    return ConvertedStyleGAN2(settings=settings, state=state)


def _generator_state(content: Any) -> dict[str, Tensor] | None:
    if isinstance(content, Mapping) and "g_ema" in content:
        return tensors_of(cast(Mapping[str, Any], content)["g_ema"])
    return tensors_of(content)


def _count(source: Mapping[str, Tensor], pattern: str, start: int = 0) -> int:
    end = start
    while pattern.format(end) in source:
        end += 1
    return end - start


def _settings(source: Mapping[str, Tensor], resolution: int) -> StyleGAN2Settings:
    # The last convolution of each block tells the block's channels.
    names = ["conv1", *(f"convs.{i}" for i in range(1, _count(source, "convs.{}.conv.weight"), 2))]
    channels = [source[f"{name}.conv.weight"].shape[1] for name in names]
    w_dim = source["conv1.conv.modulation.weight"].shape[1]

    # Channels follow from those of the first and the last block.
    settings = StyleGAN2Settings(
        resolution=resolution,
        z_dim=w_dim,
        w_dim=w_dim,
        mapping_layers=_count(source, "style.{}.weight", start=1),
        lr_multiplier=_LR_MULTIPLIER,
        channel_base=channels[-1] * resolution,
        channel_max=channels[0],
        resample_filter=_taps(source["convs.0.conv.blur.kernel"]),
    )
    official = [settings.channels(size) for size in settings.block_resolutions]
    if channels != official:
        raise ValueError(f"its channel counts are {channels}, where the official network has {official}")
    return settings


def _taps(kernel: Tensor) -> tuple[float, ...]:
    """The taps of a separable blur kernel (K, K), the smallest being 1."""
    line = kernel.sum(dim=0)
    if not torch.allclose(torch.outer(line, line) / line.sum(), kernel) or line.min() <= 0:
        raise ValueError("its blur kernel is not separable")
    return tuple(round(float(tap), 4) for tap in line / line.min())


def _mapping(source: Mapping[str, Tensor], settings: StyleGAN2Settings) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for i in range(settings.mapping_layers):
        weight = source[f"style.{i + 1}.weight"]
        if weight.shape != (settings.w_dim, settings.w_dim):
            raise ValueError(f"the tensor style.{i + 1}.weight has the shape {tuple(weight.shape)}")
        state[f"mapping.fc{i}.weight"] = weight
        state[f"mapping.fc{i}.bias"] = source[f"style.{i + 1}.bias"]
    return state


def _synthesis(source: Mapping[str, Tensor], settings: StyleGAN2Settings) -> dict[str, Tensor]:
    filters = resample_kernel(settings.resample_filter)
    state = {"synthesis.b4.const": source["input.input"][0]}
    for block, resolution in enumerate(settings.block_resolutions):
        to = f"synthesis.b{resolution}"
        # Block k above the first has the convolutions 2k-2 and 2k-1 of the list, and the noises 2k-1 and 2k.
        if block == 0:
            state |= _conv(source, "conv1", 0, f"{to}.conv1")
            state |= _to_rgb(source, "to_rgb1", f"{to}.torgb")
        else:
            state |= _conv(source, f"convs.{2 * block - 2}", 2 * block - 1, f"{to}.conv0")
            state |= _conv(source, f"convs.{2 * block - 1}", 2 * block, f"{to}.conv1")
            state |= _to_rgb(source, f"to_rgbs.{block - 1}", f"{to}.torgb")
            state[f"{to}.conv0.resample_filter"] = filters
        state[f"{to}.conv1.resample_filter"] = filters
        state[f"{to}.resample_filter"] = filters
    return state


def _conv(source: Mapping[str, Tensor], name: str, noise: int, to: str) -> dict[str, Tensor]:
    return {
        f"{to}.weight": source[f"{name}.conv.weight"][0],
        f"{to}.affine.weight": source[f"{name}.conv.modulation.weight"],
        f"{to}.affine.bias": source[f"{name}.conv.modulation.bias"],
        f"{to}.noise_strength": source[f"{name}.noise.weight"].reshape(()),
        f"{to}.noise_const": source[f"noises.noise_{noise}"][0, 0],
        f"{to}.bias": source[f"{name}.activate.bias"],
    }


def _to_rgb(source: Mapping[str, Tensor], name: str, to: str) -> dict[str, Tensor]:
    return {
        f"{to}.weight": source[f"{name}.conv.weight"][0],
        f"{to}.affine.weight": source[f"{name}.conv.modulation.weight"],
        f"{to}.affine.bias": source[f"{name}.conv.modulation.bias"],
        f"{to}.bias": source[f"{name}.bias"].flatten(),
    }


def _mean_style(content: Any, state: Mapping[str, Tensor], settings: StyleGAN2Settings) -> Tensor:
    """Returns ``latent_avg`` (w_dim,) of the file, or computes it with the mapping network."""
    stored = cast(Mapping[str, Any], content).get("latent_avg")
    if stored is not None:
        if not isinstance(stored, Tensor) or stored.numel() != settings.w_dim:
            raise ValueError(f"its latent_avg is not a tensor of {settings.w_dim} numbers")
        return stored.detach().reshape(settings.w_dim)
    x = torch.randn(_MEAN_STYLE_SAMPLES, settings.z_dim, generator=torch.Generator().manual_seed(0))
    x = pixel_norm(x)
    for i in range(settings.mapping_layers):
        weight = state[f"mapping.fc{i}.weight"].float() * (_LR_MULTIPLIER / math.sqrt(settings.w_dim))
        x = leaky_relu(F.linear(x, weight, state[f"mapping.fc{i}.bias"].float() * _LR_MULTIPLIER))
    return x.mean(dim=0)


def _unfit(path: Path, why: str) -> PhotopulseError:
    return PhotopulseError(
        f"cannot load {path}",
        why=f"it looks like a StyleGAN2 of the stylegan2-pytorch port, but {why}",
        fix="check that it is a generator's checkpoint, unchanged, and copy it again from its source",
    )
