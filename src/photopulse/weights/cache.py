"""The cache of fetched weights: its folders, and checks that the files in them are intact."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

import platformdirs

from photopulse.files import sha256_of
from photopulse.weights.entry import FetchedWeights, Member, ShippedWeights, WeightsEntry

CACHE_FIX = "let PHOTOPULSE_CACHE name a folder that can be written to and has room"
"""The way out where a file cannot be kept in the cache."""

State = Literal["ready", "missing", "damaged"]


def cache_dir() -> Path:
    """Returns the folder of all fetched weights: ``PHOTOPULSE_CACHE`` if set, else the platform's cache folder."""
    chosen = os.environ.get("PHOTOPULSE_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("photopulse")


def folder_of(entry: WeightsEntry) -> Path:
    """Returns the folder of the members of ``entry``, whether they are there or not."""
    match entry:
        case FetchedWeights(carrier=carrier):
            return cache_dir() / entry.name / carrier.version
        case ShippedWeights(folder=folder):
            return folder
        case _:
            raise TypeError(f"{entry.name} says not where its files lie")


def state_of(entry: WeightsEntry) -> State:
    """Tells whether all members are in the cache with the sizes and hashes of the table.

    They are hashed each time, at about 1 GB per second, so that no other bytes are used, whatever changed them.
    """
    folder = folder_of(entry)
    try:
        if not folder.is_dir():
            return "missing"
        intact = all(_is_intact(folder / member.name, member) for member in entry.members)
    except PermissionError:
        return "missing" if not os.access(folder, os.X_OK) else "damaged"
    except OSError:
        return "damaged"
    return "ready" if intact else "damaged"


def disk_size_of(entry: WeightsEntry) -> int:
    """Returns how many bytes the members of ``entry`` take on the disk now; 0 if they are missing."""
    files = (folder_of(entry) / member.name for member in entry.members)
    with suppress(OSError):
        return sum(file.stat().st_size for file in files if file.is_file())
    return 0


def _is_intact(file: Path, member: Member) -> bool:
    return file.is_file() and file.stat().st_size == member.size and sha256_of(file) == member.sha256
