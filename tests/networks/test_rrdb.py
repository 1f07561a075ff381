import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import correlate2d
from torch import Tensor

from photopulse.networks.rrdb import RRDBNet, RRDBSettings

Array = NDArray[np.float64]


@pytest.fixture
def tiny() -> RRDBNet:
    torch.manual_seed(0)
    return RRDBNet(RRDBSettings(num_blocks=2, width=4, growth=2)).double().requires_grad_(False)


def _conv(state: dict[str, Tensor], name: str, x: Array, slope: float = 1.0) -> Array:
    weight, bias = state[name + ".weight"].numpy(), state[name + ".bias"].numpy()
    y = np.stack(
        [bias[o] + sum(correlate2d(x[i], weight[o, i], mode="same") for i in range(len(x))) for o in range(len(weight))]
    )
    return np.where(y > 0, y, slope * y)


def _reference(state: dict[str, Tensor], image: Array, num_blocks: int) -> Array:
    """The network of the paper, with SciPy's correlation and one channel at a time."""
    first = x = _conv(state, "conv_first", image)
    for block in range(num_blocks):
        before = x
        for dense in (1, 2, 3):
            seen = [x]
            for i in (1, 2, 3, 4):
                seen.append(_conv(state, f"body.{block}.rdb{dense}.conv{i}", np.concatenate(seen), 0.2))
            x = x + 0.2 * _conv(state, f"body.{block}.rdb{dense}.conv5", np.concatenate(seen))
        x = before + 0.2 * x
    x = first + _conv(state, "conv_body", x)
    for up in ("conv_up1", "conv_up2"):
        x = _conv(state, up, x.repeat(2, axis=1).repeat(2, axis=2), 0.2)
    return _conv(state, "conv_last", _conv(state, "conv_hr", x, 0.2))


def test_a_small_network_agrees_with_scipy(tiny: RRDBNet):
    image = torch.rand(1, 3, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = _reference(tiny.state_dict(), image[0].numpy(), num_blocks=2)
    np.testing.assert_allclose(tiny(image)[0].numpy(), expected, atol=1e-12)


def test_the_default_is_the_published_network():
    with torch.device("meta"):
        net = RRDBNet()
    assert sum(values.numel() for values in net.parameters()) == 16_697_987
    assert net.state_dict()["body.22.rdb3.conv5.weight"].shape == (64, 192, 3, 3)
    assert net(torch.empty(2, 3, 5, 7, device="meta")).shape == (2, 3, 20, 28)


def test_the_memory_format_does_not_change_the_picture(tiny: RRDBNet):
    image = torch.rand(2, 3, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    expected = tiny(image)
    last = tiny.to(memory_format=torch.channels_last)(image.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(last, expected)


def test_gradients_reach_every_weight(tiny: RRDBNet):
    tiny.requires_grad_(True)
    tiny(torch.rand(1, 3, 4, 4, dtype=torch.float64)).square().mean().backward()
    assert all(values.grad is not None and values.grad.abs().sum() > 0 for values in tiny.parameters())
