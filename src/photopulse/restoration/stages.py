"""Announces the stages of a restoration when they begin, and measures how long they take."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Final, Literal

Stage = Literal[
    "read",
    "look",
    "repair",
    "halftone",
    "tone",
    "detect",
    "faces",
    "photo",
    "full_size",
    "paste",
    "enlarge",
    "grain",
    "write",
]
DOING: Final[Mapping[Stage, str]] = {
    "read": "reading",
    "look": "looking at the damage",
    "repair": "repairing scratches and spots",
    "halftone": "removing the halftone screen",
    "tone": "correcting the fading",
    "detect": "looking for faces",
    "faces": "restoring the faces",
    "photo": "cleaning the photo",
    "full_size": "back to full size",
    "paste": "putting the faces back",
    "enlarge": "enlarging",
    "grain": "adding the grain",
    "write": "writing",
}
"""The words that a person reads while a stage runs."""


class Stages:
    """Measures the seconds that each stage takes; repetitions of a stage add up, and unused stages are absent.

    Args:
        on_stage: function that is called with the name of each stage when it begins.
    """

    def __init__(self, on_stage: Callable[[Stage], None] | None = None) -> None:
        self.seconds: dict[Stage, float] = {}
        self._on_stage = on_stage

    @contextmanager
    def stage(self, name: Stage) -> Generator[None]:
        """Announces a stage and measures the duration of the ``with`` block."""
        if self._on_stage is not None:
            self._on_stage(name)
        started = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
