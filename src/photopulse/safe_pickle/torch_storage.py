"""Inert stand-ins for torch tensors in a pickle, and the storage files nested in them.

``pickle.dump`` stores the values of a tensor as a complete legacy ``torch.save`` file: five more pickles (magic
number, version, system, storage, keys), then the raw values. Those pickles are read just as strictly.
"""

import math
from dataclasses import dataclass, field
from io import BytesIO
from typing import cast

import torch
from torch import Tensor

from photopulse.safe_pickle.arrays import as_bytes, checked_sizes
from photopulse.safe_pickle.machine import Builder, RefusedPickleError, run_pickle

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_MAX_OPCODES = 10_000
_STORAGE_DTYPES: dict[tuple[str, str], object] = {
    ("torch", "FloatStorage"): torch.float32,
    ("torch", "HalfStorage"): torch.float16,
    ("torch", "BFloat16Storage"): torch.bfloat16,
    ("torch", "DoubleStorage"): torch.float64,
    ("torch", "LongStorage"): torch.int64,
    ("torch", "IntStorage"): torch.int32,
    ("torch", "ShortStorage"): torch.int16,
    ("torch", "CharStorage"): torch.int8,
    ("torch", "ByteStorage"): torch.uint8,
}


@dataclass(slots=True, eq=False)
class PickledStorage:
    """One nested storage file; it is read once, when its values are first needed."""

    raw: object
    _values: Tensor | None = field(default=None, init=False)

    def values(self) -> Tensor:
        """Returns all values (N,), in the stored dtype, on the CPU.

        Raises:
            RefusedPickleError: if the file holds anything but numbers.
        """
        if self._values is None:
            self._values = read_storage(bytes(as_bytes(self.raw)))
            self.raw = b""
        return self._values


@dataclass(frozen=True, slots=True, eq=False)
class PickledTensor:
    """A view of a storage as the file describes it, unchecked; ``tensor`` checks and copies it."""

    storage: object
    offset: object
    size: object
    stride: object

    def tensor(self) -> Tensor:
        """Returns a copy of the tensor, in the stored dtype, on the CPU.

        Raises:
            RefusedPickleError: if the view reaches beyond its storage, or has more elements than it.
        """
        if not isinstance(self.storage, PickledStorage):
            raise RefusedPickleError("has a tensor without a storage")
        size, stride = checked_sizes(self.size), checked_sizes(self.stride)
        (offset,) = checked_sizes((self.offset,))
        values = self.storage.values()
        count = math.prod(size)
        steps = sum((length - 1) * step for length, step in zip(size, stride, strict=True))
        end = offset + steps + 1 if count else offset
        if end > values.numel() or count > values.numel():
            raise RefusedPickleError(f"has a tensor of shape {size} that reaches beyond its {values.numel()} numbers")
        return values.as_strided(size, stride, offset).clone(memory_format=torch.contiguous_format)


def read_storage(raw: bytes) -> Tensor:
    """Reads one storage in torch's legacy file format as a tensor (N,).

    Raises:
        RefusedPickleError: if the file asks for anything but one storage of numbers.
        ValueError, LookupError, TypeError: if the file is damaged.
    """
    stream = BytesIO(raw)

    def next_pickle() -> object:
        return run_pickle(stream, _find_dtype, _declared_storage, max_opcodes=_MAX_OPCODES)

    # The five pickles: magic number, version, system, the storage's description, the list of its key.
    if next_pickle() != _MAGIC or next_pickle() != _VERSION:
        raise RefusedPickleError("has a tensor storage that is not torch's legacy format")
    system = next_pickle()
    if not isinstance(system, dict) or cast(dict[str, object], system).get("little_endian") is not True:
        raise RefusedPickleError("has a tensor storage that is not little-endian")
    declared = next_pickle()
    if not isinstance(declared, _DeclaredStorage) or next_pickle() != [declared.key]:
        raise RefusedPickleError("has a tensor storage that holds something else")
    # The raw values, whose length must be the declared one.
    count = int.from_bytes(stream.read(8), "little")
    start = stream.tell()
    if count != declared.count or len(raw) - start != count * declared.dtype.itemsize:
        raise RefusedPickleError("has a tensor storage of another length than it declares")
    if count == 0:
        return torch.empty(0, dtype=declared.dtype)
    return torch.frombuffer(bytearray(memoryview(raw)[start:]), dtype=declared.dtype)


@dataclass(frozen=True, slots=True, eq=False)
class _DeclaredStorage:
    dtype: torch.dtype
    key: str
    count: int


def _find_dtype(module: str, name: str) -> object:
    if (module, name) not in _STORAGE_DTYPES:
        raise RefusedPickleError(f"asks for {printable(module, name)} in a tensor storage")
    return _STORAGE_DTYPES[module, name]


def _declared_storage(persistent_id: object) -> _DeclaredStorage:
    if not isinstance(persistent_id, tuple):
        raise RefusedPickleError("has a tensor storage without a description")
    kind, dtype, key, _, count, *view = cast(tuple[object, ...], persistent_id)
    if kind != "storage" or not isinstance(dtype, torch.dtype) or view not in ([], [None]):
        raise RefusedPickleError("has a tensor storage that is a module or a view")
    if not isinstance(key, str) or type(count) is not int:
        raise RefusedPickleError("has a tensor storage without a key or a length")
    return _DeclaredStorage(dtype, key, count)


def printable(module: str, name: str) -> str:
    """Returns ``module.name`` for a message: shortened, and without control characters."""
    text = f"{module[:60]}.{name[:60]}"
    return text if text.isprintable() else ascii(text)


def _make_tensor(storage: object, offset: object, size: object, stride: object, *_: object) -> PickledTensor:
    return PickledTensor(storage, offset, size, stride)


def _make_parameter(data: object, *_: object) -> object:
    return data


def _make_size(sizes: object) -> tuple[int, ...]:
    return checked_sizes(sizes)


def _make_device(*_: object) -> str:
    return "torch.device"


TORCH_GLOBALS: dict[tuple[str, str], object] = {
    ("torch.storage", "_load_from_bytes"): Builder("torch.storage._load_from_bytes", PickledStorage),
    ("torch._utils", "_rebuild_tensor"): Builder("torch._utils._rebuild_tensor", _make_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): Builder("torch._utils._rebuild_tensor_v2", _make_tensor),
    ("torch._utils", "_rebuild_parameter"): Builder("torch._utils._rebuild_parameter", _make_parameter),
    ("torch._utils", "_rebuild_parameter_with_state"): Builder("_rebuild_parameter_with_state", _make_parameter),
    ("torch", "Size"): Builder("torch.Size", _make_size),
    ("torch", "device"): Builder("torch.device", _make_device),
    ("torch", "float16"): torch.float16,
    ("torch", "float32"): torch.float32,
    ("torch", "float64"): torch.float64,
}
