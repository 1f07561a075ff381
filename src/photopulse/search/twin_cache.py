"""Loads the twins of a generator: fitted ones from the cache, else those that come with photopulse, else untrained."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from photopulse.generators.protocol import Generator
from photopulse.generators.twin import Twin
from photopulse.search.companion_files import fitted_path, load_best, load_fit, save_fit, shipped_path

TwinSource = Literal["fitted", "shipped", "untrained"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundTwin:
    """A frozen twin on the generator's device, and the source of its weights."""

    twin: Twin
    source: TwinSource


def twin_path(generator: Generator, size: int) -> Path:
    """Returns the file in the cache with the fitted twin of this generator."""
    return fitted_path(generator, str(size))


def shipped_twin_path(generator: Generator, size: int) -> Path:
    """Returns the path at which photopulse ships the twin of exactly this generator, if it does."""
    return shipped_path(generator, str(size))


def find_twin(generator: Generator, size: int) -> FoundTwin | None:
    """Makes the best available twin of ``size`` px; None if the generator has none of that size.

    Missing and damaged files are passed over.
    """
    twin = generator.make_twin(size)
    if twin is None:
        return None
    twin.tail.requires_grad_(False).eval()
    return FoundTwin(twin=twin, source=load_best(twin.tail, generator, str(size)) or "untrained")


def save_twin(twin: Twin, path: Path, *, told: Mapping[str, object]) -> None:
    """Writes the weights of the twin's tail in half precision, with ``told`` as metadata in JSON; atomic."""
    save_fit(twin.tail, path, told=told)


def load_twin(twin: Twin, path: Path) -> dict[str, object]:
    """Loads the weights that ``save_twin`` wrote into a twin, and returns the metadata.

    Raises:
        PhotopulseError: if the file is missing, damaged or of another network; the twin is then unchanged.
    """
    return load_fit(twin.tail, path)
