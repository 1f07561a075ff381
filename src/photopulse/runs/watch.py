"""Watches for files that come while a run goes on."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

_SETTLED: Final = 2.0  # Seconds for which a file has not changed: it is whole.
_LOOK_EVERY: Final = 1.0  # Seconds.


def new_files(look: Callable[[], Iterable[Path]], *, settled: float = _SETTLED) -> Iterator[list[Path]]:
    """Yields, without end, the files that have come since, each once; an empty list where there are none.

    A file has come when its size and its time have been the same for ``settled`` seconds, so that one that is being
    copied is not taken too early. Files are looked for when the next list is asked for, but no more than once a second.

    Args:
        look: lists all files that are there now.
        settled: seconds.
    """
    known: set[Path] = set()
    seen: dict[Path, tuple[tuple[int, int], float]] = {}
    next_look = 0.0
    while True:
        come: list[Path] = []
        if time.monotonic() >= next_look:
            # Those that are no longer there are forgotten.
            now = {path: state for path in look() if path not in known and (state := _state(path)) is not None}
            seen = {path: _since(state, seen.get(path)) for path, state in now.items()}
            next_look = time.monotonic() + _LOOK_EVERY
            come = [path for path, (_, since) in seen.items() if time.monotonic() - since >= settled]
            known.update(come)
        yield come


def _state(path: Path) -> tuple[int, int] | None:
    """Returns the size of a file and the time of its last change; None if it is gone."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns


def _since(state: tuple[int, int], before: tuple[tuple[int, int], float] | None) -> tuple[tuple[int, int], float]:
    """Returns a state with the time since which the file has it."""
    return before if before is not None and before[0] == state else (state, time.monotonic())
