"""Keys of results: equal keys mean equal results, so a rerun need not compute them again."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from photopulse.errors import PhotopulseError
from photopulse.files import sha256_of
from photopulse.fingerprint import weights_hash
from photopulse.provenance.signing import Signature


def key(*parts: object) -> str:
    """Hashes photopulse's version and everything else on which a result depends, as 64 hex digits.

    Args:
        parts: everything the result depends on, in a fixed order. Numbers, texts and None are hashed as they are;
            sequences, mappings and dataclasses by their values; bytes, arrays and files (``Path``) by their content,
            not by a file's name; networks by the names and values of their weights.

    Raises:
        OSError: if a file cannot be read.
        PhotopulseError: if a path is a folder, a device or a pipe.
        TypeError: for a part of another type, for which equal hashes might not mean equal values.
    """
    told = json.dumps([version("photopulse"), *map(_canonical, parts)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def signed_key(run: str, signature: Signature | None) -> str:
    """Adds to the key of a run with whose certificates its results are signed, if they are."""
    return run if signature is None else key(run, signature.chain)


def arithmetic() -> list[object]:
    """Returns the part of a key on which the last digits of PyTorch's sums depend: the number of threads.

    A search or a threshold can amplify the last digits, so a result with another number of threads is another one.
    """
    return ["threads", torch.get_num_threads()]


def _canonical(part: object) -> object:
    """Converts a part to a value that JSON can hold.

    Keys such as ``"bytes"`` distinguish parts of different types that would otherwise have the same JSON.
    """
    match part:
        case None | bool() | int() | float() | str():
            return part
        # Large values, by a hash of their content.
        case bytes():
            return {"bytes": hashlib.sha256(part).hexdigest()}
        case Path():
            return {"bytes": _file_hash(part)}
        case torch.nn.Module():
            return {"weights": weights_hash(part)}
        case np.ndarray():
            array = cast("NDArray[Any]", part)
            return {"array": [str(array.dtype), array.shape, hashlib.sha256(array.tobytes()).hexdigest()]}
        case _:
            return _canonical_container(part)


def _file_hash(path: Path) -> str:
    if path.exists() and not path.is_file():  # Reading a device or a pipe may never end.
        why = "it is a folder or device, not a file"
        raise PhotopulseError(f"cannot read {path}", why=why, fix="name a picture file")
    return sha256_of(path)


def _canonical_container(part: object) -> object:
    if is_dataclass(part) and not isinstance(part, type):
        return {"fields": {field.name: _canonical(getattr(part, field.name)) for field in fields(part)}}
    if isinstance(part, Mapping):
        pairs = cast("Mapping[object, object]", part).items()
        return {"mapping": {json.dumps(_canonical(name)): _canonical(value) for name, value in pairs}}
    if isinstance(part, Sequence):
        return [_canonical(one) for one in cast("Sequence[object]", part)]
    raise TypeError(f"a key cannot be made of a {type(part).__name__}")
