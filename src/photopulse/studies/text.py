"""Writing text files whole or not at all."""

from pathlib import Path

from photopulse.errors import PhotopulseError
from photopulse.files import atomic_path


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 with the line ends as they are; bytes of file names that are no UTF-8 go back as they were.

    Raises PhotopulseError when the file cannot be written.
    """
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(text.encode("utf-8", errors="surrogateescape"))
    except OSError as error:
        why = error.strerror or str(error)
        fix = "choose a folder that can be written to and has room, with -o"
        raise PhotopulseError(f"cannot write {path}", why=why, fix=fix) from error
