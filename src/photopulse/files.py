"""Writes files atomically: after a crash there is the old file or the new one, never half of one."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from photopulse.errors import file_errors

_LONGEST_PREFIX = 64  # Bytes of a temporary name.


@contextmanager
def atomic_path(target: Path) -> Generator[Path]:
    """Yields a temporary path beside ``target`` that becomes ``target`` only if the block succeeds.

    Creates missing parent folders. If the block raises, the temporary file is removed, ``target`` stays as it was and
    the error is passed on.
    """
    # The temporary file lies in the same folder, because a rename is atomic only within one file system.
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{cut_name(target.stem, _LONGEST_PREFIX)}-", suffix=target.suffix, dir=target.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only their owner can read; the result gets the usual permissions.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def cut_name(name: str, most: int) -> str:
    """Cuts a file name to at most ``most`` bytes, between two characters; file systems limit names in bytes."""
    data = os.fsencode(name)
    return name if len(data) <= most else data[:most].decode("utf-8", errors="ignore")


def write_text(path: Path, text: str) -> None:
    """Writes a text as UTF-8, atomically, without translating line ends.

    Surrogates, which stand for the bytes of a file name that is no valid UTF-8, are written as those bytes.

    Raises:
        PhotopulseError: if the file cannot be written.
    """
    fix = "choose a folder that can be written to and has room, with -o"
    with file_errors(f"cannot write {path}", fix=fix), atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", errors="surrogateescape"))


def _umask() -> int:
    """Reads the process's file mode mask, which the system only tells when it is set."""
    current = os.umask(0)
    os.umask(current)
    return current
