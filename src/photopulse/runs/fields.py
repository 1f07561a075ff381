"""Makes dataclasses from parsed JSON, and checks the types of their fields."""

import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

Made = TypeVar("Made")

_WORDS: Final[Mapping[type, str]] = {
    str: "a text",
    bool: "a truth value",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
    types.NoneType: "null",
}


def from_fields(kind: type[Made], told: Mapping[str, object]) -> Made:
    """Makes a dataclass from the JSON object ``told``; names that are no fields of it are ignored.

    Its fields may be numbers, texts, literals, tuples, sequences, mappings with text keys, dataclasses, and unions of
    these.

    Raises:
        TypeError: if a field without a default is missing, or a value has another type than its field.
    """
    hints, needed = _hints(kind)
    if missing := needed - told.keys():
        raise TypeError(f"{min(missing)} is missing")
    return kind(**{name: _checked(hints[name], value, name) for name, value in told.items() if name in hints})


@cache
def _hints(kind: type) -> tuple[dict[str, Any], frozenset[str]]:
    """Returns the types of the fields of a dataclass by their names, and the names of those without a default."""
    needed = (one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING)
    return get_type_hints(kind), frozenset(needed)


def _checked(hint: Any, value: object, name: str) -> object:
    """Returns ``value`` converted to the type ``hint``; TypeError, naming the field, if that is not possible."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is object or hint is Any:
        return value
    if origin in (Union, types.UnionType):
        return _one_of(arguments, value, name)
    if is_dataclass(cast("object", hint)) and isinstance(value, dict):
        return from_fields(hint, cast("dict[str, object]", value))
    # Containers: each of their values is checked.
    if origin is tuple and isinstance(value, list):
        return _tuple(arguments, cast("list[object]", value), name)
    if origin in (Sequence, list) and isinstance(value, list):
        return [_checked(arguments[0], one, name) for one in cast("list[object]", value)]
    if origin in (Mapping, dict) and isinstance(value, dict):
        return {key: _checked(arguments[1], one, name) for key, one in cast("dict[str, object]", value).items()}
    # Plain values.
    if (origin is Literal and isinstance(value, str) and value in arguments) or (origin is None and _is(hint, value)):
        return value
    words = _WORDS.get(type(value), f"a {type(value).__name__}")
    raise TypeError(f"{name} cannot be {words} such as {str(value)[:40]!r}")


def _one_of(hints: Sequence[Any], value: object, name: str) -> object:
    for hint in hints[:-1]:
        with suppress(TypeError):
            return _checked(hint, value, name)
    return _checked(hints[-1], value, name)


def _tuple(hints: Sequence[Any], values: Sequence[object], name: str) -> tuple[object, ...]:
    if len(hints) == 2 and hints[1] is ...:
        hints = (hints[0],) * len(values)
    if len(hints) != len(values):
        raise TypeError(f"{name} has {len(values)} values instead of {len(hints)}")
    return tuple(_checked(hint, value, name) for hint, value in zip(hints, values, strict=True))


def _is(kind: type, value: object) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)
