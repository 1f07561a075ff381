"""Starting points of searches: random latents and noise, drawn item by item from the items' seeds."""

from dataclasses import dataclass

import torch
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.generators.protocol import Generator
from photopulse.search.names import NoiseKind


@dataclass(frozen=True, kw_only=True)
class NoiseSettings:
    """Settings of the noise inputs during a search.

    Attributes:
        kind: ``zero``, ``fixed`` (drawn once), or ``trainable`` (drawn once, then optimised with the latent).
        trainable_layers: number of inputs, counted from the coarsest, that ``trainable`` optimises.
        zeroed_layers: inputs that are zero whatever the kind; negative numbers count from the end. PULSE zeroes
            the last one, which only adds grain.
    """

    kind: NoiseKind = "trainable"
    trainable_layers: int = 5
    zeroed_layers: tuple[int, ...] = (-1,)


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """A starting point: latent (B, num_ws or 1, w_dim) in the Gaussianised W; noise, each (B, 1, H, W)."""

    latent: Tensor
    noise: tuple[Tensor, ...]


def random_start(generator: Generator, seeds: tuple[int, ...], *, layers: int, noise: NoiseSettings) -> Start:
    """Draws a standard normal start for each seed, the same whatever the batch around it.

    Args:
        generator: generator whose shapes and device the start has.
        seeds: random seed of each item, from 0 to 2**32 - 1; numbers are drawn on the CPU.
        layers: ``num_ws`` for one latent per layer, 1 for one that all layers share.
        noise: settings of the noise inputs.

    Raises:
        PhotopulseError: if a seed is out of range.
    """
    # Each item from its own seed.
    randoms = [torch.Generator().manual_seed(check_seed(seed)) for seed in seeds]
    latents = [torch.randn(1, layers, generator.w_dim, generator=random) for random in randoms]
    drawn = [generator.make_noise(1, random) for random in randoms]

    # The batch.
    zeroed = zeroed_indices(noise, len(generator.noise_shapes))
    maps = [torch.cat(parts) for parts in zip(*drawn, strict=True)]
    return Start(
        latent=torch.cat(latents).to(generator.device),
        noise=tuple(torch.zeros_like(values) if i in zeroed else values for i, values in enumerate(maps)),
    )


def check_seed(seed: int) -> int:
    """Returns the seed. Raises PhotopulseError unless it is from 0 to 2**32 - 1."""
    # PyTorch's CPU generator silently drops the upper bits: 2**32 would be the answer of 0 again.
    if not 0 <= seed < 2**32:
        raise PhotopulseError(
            f"cannot start from the seed {seed}",
            why="the random numbers know seeds of 32 bits",
            fix=f"give a seed from 0 to {2**32 - 1}",
        )
    return seed


def zeroed_indices(noise: NoiseSettings, count: int) -> frozenset[int]:
    """Returns which of ``count`` noise inputs are zero.

    Raises:
        ValueError: if a layer of the settings does not exist.
    """
    if noise.kind == "zero" or count == 0:
        return frozenset(range(count))
    wrong = [layer for layer in noise.zeroed_layers if not -count <= layer < count]
    if wrong:
        raise ValueError(f"noise layer {wrong[0]} does not exist: this generator has {count} (0 to {count - 1})")
    return frozenset(layer % count for layer in noise.zeroed_layers)


def trainable_indices(noise: NoiseSettings, count: int) -> tuple[int, ...]:
    """Returns which of ``count`` noise inputs are searched."""
    if noise.kind != "trainable":
        return ()
    zeroed = zeroed_indices(noise, count)
    return tuple(i for i in range(min(noise.trainable_layers, count)) if i not in zeroed)
