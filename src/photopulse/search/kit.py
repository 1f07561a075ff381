"""What the searches of one generator need besides it: the Gaussian of its W and its twins, each found once."""

from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from photopulse.generators.protocol import Generator
from photopulse.generators.twin import Twin
from photopulse.search.encoder_cache import find_encoder
from photopulse.search.prior import GaussianPrior
from photopulse.search.prior_cache import find_prior
from photopulse.search.style_encoder import StyleEncoder
from photopulse.search.twin_cache import find_twin

TWIN_SIZES: Final = (16, 32, 64)
"""Heights of the twins that searches use."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchKit:
    """The fitted companions of a generator; keep it for all its searches.

    Attributes:
        generator: whose they are.
        prior: the Gaussian of its W.
    """

    generator: Generator
    prior: GaussianPrior
    _twins: dict[int, Twin | None] = field(default_factory=dict[int, Twin | None], repr=False)
    _encoders: list[StyleEncoder | None] = field(default_factory=list[StyleEncoder | None], repr=False)

    @classmethod
    def find(cls, generator: Generator, *, label: Tensor | None = None) -> "SearchKit":
        """Finds the Gaussian, or fits it (seconds); twins follow when they are asked for.

        Args:
            generator: any behind the protocol.
            label: class (c_dim,) of a conditional generator.
        """
        return cls(generator=generator, prior=find_prior(generator, label=label))

    def twin(self, size: int) -> Twin | None:
        """Returns the best twin of that height that there is: fitted, shipped or untrained; None if there is none."""
        if size not in self._twins:
            found = find_twin(self.generator, size) if size < self.generator.resolution else None
            self._twins[size] = found.twin if found else None
        return self._twins[size]

    @property
    def encoder(self) -> StyleEncoder | None:
        """The encoder that tells where a search begins; None if none was fitted, and searches begin at the mean."""
        if not self._encoders:
            self._encoders.append(find_encoder(self.generator))
        return self._encoders[0]

    @torch.no_grad()
    def first_guess(self, faces: Tensor) -> Tensor:
        """Returns where to begin the search for faces (B, 3, s, s) in [0, 1]: points (B, (1 + num_ws) * w_dim).

        All layers share a style there: the encoder's, or that of the mean face if there is no encoder.
        """
        generator = self.generator
        point = torch.zeros(len(faces), 1 + generator.num_ws, generator.w_dim, device=faces.device)
        if self.encoder is not None:
            point[:, 0] = self.encoder(faces)
        return point.flatten(1)

    def twins_for(self, side: int) -> list[Twin]:
        """Lists the twins for inputs of that height: those smaller than it, and the smallest that is not."""
        smaller = [self.twin(size) for size in TWIN_SIZES if size < side]
        larger = (self.twin(size) for size in TWIN_SIZES if size >= side)
        return [twin for twin in (*smaller, next(filter(None, larger), None)) if twin is not None]
