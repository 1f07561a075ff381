"""The damage network: it finds scratches, creases, dust, spots and tears in a photo."""

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.networks.tiles import in_tiles
from photopulse.networks.unet import UNet, UNetSettings

_THIN: Final = (5, 13)  # Sides of the top-hats in px.
_TILE, _OVERLAP = 640, 64
_RARE: Final = -3.0  # Logit of about one twentieth, the share of a worn picture that is damaged.


@dataclass(frozen=True, kw_only=True)
class DamageMaskSettings(UNetSettings):
    """Sizes of the network, see ``UNetSettings``."""

    widths: tuple[int, ...] = (16, 32, 64, 96)
    blocks: tuple[int, ...] = (1, 1, 1, 2)
    shrink: int = 2


class DamageMaskNet(UNet):
    """Computes for each pixel the probability that it is damaged.

    Its inputs are the picture and the white and black top-hats (Serra 1982) of two sizes, which show what is thin and
    lighter or darker than its surroundings, as most damage is. So the network need not learn to find such structures,
    only whether they belong to the picture.
    """

    def __init__(self, settings: DamageMaskSettings | None = None) -> None:
        sizes = settings or DamageMaskSettings()
        super().__init__((3 + 2 * len(_THIN), 1), sizes)
        self.settings = sizes
        nn.init.constant_(self.last.bias, _RARE)  # pyright: ignore[reportArgumentType]

    def forward(self, photo: Tensor) -> Tensor:
        """Computes the logits (B, 1, H, W) of the probability of damage, of pictures (B, 3, H, W) in [0, 1]."""
        height, width = photo.shape[2:]
        shown = torch.cat([photo * 2 - 1, *(4 * hat for side in _THIN for hat in top_hats(photo, side))], dim=1)
        return self.body(shown)[:, :, :height, :width]


def damage_of(net: nn.Module, photo: Tensor) -> Tensor:
    """Returns the probability (B, 1, H, W) that each pixel of a photo is damaged; large photos are tiled."""
    return in_tiles(net, photo, tile=_TILE, overlap=_OVERLAP).float().sigmoid()


def top_hats(photo: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Returns the white and the black top-hat (B, 1, H, W) of a photo's luma, of squares of ``side`` px."""
    gray = photo.mean(dim=1, keepdim=True)
    opened = _widest(-_widest(-gray, side), side)
    closed = -_widest(-_widest(gray, side), side)
    return gray - opened, closed - gray


def _widest(picture: Tensor, side: int) -> Tensor:
    # The maximum of a square is that of its rows' maxima.
    rows = F.max_pool2d(picture, (1, side), stride=1, padding=(0, side // 2))
    return F.max_pool2d(rows, (side, 1), stride=1, padding=(side // 2, 0))
