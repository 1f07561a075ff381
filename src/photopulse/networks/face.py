"""The face network, which restores a damaged face: an encoder, and a decoder that was trained as a GAN first."""

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.networks.blocks import ResidualBlock, unit_channels
from photopulse.networks.face_decoder import PIXEL_CHANNELS, FaceDecoder

FACE_SIZE = 256
_STRIDE = 32
_HALVINGS = 5


@dataclass(frozen=True, kw_only=True)
class FaceNetSettings:
    """Sizes of the network.

    Attributes:
        widths: channels of the encoder's and the decoder's feature maps at s/2, s/4 .. s/32, for faces of s px.
        middle: residual blocks of the decoder at s/32.

    Raises:
        ValueError: unless there are five widths.
    """

    widths: tuple[int, ...] = (40, 72, 104, 144, 192)
    middle: int = 3

    def __post_init__(self) -> None:
        if len(self.widths) != _HALVINGS:
            raise ValueError(f"a face network has {_HALVINGS} widths, from s/2 to s/32")


class FaceNet(nn.Module):
    """Restores upright faces, as ``faces.region`` crops them.

    It is a U-Net (Ronneberger et al. 2015) of five levels whose decoder was trained as a GAN first (GPEN: Yang et al.
    2021). Its inputs are the damaged face, the same face cleaned by the photo network, and the fidelity. The grey
    value of the decoder's output is added to the cleaned face, so an untrained network returns the cleaned face and
    colours stay unchanged: under heavy damage, the colours of the damaged face are noise. One network serves all
    fidelities, because it was trained with losses weighted by the fidelity (Dosovitskiy and Djolonga, ICLR 2020).
    """

    def __init__(self, settings: FaceNetSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or FaceNetSettings()
        widths = self.settings.widths
        self.stem = nn.Conv2d(2 * PIXEL_CHANNELS + 1, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(ResidualBlock(width) for width in widths)
        self.halvings = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairwise(widths))
        self.decoder = make_decoder(self.settings)
        self.decoder.forget_colours()

    def forward(self, face: Tensor, cleaned: Tensor, fidelity: Tensor) -> Tensor:
        """Restores faces (B, 3, s, s) in [0, 1], s a multiple of 32; trained for s = 256.

        Args:
            face: the damaged faces.
            cleaned: (B, 3, s, s), the same faces cleaned by ``PhotoNet``.
            fidelity: (B,) in [0, 1]; 0 gives most detail, 1 stays nearest to the input.

        Returns:
            (B, 3, s, s), nominally in [0, 1], not clamped.

        Raises:
            ValueError: if a side is no multiple of 32.
        """
        if face.shape[2] % _STRIDE or face.shape[3] % _STRIDE:
            raise ValueError(f"the sides must be multiples of {_STRIDE}, got {tuple(face.shape)}")
        # The inputs, at half the size with four times the channels; the fidelity is a constant plane.
        damaged, pixels = (F.pixel_unshuffle(picture * 2 - 1, 2) for picture in (face, cleaned))
        plane = fidelity.to(face).view(-1, 1, 1, 1).expand(-1, 1, *pixels.shape[2:]) * 2 - 1
        # Encoder: one feature map per level.
        maps = [self.blocks[0](self.stem(torch.cat([damaged, pixels, plane], dim=1)))]
        for halving, block in zip(self.halvings, self.blocks[1:], strict=True):
            maps.append(block(halving(maps[-1])))
        *skips, small = maps
        # Decoder. As a GAN it was trained with standard normal tensors in the place of the deeper feature maps.
        skips = [unit_channels(skip) if level > 1 else skip for level, skip in enumerate(skips)]
        drawn = cast(Tensor, self.decoder(small, [*skips[::-1], pixels]))
        return cleaned + drawn.mean(dim=1, keepdim=True)


def make_decoder(settings: FaceNetSettings) -> FaceDecoder:
    """Creates an untrained decoder for a face network of these sizes."""
    return FaceDecoder(settings.widths, settings.middle)
