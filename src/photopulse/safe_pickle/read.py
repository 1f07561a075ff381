"""Reads the pickle files of official face generators without running any code in them."""

import struct
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import cast

from photopulse.errors import PhotopulseError, is_out_of_memory, memory_full, system_reason
from photopulse.files import read_regular
from photopulse.safe_pickle.arrays import NUMPY_GLOBALS
from photopulse.safe_pickle.machine import Builder, RefusedPickleError, hashable_key, run_pickle
from photopulse.safe_pickle.torch_storage import TORCH_GLOBALS, printable

MAX_BYTES = 2 * 1024**3
# The only sets in such files are the names of a module's non-persistent buffers.
_MAX_SET = 16
# Packages of the official training code: every object of theirs in a pickle becomes an inert Placeholder.
_INERT_PACKAGES = ("dnnlib", "torch_utils", "training")


@dataclass(slots=True, eq=False)
class Placeholder:
    """An object of the official training code, as the file describes it.

    Attributes:
        module: module of its class.
        name: name of its class.
        args: arguments of its creation.
        state: its pickled state; None if there is none.
    """

    module: str
    name: str
    args: tuple[object, ...]
    state: object = None

    def set_state(self, state: object) -> None:
        """Keeps the pickled state."""
        self.state = state


def read_pickle(path: Path, *, max_bytes: int = MAX_BYTES) -> object:
    """Reads a pickle as plain values and inert stand-ins; no name in the file is imported or called.

    Dicts and their subclasses become ``dict``, objects of the official training code become ``Placeholder``, and
    tensors and arrays become ``PickledTensor`` and ``PickledArray``, which are checked when their values are read.

    Raises:
        PhotopulseError: if the file is missing, longer than ``max_bytes``, damaged, or asks for any other name.
    """
    with pickle_errors(path):
        return run_pickle(BytesIO(read_regular(path, most=max_bytes)), find_class)


@contextmanager
def pickle_errors(path: Path) -> Generator[None]:
    """Turns errors inside the block, in which values of ``path`` are read, into ``PhotopulseError``."""
    # In order: a refused pickle, a file that cannot be read, a damaged file.
    what = f"cannot read {path}"
    try:
        yield
    except RefusedPickleError as error:
        raise PhotopulseError(
            what,
            why=f"refused: it {error}",
            fix="use an official file, or one that holds tensors only, such as .safetensors",
        ) from error
    except OSError as error:
        raise PhotopulseError(what, why=system_reason(error), fix="check the path and its permissions") from error
    except _DAMAGE as error:
        if is_out_of_memory(error):
            raise memory_full(what) from error
        raise PhotopulseError(
            what,
            why=f"the file is damaged or no pickle of a network ({type(error).__name__}: {str(error)[:200]})",
            fix="get the file again from its source",
        ) from error


def find_class(module: str, name: str) -> object:
    """Looks a global name up in the table of names that official files need.

    Raises:
        RefusedPickleError: if the name is not in the table.
    """
    if (module, name) in _GLOBALS:
        return _GLOBALS[module, name]
    if module.partition(".")[0] in _INERT_PACKAGES:

        def build(*args: object) -> Placeholder:
            return Placeholder(module, name, args)

        return Builder(printable(module, name), build)
    raise RefusedPickleError(f"asks for {printable(module, name)}")


def _make_dict() -> dict[object, object]:
    return {}


def _make_empty_bytes() -> bytes:
    return b""


def _make_set(items: object = ()) -> set[object]:
    if not isinstance(items, list | tuple) or len(cast(list[object], items)) > _MAX_SET:
        raise RefusedPickleError("has a set of too many items")
    return {hashable_key(item) for item in cast(list[object], items)}


_GLOBALS: dict[tuple[str, str], object] = {
    ("collections", "OrderedDict"): Builder("collections.OrderedDict", _make_dict),
    ("dnnlib", "EasyDict"): Builder("dnnlib.EasyDict", _make_dict),
    ("dnnlib.util", "EasyDict"): Builder("dnnlib.util.EasyDict", _make_dict),
    ("builtins", "set"): Builder("builtins.set", _make_set),
    # What Python 3 writes in protocol 2, which has neither sets nor empty bytes.
    ("__builtin__", "set"): Builder("builtins.set", _make_set),
    ("__builtin__", "bytes"): Builder("builtins.bytes", _make_empty_bytes),
    **NUMPY_GLOBALS,
    **TORCH_GLOBALS,
}
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
