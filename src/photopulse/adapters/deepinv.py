"""A generator with its search as a reconstructor of deepinv, for the physics of that library.

Needs the extra ``deepinv``. Without it, the import of this module fails as any missing package does.
"""

# An optional dependency without which type checkers must do.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportUntypedBaseClass=false

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from deepinv.models import Reconstructor
from deepinv.physics import LinearPhysics, Physics
from torch import Tensor

from photopulse.degrade import Degradation
from photopulse.generators.files.load import load_generator
from photopulse.generators.protocol import Generator
from photopulse.search.fast import FastSettings, fast_search
from photopulse.search.kit import SearchKit
from photopulse.search.problem import SearchProblem


@dataclass(frozen=True, kw_only=True)
class PhysicsDegradation:
    """A physics of deepinv as the degradation of a search; implements ``photopulse.degrade.Degradation``.

    Attributes:
        physics: maps pictures (B, 3, H, W) to measurements (B, 3, h, w), differentiably.
        factor: H / h.
    """

    physics: Physics
    factor: int

    @property
    def name(self) -> str:
        return f"deepinv {type(self.physics).__name__}"

    @property
    def is_linear(self) -> bool:
        return isinstance(self.physics, LinearPhysics)

    def __call__(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.physics.A(image))

    def without_steps(self) -> Degradation:
        return self

    def with_factor(self, factor: int) -> Degradation:
        """Raises ValueError for another factor than its own: of a physics only the one size is known."""
        if factor != self.factor:
            raise ValueError(f"{self.name} is known for a factor of {self.factor} only, not of {factor}")
        return self

    def expected_error(self, *, side: int | None = None) -> float:  # noqa: ARG002
        """Returns the variance of Gaussian noise; 0 for every other noise model, of which nothing is known."""
        sigma = getattr(getattr(self.physics, "noise_model", None), "sigma", 0.0)
        return float(torch.as_tensor(sigma).square().mean())


class GeneratorReconstructor(Reconstructor):
    """Finds pictures of a generator that a physics maps to the measurements: ``x_hat = model(y, physics)``.

    It is the fast search without twins, for these approximate downscaled pictures only. The pictures are imagined: they
    fit the measurements and look like what the generator has learned.

    Args:
        generator: a generator, or its name or file.
        settings: settings of the search.
        seed: random seed; another one gives another picture that fits.
        device: where the generator computes.
    """

    def __init__(
        self,
        generator: Generator | str | Path,
        *,
        settings: FastSettings | None = None,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__(device=device)
        loaded = load_generator(generator, device) if isinstance(generator, str | Path) else generator
        self._kit = SearchKit.find(loaded).without_twins()
        self._settings = settings or FastSettings()
        self._seed = seed

    def forward(self, y: Tensor, physics: Physics, **_kwargs: Any) -> Tensor:
        """Searches for all measurements (B, 3, h, w) in [0, 1] at once and returns (B, 3, H, W) in [0, 1].

        Raises:
            ValueError: if the measurements are no square pictures whose side divides that of the generator's pictures.
        """
        resolution = self._kit.generator.resolution
        if y.ndim != 4 or y.shape[1] != 3 or y.shape[2] != y.shape[3] or resolution % y.shape[-1]:
            raise ValueError(
                f"the measurements must be (batch, 3, h, h), where h divides {resolution}, but are {tuple(y.shape)}"
            )
        problem = SearchProblem(
            target=y.detach().to(self._kit.generator.device),
            degradation=PhysicsDegradation(physics=physics, factor=resolution // y.shape[-1]),
            generator=self._kit.generator,
            prior=self._kit.prior,
            seeds=(self._seed,) * len(y),
        )
        # The search itself needs gradients, whatever the caller's context is.
        with torch.enable_grad():
            *_, last = fast_search(problem, self._kit, self._settings)
        return last.best.image.detach().clamp(0, 1).to(y.device)
