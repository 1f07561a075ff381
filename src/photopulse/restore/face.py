"""The face network: a damaged face in, a clean one out; an encoder, and a decoder that was a GAN first."""

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.restore.blocks import convolution, unit_channels
from photopulse.restore.face_decoder import FaceDecoder

FACE_SIZE = 256
_STRIDE = 32


@dataclass(frozen=True, kw_only=True)
class FaceNetSettings:
    """Sizes of the network.

    Attributes:
        encoder_widths: channels of the encoder's feature maps at s, s/2 .. s/32;
        decoder_widths: and of the decoder's.
        middle: residual blocks of the decoder at s/32.
    """

    encoder_widths: tuple[int, ...] = (12, 32, 64, 96, 128, 192)
    decoder_widths: tuple[int, ...] = (16, 40, 80, 128, 160, 192)
    middle: int = 3

    def __post_init__(self) -> None:
        if len(self.encoder_widths) != 6 or len(self.decoder_widths) != 6:
            raise ValueError("a face network has six sizes, s to s/32")


class FaceNet(nn.Module):
    """Restores upright faces, as ``faces.region`` crops them.

    Five downsamplings, five upsamplings, the encoder's feature maps concatenated to the decoder's
    (U-Net: Ronneberger et al. 2015; with a decoder that was trained as a GAN first: Yang et al. 2021, GPEN).
    What the decoder draws is added to the input; an untrained network returns the input.
    One network serves all values of the fidelity: it was trained with losses weighted by it
    (Dosovitskiy and Djolonga, ICLR 2020).
    """

    def __init__(self, settings: FaceNetSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or FaceNetSettings()
        widths = self.settings.encoder_widths
        self.stem = convolution(4, widths[0])
        self.halvings = nn.ModuleList(_Halving(wide, narrow) for wide, narrow in pairwise(widths))
        self.decoder = make_decoder(self.settings)
        self.decoder.forget_colours()

    def forward(self, face: Tensor, fidelity: Tensor) -> Tensor:
        """Restores faces (B, 3, s, s) in [0, 1], s a multiple of 32; trained for s = 256.

        Args:
            face: damaged ones.
            fidelity: (B,) in [0, 1], from most detail to true to the input.

        Returns:
            (B, 3, s, s), nominally in [0, 1], not clamped.

        Raises:
            ValueError: for a size that is no multiple of 32.
        """
        if face.shape[2] % _STRIDE or face.shape[3] % _STRIDE:
            raise ValueError(f"the sides must be multiples of {_STRIDE}, got {tuple(face.shape)}")
        plane = fidelity.to(face).view(-1, 1, 1, 1).expand(-1, 1, *face.shape[2:])
        maps = [F.leaky_relu(self.stem(torch.cat([face * 2 - 1, plane * 2 - 1], dim=1)), 0.2)]
        for halving in self.halvings:
            maps.append(halving(maps[-1]))
        *skips, small = maps
        # The decoder knows its deeper inputs as standard normal tensors.
        skips = [unit_channels(skip) if level > 1 else skip for level, skip in enumerate(skips)]
        return face + cast(Tensor, self.decoder(small, skips[::-1]))


def make_decoder(settings: FaceNetSettings) -> FaceDecoder:
    """Makes the decoder of a face network of these sizes, as it is before it is trained as a GAN."""
    return FaceDecoder(settings.decoder_widths, settings.encoder_widths, settings.middle)


class _Halving(nn.Module):
    """Half the size, two convolutions, the second one around a shortcut."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.shrink = convolution(channels, out_channels, stride=2)
        self.refine = convolution(out_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.shrink(x), 0.2)
        return x + F.leaky_relu(self.refine(x), 0.2)
