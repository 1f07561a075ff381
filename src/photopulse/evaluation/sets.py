"""What can be said of a whole set of pictures only: its NIQE, and its distance from the set of the sharp ones."""

import math

import numpy as np
import torch
from torch import Tensor

from photopulse.evaluation.measure import PictureSet
from photopulse.metrics.frechet import frechet_distance
from photopulse.metrics.kid import kernel_distance
from photopulse.metrics.niqe import BLOCK, niqe, niqe_features, niqe_score
from photopulse.reporting.estimates import Estimate

_LEAST_PICTURES = 3
_NORMAL_95 = 1.959964


def own_niqe(image: Tensor) -> float | None:
    """Computes the NIQE of (1, 3, H, W); None where too few blocks, or too few with contrast, make a covariance."""
    if not _has_own_niqe(image):
        return None
    try:
        score = niqe(image)
    except ValueError:  # A flat picture, whose blocks tell nothing.
        return None
    return score if math.isfinite(score) else None


def niqe_blocks(image: Tensor) -> list[list[float | None]]:
    """Computes the statistics of each block (36) of a picture too small for a NIQE of its own.

    None stands where a block has no contrast. There are no blocks where the picture is smaller than one.
    """
    if _has_own_niqe(image) or min(image.shape[2:]) < BLOCK:
        return []
    return [[value if math.isfinite(value) else None for value in block] for block in niqe_features(image).tolist()]


def _has_own_niqe(image: Tensor) -> bool:
    height, width = image.shape[2:]
    return (height // BLOCK) * (width // BLOCK) >= 2


def niqe_of_set(name: str, pictures: PictureSet) -> Estimate:
    """Computes the NIQE over the blocks of all pictures together."""
    every = [pictures.own[image].get(name) for image in sorted(pictures.own)]
    known = [np.array(blocks, dtype=np.float64) for blocks in every if blocks]
    try:
        return Estimate(value=niqe_score(np.concatenate(known)), count=len(known)) if known else Estimate()
    except ValueError:  # Fewer than two blocks with contrast.
        return Estimate()


def kd_of_set(name: str, pictures: PictureSet) -> Estimate:
    """Compares features with those of the sharp pictures of the same names, in 1e-3.

    The interval is 1.96 jackknife errors to both sides.
    """
    pair = _pair(name, pictures)
    if pair is None:
        return Estimate()
    distance = kernel_distance(*pair, paired=True)
    value, reach = 1e3 * distance.value, 1e3 * _NORMAL_95 * distance.standard_error
    return Estimate(value=value, low=value - reach, high=value + reach, count=len(pair[0]))


def fd_of_set(name: str, pictures: PictureSet) -> Estimate:
    """Compares the same features; only where all sets have the same pictures, for it depends on how many they are."""
    pair = _pair(name, pictures) if pictures.fair else None
    return Estimate() if pair is None else Estimate(value=frechet_distance(*pair), count=len(pair[0]))


def _pair(name: str, pictures: PictureSet) -> tuple[Tensor, Tensor] | None:
    """The features of the pictures that both sets have, (N, features) each; None where they are too few."""
    both = (pictures.own, pictures.sharp)
    common = [image for image in sorted(pictures.own) if all(of.get(image, {}).get(name) for of in both)]
    if len(common) < _LEAST_PICTURES:
        return None
    own, sharp = (torch.tensor([of[image][name] for image in common], dtype=torch.float64) for of in both)
    return own, sharp
