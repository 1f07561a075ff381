"""Finds a generator's style encoder: the fitted one of the cache, else the one that is shipped."""

from pathlib import Path
from typing import Final

from photopulse.generators.protocol import Generator
from photopulse.search.companion_files import fitted_path, load_best
from photopulse.search.style_encoder import StyleEncoder

PART: Final = "encoder"


def encoder_path(generator: Generator) -> Path:
    """Returns where the fitted encoder of this generator is kept."""
    return fitted_path(generator, PART)


def make_encoder(generator: Generator) -> StyleEncoder:
    """Makes an encoder with random weights from torch's default generator, on the device of ``generator``."""
    return StyleEncoder(generator.w_dim).to(generator.device)


def find_encoder(generator: Generator) -> StyleEncoder | None:
    """Returns the frozen encoder on the generator's device; None if none was fitted to this generator."""
    encoder = make_encoder(generator)
    if load_best(encoder, generator, PART) is None:
        return None
    return encoder.requires_grad_(False).eval()
