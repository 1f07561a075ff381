"""A pickle interpreter that calls nothing of the file's choosing; it returns plain values and inert stand-ins.

``pickle.Unpickler`` with a strict ``find_class`` is not enough: it still sets attributes on what was found, hashes
whatever the file uses as a key (deep tuples crash there), follows extension codes, and allocates what the file
declares. This machine knows only the opcodes that protocols 2 to 5 write for data, decoded by ``pickletools.genops``;
REDUCE and NEWOBJ accept only a ``Builder``.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Protocol, cast, runtime_checkable

MAX_OPCODES = 1_000_000  # Official files have up to 100,000; each can take some hundred bytes of memory.
# Integer keys must be small: with large ones, a file could make hashes collide, which costs quadratic time.
MAX_INT_KEY = 2**31


class RefusedPickleError(Exception):
    """Raised for a pickle that asks for something no file of trained weights needs; the message says what."""


@dataclass(frozen=True, slots=True, eq=False)
class Builder:
    """The stand-in for a callable that a pickle names; the only thing that REDUCE and NEWOBJ accept.

    Attributes:
        name: the name in the pickle, for messages.
        build: takes the pickled arguments and trusts none of them. It needs constant time and memory, because a pickle
            may call it many times with the same large argument.
    """

    name: str
    build: Callable[..., object]


@runtime_checkable
class TakesState(Protocol):
    """A stand-in that accepts the state of the opcode BUILD."""

    def set_state(self, state: object) -> None:
        """Keeps ``state`` without running anything."""
        ...


FindClass = Callable[[str, str], object]
PersistentLoad = Callable[[object], object]


def refuse_persistent_ids(_: object) -> object:
    """The ``persistent_load`` for files whose pickle may not refer to outside data; always raises."""
    raise RefusedPickleError("refers to data outside the pickle")


def run_pickle(
    stream: IO[bytes],
    find_class: FindClass,
    persistent_load: PersistentLoad = refuse_persistent_ids,
    *,
    max_opcodes: int = MAX_OPCODES,
) -> object:
    """Reads one pickle from ``stream`` and leaves the stream at its end.

    Args:
        stream: the bytes, in memory; so a length that the file declares is never allocated in advance.
        find_class: maps (module, name) to a ``Builder`` or a constant; raises ``RefusedPickleError`` for other names.
        persistent_load: maps a persistent id to a value.
        max_opcodes: number of opcodes after which the pickle is refused, to bound memory and time.

    Raises:
        RefusedPickleError: if the pickle does what pickles of data never do.
        ValueError, LookupError, TypeError: if the pickle is damaged.
    """
    machine = _Machine(find_class, persistent_load)
    for count, (opcode, arg, _) in enumerate(pickletools.genops(stream)):
        if count >= max_opcodes:
            raise RefusedPickleError(f"has more than {max_opcodes} opcodes")
        if opcode.name == "STOP":
            break
        machine.step(opcode.name, arg)
    return machine.stack.pop()


class _Machine:
    """The pickle machine's state, and one method for each group of opcodes, called with the opcode's argument.

    Attributes:
        stack: the objects above the last mark.
        below_marks: the stacks below each open mark.
        memo: objects that the pickle refers to again.
        find_class: as in ``run_pickle``.
        persistent_load: as in ``run_pickle``.
    """

    def __init__(self, find_class: FindClass, persistent_load: PersistentLoad) -> None:
        self.stack: list[object] = []
        self.below_marks: list[list[object]] = []
        self.memo: dict[int, object] = {}
        self.find_class = find_class
        self.persistent_load = persistent_load

    def step(self, opcode: str, arg: object) -> None:
        if opcode in _PUSH_ARGUMENT:
            self.stack.append(arg)
        elif opcode in _PUSH_CONSTANT:
            self.stack.append(_PUSH_CONSTANT[opcode])
        elif opcode in _PUSH_NEW:
            self.stack.append(_PUSH_NEW[opcode]())
        elif opcode in _ACTIONS:
            _ACTIONS[opcode](self, arg)
        else:
            raise RefusedPickleError(f"uses the pickle opcode {opcode}, which no file of weights needs")

    def mark(self, _: object) -> None:
        self.below_marks.append(self.stack)
        self.stack = []

    def pop_mark(self, _: object = None) -> list[object]:
        above, self.stack = self.stack, self.below_marks.pop()
        return above

    def pop(self, _: object) -> None:
        self.stack.pop()

    def dup(self, _: object) -> None:
        self.stack.append(self.stack[-1])

    def put(self, index: object) -> None:
        self.memo[cast(int, index)] = self.stack[-1]

    def memoize(self, _: object) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def get(self, index: object) -> None:
        self.stack.append(self.memo[cast(int, index)])

    def tuple_from_mark(self, _: object) -> None:
        items = self.pop_mark()
        self.stack.append(tuple(items))

    def append(self, _: object) -> None:
        self._extend([self.stack.pop()])

    def appends(self, _: object) -> None:
        self._extend(self.pop_mark())

    def set_item(self, _: object) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def set_items(self, _: object) -> None:
        self._update(self.pop_mark())

    def add_items(self, _: object) -> None:
        items = self.pop_mark()
        target = self.stack[-1]
        if not isinstance(target, set):
            raise RefusedPickleError("adds items to something that is not a set")
        cast(set[object], target).update(hashable_key(item) for item in items)

    def _extend(self, items: list[object]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise RefusedPickleError("appends to something that is not a list")
        cast(list[object], target).extend(items)

    def _update(self, keys_and_values: list[object]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise RefusedPickleError("sets items of something that is not a dict")
        pairs = zip(keys_and_values[::2], keys_and_values[1::2], strict=True)
        cast(dict[object, object], target).update((hashable_key(key), value) for key, value in pairs)

    def find_global(self, arg: object) -> None:
        module, _, name = cast(str, arg).partition(" ")
        self.stack.append(self.find_class(module, name))

    def find_stacked_global(self, _: object) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise RefusedPickleError("names a global by something that is not text")
        self.stack.append(self.find_class(module, name))

    def reduce(self, _: object) -> None:
        args, builder = self.stack.pop(), self.stack.pop()
        if not isinstance(builder, Builder) or not isinstance(args, tuple):
            raise RefusedPickleError("calls something that is not a known name")
        self.stack.append(builder.build(*cast(tuple[object, ...], args)))

    def build(self, _: object) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        # The attributes of a dict beside its items (OrderedDict._metadata) are not needed.
        if isinstance(target, dict):
            return
        if not isinstance(target, TakesState):
            raise RefusedPickleError("sets the state of an object that has none")
        target.set_state(state)

    def load_persistent(self, _: object) -> None:
        self.stack.append(self.persistent_load(self.stack.pop()))

    def ignore(self, _: object) -> None:
        """Ignores PROTO and FRAME, which add nothing to the other opcodes."""


def hashable_key(value: object) -> str | int:
    """Returns ``value`` if it may be a key of a dict or a member of a set: a text or a small integer.

    Raises:
        RefusedPickleError: if it is anything else.
    """
    if type(value) is str or (type(value) is int and -MAX_INT_KEY <= value < MAX_INT_KEY):
        return value
    raise RefusedPickleError("uses a key that is neither text nor a small number")


def _tuple_of(count: int) -> Callable[[_Machine, object], None]:
    def action(machine: _Machine, _: object) -> None:
        machine.stack[-count:] = [tuple(machine.stack[-count:])]

    return action


_PUSH_NUMBER = {"BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"}
_PUSH_TEXT = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
_PUSH_BYTES = {"SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_PUSH_ARGUMENT = _PUSH_NUMBER | _PUSH_TEXT | _PUSH_BYTES
_PUSH_CONSTANT: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_PUSH_NEW: dict[str, Callable[[], object]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set}
_ACTIONS: dict[str, Callable[[_Machine, object], object]] = {
    "PROTO": _Machine.ignore,
    "FRAME": _Machine.ignore,
    "MARK": _Machine.mark,
    "POP_MARK": _Machine.pop_mark,
    "POP": _Machine.pop,
    "DUP": _Machine.dup,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "TUPLE": _Machine.tuple_from_mark,
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "ADDITEMS": _Machine.add_items,
    "GLOBAL": _Machine.find_global,
    "STACK_GLOBAL": _Machine.find_stacked_global,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.reduce,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.load_persistent,
}
