"""From rows to summaries: one for each method, size and condition, with confidence intervals."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from photopulse.studies.intervals import bootstrap_interval, wilson_interval
from photopulse.studies.measures import MEASURES, Measure, condition_order, method_order
from photopulse.studies.rows import Row

Scope = Literal["all", "shared"]


class Task(NamedTuple):
    """What was asked of the methods that a table compares."""

    condition: str
    small: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure of a set of pictures.

    Attributes:
        value: the statistic.
        low: lower end of the 95 % interval; None where there is none (one picture, or infinite values).
        high: its upper end.
        count: how many pictures it is over.
    """

    value: float
    low: float | None
    high: float | None
    count: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a method reached over a set of pictures.

    Attributes:
        task: condition, input and output size.
        method: its name.
        scope: ``"all"`` pictures of this method, or those ``"shared"`` by all methods of the task.
        images: how many pictures the method was given.
        failed: on how many it failed; they count in nothing else.
        converged: share of the searches that reached their target; None where none searched.
        figures: the estimates by the name of the measure, of those that were measured.
    """

    task: Task
    method: str
    scope: Scope
    images: int
    failed: int
    converged: Estimate | None
    figures: Mapping[str, Estimate]


def summarise(rows: Iterable[Row], *, scope: Scope = "all") -> list[Summary]:
    """Summarises each method over its pictures, in the order in which a reader expects tasks and methods.

    With ``scope="shared"``, only over the pictures that no method of the task failed on or left out (a method
    without any result is not asked), and only for tasks whose methods saw different pictures; else methods with
    different pictures could not be compared. Intervals are bootstrapped with a fixed seed (Wilson's for the
    share of converged), so equal rows in any order have equal summaries.
    """
    tasks: dict[Task, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        tasks[Task(row.condition, row.small, row.size)][row.method].append(row)
    summaries: list[Summary] = []
    for task in sorted(tasks, key=_task_order):
        methods = tasks[task] if scope == "all" else _shared(tasks[task])
        summaries += [_summary(task, method, scope, methods[method]) for method in sorted(methods, key=method_order)]
    return summaries


def _task_order(task: Task) -> tuple[object, ...]:
    return task.size / task.small, task.size, condition_order(task.condition)


def _shared(methods: Mapping[str, list[Row]]) -> dict[str, list[Row]]:
    """The rows of the pictures that all methods solved; none when that is what each method has anyway."""
    solved = {method: {row.image for row in rows if row.error is None} for method, rows in methods.items()}
    asked = [images for images in solved.values() if images]
    common = set[str].intersection(*asked) if asked else set[str]()
    if not common or all(images == common for images in asked):
        return {}
    return {
        method: [row for row in rows if row.error is None and row.image in common]
        for method, rows in methods.items()
        if solved[method]
    }


def _summary(task: Task, method: str, scope: Scope, rows: list[Row]) -> Summary:
    solved = [row for row in rows if row.error is None]
    estimates = {measure.name: _estimate(measure, solved) for measure in MEASURES}
    return Summary(
        task=task,
        method=method,
        scope=scope,
        images=len(rows),
        failed=len(rows) - len(solved),
        converged=_share_converged(solved),
        figures={name: estimate for name, estimate in estimates.items() if estimate is not None},
    )


def _estimate(measure: Measure, rows: list[Row]) -> Estimate | None:
    # Sums of floats depend on their order, and no table may depend on that of the rows.
    values = sorted(value for row in rows if (value := measure.value(row)) is not None)
    if not values:
        return None
    value = float(measure.statistic(values))
    if len(values) == 1 or not all(map(math.isfinite, values)):
        return Estimate(value=value, low=None, high=None, count=len(values))
    low, high = bootstrap_interval(values, statistic=measure.statistic)
    return Estimate(value=value, low=low, high=high, count=len(values))


def _share_converged(rows: list[Row]) -> Estimate | None:
    answers = [row.converged for row in rows if row.converged is not None]
    if not answers:
        return None
    low, high = wilson_interval(sum(answers), len(answers))
    return Estimate(value=sum(answers) / len(answers), low=low, high=high, count=len(answers))
