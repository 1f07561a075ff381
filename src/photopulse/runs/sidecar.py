"""Sidecars: small JSON files beside results, which record what the results were made from."""

import json
from pathlib import Path
from typing import Any, cast

from photopulse.files import read_regular, write_text

_MAX_BYTES = 64 * 2**20


def read_sidecar(path: Path, key: str) -> dict[str, Any] | None:
    """Reads a sidecar; None if it is missing, damaged, or has another key."""
    try:
        content: object = json.loads(read_regular(path, most=_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    fields = cast("dict[str, Any]", content)
    return fields if fields.get("key") == key else None


def write_sidecar(path: Path, key: str, content: dict[str, Any]) -> None:
    """Writes ``content``, JSON values with finite numbers, together with the key of the result.

    Raises:
        PhotopulseError: if the file cannot be written.
    """
    write_json(path, {"key": key} | content)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes JSON values with finite numbers, atomically; PhotopulseError if the file cannot be written."""
    write_text(path, json.dumps(content, allow_nan=False) + "\n")
