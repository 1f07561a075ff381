"""Finds a generator's twin: the fitted one of the cache, else the one that is shipped, else an untrained one."""

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
    """A twin, frozen, on the generator's device, and where its weights come from."""

    twin: Twin
    source: TwinSource


def twin_path(generator: Generator, size: int) -> Path:
    """Returns where the fitted twin of this generator is kept."""
    return fitted_path(generator, str(size))


def shipped_twin_path(generator: Generator, size: int) -> Path:
    """Returns where photopulse brings along a twin that was fitted to this very generator (there or not)."""
    return shipped_path(generator, str(size))


def find_twin(generator: Generator, size: int) -> FoundTwin | None:
    """Makes the best twin at hand that renders ``size`` px; None if the generator has none of that size.

    Files that are missing or damaged are passed over.
    """
    twin = generator.make_twin(size)
    if twin is None:
        return None
    twin.tail.requires_grad_(False).eval()
    return FoundTwin(twin=twin, source=load_best(twin.tail, generator, str(size)) or "untrained")


def save_twin(twin: Twin, path: Path, *, told: Mapping[str, object]) -> None:
    """Writes the twin's own weights in half precision, and what is told of them; atomic, parent folders are made."""
    save_fit(twin.tail, path, told=told)


def load_twin(twin: Twin, path: Path) -> dict[str, object]:
    """Gives the twin the weights that ``save_twin`` wrote and returns what was told of them.

    Raises:
        PhotopulseError: if the file is missing, damaged or of another network; the twin is then as before.
    """
    return load_fit(twin.tail, path)
