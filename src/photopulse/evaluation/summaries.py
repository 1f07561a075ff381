"""Summarises rows: one summary for each method, size and condition, with confidence intervals."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from photopulse.degrade.corruptions import UNTOUCHED
from photopulse.degrade.photo import LEVELS
from photopulse.evaluation.measure import PictureSet, Values
from photopulse.evaluation.measures import COLUMNS
from photopulse.evaluation.records import Row
from photopulse.reporting.estimates import Estimate

ORIGINAL = "original"
"""Name that stands for a method: the originals, which are the reference and are never marked as the best."""

# The usual order of papers: the reference, interpolation, trained networks, searches.
_METHODS = (
    ORIGINAL,
    "input",
    "nearest",
    "bicubic",
    "lanczos",
    "nlm",
    "realesrgan",
    "fsrnet",
    "fsrgan",
    "pulse",
    "fast",
    "restore",
)

Scope = Literal["all", "shared"]
_Methods = Mapping[str, list[Row]]


class Task(NamedTuple):
    """Condition and sizes in px that one table is about; sizes are None for photos, which have their own."""

    condition: str
    small: int | None
    size: int | None


def method_order(method: str) -> tuple[int, str]:
    """Returns the key that sorts methods for a reader; variants (``pulse:400``) stand with their family."""
    family = re.split("[:-]", method)[0]
    place = next((place for place, name in enumerate(_METHODS) if family == name), len(_METHODS))
    return place, method


def condition_order(condition: str) -> tuple[bool, int, str]:
    """Returns the key that sorts conditions: the clean one first, levels of damage as they grow, others by name."""
    levels = list(LEVELS)
    level = condition.partition(",")[0]
    return condition != UNTOUCHED, levels.index(level) if level in levels else 0, condition


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Estimates for one method over a set of pictures.

    Attributes:
        task: condition, and sizes of input and result.
        method: name of the method.
        scope: ``"all"`` pictures of this method, or those ``"shared"`` by all methods of the task.
        fair: whether the other methods of this task and scope are summarised over the same pictures.
        images: number of pictures that the method was given.
        failed: number of pictures on which it failed; no estimate includes them.
        figures: estimates by the name of the column, without those that were not measured.
    """

    task: Task
    method: str
    scope: Scope
    fair: bool
    images: int
    failed: int
    figures: Mapping[str, Estimate]


def summarise(rows: Iterable[Row]) -> list[Summary]:
    """Summarises each method over all its pictures, in the order in which a reader expects tasks and methods.

    Behind these, for tasks whose methods saw different pictures, which could not be compared: each method over
    the pictures shared by all, those that none failed on or left out (a method without any result is not asked).
    Intervals are bootstrapped with a fixed seed (Wilson's for the share of converged), so equal rows in any order
    have equal summaries.
    """
    tasks: dict[Task, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        tasks[Task(row.condition, row.small, row.size)][row.method].append(row)
    ordered = [(task, tasks[task]) for task in sorted(tasks, key=_task_order)]
    whole = [summary for task, methods in ordered for summary in _summaries(task, "all", methods)]
    return whole + [summary for task, methods in ordered for summary in _summaries(task, "shared", _shared(methods))]


def _task_order(task: Task) -> tuple[object, ...]:
    size, small = task.size or 0, task.small or 1
    return size / small, size, condition_order(task.condition)


def _shared(methods: _Methods) -> dict[str, list[Row]]:
    """The rows of the pictures that all methods solved; none when that is what each method has anyway."""
    if _is_fair(methods):
        return {}
    solved = {method: images for method, images in _solved(methods).items() if images}
    common = set[str].intersection(*solved.values())
    return {
        method: [row for row in methods[method] if row.error is None and row.image in common]
        for method in solved
        if common
    }


def _is_fair(methods: _Methods) -> bool:
    solved = [images for images in _solved(methods).values() if images]
    return all(images == solved[0] for images in solved)


def _solved(methods: _Methods) -> dict[str, set[str]]:
    return {method: {row.image for row in rows if row.error is None} for method, rows in methods.items()}


def _summaries(task: Task, scope: Scope, methods: _Methods) -> list[Summary]:
    fair = _is_fair(methods)
    sharp = [row for method, rows in methods.items() if method == ORIGINAL for row in rows]
    return [
        _summary(task, method, scope, methods[method], [] if method == ORIGINAL else sharp, fair=fair)
        for method in sorted(methods, key=method_order)
    ]


def _summary(task: Task, method: str, scope: Scope, rows: list[Row], sharp: list[Row], *, fair: bool) -> Summary:
    solved = [row for row in rows if row.error is None]
    pictures = PictureSet(own=_measured(solved), sharp=_measured(sharp), fair=fair)
    figures = {column.name: column.estimate(column.of, pictures) for column in COLUMNS}
    return Summary(
        task=task,
        method=method,
        scope=scope,
        fair=fair,
        images=len(rows),
        failed=len(rows) - len(solved),
        figures={name: figure for name, figure in figures.items() if figure.value is not None},
    )


def _measured(rows: list[Row]) -> dict[str, Values]:
    return {row.image: {**row.values, **row.traits} for row in rows}
