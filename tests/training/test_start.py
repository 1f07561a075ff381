from pathlib import Path

import pytest
import torch

from photopulse.errors import PhotopulseError
from photopulse.networks.photo import PhotoNet, PhotoNetSettings
from photopulse.training.restoration.start import first_network, read_start

SMALL = PhotoNetSettings(widths=(4, 8), blocks=(1, 1))


def test_random_weights_depend_on_the_seed_alone():
    one, same, other = (first_network(lambda: PhotoNet(SMALL), None, seed=seed).stem.weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_start_gives_its_weights_to_a_network_of_its_own():
    start = PhotoNet(SMALL)
    network = first_network(lambda: PhotoNet(SMALL), start, seed=3)
    assert network is not start
    assert all(torch.equal(mine, its) for mine, its in zip(network.parameters(), start.parameters(), strict=True))


def test_a_start_of_other_sizes_is_refused_and_none_is_none():
    assert read_start(None, SMALL, lambda _path: PhotoNet(SMALL)) is None
    assert read_start(Path("net"), SMALL, lambda _path: PhotoNet(SMALL)) is not None
    with pytest.raises(PhotopulseError, match="cannot begin with the weights of net: that network has other sizes"):
        read_start(Path("net"), SMALL, lambda _path: PhotoNet())
