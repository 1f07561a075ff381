"""What a training was started with, kept beside its checkpoint, so that nobody goes on with something else."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from photopulse.errors import PhotopulseError
from photopulse.files import write_text


def check_settings(path: Path, asked: Mapping[str, object]) -> None:
    """Compares what is asked for with the file of an earlier training; a missing or damaged file says nothing.

    Only what ``asked`` names is compared.

    Raises:
        PhotopulseError: if something differs, naming it.
    """
    try:
        kept: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    before = dict(_flat(kept))
    now = dict(_flat(json.loads(json.dumps(asked))))
    changes = [
        f"{name} was {before.get(name)} and is {value} now" for name, value in now.items() if before.get(name) != value
    ]
    if changes:
        raise PhotopulseError(
            f"cannot go on with the training in {path.parent}",
            why=", ".join(changes),
            fix="give the settings of then, or another folder, or start anew with --fresh",
        )


def write_settings(path: Path, told: Mapping[str, object]) -> None:
    """Writes the file that ``check_settings`` reads.

    Raises:
        PhotopulseError: if it cannot be written.
    """
    write_text(path, json.dumps(told, indent=2, ensure_ascii=True) + "\n")


def _flat(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in cast(dict[str, object], value).items():
            yield from _flat(inner, f"{name}.{key}" if name else key)
    else:
        yield name, value
