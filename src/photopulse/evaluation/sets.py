"""What can be said of a whole set of pictures only: its NIQE, and its distance from the set of the sharp ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from photopulse.metrics.frechet import frechet_distance
from photopulse.metrics.kid import kernel_distance
from photopulse.metrics.niqe import niqe_score
from photopulse.reporting.estimates import Estimate

_LEAST_PICTURES = 3
_NORMAL_95 = 1.959964


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What one picture adds to the figures of its set.

    Attributes:
        niqe_blocks: statistics of each block (36) of a picture too small for a NIQE of its own; None where a block
            has no contrast.
        features: of EfficientNet-Lite0 (1280); empty where they were not computed.
    """

    niqe_blocks: Sequence[Sequence[float | None]] = ()
    features: Sequence[float] = ()


def set_figures(own: Mapping[str, Traits], sharp: Mapping[str, Traits], *, fair: bool) -> dict[str, Estimate]:
    """Computes the figures of a set of pictures by the name of the measure; those that cannot be are left out.

    ``set_niqe`` is over the blocks of all pictures. ``kd`` (in 1e-3, its interval 1.96 jackknife errors to both
    sides) and ``fd`` compare the features with those of the sharp pictures of the same names.

    Args:
        own: by the name of the picture.
        sharp: likewise; empty for the sharp pictures themselves.
        fair: whether what it will be compared with is over the same pictures. Only then there is an ``fd``, which
            depends on how many they are.
    """
    figures: dict[str, Estimate] = {}
    niqe = _set_niqe([own[name] for name in sorted(own)])
    if niqe is not None:
        figures["set_niqe"] = niqe
    names = [name for name in sorted(own) if own[name].features and name in sharp and sharp[name].features]
    if len(names) < _LEAST_PICTURES:
        return figures
    pair = _stacked(own, names), _stacked(sharp, names)
    distance = kernel_distance(*pair, paired=True)
    value, reach = 1e3 * distance.value, 1e3 * _NORMAL_95 * distance.standard_error
    figures["kd"] = Estimate(value=value, low=value - reach, high=value + reach, count=len(names))
    if fair:
        figures["fd"] = Estimate(value=frechet_distance(*pair), count=len(names))
    return figures


def _set_niqe(pictures: Sequence[Traits]) -> Estimate | None:
    known = [np.array(picture.niqe_blocks, dtype=np.float64) for picture in pictures if picture.niqe_blocks]
    try:
        return Estimate(value=niqe_score(np.concatenate(known)), count=len(known)) if known else None
    except ValueError:  # Fewer than two blocks with contrast.
        return None


def _stacked(traits: Mapping[str, Traits], names: Sequence[str]) -> Tensor:
    return torch.tensor([list(traits[name].features) for name in names], dtype=torch.float64)
