"""A device that is not there is an error that a person can mend."""

import pytest
import torch

from photopulse.devices import check_device, using
from photopulse.errors import PhotopulseError


def test_the_processor_can_always_be_used():
    check_device("cpu")
    check_device(torch.device("cpu"))


@pytest.mark.parametrize("name", ["nonsense", "cuda:99"])
def test_a_device_that_is_missing_is_named_with_a_way_out(name):
    with pytest.raises(PhotopulseError, match=f"cannot use the device '{name}'.*cpu"):
        check_device(name)


def test_other_errors_pass_through():
    with pytest.raises(ZeroDivisionError), using("cpu"):
        raise ZeroDivisionError
