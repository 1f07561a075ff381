import pytest
import torch

from photopulse.errors import PhotopulseError
from photopulse.runs.failures import reason, together_or_alone


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("tried 3 GB"), MemoryError()])
def test_full_memory_comes_with_a_way_out(error):
    assert "memory is full" in reason(error)
    assert "--device cpu" in reason(error)


def test_what_the_user_can_mend_is_told_as_it_is():
    error = PhotopulseError("cannot read x", why="no", fix="try y")
    assert reason(error) == str(error)


def test_the_unexpected_says_what_it_is():
    assert reason(ValueError("bad")) == "unexpected ValueError: bad"


def test_what_fails_together_is_tried_alone_and_costs_the_others_nothing():
    tried = []

    def root(numbers):
        tried.append(numbers)
        if min(numbers) < 0:
            raise ValueError("below 0")
        return [number**0.5 for number in numbers]

    assert [*together_or_alone([4, 9], root)] == [(4, 2), (9, 3)]
    assert [*together_or_alone([4, -1, 9], root)] == [(4, 2), (-1, "unexpected ValueError: below 0"), (9, 3)]
    assert tried == [[4, 9], [4, -1, 9], [4], [-1], [9]]


def test_an_interruption_is_no_failure_of_an_item():
    def interrupted(_items):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(together_or_alone([1, 2], interrupted))
