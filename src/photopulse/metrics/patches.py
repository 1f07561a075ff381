"""The sliced Wasserstein distance between the patches of two sets of pictures (Karras et al. 2018, section 5)."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

_SIDE: Final = 7  # px of a patch.
_PER_PICTURE: Final = 64
_DIRECTIONS: Final = 256
_QUANTILES: Final = 512
_LEAST: Final = 16  # px of the coarsest level.


def patch_distance(pictures_a: Tensor, pictures_b: Tensor, *, seed: int = 0) -> list[float]:
    """Computes the sliced Wasserstein distance of patches at each level of a Laplacian pyramid, the finest first.

    It needs no network. As published, patches of 7 px are normalised by the mean and deviation of each channel over
    set a, projected on random directions, and compared by their sorted values; here by 512 quantiles, so that the sets
    need not be equally large. 0 for equal sets. Levels halve the side down to 16 px; the last one is the small picture
    itself, which shows shapes and colours, while the first ones show texture.

    Args:
        pictures_a: the real ones, (N, 3, H, W) in [0, 1].
        pictures_b: (M, 3, H, W) of the same size, a power of two from 16 px.
        seed: random seed of patches and directions.
    """
    random = torch.Generator().manual_seed(seed)
    levels = zip(_pyramid(pictures_a), _pyramid(pictures_b), strict=True)
    return [_distance(a, b, random) for a, b in levels]


def _pyramid(pictures: Tensor) -> list[Tensor]:
    """Returns the Laplacian pyramid of pictures, the finest level first."""
    levels: list[Tensor] = []
    while pictures.shape[-1] > _LEAST:
        small = F.avg_pool2d(pictures, 2)
        levels.append(pictures - F.interpolate(small, scale_factor=2, mode="bilinear"))
        pictures = small
    return [*levels, pictures]


def _patches(pictures: Tensor, places: Tensor) -> Tensor:
    """Cuts the patches at these places (P, 2) out of each picture: (N * P, 3, 7, 7)."""
    return torch.cat([pictures[:, :, y : y + _SIDE, x : x + _SIDE] for y, x in places.unbind()])


def _distance(pictures_a: Tensor, pictures_b: Tensor, random: torch.Generator) -> float:
    # Patches at the same random places of both.
    places = torch.randint(pictures_a.shape[-1] - _SIDE + 1, (_PER_PICTURE, 2), generator=random)
    a, b = (_patches(pictures, places) for pictures in (pictures_a, pictures_b))
    # Normalise both by the statistics of the real ones.
    mean, deviation = a.mean(dim=(0, 2, 3), keepdim=True), a.std(dim=(0, 2, 3), keepdim=True).clamp(min=1e-6)
    flat_a, flat_b = (((patches - mean) / deviation).flatten(1) for patches in (a, b))
    # Compare the quantiles along random directions.
    directions = F.normalize(torch.randn(flat_a.shape[1], _DIRECTIONS, generator=random), dim=0)
    sorted_a, sorted_b = (_quantiles(flat @ directions) for flat in (flat_a, flat_b))
    return (sorted_a - sorted_b).abs().mean().item()


def _quantiles(values: Tensor) -> Tensor:
    """Returns 512 quantiles of each column of values (N, D)."""
    ordered = values.sort(dim=0).values
    places = (torch.linspace(0, 1, _QUANTILES) * (len(ordered) - 1)).round().long()
    return ordered[places]
