"""The cache of fetched weights: its folders, and checks that the files in them are intact."""

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

# The file that records sizes and times of the files when their hashes were last checked.
_RECORD = ".verified.json"


def cache_dir() -> Path:
    """Returns the folder of all fetched weights: ``PHOTOPULSE_CACHE`` if set, else the platform's cache folder."""
    chosen = os.environ.get("PHOTOPULSE_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("photopulse")


def folder_of(entry: WeightsEntry) -> Path:
    """Returns the folder of the members of ``entry``, whether they have been fetched or not."""
    return cache_dir() / entry.name / entry.carrier.version


def state_of(entry: WeightsEntry) -> State:
    """Tells whether all members are in the cache and unchanged.

    Sizes and modification times are compared with the record of the last full check. If they differ, each file's
    sha256 is computed and compared with the table, and success is recorded if the folder can be written.
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
    """Records that the members in ``folder`` have just been found to have the right hashes."""
    with atomic_path(folder / _RECORD) as temporary:
        temporary.write_text(json.dumps(_fingerprint(entry, folder), indent=1), encoding="utf-8")


def disk_size_of(entry: WeightsEntry) -> int:
    """Returns how many bytes the members of ``entry`` take on the disk now; 0 if they are missing."""
    files = (folder_of(entry) / member.name for member in entry.members)
    return sum(file.stat().st_size for file in files if file.is_file())


def sha256_of(file: Path) -> str:
    """Returns the sha256 of a file as lower-case hex digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_intact(entry: WeightsEntry, folder: Path) -> bool:
    if not all(_has_size(folder, member) for member in entry.members):
        return False
    if _is_recorded(entry, folder):
        return True
    if not all(sha256_of(folder / member.name) == member.sha256 for member in entry.members):
        return False
    # A read-only cache works too; its files are just hashed each time.
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
