"""StyleGAN3 (Karras et al. 2021), T and R, with the parameter names of NVIDIA's stylegan3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from torch import Tensor, nn

from photopulse.generators.init_kwargs import OfficialNames, read_settings
from photopulse.generators.layers import MappingNetwork
from photopulse.generators.style_generator import StyleGenerator
from photopulse.generators.stylegan3_layers import Signal, SynthesisInput, SynthesisLayer, ToRGB

_OFFICIAL = OfficialNames(
    renamed={
        "img_resolution": "resolution",
        "mapping.num_layers": "mapping_layers",
        "mapping.lr_multiplier": "lr_multiplier",
    },
    fixed={"img_channels": 3},
    ignored={"num_fp16_res", "magnitude_ema_beta", "mapping.w_avg_beta"},
)


@dataclass(frozen=True, kw_only=True)
class StyleGAN3Settings:
    """The shape of a StyleGAN3 generator, in plain values that JSON can hold.

    Attributes:
        resolution: height and width of the image, a power of two.
        z_dim: length of z.
        c_dim: length of the class label; 0 for none.
        w_dim: length of one style.
        mapping_layers: fully connected layers of the mapping.
        lr_multiplier: run-time scale of the mapping's weights.
        channel_base: a layer with cutoff f has ``channel_base / (2 f)`` channels, but at most ``channel_max``.
        channel_max: largest number of channels of a layer.
        num_layers: synthesis layers, without the RGB output.
        num_critical: number of the last layers that are critically sampled, their cutoff at half the sampling rate.
        first_cutoff: cutoff of the first layer in cycles per image.
        first_stopband: start of the first layer's stopband in cycles per image.
        last_stopband_rel: start of the last layer's stopband, relative to its cutoff.
        margin_size: width in pixels of the margin around the image, in all layers but the last two.
        output_scale: factor on the network's output.
        conv_kernel: size of the convolutions: 3 in StyleGAN3-T, 1 in StyleGAN3-R.
        filter_size: taps of the low-pass filters for each pixel at the lower rate.
        lrelu_upsampling: factor by which features are oversampled for LeakyReLU.
        use_radial_filters: whether the downsampling filters are radially symmetric, as in StyleGAN3-R.
        conv_clamp: activations are clamped to +-conv_clamp; None for no clamping.
    """

    resolution: int
    z_dim: int = 512
    c_dim: int = 0
    w_dim: int = 512
    mapping_layers: int = 2
    lr_multiplier: float = 0.01
    channel_base: int = 32768
    channel_max: int = 512
    num_layers: int = 14
    num_critical: int = 2
    first_cutoff: float = 2.0
    first_stopband: float = 2**2.1
    last_stopband_rel: float = 2**0.3
    margin_size: int = 10
    output_scale: float = 0.25
    conv_kernel: int = 3
    filter_size: int = 6
    lrelu_upsampling: int = 2
    use_radial_filters: bool = False
    conv_clamp: float | None = 256.0

    def __post_init__(self) -> None:
        if self.resolution < 4 or self.resolution & (self.resolution - 1):
            raise ValueError(f"its resolution is {self.resolution}, not a power of two from 4 on")
        if not 1 <= self.num_critical < self.num_layers:
            raise ValueError(f"{self.num_critical} of its {self.num_layers} layers are sampled critically")

    @classmethod
    def from_init_kwargs(cls, init_kwargs: Mapping[str, object]) -> "StyleGAN3Settings":
        """Reads the ``init_kwargs`` of a network file of the stylegan3 repository.

        Raises:
            PhotopulseError: a network that cannot be built, e.g. one with an alpha channel.
        """
        return read_settings(cls, init_kwargs, _OFFICIAL)


def plan_signals(settings: StyleGAN3Settings) -> list[Signal]:
    """Plans how the output of each of the ``num_layers + 1`` layers is sampled (StyleGAN3, 3.2 and figure 4c).

    Cutoffs and stopbands grow geometrically up to the first critically sampled layer. The last layer is RGB.
    """
    # Frequencies.
    last_cutoff = settings.resolution / 2
    last_stopband = last_cutoff * settings.last_stopband_rel
    layers = np.arange(settings.num_layers + 1)
    progress = np.minimum(layers / (settings.num_layers - settings.num_critical), 1)
    cutoffs = settings.first_cutoff * (last_cutoff / settings.first_cutoff) ** progress
    stopbands = settings.first_stopband * (last_stopband / settings.first_stopband) ** progress

    # Sampling rates, sizes and channels.
    rates = np.exp2(np.ceil(np.log2(np.minimum(stopbands * 2, settings.resolution))))
    half_widths = np.maximum(stopbands, rates / 2) - cutoffs
    sizes = rates + settings.margin_size * 2
    sizes[-2:] = settings.resolution
    channels = np.rint(np.minimum(settings.channel_base / 2 / cutoffs, settings.channel_max))
    channels[-1] = 3
    return [
        Signal(
            size=int(sizes[index]),
            sampling_rate=int(rates[index]),
            cutoff=float(cutoffs[index]),
            half_width=float(half_widths[index]),
            channels=int(channels[index]),
        )
        for index in layers
    ]


class StyleGAN3(StyleGenerator):
    """A StyleGAN3 generator, without noise inputs, see ``photopulse.generators.protocol.Generator``.

    It is made with random weights and frozen; ``load_state_dict`` takes the state dict of an official ``G_ema``. It has
    no twins, since the sizes of its layers do not double.

    Args:
        settings: the shape of the network.
        name: name in reports and in the metadata of images.
    """

    def __init__(self, settings: StyleGAN3Settings, *, name: str = "stylegan3") -> None:
        super().__init__(settings, name=name, num_ws=settings.num_layers + 2)
        self.settings = settings
        self.c_dim = settings.c_dim
        self.synthesis = SynthesisNetwork(settings)
        self.mapping = MappingNetwork(settings)
        self.eval().requires_grad_(False)

    def _map_to_w(self, z: Tensor, c: Tensor | None) -> Tensor:
        return self.mapping(z, c)

    def _mean_style(self) -> Tensor:
        return self.mapping.w_avg

    def _render(self, ws: Tensor, noise: Sequence[Tensor] | None) -> Tensor:  # noqa: ARG002
        return self.synthesis(ws)


class SynthesisNetwork(nn.Module):
    """Fourier features, then layers L0, L1, ...: ws -> RGB nominally in [-1, 1]."""

    def __init__(self, settings: StyleGAN3Settings) -> None:
        super().__init__()
        self.output_scale = settings.output_scale
        signals = plan_signals(settings)
        first_critical = settings.num_layers - settings.num_critical
        self.input = SynthesisInput(settings.w_dim, signals[0])
        # The layers; the official names tell their output's size and channels.
        layers: list[nn.Module] = [
            SynthesisLayer(
                before,
                after,
                w_dim=settings.w_dim,
                conv_kernel=settings.conv_kernel,
                filter_size=settings.filter_size,
                oversampling=settings.lrelu_upsampling,
                radial=settings.use_radial_filters and index < first_critical,
                clamp=settings.conv_clamp,
            )
            for index, (before, after) in enumerate(pairwise([signals[0], *signals[:-1]]))
        ]
        layers.append(ToRGB(signals[-2], w_dim=settings.w_dim, clamp=settings.conv_clamp))
        self.layer_names = [f"L{i}_{out.size}_{out.channels}" for i, out in enumerate(signals)]
        for name, layer in zip(self.layer_names, layers, strict=True):
            self.add_module(name, layer)

    def forward(self, ws: Tensor) -> Tensor:
        """Renders ws (B, num_ws, w_dim) as RGB (B, 3, H, W).

        The first w rotates and translates the Fourier features, each further one styles a layer.
        """
        first, *styles = ws.unbind(dim=1)
        x = self.input(first)
        for name, w in zip(self.layer_names, styles, strict=True):
            x = self.get_submodule(name)(x, w)
        return x * self.output_scale
