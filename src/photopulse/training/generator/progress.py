"""Measures how far a generator in training has come: against held-out pictures, and whether it copies."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.metrics.features import EfficientNetLite0
from photopulse.metrics.frechet import frechet_distance
from photopulse.metrics.kid import kernel_distance
from photopulse.metrics.patches import patch_distance
from photopulse.reporting.strips import Strip, write_sheet

_TOGETHER: Final = 32
_SMALL: Final = 16  # px at which neighbours are compared.
_SHOWN: Final = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Yardstick:
    """What a generator's pictures are measured by.

    Attributes:
        held_out: real pictures (N, 3, H, W) in [0, 1] that are not learned.
        learned: those that are, (M, 3, H, W) uint8.
        features: network whose features the distances compare; None leaves those distances out.
        turned: whether pictures that are turned or mirrored count as the same.
        of_held_out: features of the held-out pictures (N, 1280); None without the network.
        learned_small: the learned pictures at 16 px.
        usual: median distance of the held-out pictures to the nearest learned one, a number.
    """

    held_out: Tensor
    learned: Tensor
    features: EfficientNetLite0 | None
    turned: bool
    of_held_out: Tensor | None
    learned_small: Tensor
    usual: Tensor

    @classmethod
    def of(cls, held_out: Tensor, learned: Tensor, *, features: EfficientNetLite0 | None, turned: bool) -> "Yardstick":
        """Makes the yardstick of pictures (N, 3, H, W) uint8; the features of the held-out ones are computed once."""
        real = held_out.float() / 255
        learned_small = torch.cat([shrunk(some.float() / 255) for some in torch.split(learned, 1024)])
        return cls(
            held_out=real,
            learned=learned,
            features=features,
            turned=turned,
            of_held_out=None if features is None else pooled_features(features, real),
            learned_small=learned_small,
            usual=nearest(shrunk(real), learned_small, turned=turned)[0].median(),
        )

    def measure(self, made: Tensor) -> dict[str, float]:
        """Measures made pictures (B, 3, H, W) in [0, 1].

        Returns:
            ``KD`` and ``FD``, the kernel and Frechet distance to the held-out pictures on EfficientNet-Lite0 features;
            ``texture`` and ``shape``, the sliced Wasserstein distances of the finest and the coarsest patches; and
            ``nearest``, how near the nearest learned picture is, as a share of how near it is to held-out pictures: far
            below 1 the generator copies.
        """
        figures: dict[str, float] = {}
        if self.features is not None and self.of_held_out is not None:
            of_made = pooled_features(self.features, made)
            figures["KD"] = kernel_distance(self.of_held_out, of_made).value
            figures["FD"] = frechet_distance(self.of_held_out, of_made)
        levels = patch_distance(self.held_out, made)
        figures |= {"texture": levels[0], "shape": levels[-1]}
        ours = nearest(shrunk(made), self.learned_small, turned=self.turned)[0].median()
        return figures | {"nearest": (ours / self.usual.clamp(min=1e-6)).item()}

    def write_neighbours(self, path: Path, made: Tensor) -> None:
        """Writes a sheet of the first made pictures above their nearest learned ones.

        Raises:
            PhotopulseError: if the sheet cannot be written.
        """
        shown = made[:_SHOWN]
        _, places = nearest(shrunk(shown), self.learned_small, turned=self.turned)
        found = self.learned[places].float() / 255
        rows = {"made": shown, "nearest learned": found}
        strips = [Strip(pictures=list(torch.split(row, 1)), label=label) for label, row in rows.items()]
        write_sheet(path, strips, columns=[""] * len(shown), cell=max(128, made.shape[-1]))


@torch.no_grad()
def pooled_features(network: EfficientNetLite0, pictures: Tensor) -> Tensor:
    """Computes the features (B, 1280) of pictures (B, 3, H, W) in [0, 1], some at a time, on the CPU."""
    device = next(network.parameters()).device
    return torch.cat([network.pooled(some.to(device)).float().cpu() for some in torch.split(pictures, _TOGETHER)])


def shrunk(pictures: Tensor) -> Tensor:
    """Averages pictures (B, 3, H, W) down to (B, 3, 16, 16)."""
    return F.adaptive_avg_pool2d(pictures, _SMALL)


def nearest(pictures: Tensor, others: Tensor, *, turned: bool) -> tuple[Tensor, Tensor]:
    """Returns the root mean square distance (B,) of each of (B, 3, s, s) to the nearest of others, and its index (B,).

    With ``turned`` the eight symmetries of the square are tried.
    """
    flat = others.flatten(1)
    every = torch.stack([torch.cdist(view.flatten(1), flat) for view in _views(pictures, turned=turned)])
    distances, places = every.amin(dim=0).min(dim=1)
    return distances / flat.shape[1] ** 0.5, places


def _views(pictures: Tensor, *, turned: bool) -> Sequence[Tensor]:
    both = (pictures, pictures.flip(3))
    return [one.rot90(quarter, (2, 3)) for one in both for quarter in range(4)] if turned else both
