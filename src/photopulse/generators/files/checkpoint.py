"""photopulse's own generator files: safetensors whose metadata says which network the tensors make."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.generators.architectures import ARCHITECTURES, assemble, moved, settings_from_values
from photopulse.generators.protocol import Generator
from photopulse.torch_file import read_safetensors, read_safetensors_metadata, write_safetensors

FORMAT = "1"


def save_checkpoint(generator: Generator, path: Path, *, half: bool = False) -> None:
    """Writes a generator with its settings and name as safetensors; atomic, parent folders are made.

    ``half`` rounds all numbers to half precision, which halves the file.

    Raises:
        ValueError: the generator's class is not in the table of architectures.
    """
    built = cast(Any, generator)
    architecture = _architecture_of(generator)
    metadata = {
        "photopulse.format": FORMAT,
        "photopulse.architecture": architecture,
        "photopulse.settings": json.dumps(asdict(built.settings)),
        "photopulse.name": generator.name,
    }
    # safetensors refuses tensors that share memory, so each one is copied.
    state = {key: value.detach().cpu().contiguous().clone() for key, value in built.state_dict().items()}
    if half:
        state = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    write_safetensors(path, state, metadata)


def load_checkpoint(path: Path, device: str | torch.device = "cpu") -> Generator:
    """Reads a generator that ``save_checkpoint`` wrote, in eval mode, without gradients, on ``device``.

    Raises:
        PhotopulseError: the file cannot be read, is not photopulse's, or its tensors and settings do not fit;
            or there is no such device here.
    """
    metadata, state = _read(path)
    architecture = metadata.get("photopulse.architecture", "")
    name = metadata.get("photopulse.name", path.stem)
    try:
        values = json.loads(metadata.get("photopulse.settings", ""))
        generator = assemble(architecture, settings_from_values(architecture, values), state, name=name)
    except PhotopulseError as problem:
        raise _unreadable(path, problem.why) from problem
    except (ValueError, RecursionError) as problem:
        raise _unreadable(path, f"its settings or tensors are damaged ({problem})") from problem
    return moved(generator, device)


def _architecture_of(generator: Generator) -> str:
    for architecture, entry in ARCHITECTURES.items():
        if isinstance(generator, entry.network):
            return architecture
    raise ValueError(f"{type(generator).__name__} is none of the architectures {', '.join(ARCHITECTURES)}")


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        metadata = read_safetensors_metadata(path)
        _check_format(path, metadata)
        return metadata, read_safetensors(path)
    except (SafetensorError, OSError, ValueError) as problem:
        raise _unreadable(path, str(problem)) from problem


def _check_format(path: Path, metadata: dict[str, str]) -> None:
    found = metadata.get("photopulse.format")
    # A safetensors file of another program.
    if found is None:
        raise PhotopulseError(
            f"cannot load {path}",
            why="it is a safetensors file, but not a generator that photopulse wrote",
            fix="give the original network file (.pkl or .pt), which photopulse reads as well",
        )
    # A generator in the format of another version.
    if found != FORMAT:
        raise PhotopulseError(
            f"cannot load {path}",
            why=f"it is written in format {found[:20]!r}, and this photopulse reads format {FORMAT}",
            fix="update photopulse",
        )


def _unreadable(path: Path, why: str) -> PhotopulseError:
    return PhotopulseError(
        f"cannot load {path}",
        why=why,
        fix="copy the file again from its source, or save the generator again",
    )
