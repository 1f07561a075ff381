"""Inert stand-ins for NumPy arrays in a pickle: they keep bytes and shape, and check both before use.

NumPy's own reconstruction of arrays and dtypes is not used, because it trusts the file (object arrays, item sizes).
"""

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from photopulse.safe_pickle.machine import Builder, RefusedPickleError

_NUMBERS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
_MAX_NDIM = 8


@dataclass(slots=True, eq=False)
class PickledDtype:
    """A number type, by its NumPy code and byte order."""

    code: str
    order: str = "<"

    def set_state(self, state: object) -> None:
        """Takes the byte order out of NumPy's dtype state; a plain number needs nothing else.

        Raises:
            RefusedPickleError: for an unknown byte order.
        """
        order = cast(tuple[object, ...], state)[1] if isinstance(state, tuple) else None
        if order not in ("<", ">", "|", "="):
            raise RefusedPickleError("has an array type of unknown byte order")
        self.order = cast(str, order)

    def resolve(self) -> np.dtype[Any]:
        """Returns the NumPy type."""
        return np.dtype(self.order + self.code)


@dataclass(slots=True, eq=False)
class PickledArray:
    """An array as the file describes it, unchecked; ``array`` checks and returns it."""

    shape: object = ()
    dtype: object = None
    fortran: bool = False
    raw: object = b""

    def set_state(self, state: object) -> None:
        """Takes ndarray's state: version, shape, dtype, Fortran order, bytes."""
        _, self.shape, self.dtype, fortran, self.raw = cast(tuple[object, ...], state)
        self.fortran = fortran is True or fortran == 1

    def array(self) -> npt.NDArray[Any]:
        """Returns the values, read-only.

        Raises:
            RefusedPickleError: if shape, type and bytes do not fit each other.
        """
        if not isinstance(self.dtype, PickledDtype):
            raise RefusedPickleError("has an array without a type")
        shape = checked_sizes(self.shape)
        raw, dtype = as_bytes(self.raw), self.dtype.resolve()
        self.raw = raw  # Text is encoded only once.
        if math.prod(shape) * dtype.itemsize != len(raw):
            raise RefusedPickleError(f"declares an array of shape {shape} in {len(raw)} bytes")
        return np.frombuffer(raw, dtype).reshape(shape, order="F" if self.fortran else "C")


def checked_sizes(sizes: object) -> tuple[int, ...]:
    """Returns ``sizes`` if it is a tuple of at most 8 non-negative integers.

    Raises:
        RefusedPickleError: if it is not.
    """
    if not isinstance(sizes, tuple) or len(cast(tuple[object, ...], sizes)) > _MAX_NDIM:
        raise RefusedPickleError("has an array whose shape is not a short tuple")
    for size in cast(tuple[object, ...], sizes):
        if type(size) is not int or not 0 <= size < 2**48:
            raise RefusedPickleError("has an array whose shape is not made of sizes")
    return cast(tuple[int, ...], sizes)


def as_bytes(raw: object) -> bytes | bytearray:
    """Returns bytes as they are, or encodes the text of one character per byte that protocol 2 stores for bytes.

    Raises:
        RefusedPickleError: if ``raw`` is neither.
    """
    if isinstance(raw, bytes | bytearray):
        return raw
    if isinstance(raw, str):
        return raw.encode("latin1")
    raise RefusedPickleError("has an array whose data are not bytes")


def _make_dtype(code: object, *_: object) -> PickledDtype:
    if not isinstance(code, str) or code not in _NUMBERS:
        raise RefusedPickleError("has an array of something other than numbers")
    return PickledDtype(code)


def _make_array(*_: object) -> PickledArray:
    return PickledArray()


def _array_from_buffer(raw: object, dtype: object, shape: object, order: object) -> PickledArray:
    return PickledArray(shape, dtype, order == "F", raw)


def _make_scalar(dtype: object, raw: object) -> bool | int | float:
    if not isinstance(raw, bytes | str) or len(raw) > 8:
        raise RefusedPickleError("has a number that is not a number")
    return cast(float, PickledArray((), dtype, False, raw).array().item())


def _encoded(text: object, codec: object) -> str:
    # Encoded only when it is used (as_bytes), so that a pickle cannot make many copies of a long text.
    if not isinstance(text, str) or codec != "latin1":
        raise RefusedPickleError("asks for _codecs.encode other than of bytes written as latin1 text")
    return text


NUMPY_GLOBALS: dict[tuple[str, str], object] = {
    ("numpy", "dtype"): Builder("numpy.dtype", _make_dtype),
    ("numpy", "ndarray"): "numpy.ndarray",
    ("_codecs", "encode"): Builder("_codecs.encode", _encoded),
    **{
        (f"numpy.{core}.{module}", name): Builder(name, build)
        for core in ("core", "_core")
        for module, name, build in (
            ("multiarray", "_reconstruct", _make_array),
            ("multiarray", "scalar", _make_scalar),
            ("numeric", "_frombuffer", _array_from_buffer),
        )
    },
}
