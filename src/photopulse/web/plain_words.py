"""Says in plain words what is wrong with a value of a form, of an address or of a query."""

from collections.abc import Mapping
from typing import Any, Final

_WORDS: Final = {
    "missing": "is missing",
    "too_short": "is missing",
    "too_long": "is given more than {max_length} times",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "has too many digits",
    "float_parsing": "must be a number",
    "finite_number": "must be a number, neither infinite nor NaN",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    "string_too_long": "has more than {max_length} characters",
    "string_pattern_mismatch": "does not have the form that /api.html tells",
    "value_error": "must be a file",  # The one kind of value that FastAPI itself checks.
}
_RANGES: Final = ("greater_than", "greater_than_equal", "less_than_equal")


def in_plain_words(error: Mapping[str, Any]) -> str:
    """Returns a sentence for an error of pydantic, which names the value and does not repeat what was sent."""
    name = ".".join(map(str, error["loc"][1:])) or "the body"
    kind: str = error["type"]
    if kind in _RANGES and not _is_finite(error.get("input")):
        kind = "finite_number"
    words = _WORDS.get(kind)
    return f"{name}: {error['msg']}" if words is None else f"{name} {words.format(**error.get('ctx', {}))}"


def _is_finite(value: object) -> bool:
    """Tells whether a text that pydantic took for a number is one of those that stand for no number."""
    return str(value).strip().lower().lstrip("+-") not in {"nan", "inf", "infinity"}
