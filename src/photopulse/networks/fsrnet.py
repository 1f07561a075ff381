"""FSRNet: a face of 16 x 16 pixels to 128 x 128, helped by where its parts must be (Chen et al., CVPR 2018).

The network sees the face already enlarged by bicubic interpolation. A coarse network makes it a little better;
then an encoder and a network that estimates the face's geometry look at that side by side, and a decoder joins
both. ``PUBLISHED`` has the paper's sizes. Beside the paper: no batch normalisation (it needs larger batches than a
CPU can afford and costs PSNR, as EDSR found), and the coarse and the fine picture are each a correction of the one
before. ``SMALL`` is what comes with photopulse: the same parts, but they compute at fewer places with more
channels, behind pixel shuffles (Shi et al. 2016), which on a CPU is ten times as fast.
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
    """Widths in channels, depths in residual blocks, and at which part of the full size each part works.

    Attributes:
        coarse_shuffle: the coarse network works at 1 / this of the full size.
        coarse_width: of the coarse network.
        coarse_blocks: of the coarse network.
        stride: the encoder and the geometry network work at 1 / this of the full size.
        width: of the encoder.
        encoder_blocks: of the encoder.
        prior_width: of the geometry network.
        prior_blocks: of the geometry network before its hourglasses.
        hourglasses: stacked one after the other.
        hourglass_levels: how often each halves the size.
        decoder_shuffle: the decoder's blocks work at 1 / this of the full size; it divides ``stride``.
        decoder_width: of the decoder's blocks.
        decoder_blocks: of the decoder.
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
        """Raises ValueError for sizes that do not divide each other, and so give maps that do not fit together."""
        powers = {2**power for power in range(1, SIZE.bit_length())}
        if self.stride not in powers or (SIZE // self.stride) % 2**self.hourglass_levels:
            raise ValueError(f"a stride must be 2, 4, ... and {SIZE} / stride can be halved in each hourglass level")
        if SIZE % self.coarse_shuffle or self.stride % self.decoder_shuffle:
            raise ValueError(f"coarse_shuffle must divide {SIZE}, and decoder_shuffle the stride")


PUBLISHED = FSRNetSettings()
SMALL = FSRNetSettings(coarse_shuffle=8, stride=4, hourglass_levels=3, decoder_shuffle=2, decoder_width=48)


class Sharpened(NamedTuple):
    """What the network says of faces (B, 3, 128, 128).

    Attributes:
        coarse: first guess (B, 3, 128, 128).
        landmarks: heatmaps (B, 32, h, h) that are near 1 at a landmark.
        parts: logits (B, 8, h, h) of the face's parts; parts overlap, skin lies below all.
        fine: the answer (B, 3, 128, 128), not clamped.
    """

    coarse: Tensor
    landmarks: Tensor
    parts: Tensor
    fine: Tensor


class FSRNet(nn.Module):
    """The network of Chen et al. 2018, figure 2; its input and pictures are RGB in [0, 1]."""

    def __init__(self, settings: FSRNetSettings = PUBLISHED) -> None:
        super().__init__()
        self.settings = settings
        width, prior = settings.width, settings.prior_width
        self.coarse = nn.Sequential(
            nn.PixelUnshuffle(settings.coarse_shuffle),
            _conv(3 * settings.coarse_shuffle**2, settings.coarse_width),
            *(ResidualBlock(settings.coarse_width) for _ in range(settings.coarse_blocks)),
            _conv(settings.coarse_width, 3 * settings.coarse_shuffle**2),
            nn.PixelShuffle(settings.coarse_shuffle),
        )
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
        """Sharpens faces (B, 3, 128, 128) in [0, 1] that bicubic interpolation has enlarged 8 times."""
        centred = enlarged - 0.5
        coarse = centred + self.coarse(centred)
        prior = self.prior(coarse)
        fine = coarse + self.decoder(torch.cat([self.encoder(coarse), prior], dim=1))
        return Sharpened(coarse + 0.5, self.landmarks(prior), self.parts(prior), fine + 0.5)

    def _start_as_identity(self) -> None:
        """Lets an untrained network return its input: without normalisation, larger starts kill its units."""
        for block in self.modules():
            if isinstance(block, ResidualBlock | Bottleneck):
                _fill(block.body[-1], deviation=0.01)
        for output in (self.coarse[-2], self.decoder[-2]):
            _fill(output, deviation=0.0)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions whose result corrects the input (B, width, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(width, width), nn.ReLU(), _conv(width, width))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.body(features)


class Bottleneck(nn.Module):
    """The residual block of stacked hourglasses (Newell et al. 2016): narrow in the middle."""

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
    """Looks at features (B, width, H, W) at ever smaller sizes and adds what it saw (Newell et al. 2016)."""

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
    """Draws the weights of a convolution from a Gaussian around 0, and sets its bias to 0."""
    for name, values in convolution.named_parameters():
        nn.init.normal_(values, std=deviation if name == "weight" else 0.0)


def _conv(channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out_channels, 3, padding=1)


def enlarge_face(network: FSRNet, small: Tensor) -> Tensor:
    """Enlarges faces (B, 3, 16, 16) in [0, 1] to (B, 3, 128, 128) in [0, 1], without gradients."""
    if small.shape[1:] != (3, SMALL_SIZE, SMALL_SIZE):
        raise ValueError(f"small must be (B, 3, {SMALL_SIZE}, {SMALL_SIZE}), got the shape {tuple(small.shape)}")
    with torch.no_grad():
        return network(enlarge_bicubic(small)).fine.clamp(0, 1)


def enlarge_bicubic(small: Tensor) -> Tensor:
    """Enlarges faces (B, 3, 16, 16) to what the network takes, (B, 3, 128, 128) in [0, 1]."""
    return F.interpolate(small, size=(SIZE, SIZE), mode="bicubic", antialias=True).clamp(0, 1)
