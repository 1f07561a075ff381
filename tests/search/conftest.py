"""A small problem to search: pictures that the toy generator can make, and its prior."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from photopulse.degrade import Bicubic
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.search.prior import GaussianPrior, fit_prior
from photopulse.search.problem import SearchProblem


@pytest.fixture(scope="module")
def prior(tiny_generator: MobileStyleGAN) -> GaussianPrior:
    return fit_prior(tiny_generator, samples=2000)


@pytest.fixture(scope="module")
def faces(tiny_generator: MobileStyleGAN) -> Tensor:
    """Four pictures that the generator can make, clamped to [0, 1]."""
    random = torch.Generator().manual_seed(11)
    ws = tiny_generator.map(torch.randn(4, 16, generator=random))
    return tiny_generator.synthesize(ws, tiny_generator.make_noise(4, random)).clamp(0, 1)


@pytest.fixture
def pose(tiny_generator: MobileStyleGAN, prior: GaussianPrior, faces: Tensor) -> Callable[..., SearchProblem]:
    """Poses the problem of the first faces: ``pose(seeds=(0,), targets=(0,), generator=None)``."""

    def make(
        *, seeds: tuple[int, ...] = (0,), targets: tuple[int, ...] | None = None, generator: Any = None
    ) -> SearchProblem:
        chosen = list(targets if targets is not None else range(len(seeds)))
        return SearchProblem(
            target=Bicubic(4)(faces[chosen]),
            degradation=Bicubic(4),
            generator=generator or tiny_generator,
            prior=prior,
            seeds=seeds,
        )

    return make
