"""Finds the Gaussian fit of a generator's W: computed once, then kept in the cache."""

from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.generators.protocol import Generator
from photopulse.search.cache_names import cache_stem
from photopulse.search.prior import GaussianPrior, fit_prior, load_prior, save_prior
from photopulse.weights import cache_dir


def prior_path(generator: Generator, *, label: Tensor | None = None) -> Path:
    """Returns the file in the cache with the fit of this generator (and class label).

    Its name contains a fingerprint of four mapped latents, which tells generators of the same name apart.
    """
    z = torch.randn(4, generator.z_dim, generator=torch.Generator().manual_seed(0)).to(generator.device)
    c = None if label is None else label.to(z).expand(len(z), -1)
    with torch.no_grad():
        styles = generator.map(z, c)[:, 0].float().cpu()
    # Two decimals: the same on every device and number of threads, except on a boundary, which costs a refit.
    stem = cache_stem(generator, (styles * 100).round().to(torch.int32))
    return cache_dir() / "priors" / f"{stem}.safetensors"


def find_prior(generator: Generator, *, label: Tensor | None = None) -> GaussianPrior:
    """Loads the Gaussian fit from the cache, or computes it in seconds and stores it there.

    A damaged file is replaced. If the cache cannot be written, the fit is computed again next time.
    """
    path = prior_path(generator, label=label)
    # Missing, damaged, not readable: each of them is mended by computing it.
    with suppress(PhotopulseError):
        return load_prior(path)
    prior = fit_prior(generator, label=label)
    with suppress(OSError):
        save_prior(prior, path)
    return prior
