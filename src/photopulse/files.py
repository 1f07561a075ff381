"""Writing files so that a crash never leaves half of one."""

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

    Parent folders are made. If the block raises, the temporary file is removed, ``target`` stays as it
    was and the error goes on.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{cut_name(target.stem, _LONGEST_PREFIX)}-", suffix=target.suffix, dir=target.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def cut_name(name: str, most: int) -> str:
    """Cuts a file name to so many bytes, at the end of a character: names of files are limited by bytes."""
    data = os.fsencode(name)
    return name if len(data) <= most else data[:most].decode("utf-8", errors="ignore")


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 with the line ends as they are; bytes of file names that are no UTF-8 go back as they were.

    Raises:
        PhotopulseError: if the file cannot be written.
    """
    fix = "choose a folder that can be written to and has room, with -o"
    with file_errors(f"cannot write {path}", fix=fix), atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", errors="surrogateescape"))


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
