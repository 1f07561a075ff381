"""The folders that fetched weights live in, and whether what lies there is still intact."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

import platformdirs

from photopulse.files import atomic_path
from photopulse.weights.entry import Member, WeightsEntry

State = Literal["ready", "missing", "damaged"]

_RECORD = ".verified.json"


def cache_dir() -> Path:
    """Returns the folder of all fetched weights: ``PHOTOPULSE_CACHE``, else the platform's cache folder."""
    chosen = os.environ.get("PHOTOPULSE_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("photopulse")


def folder_of(entry: WeightsEntry) -> Path:
    """Returns where the members of ``entry`` lie once fetched (there or not)."""
    return cache_dir() / entry.name / entry.carrier.version


def state_of(entry: WeightsEntry) -> State:
    """Says whether the cached members are all there and unchanged.

    Sizes and modification times are compared with the record of the last full check; where they differ, each file's
    sha256 is computed and compared with the table, and a good result is recorded (if the folder can be written).
    """
    folder = folder_of(entry)
    if not folder.is_dir():
        return "missing"
    try:
        intact = _is_intact(entry, folder)
    except OSError:
        return "damaged"
    return "ready" if intact else "damaged"


def record_as_verified(entry: WeightsEntry, folder: Path) -> None:
    """Writes down that the members in ``folder`` had the right hashes just now."""
    with atomic_path(folder / _RECORD) as temporary:
        temporary.write_text(json.dumps(_fingerprint(entry, folder), indent=1), encoding="utf-8")


def disk_size_of(entry: WeightsEntry) -> int:
    """Returns the bytes that the fetched members of ``entry`` take on the disk; 0 when missing."""
    files = (folder_of(entry) / member.name for member in entry.members)
    return sum(file.stat().st_size for file in files if file.is_file())


def sha256_of(file: Path) -> str:
    """Returns the sha256 of a file in lower-case hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_intact(entry: WeightsEntry, folder: Path) -> bool:
    if not all(_has_size(folder, member) for member in entry.members):
        return False
    if _is_recorded(entry, folder):
        return True
    if not all(sha256_of(folder / member.name) == member.sha256 for member in entry.members):
        return False
    # A cache that may only be read is as good; it is just hashed each time.
    with suppress(OSError):
        record_as_verified(entry, folder)
    return True


def _has_size(folder: Path, member: Member) -> bool:
    file = folder / member.name
    return file.is_file() and file.stat().st_size == member.size


def _is_recorded(entry: WeightsEntry, folder: Path) -> bool:
    try:
        record: object = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return record == _fingerprint(entry, folder)


def _fingerprint(entry: WeightsEntry, folder: Path) -> dict[str, list[str | int]]:
    return {
        member.name: [member.sha256, member.size, (folder / member.name).stat().st_mtime_ns] for member in entry.members
    }
