"""The settings of a training, stored beside its checkpoint, so that it is not resumed with other settings."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, cast

from photopulse.errors import PhotopulseError
from photopulse.files import read_regular, write_text

_MOST_BYTES: Final = 2**20


def check_settings(path: Path, settings: Mapping[str, object]) -> None:
    """Compares settings with the file of an earlier training; a missing or damaged file is accepted.

    Only names in ``settings`` are compared.

    Raises:
        PhotopulseError: if settings differ, with their names and values.
    """
    try:
        kept: object = json.loads(read_regular(path, most=_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return

    # Compare what JSON makes of both: names of nested settings are joined by dots.
    before = dict(_flat(kept))
    now = dict(_flat(json.loads(json.dumps(settings))))
    changes = [
        f"{name} was {before.get(name)} and is {value} now" for name, value in now.items() if before.get(name) != value
    ]
    if changes:
        raise PhotopulseError(
            f"cannot go on with the training in {path.parent}",
            why=", ".join(changes),
            fix="give the settings of then, or another folder, or start anew with --fresh",
        )


def write_settings(path: Path, settings: Mapping[str, object]) -> None:
    """Writes the file that ``check_settings`` reads.

    Raises:
        PhotopulseError: if it cannot be written.
    """
    write_text(path, json.dumps(settings, indent=2, ensure_ascii=True) + "\n")


def _flat(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in cast(dict[str, object], value).items():
            yield from _flat(inner, f"{name}.{key}" if name else key)
    else:
        yield name, value
