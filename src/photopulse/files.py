"""Writes files atomically (after a crash there is the old file or the new one), and opens only regular files."""

import errno
import hashlib
import os
import secrets
import socket
import stat
import time
import zlib
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path

from photopulse.errors import PhotopulseError, file_errors

_LONGEST_STEM = 64  # Bytes of the target's name in a temporary name.
_TEMPORARY = ".photopulse-"
_ABANDONED = 3600.0  # Seconds since its last change after which nobody writes to a temporary file any more.


@contextmanager
def atomic_path(target: Path) -> Generator[Path]:
    """Yields a temporary path beside ``target`` that becomes ``target`` only if the block succeeds.

    Creates missing parent folders. If the block raises, the temporary file is removed, ``target`` stays as it was and
    the error is passed on. If the process is killed, the temporary file stays until ``sweep`` or
    ``remove_temporaries``.
    """
    # The temporary file lies in the same folder, because a rename is atomic only within one file system.
    target.parent.mkdir(parents=True, exist_ok=True)
    stem = cut_name(target.stem, _LONGEST_STEM)
    temporary = target.with_name(f"{_TEMPORARY}{process_mark()}-{secrets.token_hex(4)}-{stem}{target.suffix}")
    # The system applies the process's umask, which cannot be read without changing it for all threads.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        temporary.replace(target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def process_mark() -> str:
    """Returns what the names of this process's temporary files hold, other than those of any process that runs now."""
    return f"{zlib.crc32(socket.gethostname().encode()):08x}{os.getpid():x}"


def remove_temporaries(folder: Path, mark: str) -> None:
    """Removes the temporary files that a process, known by its ``process_mark``, left in a folder when it ended."""
    with suppress(OSError):
        for left in folder.glob(f"{_TEMPORARY}{mark}-*"):
            with suppress(OSError):
                left.unlink()


def sweep(folder: Path) -> None:
    """Removes the temporary files that killed processes left in a folder more than an hour ago."""
    with suppress(OSError):
        for left in folder.glob(f"{_TEMPORARY}*"):
            with suppress(OSError):
                state = left.lstat()
                if stat.S_ISREG(state.st_mode) and time.time() - state.st_mtime > _ABANDONED:
                    left.unlink()


def open_regular(path: Path) -> BufferedReader:
    """Opens a file for reading in binary mode, if it is neither a folder nor a device or a pipe.

    Reading a device or a pipe may never end, and even opening a pipe waits until somebody writes to it.

    Raises:
        OSError: if it cannot be opened, or is no regular file.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is a folder or device, not a file", str(path))
    return open(handle, "rb")  # noqa: PTH123


def check_regular(path: Path) -> None:
    """Raises OSError as ``open_regular`` does, for files that are then opened by their path."""
    open_regular(path).close()


def read_regular(path: Path, *, most: int) -> bytes:
    """Reads a regular file of at most ``most`` bytes.

    Raises:
        OSError: if it cannot be read, is no regular file or is longer.
    """
    with open_regular(path) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return content


def sha256_of(path: Path) -> str:
    """Returns the sha256 of a regular file as lower-case hex digits; OSError if it cannot be read."""
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_text(path: Path, *, most: int, fix: str) -> str:
    """Reads a regular file of at most ``most`` bytes as UTF-8.

    Raises:
        PhotopulseError: if it cannot be read, is no regular file, is longer, or no UTF-8; ``fix`` is the way out.
    """
    what = f"cannot read {path}"
    with file_errors(what, fix=fix):
        content = read_regular(path, most=most)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PhotopulseError(what, why="it is no text in UTF-8", fix=fix) from error


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
