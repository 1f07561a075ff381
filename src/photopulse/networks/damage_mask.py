"""The damage network: where a photo is scratched, creased, dusty, spotted or torn."""

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.networks.tiles import in_tiles
from photopulse.networks.unet import UNet, UNetSettings

_THIN: Final = (5, 13)  # px.
_TILE, _OVERLAP = 640, 64
_RARE: Final = -3.0  # The logit of about a twentieth: so much of a worn picture is damaged.


@dataclass(frozen=True, kw_only=True)
class DamageMaskSettings(UNetSettings):
    """Sizes of the network, see ``UNetSettings``."""

    widths: tuple[int, ...] = (32, 64, 96)
    blocks: tuple[int, ...] = (1, 1, 2)
    shrink: int = 4


class DamageMaskNet(UNet):
    """Says of each pixel whether it is damaged.

    Beside the picture it is shown what is thin and lighter, or darker, than all around, which most damage is: the white
    and black top-hats (Serra 1982) of two sizes. So it need not learn to find that, but whether it belongs there.
    """

    def __init__(self, settings: DamageMaskSettings | None = None) -> None:
        sizes = settings or DamageMaskSettings()
        super().__init__((3 + 2 * len(_THIN), 1), sizes)
        self.settings = sizes
        nn.init.constant_(self.last.bias, _RARE)  # pyright: ignore[reportArgumentType]

    def forward(self, photo: Tensor) -> Tensor:
        """Turns pictures (B, 3, H, W) in [0, 1] into the logits (B, 1, H, W) of the damage's probability."""
        height, width = photo.shape[2:]
        shown = torch.cat([photo * 2 - 1, *(4 * hat for side in _THIN for hat in top_hats(photo, side))], dim=1)
        return self.body(shown)[:, :, :height, :width]


def damage_of(net: nn.Module, photo: Tensor) -> Tensor:
    """The probability (B, 1, H, W) that each pixel of a photo is damaged; large ones are looked at in tiles."""
    return in_tiles(net, photo, tile=_TILE, overlap=_OVERLAP).float().sigmoid()


def top_hats(photo: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """How much lighter, and darker, each pixel (B, 1, H, W) of a photo is than what is at least ``side`` px wide."""
    gray = photo.mean(dim=1, keepdim=True)
    opened = _widest(-_widest(-gray, side), side)
    closed = -_widest(-_widest(gray, side), side)
    return gray - opened, closed - gray


def _widest(picture: Tensor, side: int) -> Tensor:
    return F.max_pool2d(picture, side, stride=1, padding=side // 2)
