"""FSRNet: super-resolution of faces from 16 x 16 to 128 x 128 pixels with facial priors (Chen et al., CVPR 2018).

The input is the face enlarged by bicubic interpolation. A coarse network improves it; an encoder and a prior network,
which estimates landmarks and face parts, process the result in parallel; a decoder combines both. ``PUBLISHED`` has
the paper's sizes. Differences from the paper: there is no batch normalisation (it needs larger batches than a CPU can
process and costs PSNR, as EDSR found), and the coarse and the fine picture are both residual corrections. ``SMALL`` are
the sizes of the shipped weights: the same parts compute at lower resolution with more channels, by pixel shuffle (Shi
et al. 2016), which is ten times as fast on a CPU.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SMALL_SIZE, SIZE = 16, 128
NUM_LANDMARKS = 32
NUM_PARTS = 8


@dataclass(frozen=True, kw_only=True)
class FSRNetSettings:
    """Sizes of the network: widths in channels, depths in residual blocks, strides relative to the full size.

    Attributes:
        coarse_shuffle: stride of the coarse network.
        coarse_width: width of the coarse network.
        coarse_blocks: depth of the coarse network.
        stride: stride of the encoder and of the prior network.
        width: width of the encoder.
        encoder_blocks: depth of the encoder.
        prior_width: width of the prior network.
        prior_blocks: depth of the prior network before its hourglasses.
        hourglasses: number of stacked hourglasses in the prior network.
        hourglass_levels: number of halvings in each hourglass.
        decoder_shuffle: stride of the decoder's blocks; it divides ``stride``.
        decoder_width: width of the decoder's blocks.
        decoder_blocks: depth of the decoder.
    """

    coarse_shuffle: int = 1
    coarse_width: int = 64
    coarse_blocks: int = 3
    stride: int = 2
    width: int = 64
    encoder_blocks: int = 12
    prior_width: int = 128
    prior_blocks: int = 3
    hourglasses: int = 2
    hourglass_levels: int = 4
    decoder_shuffle: int = 1
    decoder_width: int = 64
    decoder_blocks: int = 3

    def __post_init__(self) -> None:
        """Raises ValueError for strides that do not divide each other, so that feature maps would not fit together."""
        powers = {2**power for power in range(1, SIZE.bit_length())}
        if self.stride not in powers or (SIZE // self.stride) % 2**self.hourglass_levels:
            raise ValueError(f"a stride must be 2, 4, ... and {SIZE} / stride can be halved in each hourglass level")
        if SIZE % self.coarse_shuffle or self.stride % self.decoder_shuffle:
            raise ValueError(f"coarse_shuffle must divide {SIZE}, and decoder_shuffle the stride")


PUBLISHED = FSRNetSettings()
SMALL = FSRNetSettings(coarse_shuffle=8, stride=4, hourglass_levels=3, decoder_shuffle=2, decoder_width=48)


class Sharpened(NamedTuple):
    """The outputs of FSRNet for a batch of faces.

    Attributes:
        coarse: result of the coarse network (B, 3, 128, 128).
        landmarks: heatmaps of landmarks (B, 32, h, h), near 1 at a landmark.
        parts: logits of face parts (B, 8, h, h); parts may overlap, and skin covers all others.
        fine: final result (B, 3, 128, 128), not clamped.
    """

    coarse: Tensor
    landmarks: Tensor
    parts: Tensor
    fine: Tensor


class FSRNet(nn.Module):
    """The network of Chen et al. 2018, figure 2; its input and output pictures are RGB in [0, 1]."""

    def __init__(self, settings: FSRNetSettings = PUBLISHED) -> None:
        super().__init__()
        self.settings = settings
        width, prior = settings.width, settings.prior_width
        # The coarse network, at full size or behind a pixel unshuffle.
        self.coarse = nn.Sequential(
            nn.PixelUnshuffle(settings.coarse_shuffle),
            _conv(3 * settings.coarse_shuffle**2, settings.coarse_width),
            *(ResidualBlock(settings.coarse_width) for _ in range(settings.coarse_blocks)),
            _conv(settings.coarse_width, 3 * settings.coarse_shuffle**2),
            nn.PixelShuffle(settings.coarse_shuffle),
        )
        # The encoder and, in parallel, the prior network with its two outputs.
        self.encoder = nn.Sequential(
            nn.Conv2d(3, width, settings.stride + 1, stride=settings.stride, padding=settings.stride // 2),
            *(ResidualBlock(width) for _ in range(settings.encoder_blocks)),
            _conv(width, width),
        )
        self.prior = nn.Sequential(
            nn.Conv2d(3, prior, 7, stride=settings.stride, padding=3),
            *(Bottleneck(prior) for _ in range(settings.prior_blocks)),
            *(Hourglass(prior, settings.hourglass_levels) for _ in range(settings.hourglasses)),
        )
        self.landmarks = nn.Conv2d(prior, NUM_LANDMARKS, 1)
        self.parts = nn.Conv2d(prior, NUM_PARTS, 1)
        # The decoder, which sees the features of both.
        growth = settings.stride // settings.decoder_shuffle
        self.decoder = nn.Sequential(
            _conv(width + prior, 64),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(64, settings.decoder_width, 2 * growth - growth % 2, stride=growth, padding=growth // 2),
            *(ResidualBlock(settings.decoder_width) for _ in range(settings.decoder_blocks)),
            _conv(settings.decoder_width, 3 * settings.decoder_shuffle**2),
            nn.PixelShuffle(settings.decoder_shuffle),
        )
        self._start_as_identity()

    def forward(self, enlarged: Tensor) -> Sharpened:
        """Restores faces (B, 3, 128, 128) in [0, 1] that were enlarged 8 times by bicubic interpolation."""
        centred = enlarged - 0.5
        coarse = centred + self.coarse(centred)
        prior = self.prior(coarse)
        fine = coarse + self.decoder(torch.cat([self.encoder(coarse), prior], dim=1))
        return Sharpened(coarse + 0.5, self.landmarks(prior), self.parts(prior), fine + 0.5)

    def _start_as_identity(self) -> None:
        """Makes the untrained network return its input; without normalisation, larger initial weights kill units."""
        for block in self.modules():
            if isinstance(block, ResidualBlock | Bottleneck):
                _fill(block.body[-1], deviation=0.01)
        for output in (self.coarse[-2], self.decoder[-2]):
            _fill(output, deviation=0.0)


class ResidualBlock(nn.Module):
    """Adds the result of two 3 x 3 convolutions to the input (B, width, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(width, width), nn.ReLU(), _conv(width, width))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.body(features)


