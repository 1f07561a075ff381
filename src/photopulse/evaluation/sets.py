"""Computes measures of a whole set of pictures: its NIQE, and its distance from the set of originals."""

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
    """Computes the NIQE of (1, 3, H, W); None if too few blocks have contrast for a covariance matrix."""
    if not _has_own_niqe(image):
        return None
    try:
        score = niqe(image)
    except ValueError:  # A flat picture, whose blocks have no contrast.
        return None
    return score if math.isfinite(score) else None


def niqe_blocks(image: Tensor) -> list[list[float | None]]:
    """Computes the statistics of each block (36) of a picture too small for a NIQE of its own.

    None stands for a statistic of a block without contrast. The list is empty if the picture is smaller than a block.
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
    """Computes the kernel distance between the features of results and of their originals, in units of 1e-3.

    The interval extends 1.96 jackknife standard errors to both sides.
    """
    pair = _pair(name, pictures)
    if pair is None:
        return Estimate()
    distance = kernel_distance(*pair, paired=True)
    value, reach = 1e3 * distance.value, 1e3 * _NORMAL_95 * distance.standard_error
    return Estimate(value=value, low=value - reach, high=value + reach, count=len(pair[0]))


def fd_of_set(name: str, pictures: PictureSet) -> Estimate:
    """Computes the Fréchet distance of the same features; only if all sets have the same pictures.

    The distance depends on the number of pictures, so sets of different sizes cannot be compared.
    """
    pair = _pair(name, pictures) if pictures.fair else None
    return Estimate() if pair is None else Estimate(value=frechet_distance(*pair), count=len(pair[0]))


def _pair(name: str, pictures: PictureSet) -> tuple[Tensor, Tensor] | None:
    """Returns the features of the pictures that are in both sets, (N, features) each; None if they are too few."""
    both = (pictures.own, pictures.sharp)
    common = [image for image in sorted(pictures.own) if all(of.get(image, {}).get(name) for of in both)]
    if len(common) < _LEAST_PICTURES:
        return None
    own, sharp = (torch.tensor([of[image][name] for image in common], dtype=torch.float64) for of in both)
    return own, sharp
