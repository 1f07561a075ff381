"""The memory that is free for workers."""

from contextlib import suppress
from pathlib import Path
from typing import Final

_MACHINE: Final = Path("/proc/meminfo")
# The limit of a container and what is used of it, in both versions of control groups.
_LIMITS: Final = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


def free_memory() -> int | None:
    """Returns the bytes that new processes can use before the system ends one; None where the system does not tell."""
    free = [_available(), *(_left(limit, used) for limit, used in _LIMITS)]
    known = [value for value in free if value is not None]
    return max(0, min(known)) if known else None


def affordable(workers: int, each: int, free: int | None) -> int:
    """Returns how many of the workers, of ``each`` bytes, there is memory for: at least 1, all if ``free`` is None."""
    return workers if free is None else max(1, min(workers, free // each))


def _available() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in _MACHINE.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 2**10
    return None


def _left(limit: Path, used: Path) -> int | None:
    with suppress(OSError, ValueError):  # "max" is no limit.
        return int(limit.read_text(encoding="ascii")) - int(used.read_text(encoding="ascii"))
    return None
