"""Creates a folder that no other user can read, and removes those that killed servers left behind."""

import os
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = "photopulse-serve-"
_LOCK = "lock"


class PrivateFolder:
    """A new folder in the system's temporary folder, which only this user can look into; removes those of dead servers.

    Attributes:
        path: path of the folder.
    """

    def __init__(self) -> None:
        _remove_deserted()
        # It is renamed only once it is locked, so that no other server removes it as deserted.
        new = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}"))
        self._lock = FileLock(new / _LOCK)
        self._lock.acquire()
        self.path = new.rename(new.with_name(new.name.removeprefix(".")))

    def remove(self) -> None:
        """Removes the folder with all that is in it."""
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)


def _remove_deserted() -> None:
    """Removes the folders of this user's servers that no longer run: the system has dropped their locks."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if not _is_own(folder):
            continue
        try:
            with FileLock(folder / _LOCK, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
        except (Timeout, OSError):
            continue


def _is_own(folder: Path) -> bool:
    """Says whether it is a folder of this user; on Windows, the temporary folder is the user's own."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    return os.name == "nt" or folder.stat().st_uid == os.getuid()
