"""A small problem to search: pictures that the toy generator can make, its prior and its twins."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from photopulse.degrade import Bicubic, Degradation
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.generators.twin import Twin
from photopulse.search.kit import SearchKit
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


@pytest.fixture(scope="module")
def plain_faces(tiny_generator: MobileStyleGAN) -> Tensor:
    """Four pictures that the generator can make with the noise that is stored in it, clamped to [0, 1]."""
    random = torch.Generator().manual_seed(11)
    return tiny_generator.synthesize(tiny_generator.map(torch.randn(4, 16, generator=random))).clamp(0, 1)


@pytest.fixture
def kit(tiny_generator: MobileStyleGAN, prior: GaussianPrior, own_cache: Path) -> SearchKit:
    """The prior and the untrained twins."""
    return SearchKit(generator=tiny_generator, prior=prior)


class Retwinned:
    """Passes everything on to a generator, but its twins are those of ``make_twin``."""

    def __init__(self, generator: MobileStyleGAN, make_twin: Callable[[int], Twin | None]) -> None:
        self._generator = generator
        self.make_twin = make_twin

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator, name)


@pytest.fixture
def retwin() -> type[Retwinned]:
    """Gives a generator other twins: ``retwin(generator, make_twin)``."""
    return Retwinned


@pytest.fixture
def pose(tiny_generator: MobileStyleGAN, prior: GaussianPrior, faces: Tensor) -> Callable[..., SearchProblem]:
    """Poses the problem of the first faces: ``pose(seeds=(0,), targets=(0,), generator=None)``, made 8 px small."""

    def make(
        *,
        seeds: tuple[int, ...] = (0,),
        targets: tuple[int, ...] | None = None,
        generator: Any = None,
        pictures: Tensor = faces,
        degradation: Degradation | None = None,
    ) -> SearchProblem:
        chosen = list(targets if targets is not None else range(len(seeds)))
        degradation = degradation or Bicubic(4)
        return SearchProblem(
            target=degradation(pictures[chosen]),
            degradation=degradation,
            generator=generator or tiny_generator,
            prior=prior,
            seeds=seeds,
        )

    return make
