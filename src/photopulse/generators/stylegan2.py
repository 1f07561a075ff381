"""StyleGAN2 (Karras et al. 2020), with the parameter names of NVIDIA's stylegan2-ada-pytorch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

import torch
from torch import Tensor, nn

from photopulse.generators.init_kwargs import OfficialNames, read_settings
from photopulse.generators.layers import MappingNetwork, ToRGB, drawn
from photopulse.generators.style_generator import StyleGenerator
from photopulse.generators.stylegan2_layers import SkipConv, SynthesisConv, enlarge, resample_kernel
from photopulse.generators.stylegan2_twin import StyleGAN2Twin
from photopulse.generators.twin import has_twin

_OFFICIAL = OfficialNames(
    renamed={
        "img_resolution": "resolution",
        "mapping.num_layers": "mapping_layers",
        "mapping.embed_features": "embed_features",
        "mapping.layer_features": "layer_features",
        "mapping.lr_multiplier": "lr_multiplier",
    },
    fixed={"img_channels": 3, "activation": "lrelu", "mapping.activation": "lrelu", "kernel_size": 3},
    ignored={"num_fp16_res", "fp16_channels_last", "fused_modconv_default", "mapping.w_avg_beta"},
)


@dataclass(frozen=True, kw_only=True)
class StyleGAN2Settings:
    """The shape of a StyleGAN2 generator, in plain values that JSON can hold.

    Attributes:
        resolution: height and width of the image, a power of two from 4 on.
        z_dim: length of z.
        c_dim: length of the class label; 0 for none.
        w_dim: length of one style.
        mapping_layers: fully connected layers of the mapping.
        embed_features: length of the embedded label; None for ``w_dim``.
        layer_features: width of the mapping's hidden layers; None for ``w_dim``.
        lr_multiplier: run-time scale of the mapping's weights.
        channel_base: a layer at H pixels has ``channel_base / H`` channels, but at most ``channel_max``.
        channel_max: largest number of channels of a layer.
        architecture: connection of the blocks: a sum of RGB images (skip), residual blocks (resnet), or neither (orig).
        resample_filter: taps of the separable upsampling filter, an even number.
        use_noise: whether convolutions take noise inputs.
        conv_clamp: activations are clamped to +-conv_clamp; None for no clamping.
    """

    resolution: int
    z_dim: int = 512
    c_dim: int = 0
    w_dim: int = 512
    mapping_layers: int = 8
    embed_features: int | None = None
    layer_features: int | None = None
    lr_multiplier: float = 0.01
    channel_base: int = 32768
    channel_max: int = 512
    architecture: Literal["skip", "resnet", "orig"] = "skip"
    resample_filter: tuple[float, ...] = (1, 3, 3, 1)
    use_noise: bool = True
    conv_clamp: float | None = None

    def __post_init__(self) -> None:
        # JSON has lists only; a tuple keeps the settings hashable and equal after a round trip.
        object.__setattr__(self, "resample_filter", tuple(self.resample_filter))
        if self.resolution < 4 or self.resolution & (self.resolution - 1):
            raise ValueError(f"its resolution is {self.resolution}, not a power of two from 4 on")
        if self.architecture not in ("skip", "resnet", "orig"):
            raise ValueError(f"its architecture is {self.architecture!r}, not 'skip', 'resnet' or 'orig'")
        if len(self.resample_filter) < 2 or len(self.resample_filter) % 2:
            raise ValueError(f"its resample filter {self.resample_filter} has no even number of taps")

    @classmethod
    def from_init_kwargs(cls, init_kwargs: Mapping[str, object]) -> "StyleGAN2Settings":
        """Reads the ``init_kwargs`` of a network file of stylegan2-ada-pytorch or stylegan3.

        Raises:
            PhotopulseError: a network that cannot be built, e.g. one with an alpha channel.
        """
        # The two repositories default differently; only stylegan2-ada-pytorch nests the synthesis settings.
        clamp = None if "synthesis_kwargs" in init_kwargs else 256.0
        return read_settings(cls, init_kwargs, _OFFICIAL, defaults={"conv_clamp": clamp})

    @property
    def block_resolutions(self) -> list[int]:
        """Resolution of each block, from 4 to ``resolution``."""
        return [2**power for power in range(2, self.resolution.bit_length())]

    @property
    def conv_sizes(self) -> list[int]:
        """Height and width of each 3x3 convolution's output: one at 4 pixels, two at each further resolution."""
        return [size for size in self.block_resolutions for _ in range(1 if size == 4 else 2)]

    def channels(self, resolution: int) -> int:
        """Number of feature maps of the block at ``resolution``."""
        return min(self.channel_base // resolution, self.channel_max)


class StyleGAN2(StyleGenerator):
    """A StyleGAN2 generator, see ``photopulse.generators.protocol.Generator``.

    It is made with random weights and frozen; ``load_state_dict`` takes the state dict of an official ``G_ema``.

    Args:
        settings: the shape of the network.
        name: name in reports and in the metadata of images.
    """

    def __init__(self, settings: StyleGAN2Settings, *, name: str = "stylegan2") -> None:
        # Describe the styles and the noise: a style per convolution, and one for the last conversion to RGB.
        sizes = settings.conv_sizes
        super().__init__(
            settings,
            name=name,
            num_ws=len(sizes) + 1,
            noise_shapes=[(1, size, size) for size in sizes if settings.use_noise],
        )
        # Build the two networks, with fixed weights.
        self.settings = settings
        self.c_dim = settings.c_dim
        self.synthesis = SynthesisNetwork(settings)
        self.mapping = MappingNetwork(
            settings, embed_features=settings.embed_features, layer_features=settings.layer_features
        )
        self.eval().requires_grad_(False)

    def _map_to_w(self, z: Tensor, c: Tensor | None) -> Tensor:
        return self.mapping(z, c)

    def _mean_style(self) -> Tensor:
        return self.mapping.w_avg

    def _render(self, ws: Tensor, noise: Sequence[Tensor] | None) -> Tensor:
        return self.synthesis(ws, noise)

    def make_twin(self, size: int) -> StyleGAN2Twin | None:
        """Makes the twin of ``size`` px, a power of two from 8 to half the resolution; None for another size."""
        return StyleGAN2Twin(self, size) if has_twin(size, self.resolution) else None


class SynthesisNetwork(nn.Module):
    """Blocks b4, b8, ... up to the resolution: ws -> RGB nominally in [-1, 1]."""

    def __init__(self, settings: StyleGAN2Settings) -> None:
        super().__init__()
        for resolution in settings.block_resolutions:
            self.add_module(f"b{resolution}", SynthesisBlock(settings, resolution))

    def forward(self, ws: Tensor, noise: Sequence[Tensor] | None) -> Tensor:
        """Renders ws (B, num_ws, w_dim) with noise maps, or the stored ones, as RGB (B, 3, H, W).

        Each convolution takes the next w and noise map; a block's RGB output shares the w of the next convolution.
        """
        styles = ws.unbind(dim=1)
        x = rgb = None
        start = 0
        for module in self.children():
            block = cast("SynthesisBlock", module)
            end = start + block.convs
            maps = noise[start:end] if noise else [None] * block.convs
            x, rgb = block(x, rgb, styles[start : end + 1], maps)
            start = end
        return cast("Tensor", rgb)


class SynthesisBlock(nn.Module):
    """Two convolutions, of which the first doubles the size, and an RGB output where the architecture has one.

    The block at 4 pixels has a learned constant and one convolution.
    """

    resample_filter: Tensor

    def __init__(self, settings: StyleGAN2Settings, resolution: int) -> None:
        super().__init__()
        # The kind of block.
        channels = settings.channels(resolution)
        in_channels = settings.channels(resolution // 2)
        first = resolution == 4
        self.convs = 1 if first else 2
        self.residual = settings.architecture == "resnet" and not first
        self.shows_rgb = settings.architecture == "skip" or resolution == settings.resolution

        # Its layers, under their official names.
        kernel = resample_kernel(settings.resample_filter)
        self.register_buffer("resample_filter", kernel)
        conv = partial(
            SynthesisConv,
            out_channels=channels,
            w_dim=settings.w_dim,
            noise_size=resolution if settings.use_noise else None,
            kernel=kernel,
            clamp=settings.conv_clamp,
        )
        if first:
            self.const = nn.Parameter(drawn(channels, 4, 4))
        else:
            self.conv0 = conv(in_channels, up=True)
        self.conv1 = conv(channels, gain=math.sqrt(0.5) if self.residual else 1.0)
        if self.shows_rgb:
            self.torgb = ToRGB(channels, w_dim=settings.w_dim, clamp=settings.conv_clamp)
        if self.residual:
            self.skip = SkipConv(in_channels, channels, kernel)

    def forward(
        self, x: Tensor | None, rgb: Tensor | None, styles: Sequence[Tensor], noise: Sequence[Tensor | None]
    ) -> tuple[Tensor, Tensor | None]:
        """Computes features and the sum of RGB images so far; both are None before the first block.

        ``styles`` has one w (B, w_dim) for each convolution and one for the RGB output, ``noise`` a map for each
        convolution.
        """
        # Features.
        if x is None:
            x = self.const.expand(len(styles[0]), -1, -1, -1)
            # Depthwise and transposed convolutions run about twice as fast so on CPUs.
            y = self.conv1(x.contiguous(memory_format=torch.channels_last), styles[0], noise[0])
        else:
            y = self.conv1(self.conv0(x, styles[0], noise[0]), styles[1], noise[1])
            if self.residual:
                y = y + self.skip(x)

        # RGB.
        if rgb is not None:
            rgb = enlarge(rgb, self.resample_filter)
        if self.shows_rgb:
            shown = self.torgb(y, styles[-1])
            rgb = shown if rgb is None else rgb + shown
        return y, rgb
