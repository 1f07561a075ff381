import pytest
import torch

from photopulse.errors import PhotopulseError
from photopulse.runs.failures import reason


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("tried 3 GB"), MemoryError()])
def test_full_memory_comes_with_a_way_out(error):
    assert "memory is full" in reason(error)
    assert "--device cpu" in reason(error)


def test_what_the_user_can_mend_is_told_as_it_is():
    error = PhotopulseError("cannot read x", why="no", fix="try y")
    assert reason(error) == str(error)


def test_the_unexpected_says_what_it_is():
    assert reason(ValueError("bad")) == "unexpected ValueError: bad"
