from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.networks import realesrgan as module
from photopulse.networks.realesrgan import enlarge_to, load_realesrgan, net_from_ncnn
from photopulse.networks.rrdb import RRDBNet, RRDBSettings

# A face of 20 x 24 pixels and what ncnn 1.0 makes of it on a CPU with all float16 and bfloat16 arithmetic off.
GOLDEN = Path(__file__).parents[1] / "data" / "realesrgan_x4plus.npz"


@pytest.fixture
def tiny() -> RRDBNet:
    """A small network of the same kind, near to a plain enlargement, whose pixels see at most 20 pixels around."""
    torch.manual_seed(0)
    net = RRDBNet(RRDBSettings(num_blocks=1, width=4, growth=2)).eval().requires_grad_(False)
    net.conv_last.weight *= 4
    return net


def _picture(size: int, batch: int = 1) -> Tensor:
    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.weights
def test_the_published_network_agrees_with_ncnn(realesrgan: RRDBNet):
    golden = np.load(GOLDEN)
    assert realesrgan.conv_body.weight.is_contiguous(memory_format=torch.channels_last)
    image = torch.from_numpy(golden["image"]).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        enlarged = realesrgan(image)[0].numpy()
    # Half of a float16's last digit near 1.
    np.testing.assert_allclose(enlarged, golden["enlarged"].astype(np.float32), atol=5e-4)


@pytest.mark.weights
def test_an_unknown_device_is_named(realesrgan: RRDBNet):
    with pytest.raises(PhotopulseError, match="cannot use the device 'toaster'"):
        load_realesrgan("toaster")


def test_one_step_is_the_network_clamped(tiny: RRDBNet):
    image = _picture(8)
    raw = tiny(image)
    assert raw.min() < 0 or raw.max() > 1
    torch.testing.assert_close(enlarge_to(tiny, image, 32), raw.clamp(0, 1))


def test_steps_are_chained_and_clamped_in_between(tiny: RRDBNet):
    image = _picture(4)
    torch.testing.assert_close(enlarge_to(tiny, image, 64), tiny(tiny(image).clamp(0, 1)).clamp(0, 1))


@pytest.mark.parametrize("size", [24, 31])
def test_what_is_too_large_is_made_smaller_as_pillow_does(tiny: RRDBNet, size: int):
    image = _picture(8)
    channels = [Image.fromarray(channel.numpy()) for channel in tiny(image).clamp(0, 1)[0]]
    expected = np.stack([np.asarray(channel.resize((size, size), Image.Resampling.BICUBIC)) for channel in channels])
    np.testing.assert_allclose(enlarge_to(tiny, image, size)[0].numpy(), expected.clip(0, 1), atol=1e-5)


def test_a_picture_that_is_large_enough_never_meets_the_network(tiny: RRDBNet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(RRDBNet, "forward", None)
    image = _picture(8)
    assert torch.equal(enlarge_to(tiny, image, 8), image)
    assert enlarge_to(tiny, image, 5).shape == (1, 3, 5, 5)


def test_a_picture_does_not_depend_on_its_batch(tiny: RRDBNet):
    images = _picture(6, batch=3)
    together = enlarge_to(tiny, images, 24)
    assert torch.equal(together, torch.cat([enlarge_to(tiny, images[i : i + 1], 24) for i in range(3)]))


def test_large_pictures_go_in_tiles_and_look_the_same(tiny: RRDBNet, monkeypatch: pytest.MonkeyPatch):
    image = _picture(70)
    whole = enlarge_to(tiny, image, 280)
    sides: list[int] = []
    forward = RRDBNet.forward

    def watched(self: RRDBNet, part: Tensor) -> Tensor:
        sides.append(part.shape[2])
        return forward(self, part)

    monkeypatch.setattr(RRDBNet, "forward", watched)
    monkeypatch.setattr(module, "TILE", 56)
    monkeypatch.setattr(module, "OVERLAP", 20)
    torch.testing.assert_close(enlarge_to(tiny, image, 280), whole)
    # Two tiles along each side share 2 x 20 of the 70 pixels.
    assert sides == [55] * 4


def test_the_result_keeps_the_type_and_may_take_part_in_training(tiny: RRDBNet):
    enlarged = enlarge_to(tiny, _picture(4).double(), 16)
    assert enlarged.dtype == torch.float64
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    (F.relu(enlarged) * scale).sum().backward()
    assert scale.grad is not None


@pytest.mark.parametrize(
    ("shape", "size"), [((1, 3, 4, 5), 16), ((1, 1, 4, 4), 16), ((3, 4, 4), 16), ((1, 3, 4, 4), 0)]
)
def test_other_shapes_are_refused(tiny: RRDBNet, shape: tuple[int, ...], size: int):
    with pytest.raises(ValueError, match="it takes square pictures"):
        enlarge_to(tiny, torch.zeros(shape), size)


def test_another_network_is_refused(write_ncnn: Callable[..., Path]):
    param = write_ncnn(["Convolution Conv_0 1 1 a b 0=1 1=1 5=1 6=2"], [((1.0, 2.0), (0.0,))])
    with pytest.raises(PhotopulseError, match=r"net\.param: it is not Real-ESRGAN's x4 network \(Conv_0 does not fit"):
        net_from_ncnn(param)
