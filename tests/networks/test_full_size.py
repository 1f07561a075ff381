from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.networks.files import read_network, write_network
from photopulse.networks.full_size import FullSizeNet, FullSizeSettings, restore_full_size

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = FullSizeSettings(hidden=8, blocks=1, width=4)
Pictures = tuple[Tensor, Tensor, Tensor]


def _pictures(low: tuple[int, int], high: tuple[int, int], batch: int = 1) -> Pictures:
    random = torch.Generator().manual_seed(0)
    high_in = torch.rand(batch, 3, *high, generator=random)
    low_in = F.interpolate(high_in, size=low, mode="bicubic", antialias=True)
    return low_in, 0.8 * low_in + 0.1 * torch.rand(batch, 3, *low, generator=random), high_in


def _network(settings: FullSizeSettings) -> FullSizeNet:
    """A network that does something everywhere, as a trained one does."""
    torch.manual_seed(0)
    network = FullSizeNet(settings)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer is not network.guided.window:
            layer.reset_parameters()
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    nn.init.normal_(network.guided.window.weight, mean=1.0, std=0.1)
    network(*_pictures((40, 40), (40, 40)))  # Gives the normalisations their statistics.
    return network.eval().requires_grad_(False)


def test_an_untrained_network_gives_the_guided_filter_with_pixel_middles_where_they_are():
    low_in, low_out, high_in = _pictures((16, 20), (40, 44), batch=2)
    torch.manual_seed(0)
    network = FullSizeNet(TINY).eval().requires_grad_(False)
    slope, offset = (
        F.interpolate(part, size=(40, 44), mode="bilinear", align_corners=False)
        for part in network.guided.coefficients(low_in, low_out)
    )
    torch.testing.assert_close(network(low_in, low_out, high_in), slope * high_in + offset, rtol=0, atol=1e-5)


# The ratios of 825, 1280 and 4000 pixels to 640, in small; one axis alone; no enlargement at all.
@pytest.mark.parametrize(
    ("low", "high"),
    [((48, 64), (62, 82)), ((24, 32), (48, 64)), ((12, 16), (75, 100)), ((20, 7), (20, 61)), ((30, 40), (30, 40))],
)
@pytest.mark.parametrize(
    ("settings", "tile"),
    [(TINY, 17), (FullSizeSettings(radius=3, hidden=8, blocks=3, width=8, shows_small=True), 23)],
)
def test_tiles_give_what_the_whole_picture_gives(
    low: tuple[int, int], high: tuple[int, int], settings: FullSizeSettings, tile: int
):
    network, pictures = _network(settings), _pictures(low, high)
    whole = network(*pictures)
    low_in, low_out, high_in = pictures
    slope, offset = network.guided.coefficients(low_in, low_out)
    assert slope.std() > 0.1
    assert offset.std() > 0.1
    assert whole.shape == high_in.shape
    assert (restore_full_size(network, *pictures, tile=tile) - whole).abs().max() < 1e-5


def test_no_tile_is_larger_than_what_the_convolutions_see_around_it():
    network = _network(FullSizeSettings(hidden=8, blocks=2, width=4))
    sides: list[int] = []

    def note(_layer: nn.Module, seen: tuple[Tensor, ...]) -> None:
        sides.extend(seen[0].shape[2:])

    network.stem.register_forward_pre_hook(note)
    network.guided.window.register_forward_pre_hook(note)
    restore_full_size(network, *_pictures((70, 50), (211, 160)), tile=32)
    assert max(sides) == 32 + 2 * 6


def test_the_blocks_see_the_restored_small_picture_only_if_told_to():
    low_in, low_out, high_in = _pictures((16, 20), (40, 44))
    enlarged = F.interpolate(low_out, size=(40, 44), mode="bilinear", align_corners=False)
    for shows_small, channels in ((False, 6), (True, 9)):
        network = _network(replace(TINY, shows_small=shows_small))
        seen: list[Tensor] = []
        network.stem.register_forward_pre_hook(lambda _layer, inputs, seen=seen: seen.append(inputs[0]))
        network(low_in, low_out, high_in)
        assert seen[0].shape[1] == channels
        torch.testing.assert_close(seen[0][:, 3:6], high_in * 2 - 1)
        torch.testing.assert_close(seen[0][:, 6:], (enlarged * 2 - 1)[:, : channels - 6], rtol=0, atol=1e-5)


