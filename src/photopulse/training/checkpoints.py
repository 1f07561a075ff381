"""Checkpoints: files with everything that a training needs to resume after a step."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from photopulse.errors import PhotopulseError
from photopulse.files import atomic_path


class Stateful(Protocol):
    """A network or an optimizer, whose state a checkpoint stores."""

    def state_dict(self) -> dict[str, Any]:
        """Returns the state."""
        ...

    def load_state_dict(self, state_dict: Any) -> Any:
        """Restores a state that ``state_dict`` returned."""
        ...


def save_checkpoint(path: Path, step: int, parts: Mapping[str, Stateful]) -> None:
    """Writes the states of all parts after a step; atomic.

    Raises:
        OSError: if there is no room, or the folder cannot be written to.
    """
    # Into memory first: where the disk is full, torch raises a RuntimeError that does not say so.
    content = io.BytesIO()
    torch.save({"step": step} | {name: part.state_dict() for name, part in parts.items()}, content)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def load_checkpoint(path: Path, parts: Mapping[str, Stateful]) -> int:
    """Restores the states that ``save_checkpoint`` wrote and returns the step; 0 if there is no such file.

    Raises:
        PhotopulseError: if the file is damaged or of other networks.
    """
    if not path.is_file():
        return 0
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        for name, part in parts.items():
            part.load_state_dict(content[name])
        return int(content["step"])
    except Exception as error:
        # torch.load fails in many ways on a damaged file, and all of them mean the same to the person.
        raise PhotopulseError(
            f"cannot go on from {path}",
            why=str(error).partition("\n")[0],
            fix="train with the settings that the file was made with, or remove it to start anew",
        ) from error
