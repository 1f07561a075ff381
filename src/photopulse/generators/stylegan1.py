"""StyleGAN (Karras et al., CVPR 2019), the generator of PULSE's paper.

Parameter names are those of PULSE's weight files: ``mapping.dense0.weight``, ``synthesis.blocks.4x4.const``.
Weights are stored unscaled; the equalized learning rate's constants are applied at run time.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from photopulse.errors import PhotopulseError
from photopulse.generators.layers import pixel_norm, run_mapping
from photopulse.generators.style_generator import StyleGenerator
from photopulse.generators.stylegan1_layers import Conv, Dense, Epilogue, UpConv

# From this resolution on, enlarging and convolving are one transposed convolution (as in the official ones).
FUSED_FROM = 128


@dataclass(frozen=True, kw_only=True)
class StyleGAN1Settings:
    """The shape of a StyleGAN1 generator.

    Attributes:
        resolution: height and width of the image, a power of two from 8 on.
        channels: numbers of feature maps at 4, 8, 16 ... ``resolution`` pixels.
        z_dim: length of the input latent.
        w_dim: length of one style vector.
        mapping_layers: number of dense layers of the mapping network; 0 if there is none.
        stored_noise: whether the weights include fixed noise inputs.
        stored_w_avg: whether the weights include the mean style, which truncation needs.
    """

    resolution: int
    channels: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    stored_noise: bool = False
    stored_w_avg: bool = False

    def __post_init__(self) -> None:
        if self.resolution < 8 or self.resolution != 4 * 2 ** (len(self.channels) - 1):
            raise ValueError(
                f"resolution {self.resolution} does not fit {len(self.channels)} channel counts: "
                "one is needed for each of 4, 8, 16 ... resolution pixels"
            )


def settings_from_state(state: Mapping[str, Tensor]) -> StyleGAN1Settings:
    """Infers the settings from the shapes in a state dict with PULSE's parameter names.

    Raises:
        ValueError: the state dict is not that of a StyleGAN1; says which parameter is missing or odd.
    """
    # Synthesis network.
    channels: list[int] = []
    while (key := f"synthesis.blocks.{_side(len(channels))}.epi1.noise.weight") in state:
        channels.append(state[key].numel())
    if len(channels) < 2:
        raise ValueError(f"{key} is missing")
    style = state.get("synthesis.blocks.4x4.epi1.style_mod.lin.weight")
    if style is None or style.ndim != 2:
        raise ValueError("synthesis.blocks.4x4.epi1.style_mod.lin.weight is missing or not a matrix")

    # Mapping network.
    first = state.get("mapping.dense0.weight")
    if first is not None and first.ndim != 2:
        raise ValueError("mapping.dense0.weight is not a matrix")
    mapping_layers = 0
    while f"mapping.dense{mapping_layers}.weight" in state:
        mapping_layers += 1

    w_dim = style.shape[1]
    return StyleGAN1Settings(
        resolution=4 * 2 ** (len(channels) - 1),
        channels=tuple(channels),
        z_dim=w_dim if first is None else first.shape[1],
        w_dim=w_dim,
        mapping_layers=mapping_layers,
        stored_noise="synthesis.noise0" in state,
        stored_w_avg="w_avg" in state,
    )


class StyleGAN1(StyleGenerator):
    """A StyleGAN1 generator (Karras et al., "A Style-Based Generator Architecture", CVPR 2019).

    Implements ``photopulse.generators.protocol.Generator``. It is made frozen and with zeros for parameters;
    ``load_state_dict`` takes the weights.

    Where the weights hold no noise (PULSE's files do not), ``synthesize`` without ``noise`` uses zero noise,
    so that it stays a function of ``ws`` alone; the paper draws new noise for every image.

    It has no twins, since instance normalisation depends on every pixel of the large features.
    """

    mapping_gain = 1.0

    def __init__(self, settings: StyleGAN1Settings, *, name: str = "stylegan1") -> None:
        num_ws = 2 * len(settings.channels)
        sizes = [4 << i // 2 for i in range(num_ws)]
        super().__init__(settings, name=name, num_ws=num_ws, noise_shapes=[(1, size, size) for size in sizes])
        self.settings = settings
        self.mapping = _mapping(settings) if settings.mapping_layers else None
        self.synthesis = _Synthesis(settings, self.noise_shapes)
        self.w_avg: Tensor | None
        self.register_buffer("w_avg", torch.zeros(settings.w_dim) if settings.stored_w_avg else None)
        self.eval().requires_grad_(False)

    def _map_to_w(self, z: Tensor, c: Tensor | None) -> Tensor:  # noqa: ARG002
        if self.mapping is None:
            raise PhotopulseError(
                f"cannot map z to styles with {self.name}",
                why="its file has no mapping network",
                fix="load the mapping weights beside it (PULSE's mapping.pt), or search in W directly",
            )
        return run_mapping(pixel_norm(z), self.mapping, self.mapping_gain)

    def _mean_style(self) -> Tensor | None:
        return self.w_avg

    def _render(self, ws: Tensor, noise: Sequence[Tensor] | None) -> Tensor:
        return self.synthesis(ws, noise)


def _side(index: int) -> str:
    """The name of a block: ``4x4``, ``8x8`` ..."""
    return f"{4 << index}x{4 << index}"


def _mapping(settings: StyleGAN1Settings) -> nn.Sequential:
    """Makes the dense layers from z (B, z_dim) to w (B, w_dim), without their activations."""
    widths = [settings.z_dim] + [settings.w_dim] * settings.mapping_layers
    layers = [Dense(fan_in, fan_out, gain=math.sqrt(2), lr_mul=0.01) for fan_in, fan_out in pairwise(widths)]
    return nn.Sequential(OrderedDict((f"dense{i}", layer) for i, layer in enumerate(layers)))


class _FirstBlock(nn.Module):
    """The block at 4x4 pixels: a learned constant and one convolution, each followed by an ``Epilogue``."""

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.const = nn.Parameter(torch.zeros(1, channels, 4, 4))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.epi1 = Epilogue(channels, w_dim)
        self.conv = Conv(channels, channels, 3, gain=math.sqrt(2))
        self.epi2 = Epilogue(channels, w_dim)

    def forward(self, ws: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        x = (self.const + self.bias[:, None, None]).expand(ws.shape[0], -1, -1, -1)
        x = self.epi1(x, ws[:, 0], noise[0])
        return self.epi2(self.conv(x), ws[:, 1], noise[1])


class _Block(nn.Module):
    """A further block: an upsampling and a plain convolution, each followed by an ``Epilogue``."""

    def __init__(self, fan_in: int, channels: int, resolution: int, w_dim: int) -> None:
        super().__init__()
        self.conv0_up = UpConv(fan_in, channels, fused=resolution >= FUSED_FROM)
        self.epi1 = Epilogue(channels, w_dim)
        self.conv1 = Conv(channels, channels, 3, gain=math.sqrt(2))
        self.epi2 = Epilogue(channels, w_dim)

    def forward(self, x: Tensor, ws: Tensor, noise: Sequence[Tensor | None]) -> Tensor:
        x = self.epi1(self.conv0_up(x), ws[:, 0], noise[0])
        return self.epi2(self.conv1(x), ws[:, 1], noise[1])


class _Synthesis(nn.Module):
    def __init__(self, settings: StyleGAN1Settings, noise_shapes: Sequence[tuple[int, int, int]]) -> None:
        super().__init__()
        self.blocks = nn.ModuleDict({_side(0): _FirstBlock(settings.channels[0], settings.w_dim)})
        for i in range(1, len(settings.channels)):
            fan_in, channels = settings.channels[i - 1 : i + 1]
            self.blocks[_side(i)] = _Block(fan_in, channels, 4 << i, settings.w_dim)
        self.torgb = Conv(settings.channels[-1], 3, 1, gain=1.0)
        self.num_stored = len(noise_shapes) if settings.stored_noise else 0
        for i, shape in enumerate(noise_shapes[: self.num_stored]):
            self.register_buffer(f"noise{i}", torch.zeros(1, *shape))

    def forward(self, ws: Tensor, noise: Sequence[Tensor] | None) -> Tensor:
        inputs = self._stored_noise(ws.shape[1]) if noise is None else noise
        first, *others = self.blocks.values()
        x = first(ws[:, :2], inputs[:2])
        for i, block in enumerate(others, start=1):
            pair = slice(2 * i, 2 * i + 2)
            x = block(x, ws[:, pair], inputs[pair])
        return self.torgb(x)  # (B, 3, resolution, resolution), nominally [-1, 1]

    def _stored_noise(self, count: int) -> list[Tensor | None]:
        return [self.get_buffer(f"noise{i}") if i < self.num_stored else None for i in range(count)]
