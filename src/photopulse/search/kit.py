"""Loads or fits, once per generator, what all its searches need: the prior, the twins and the style encoder."""

import threading
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.generators.protocol import Generator
from photopulse.generators.twin import Twin
from photopulse.search.encoder_cache import find_encoder
from photopulse.search.prior import GaussianPrior
from photopulse.search.prior_cache import find_prior
from photopulse.search.style_encoder import StyleEncoder
from photopulse.search.twin_cache import find_twin

TWIN_SIZES: Final = (16, 32, 64)
"""Sizes of the twins that searches use, in px."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchKit:
    """A generator with its prior, twins and style encoder; create one and use it for all searches, in any thread.

    Attributes:
        generator: generator that is searched.
        prior: Gaussian of the generator's W space.
    """

    generator: Generator
    prior: GaussianPrior
    _twins: dict[int, Twin | None] = field(default_factory=dict[int, Twin | None], repr=False)
    _encoders: list[StyleEncoder | None] = field(default_factory=list[StyleEncoder | None], repr=False)
    _loading: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @classmethod
    def find(cls, generator: Generator, *, label: Tensor | None = None) -> "SearchKit":
        """Creates the kit of a generator: loads its prior from the cache, or fits it in seconds.

        Twins are loaded when they are first needed.

        Args:
            generator: any generator.
            label: class label (c_dim,) for a conditional generator.
        """
        return cls(generator=generator, prior=find_prior(generator, label=label))

    def without_twins(self) -> "SearchKit":
        """Returns a kit of the same generator whose searches use the generator alone."""
        return SearchKit(generator=self.generator, prior=self.prior, _twins=dict.fromkeys(TWIN_SIZES))

    def twin(self, size: int) -> Twin | None:
        """Returns the best available twin of ``size`` px: fitted, shipped or untrained; None if there is none."""
        with self._loading:
            if size not in self._twins:
                found = find_twin(self.generator, size) if size < self.generator.resolution else None
                self._twins[size] = found.twin if found else None
        return self._twins[size]

    def needed_twin(self, size: int, *, what: str = "restore faces with") -> Twin:
        """Returns the twin of ``size`` px; PhotopulseError if the generator has none, saying ``what`` needs it."""
        twin = self.twin(size)
        if twin is None:
            raise PhotopulseError(
                f"cannot {what} {self.generator.name}",
                why=f"it has no twin of {size} px, which this needs",
                fix="use a MobileStyleGAN or a StyleGAN2 of 256 px or more",
            )
        return twin

    @property
    def encoder(self) -> StyleEncoder | None:
        """Style encoder, whose prediction is the first guess; None if none was fitted: searches begin at the mean."""
        with self._loading:
            if not self._encoders:
                self._encoders.append(find_encoder(self.generator))
        return self._encoders[0]

    @torch.no_grad()
    def first_guess(self, faces: Tensor) -> Tensor:
        """Returns the first guess of a search for faces (B, 3, s, s) in [0, 1]: points (B, (1 + num_ws) * w_dim).

        All layers share one style: the encoder's prediction, or that of the mean face if there is no encoder.
        """
        generator = self.generator
        point = torch.zeros(len(faces), 1 + generator.num_ws, generator.w_dim, device=faces.device)
        if self.encoder is not None:
            point[:, 0] = self.encoder(faces)
        return point.flatten(1)

    def twins_for(self, side: int) -> list[Twin]:
        """Lists the twins for inputs of ``side`` px: all smaller ones, and the smallest that is as large or larger."""
        smaller = [self.twin(size) for size in TWIN_SIZES if size < side]
        larger = (self.twin(size) for size in TWIN_SIZES if size >= side)
        return [twin for twin in (*smaller, next(filter(None, larger), None)) if twin is not None]
