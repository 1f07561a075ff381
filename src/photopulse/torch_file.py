"""Files of tensors: PyTorch's ``.pt``, read without running what they contain, and safetensors with metadata."""

import argparse
import hashlib
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from photopulse.errors import PhotopulseError, is_out_of_memory, memory_full, system_reason
from photopulse.files import atomic_path, check_regular, open_regular, sweep

# The first bytes of files in the legacy format, from before PyTorch 1.6: the magic number, pickled.
LEGACY_HEADER = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."

_MOST_HEADER = 2**20  # Bytes of a safetensors header; a network of 500 tensors has 50,000.
_MOST_PICKLE = 16 * 2**20  # Bytes of the pickle in an archive of PyTorch.
_CHECKSUM = "photopulse.sha256"
_ASKED = re.compile(r"GLOBAL ([\w.]{1,120})")


def read_torch_file(path: Path) -> Any:
    """Reads a file that ``torch.save`` wrote, if it holds only tensors and plain containers; tensors are on the CPU.

    Both formats, zip and legacy, are read. An ``argparse.Namespace`` is accepted too, because training scripts often
    save their settings in one beside the weights.

    Raises:
        PhotopulseError: if the file cannot be read, is damaged, or asks for code to be run.
    """
    try:
        check_regular(path)
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
        if is_out_of_memory(problem):
            raise memory_full(f"cannot load {path}") from problem
        raise PhotopulseError(
            f"cannot load {path}",
            why=f"it is damaged, or holds more than tensors ({_told(problem)})",
            fix="copy the file again from its source; photopulse runs no code from weight files",
        ) from problem


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes tensors with metadata and a checksum of both as safetensors; atomic, parent folders are made.

    Equal tensors and metadata give equal bytes.

    Args:
        path: ends with ``.safetensors``.
        tensors: contiguous, on the CPU, no two sharing memory.
        metadata: text by name.

    Raises:
        OSError: the file cannot be written.
    """
    sweep(path.parent)
    told = dict(metadata) | {_CHECKSUM: _checksum(tensors, metadata)}
    data = _in_order(safetensors.torch.save(dict(tensors), metadata=told))
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def read_safetensors_metadata(path: Path) -> dict[str, str]:
    """Reads the metadata of a safetensors file alone; empty if it has none.

    Raises:
        OSError, SafetensorError: the file cannot be read or is damaged.
    """
    with _opened(path) as file:
        return {name: text for name, text in _metadata(file).items() if name != _CHECKSUM}


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Reads the tensors of a safetensors file, on the CPU; raises as ``read_safetensors_metadata`` does.

    A file that ``write_safetensors`` wrote is compared with its checksum.
    """
    with _opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in cast("list[str]", file.keys())}
        metadata = _metadata(file)
    expected = metadata.pop(_CHECKSUM, None)
    if expected is not None and expected != _checksum(tensors, metadata):
        raise SafetensorError("its content differs from its checksum")
    return tensors


def tensors_of(state: Any) -> dict[str, Tensor] | None:
    """Returns ``state`` if it is a state dict of dense CPU tensors, none larger than its storage; else None.

    A tensor with a stride of 0, or one storage under many names, repeats its numbers, so a copy of it could fill the
    memory. Together they may therefore have at most twice as many as are stored.
    """
    if not isinstance(state, Mapping) or not state:
        return None
    items = cast(Mapping[Any, Any], state)
    if not all(isinstance(key, str) and _is_plain(value) for key, value in items.items()):
        return None
    tensors = {key: cast(Tensor, value).detach() for key, value in items.items()}
    storages = {values.untyped_storage().data_ptr(): values.untyped_storage().nbytes() for values in tensors.values()}
    if sum(values.numel() * values.element_size() for values in tensors.values()) > 2 * sum(storages.values()):
        return None
    return tensors


def _is_plain(value: Any) -> bool:
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.device.type != "cpu":
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def _opened(path: Path) -> Any:
    """Opens a safetensors file whose header has a sensible length; thousands of tensors take minutes to list."""
    with open_regular(path) as stream:
        length = int.from_bytes(stream.read(8), "little")
    if length > _MOST_HEADER:
        raise SafetensorError(f"its header has {length} bytes, more than {_MOST_HEADER}")
    # The stubs of safetensors leave out that this is a context manager over tensors.
    return cast(Any, safe_open)(path, framework="pt")


def _metadata(file: Any) -> dict[str, str]:
    return cast("dict[str, str]", file.metadata() or {})


def _in_order(data: bytes) -> bytes:
    """Sorts the metadata in a safetensors file, whose order is otherwise another one each time."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    # Offsets count from the end of the header, which is padded to a multiple of 8 bytes.
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text = text.ljust(-(-len(text) // 8) * 8)
    return len(text).to_bytes(8, "little") + text + data[start:]


def _checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Returns the sha256 of names, types, shapes and values of tensors, and of metadata, as hex digits."""
    digest = hashlib.sha256(repr(sorted(metadata.items())).encode())
    for name, values in sorted(tensors.items()):
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        digest.update(cast(Any, values.contiguous().flatten().view(torch.uint8).numpy()))
    return digest.hexdigest()


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
    if any(entry.file_size > _MOST_PICKLE for entry in entries if entry.filename.endswith(".pkl")):
        raise ValueError(f"its pickle has more than {_MOST_PICKLE:,} bytes")


def _told(problem: Exception) -> str:
    """Returns the reason in a message of PyTorch, without its advice to load the file in an unsafe way."""
    text = str(problem)
    if asked := _ASKED.search(text):
        return f"it asks for {asked[1]}"
    if not text or "weights_only" in text or "Weights only" in text:
        return type(problem).__name__
    return re.split(r"\. |\n", text)[0][:160]