class Bottleneck(nn.Module):
    """The bottleneck residual block of stacked hourglass networks (Newell et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(width, width // 2, 1),
            nn.ReLU(),
            _conv(width // 2, width // 2),
            nn.ReLU(),
            nn.Conv2d(width // 2, width, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        return features + self.body(features)


class Hourglass(nn.Module):
    """Processes features (B, width, H, W) at successively halved sizes and sums the results (Newell et al. 2016)."""

    def __init__(self, width: int, levels: int) -> None:
        super().__init__()
        self.skip = Bottleneck(width)
        self.down = Bottleneck(width)
        self.inner = Hourglass(width, levels - 1) if levels > 1 else Bottleneck(width)
        self.up = Bottleneck(width)

    def forward(self, features: Tensor) -> Tensor:
        small = self.up(self.inner(self.down(F.max_pool2d(features, 2))))
        return self.skip(features) + F.interpolate(small, scale_factor=2, mode="nearest")


def _fill(convolution: nn.Module, *, deviation: float) -> None:
    """Draws the weights of a convolution from a Gaussian of mean 0 and this deviation, and sets its bias to 0."""
    for name, values in convolution.named_parameters():
        nn.init.normal_(values, std=deviation if name == "weight" else 0.0)


def _conv(channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out_channels, 3, padding=1)


def enlarge_face(network: FSRNet, small: Tensor) -> Tensor:
    """Enlarges faces (B, 3, 16, 16) in [0, 1] to (B, 3, 128, 128) in [0, 1], without gradients.

    Raises:
        ValueError: if the faces have another shape.
    """
    if small.shape[1:] != (3, SMALL_SIZE, SMALL_SIZE):
        raise ValueError(f"small must be (B, 3, {SMALL_SIZE}, {SMALL_SIZE}), got the shape {tuple(small.shape)}")
    with torch.no_grad():
        return network(enlarge_bicubic(small)).fine.clamp(0, 1)


def enlarge_bicubic(small: Tensor) -> Tensor:
    """Enlarges faces (B, 3, 16, 16) to the network's input (B, 3, 128, 128) in [0, 1]."""
    return F.interpolate(small, size=(SIZE, SIZE), mode="bicubic", antialias=True).clamp(0, 1)
