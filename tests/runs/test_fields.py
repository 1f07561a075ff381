"""From JSON back to dataclasses: what is of the right type comes back, all else is refused."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pytest

from photopulse.runs.fields import from_fields


@dataclass(frozen=True, kw_only=True)
class Told:
    name: str
    status: Literal["good", "bad"] = "good"
    share: float | None = None
    count: int = 0
    is_final: bool = False
    size: tuple[int, int] | None = None
    corners: tuple[tuple[float, float], ...] | None = None
    stages: Mapping[str, float] | None = None
    faces: Sequence[Mapping[str, object]] | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


WHOLE = Told(
    name="a",
    status="bad",
    share=0.1,
    count=3,
    is_final=True,
    size=(3, 4),
    corners=((0.5, 1), (2, 3)),
    stages={"read": 0.25},
    faces=[{"restored": True, "box": [1, 2]}],
    labels={"hair": "red"},
)


@pytest.mark.parametrize("told", [Told(name="a"), WHOLE])
def test_what_json_kept_comes_back_as_it_was(told: Told) -> None:
    assert from_fields(Told, json.loads(json.dumps(asdict(told)))) == told


def test_names_of_another_version_are_ignored() -> None:
    assert from_fields(Told, {"name": "a", "beauty": [1]}) == Told(name="a")


@pytest.mark.parametrize(
    "damage",
    [
        {"name": 5},
        {"name": None},
        {"status": "fine"},
        {"status": []},
        {"share": "much"},
        {"count": 1.5},
        {"count": True},
        {"share": True},
        {"is_final": 1},
        {"size": 3},
        {"size": [1]},
        {"size": [1, 2, 3]},
        {"size": [1, "2"]},
        {"corners": [[1]]},
        {"stages": {"read": "long"}},
        {"stages": []},
        {"faces": {}},
        {"faces": [5]},
        {"labels": {"hair": 1}},
        {"labels": None},
    ],
    ids=str,
)
def test_values_of_another_type_are_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        from_fields(Told, {"name": "a"} | damage)


def test_a_missing_field_is_refused() -> None:
    with pytest.raises(TypeError):
        from_fields(Told, {"share": 1.0})


@dataclass(frozen=True, kw_only=True)
class Holder:
    first: Told | None = None
    others: tuple[Told, ...] = ()


def test_a_dataclass_within_comes_back_too():
    whole = Holder(first=WHOLE, others=(WHOLE, Told(name="b")))
    assert from_fields(Holder, json.loads(json.dumps(asdict(whole)))) == whole
    with pytest.raises(TypeError, match="count cannot be a text"):
        from_fields(Holder, {"others": [{"name": "a", "count": "x"}]})
