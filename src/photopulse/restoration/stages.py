"""The stages of a restoration: announced as they begin, timed as they end."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Literal

Stage = Literal["read", "look", "repair", "detect", "faces", "photo", "full_size", "paste", "enlarge", "write"]


class Stages:
    """Seconds by stage; a stage that comes twice adds up, one that never comes is not there.

    Args:
        on_stage: hears the name of each stage as it begins.
    """

    def __init__(self, on_stage: Callable[[Stage], None] | None = None) -> None:
        self.seconds: dict[Stage, float] = {}
        self._on_stage = on_stage

    @contextmanager
    def stage(self, name: Stage) -> Generator[None]:
        """Announces a stage and times the block."""
        if self._on_stage is not None:
            self._on_stage(name)
        started = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
