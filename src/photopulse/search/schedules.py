"""Learning rate schedules of PULSE's code: each maps a step to a factor on the learning rate."""

from collections.abc import Callable, Mapping

Schedule = Callable[[int, int], float]
"""Takes the step (from 0) and the number of steps."""


def fixed(step: int, steps: int) -> float:  # noqa: ARG001
    """Returns 1 throughout."""
    return 1.0


def linear_one_cycle(step: int, steps: int) -> float:
    """Rises linearly from 0.1 to 1 at half the steps and falls back."""
    return _cycle(step / steps)


def linear_one_cycle_drop(step: int, steps: int) -> float:
    """Runs the cycle in nine tenths of the steps, then falls linearly from 0.1 to 0.001."""
    cycle_end = 0.9 * steps
    if step < cycle_end:
        return _cycle(step / cycle_end)
    progress = (step - cycle_end) / (0.1 * steps)
    return 0.1 + progress * (0.001 - 0.1)


def _cycle(progress: float) -> float:
    return (9 * (1 - abs(progress - 0.5) * 2) + 1) / 10


SCHEDULES: Mapping[str, Schedule] = {
    "fixed": fixed,
    "linear1cycle": linear_one_cycle,
    "linear1cycledrop": linear_one_cycle_drop,
}