def test_a_batch_and_any_layout_are_restored_alike():
    network = _network(TINY)
    low_in, low_out, high_in = _pictures((16, 20), (40, 44), batch=2)
    expected = network(low_in, low_out, high_in)
    other = high_in.contiguous(memory_format=torch.channels_last)
    restored = restore_full_size(network, low_in, low_out, other, tile=20)
    assert restored.is_contiguous()
    torch.testing.assert_close(restored, expected, rtol=0, atol=1e-5)
    alone = restore_full_size(network, low_in[1:], low_out[1:], high_in[1:], tile=20)
    torch.testing.assert_close(alone, expected[1:], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("low", "other", "high"),
    [
        ((1, 3, 8, 8), (1, 3, 8, 9), (1, 3, 16, 16)),
        ((1, 3, 8, 8), (1, 3, 8, 8), (1, 3, 16, 7)),
        ((1, 3, 8, 8), (1, 3, 8, 8), (2, 3, 16, 16)),
        ((1, 1, 8, 8), (1, 1, 8, 8), (1, 1, 16, 16)),
        ((3, 8, 8), (3, 8, 8), (3, 16, 16)),
        ((1, 3, 0, 8), (1, 3, 0, 8), (1, 3, 16, 16)),
    ],
)
def test_pictures_that_do_not_fit_together_are_refused(
    low: tuple[int, ...], other: tuple[int, ...], high: tuple[int, ...]
):
    pictures = torch.zeros(low), torch.zeros(other), torch.zeros(high)
    for call in (FullSizeNet(TINY), lambda *three: restore_full_size(FullSizeNet(TINY).eval(), *three)):
        with pytest.raises(ValueError, match="at least as large"):
            call(*pictures)


@pytest.mark.parametrize("sizes", [{"radius": 0}, {"hidden": 0}, {"blocks": -1}, {"width": 3}, {"width": 9}])
def test_sizes_out_of_range_are_refused(sizes: dict[str, Any]):
    with pytest.raises(ValueError, match="width from 4 to 8"):
        FullSizeSettings(**sizes)


def test_a_network_comes_back_from_its_file(tmp_path: Path):
    network, pictures = _network(TINY), _pictures((16, 20), (40, 44))
    write_network(network, network.settings, "FullSizeNet", tmp_path / "net.safetensors")
    back = read_network(
        tmp_path / "net.safetensors", "FullSizeNet", lambda sizes: FullSizeNet(FullSizeSettings(**sizes))
    )
    assert back.settings == TINY
    torch.testing.assert_close(back(*pictures), network(*pictures), rtol=0, atol=5e-3)


def _task(random: torch.Generator) -> tuple[Pictures, Tensor]:
    """Smooth pictures with noise, which a curve of colours and a blur change; the answer at full size."""
    coarse = F.interpolate(torch.rand(2, 3, 6, 6, generator=random), size=(36, 36), mode="bicubic").clamp(0, 1)
    wanted = 0.8 * coarse + 0.1
    high_in = coarse + 0.05 * torch.randn(coarse.shape, generator=random)
    low_in, low_out = (F.interpolate(p, size=(16, 16), mode="bicubic", antialias=True) for p in (high_in, wanted))
    return (low_in, low_out, high_in), wanted


def test_training_reaches_every_weight_and_learns_a_change_of_colours_and_noise():
    random = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    network = FullSizeNet(TINY)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    before = {name: values.detach().clone() for name, values in network.named_parameters()}
    losses: list[float] = []
    for _ in range(200):
        pictures, wanted = _task(random)
        loss = F.l1_loss(network(*pictures), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    for name, values in network.named_parameters():
        assert not torch.equal(values, before[name]), name
    assert sum(losses[-20:]) < 0.5 * sum(losses[:20])
    # What was learned holds with the normalisation's running statistics as well.
    pictures, wanted = _task(random)
    restored = restore_full_size(network.eval(), *pictures, tile=20)
    assert F.l1_loss(restored, wanted) < 0.5 * F.l1_loss(pictures[2], wanted)
