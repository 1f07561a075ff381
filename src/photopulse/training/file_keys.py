"""Keys of files in the caches of trainings."""

import hashlib
from pathlib import Path

from photopulse.errors import file_errors


def file_key(file: Path) -> str:
    """Returns a key of a file's path, size and time of modification, as 64 hexadecimal digits.

    Raises:
        PhotopulseError: there is no such file.
    """
    with file_errors(f"cannot read {file}", fix="check the path and its permissions"):
        state = file.stat()
    text = repr((str(file.resolve()), state.st_size, state.st_mtime_ns))
    return hashlib.sha256(text.encode("utf-8", errors="surrogateescape")).hexdigest()
