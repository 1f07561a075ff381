"""Files of tensors: PyTorch's ``.pt``, read without running what they contain, and safetensors with metadata."""

import argparse
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor

from photopulse.errors import PhotopulseError, system_reason
from photopulse.files import atomic_path

# The first bytes of files in the legacy format, from before PyTorch 1.6: the magic number, pickled.
LEGACY_HEADER = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."


def read_torch_file(path: Path) -> Any:
    """Reads a file that ``torch.save`` wrote, if it holds only tensors and plain containers; tensors are on the CPU.

    Both formats, zip and legacy, are read. An ``argparse.Namespace`` is accepted too, because training scripts often
    save their settings in one beside the weights.

    Raises:
        PhotopulseError: if the file cannot be read, is damaged, or asks for code to be run.
    """
    try:
        _check_archive(path)
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as problem:
        raise PhotopulseError(
            f"cannot load {path}",
            why=system_reason(problem),
            fix="check the path and its permissions",
        ) from problem
    except Exception as problem:  # a damaged pickle may raise anything
        raise PhotopulseError(
            f"cannot load {path}",
            why=f"it is damaged, or holds more than tensors ({_first_line(problem)})",
            fix="copy the file again from its source; photopulse runs no code from weight files",
        ) from problem


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes tensors with metadata as safetensors; atomic, parent folders are made.

    Args:
        path: ends with ``.safetensors``.
        tensors: contiguous, on the CPU, no two sharing memory.
        metadata: text by name.

    Raises:
        OSError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        # Its stub does not say of what the path-like argument is.
        cast(Any, safetensors.torch).save_file(dict(tensors), temporary, metadata=dict(metadata))


def read_safetensors_metadata(path: Path) -> dict[str, str]:
    """Reads the metadata of a safetensors file alone; empty if it has none.

    Raises:
        OSError, SafetensorError: the file cannot be read or is damaged.
    """
    # The stubs of safetensors leave out that this is a context manager over tensors.
    with cast(Any, safe_open)(path, framework="pt") as file:
        return cast("dict[str, str]", file.metadata() or {})


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Reads the tensors of a safetensors file, on the CPU; raises as ``read_safetensors_metadata`` does."""
    with cast(Any, safe_open)(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in cast("list[str]", file.keys())}


def tensors_of(state: Any) -> dict[str, Tensor] | None:
    """Returns ``state`` if it is a state dict of dense CPU tensors, none larger than its storage; else None.

    A tensor with a stride of 0 repeats a small storage many times, so a copy of it could fill the memory.
    """
    if not isinstance(state, Mapping) or not state:
        return None
    items = cast(Mapping[Any, Any], state)
    if not all(isinstance(key, str) and _is_plain(value) for key, value in items.items()):
        return None
    return {key: cast(Tensor, value).detach() for key, value in items.items()}


def _is_plain(value: Any) -> bool:
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.device.type != "cpu":
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def _check_archive(path: Path) -> None:
    """Refuses compressed archives: PyTorch writes none, and a small one can unpack to fill the memory."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError("its archive is compressed")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise ValueError("its archive claims to be larger than the file")


def _first_line(problem: Exception) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0][:160]
