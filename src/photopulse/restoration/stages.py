"""The stages of a restoration: announced as they begin, timed as they end."""

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
"""What a person reads while a stage lasts."""


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
