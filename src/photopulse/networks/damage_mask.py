"""The damage network: where a photo is scratched, creased, dusty, spotted or torn."""

from dataclasses import dataclass
from typing import Final

from torch import Tensor, nn

from photopulse.networks.unet import UNet, UNetSettings

_RARE: Final = -3.0  # The logit of about a twentieth: so much of a worn picture is damaged.


@dataclass(frozen=True, kw_only=True)
class DamageMaskSettings(UNetSettings):
    """Sizes of the network, see ``UNetSettings``."""

    widths: tuple[int, ...] = (16, 32, 64, 80)
    blocks: tuple[int, ...] = (1, 2, 2, 2)


class DamageMaskNet(UNet):
    """Says of each pixel whether it is damaged."""

    def __init__(self, settings: DamageMaskSettings | None = None) -> None:
        sizes = settings or DamageMaskSettings()
        super().__init__((3, 1), sizes)
        self.settings = sizes
        nn.init.constant_(self.last.bias, _RARE)  # pyright: ignore[reportArgumentType]

    def forward(self, photo: Tensor) -> Tensor:
        """Turns pictures (B, 3, H, W) in [0, 1] into the logits (B, 1, H, W) of the damage's probability."""
        height, width = photo.shape[2:]
        return self.body(photo * 2 - 1)[:, :, :height, :width]
