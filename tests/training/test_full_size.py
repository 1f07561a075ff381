from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from photopulse.networks.full_size import FullSizeSettings
from photopulse.networks.photo import PhotoNet, PhotoNetSettings
from photopulse.training.compute import Compute
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.defaults import LossWeights
from photopulse.training.restoration.full_size import FullSizeTraining, full_size_restorer, train_full_size
from photopulse.training.restoration.pairs import Pairs, PhotoCrops

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = FullSizeTraining(
    network=FullSizeSettings(hidden=4, blocks=1, width=4),
    optimisation=Optimisation(steps=3, batch_size=2, learning_rate=1e-3, warmup=1),
    weights=LossWeights(perceptual=0),
    crops=PhotoCrops(size=64),
)


class Recorder(nn.Module):
    """Records the sizes of its inputs and the precision of its convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 1)
        self.sizes: list[int] = []
        self.dtypes: list[torch.dtype] = []

    def forward(self, low_in: Tensor, low_out: Tensor, high_in: Tensor) -> Tensor:
        assert low_in.shape == low_out.shape
        torch.testing.assert_close(low_out, 1 - low_in, rtol=0, atol=1e-6)
        self.sizes.append(low_in.shape[-1])
        self.dtypes.append(self.layer(high_in).dtype)
        return high_in


class Negative(nn.Module):
    """Stands for the photo network."""

    def forward(self, photo: Tensor) -> Tensor:
        return 1 - photo


def test_small_pictures_have_the_ratios_of_the_recipe_one_a_step():
    recorder = Recorder()
    restore = full_size_restorer(Negative(), replace(TINY, crops=PhotoCrops(size=120)))
    pairs = Pairs(damaged=torch.rand(1, 3, 120, 120), sharp=torch.rand(1, 3, 120, 120))
    for step in range(40):
        restore(recorder, pairs, step)
    assert 30 <= min(recorder.sizes) < 40
    assert 80 < max(recorder.sizes) <= 100
    restore(recorder, pairs, 7)
    assert recorder.sizes[-1] == recorder.sizes[7]


def test_the_guided_filter_computes_in_full_precision():
    recorder = Recorder()
    pairs = Pairs(damaged=torch.rand(1, 3, 64, 64), sharp=torch.rand(1, 3, 64, 64))
    with torch.autocast("cpu", torch.bfloat16):
        full_size_restorer(Negative(), TINY)(recorder, pairs, 1)
    assert recorder.dtypes == [torch.float32]


def test_it_trains_while_the_photo_network_stays(pictures: list[Path], tmp_path: Path):
    torch.manual_seed(0)
    small_net = PhotoNet(PhotoNetSettings(widths=(4, 4), blocks=(1, 1)))
    before = [values.clone() for values in small_net.parameters()]
    states = list(train_full_size(pictures, small_net, TINY, checkpoint=tmp_path / "full.pt", compute=Compute()))
    assert len(states) == 3
    assert all(torch.equal(*pair) for pair in zip(small_net.parameters(), before, strict=True))
    counted = {name: values for name, values in states[-1].network.named_buffers() if "num_batches" in name}
    assert counted
    assert all(value == 3 for value in counted.values())
