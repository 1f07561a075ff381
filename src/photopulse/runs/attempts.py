"""The tasks that are begun: each is done once more if its worker ends, and is lost if that happens again."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Generic

from photopulse.runs.executor import Lost, TaskT

_TRIES: Final = 2


@dataclass(kw_only=True)
class Attempt(Generic[TaskT]):
    """A task and how often its worker ended."""

    task: TaskT
    ends: int = 0


class Attempts(Generic[TaskT]):
    """The tasks that wait for a worker, those whose worker ended first.

    Args:
        tasks: the tasks of the run, which are taken when there is room for them; None says that there is none now.

    Attributes:
        pausing: whether there was no task when one was asked for last, but may be one later.
    """

    def __init__(self, tasks: Iterable[TaskT | None]) -> None:
        self.pausing = False
        self._tasks = iter(tasks)
        self._waiting: deque[Attempt[TaskT]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def fill(self, number: int) -> None:
        """Takes tasks until ``number`` wait, or until there is none, or none now."""
        self.pausing = False
        while len(self._waiting) < number and not self.pausing:
            try:
                task = next(self._tasks)
            except StopIteration:
                return
            if task is None:
                self.pausing = True
            else:
                self._waiting.append(Attempt(task=task))

    def next(self) -> Attempt[TaskT]:
        """Returns the task that is to be begun next, which waits no longer."""
        return self._waiting.popleft()

    def put_back(self, attempt: Attempt[TaskT]) -> None:
        """Lets a task wait that could not be begun."""
        self._waiting.appendleft(attempt)

    def ended(self, attempt: Attempt[TaskT], how: str) -> Lost | None:
        """Lets a task whose worker ended wait once more, or says that it is lost; ``how`` completes a sentence."""
        attempt.ends += 1
        if attempt.ends < _TRIES:
            self.put_back(attempt)
            return None
        return Lost(why=f"its worker ended {_TRIES} times; the last {how}")
