"""Finds a generator's style encoder: the fitted one in the cache, else the one shipped with photopulse."""

from pathlib import Path
from typing import Final

from photopulse.generators.protocol import Generator
from photopulse.search.companion_files import fitted_path, load_best
from photopulse.search.style_encoder import StyleEncoder

PART: Final = "encoder"


def encoder_path(generator: Generator) -> Path:
    """Returns the path of this generator's fitted encoder in the cache."""
    return fitted_path(generator, PART)


def make_encoder(generator: Generator) -> StyleEncoder:
    """Creates an encoder on the device of ``generator``; torch's default random generator draws its weights."""
    return StyleEncoder(generator.w_dim).to(generator.device)


def find_encoder(generator: Generator) -> StyleEncoder | None:
    """Returns the frozen encoder on the generator's device; None if none was fitted to this generator."""
    encoder = make_encoder(generator)
    if load_best(encoder, generator, PART) is None:
        return None
    return encoder.requires_grad_(False).eval()
