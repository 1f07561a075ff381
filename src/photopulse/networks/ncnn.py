"""Reads the weights of a plain convolutional network in ncnn's format, without ncnn.

The ``.param`` file is text: a magic number, the numbers of layers and blobs, then one line per layer. The ``.bin`` file
has the weights of the layers one after the other, without names or sizes. The graph itself is not run: the convolutions
are returned in the order of the text, and the caller's own network has to fit them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photopulse.errors import PhotopulseError, system_reason
from photopulse.files import read_regular

MAX_PARAM_BYTES = 4 * 2**20
MAX_BIN_BYTES = 512 * 2**20

_PARAM_MAGIC = "7767517"
_FLOAT16 = 0x01306B47
_WITHOUT_WEIGHTS = frozenset({"Input", "Split", "Concat", "Eltwise", "BinaryOp", "Interp"})
# The numbers of a Convolution's parameters in the text.
_OUT, _WIDTH, _HEIGHT, _HAS_BIAS, _NUM_WEIGHTS, _INT8, _DYNAMIC = 0, 1, 11, 5, 6, 8, 19


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """One convolution of the network.

    Attributes:
        name: name in the text.
        weight: (out, in, height, width), float32.
        bias: (out,), float32; None if there is none.
    """

    name: str
    weight: Tensor
    bias: Tensor | None


@dataclass(frozen=True, kw_only=True)
class _Declared:
    """A convolution as the text declares it, before its size is checked against the ``.bin`` file."""

    name: str
    shape: tuple[int, int, int, int]
    has_bias: bool

    @property
    def num_bytes(self) -> int:
        # The flag, the float16 weights padded to whole words, the float32 biases.
        return 4 + _padded(2 * math.prod(self.shape)) + 4 * self.shape[0] * self.has_bias


def read_ncnn(param: Path) -> list[Convolution]:
    """Reads all convolutions of ``param`` and of the ``.bin`` file beside it, in the order of the text.

    Weights must be stored as float16, as ncnn's optimiser writes them. The sizes declared in the text are compared
    with the size of the ``.bin`` file before any weight is read.

    Raises:
        PhotopulseError: if a file is missing, damaged or too large, or a layer is of an unknown kind.
    """
    # The text says which weights there must be.
    weights = param.with_suffix(".bin")
    try:
        text = read_regular(param, most=MAX_PARAM_BYTES).decode("ascii")
        layers = list(_declared_convolutions(text))
    except (OSError, ValueError) as error:
        raise _unreadable(param, error) from error
    # The binary file must have exactly that many bytes.
    try:
        raw = read_regular(weights, most=MAX_BIN_BYTES)
        declared = sum(layer.num_bytes for layer in layers)
        if len(raw) != declared:
            raise ValueError(f"it has {len(raw)} bytes where {param.name} declares {declared}")
        return list(_convolutions(layers, raw))
    except (OSError, ValueError) as error:
        raise _unreadable(weights, error) from error


def _declared_convolutions(text: str) -> Iterator[_Declared]:
    """Yields the convolutions of a ``.param`` text; ValueError for unknown kinds of layers."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if len(lines) < 2 or lines[0] != [_PARAM_MAGIC]:
        raise ValueError(f"it does not begin with ncnn's number {_PARAM_MAGIC}")
    layers = lines[2:]
    if lines[1][0] != str(len(layers)):
        raise ValueError(f"it declares {lines[1][0][:20]} layers and has {len(layers)}")
    for words in layers:
        kind = words[0]
        if kind == "Convolution":
            yield _declared(words)
        elif kind not in _WITHOUT_WEIGHTS:
            raise ValueError(f"it has a layer of the kind {kind[:40]!r}, which we do not know")


def _declared(words: list[str]) -> _Declared:
    """Parses a line such as ``Convolution Conv_0 1 1 data 703 0=64 1=3 5=1 6=1728``."""
    # The name, and the parameters behind the inputs and outputs.
    if len(words) < 4:
        raise ValueError("it has a convolution without inputs and outputs")
    name = words[1][:80]
    first = 4 + _whole(words[2], name) + _whole(words[3], name)
    settings = dict(_setting(word, name) for word in words[first:] if not word.startswith("-"))
    if settings.get(_INT8, 0) or settings.get(_DYNAMIC, 0):
        raise ValueError(f"the weights of {name} are quantised or computed, which we do not read")
    # The shape, in which the number of inputs follows from the number of weights.
    out, width, total = (settings.get(key, 0) for key in (_OUT, _WIDTH, _NUM_WEIGHTS))
    height = settings.get(_HEIGHT, width)
    per_input = out * width * height
    if per_input < 1 or total < 1 or total % per_input:
        raise ValueError(f"{name} has {total} weights for {out} outputs of {height} x {width}")
    has_bias = settings.get(_HAS_BIAS, 0) != 0
    return _Declared(name=name, shape=(out, total // per_input, height, width), has_bias=has_bias)


def _setting(word: str, name: str) -> tuple[int, int]:
    key, _, value = word.partition("=")
    # Only integer parameters determine the size of a layer; the values of others are not needed.
    return _whole(key, name), _whole(value, name) if "." not in value else 0


def _whole(word: str, name: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 9):
        raise ValueError(f"{name} has the setting {word[:40]!r}, which is not a whole number")
    return int(word)


def _padded(size: int) -> int:
    """Rounds a number of bytes up to whole words of 4."""
    return -(-size // 4) * 4


def _convolutions(layers: list[_Declared], raw: bytes) -> Iterator[Convolution]:
    """Splits ``raw``, which is as long as all layers together, into the layers' arrays."""
    start = 0
    for layer in layers:
        # A layer is a flag, its float16 weights, padding to whole words, and its float32 biases.
        flag = int.from_bytes(raw[start : start + 4], "little")
        if flag != _FLOAT16:
            raise ValueError(f"the weights of {layer.name} begin with 0x{flag:08x}, not with the mark of float16")
        out, count = layer.shape[0], math.prod(layer.shape)
        weight = np.frombuffer(raw, "<f2", count, start + 4).reshape(layer.shape)
        bias = np.frombuffer(raw, "<f4", out, start + layer.num_bytes - 4 * out) if layer.has_bias else None
        yield Convolution(
            name=layer.name,
            weight=_finite(weight, layer.name),
            bias=None if bias is None else _finite(bias, layer.name),
        )
        start += layer.num_bytes


def _finite(values: NDArray[np.floating[Any]], name: str) -> Tensor:
    copy = values.astype(np.float32)
    if not np.isfinite(copy).all():
        raise ValueError(f"{name} holds a value that is not a finite number")
    return torch.from_numpy(copy)


def _unreadable(path: Path, error: Exception) -> PhotopulseError:
    why = system_reason(error) if isinstance(error, OSError) else str(error)
    return PhotopulseError(f"cannot read {path} as an ncnn network", why=why, fix="fetch it again")
