"""Conversion of rosinality's checkpoints, against that port's formulas written down once more."""

import math

import pytest
import torch
from torch.nn import functional as F

from photopulse.errors import PhotopulseError
from photopulse.generators.architectures import assemble
from photopulse.generators.files.rosinality import convert_rosinality, is_rosinality

W, LAYERS, CHANNELS = 10, 3, {4: 8, 8: 8, 16: 4}


def checkpoint(seed=0):
    """A random checkpoint of a 16-pixel network with the names and shapes of the port."""
    random = torch.Generator().manual_seed(seed)

    def draw(*shape, scale=1.0, shift=0.0):
        return torch.randn(shape, generator=random) * scale + shift

    line = torch.tensor([1.0, 3, 3, 1])
    blur = torch.outer(line, line) / 64 * 4
    state = {"input.input": draw(1, 8, 4, 4)}
    for i in range(1, LAYERS + 1):
        state |= {f"style.{i}.weight": draw(W, W, scale=100), f"style.{i}.bias": draw(W, scale=10)}

    def conv(name, fan_in, fan_out, size, index, up):
        state.update(
            {
                f"{name}.conv.weight": draw(1, fan_out, fan_in, 3, 3),
                f"{name}.conv.modulation.weight": draw(fan_in, W),
                f"{name}.conv.modulation.bias": draw(fan_in, shift=1.0, scale=0.3),
                f"{name}.noise.weight": draw(1),
                f"{name}.activate.bias": draw(fan_out),
                f"noises.noise_{index}": draw(1, 1, size, size),
            }
        )
        if up:
            state[f"{name}.conv.blur.kernel"] = blur

    def to_rgb(name, fan_in, up):
        state.update(
            {
                f"{name}.conv.weight": draw(1, 3, fan_in, 1, 1),
                f"{name}.conv.modulation.weight": draw(fan_in, W),
                f"{name}.conv.modulation.bias": draw(fan_in, shift=1.0, scale=0.3),
                f"{name}.bias": draw(1, 3, 1, 1),
            }
        )
        if up:
            state[f"{name}.upsample.kernel"] = blur

    conv("conv1", 8, 8, 4, 0, up=False)
    to_rgb("to_rgb1", 8, up=False)
    for k, size in enumerate((8, 16)):
        conv(f"convs.{2 * k}", CHANNELS[size // 2], CHANNELS[size], size, 2 * k + 1, up=True)
        conv(f"convs.{2 * k + 1}", CHANNELS[size], CHANNELS[size], size, 2 * k + 2, up=False)
        to_rgb(f"to_rgbs.{k}", CHANNELS[size], up=True)
    return {"g_ema": state, "latent_avg": draw(W)}


def reference_w(state, z):
    """The mapping: weights are used times lr_mul / sqrt(fan in), and the gain is sqrt 2."""
    x = z / torch.sqrt((z**2).mean(dim=1, keepdim=True) + 1e-8)
    for i in range(1, LAYERS + 1):
        x = x @ (state[f"style.{i}.weight"] * 0.01 / math.sqrt(W)).T + state[f"style.{i}.bias"] * 0.01
        x = torch.where(x > 0, x, 0.2 * x) * 2**0.5
    return x


def zero_stuffed(x):
    batch, channels, height, width = x.shape
    out = torch.zeros(batch, channels, 2 * height, 2 * width)
    out[:, :, ::2, ::2] = x
    return out


def filtered(x, kernel, before, after):
    """Zero pads and convolves each channel with the kernel (mirrored, as a true convolution does)."""
    channels = x.shape[1]
    x = F.pad(x, (before, after, before, after))
    return F.conv2d(x, kernel.flip(0, 1).expand(channels, 1, -1, -1), groups=channels)


def modulated(state, name, x, w, *, demodulate, up=False):
    """One sample at a time: the weight itself is scaled by the style and, if asked, normalized."""
    stored = state[f"{name}.conv.weight"]
    _, _, fan_in, kernel, _ = stored.shape
    style = w @ (state[f"{name}.conv.modulation.weight"] / math.sqrt(W)).T + state[f"{name}.conv.modulation.bias"]
    images = []
    for one, s in zip(x, style, strict=True):
        weight = stored[0] / math.sqrt(fan_in * kernel**2) * s[None, :, None, None]
        if demodulate:
            weight = weight / torch.sqrt((weight**2).sum(dim=(1, 2, 3), keepdim=True) + 1e-8)
        if up:
            wide = F.conv_transpose2d(one[None], weight.transpose(0, 1), stride=2)
            images.append(filtered(wide, state[f"{name}.conv.blur.kernel"], 1, 1))
        else:
            images.append(F.conv2d(one[None], weight, padding=kernel // 2))
    return torch.cat(images)


def reference_image(state, ws, noise):
    def styled(name, x, w, n, up=False):
        x = modulated(state, name, x, w, demodulate=True, up=up) + state[f"{name}.noise.weight"] * n
        x = x + state[f"{name}.activate.bias"][None, :, None, None]
        return torch.where(x > 0, x, 0.2 * x) * 2**0.5

    def rgb(name, x, w):
        return modulated(state, name, x, w, demodulate=False) + state[f"{name}.bias"]

    x = styled("conv1", state["input.input"].expand(len(ws), -1, -1, -1), ws[:, 0], noise[0])
    image = rgb("to_rgb1", x, ws[:, 1])
    for k in range(2):
        first = 2 * k + 1
        x = styled(f"convs.{2 * k}", x, ws[:, first], noise[first], up=True)
        x = styled(f"convs.{2 * k + 1}", x, ws[:, first + 1], noise[first + 1])
        enlarged = filtered(zero_stuffed(image), state[f"to_rgbs.{k}.upsample.kernel"], 2, 1)
        image = rgb(f"to_rgbs.{k}", x, ws[:, first + 2]) + enlarged
    return image


def generator_of(content, tmp_path):
    converted = convert_rosinality(content, tmp_path / "net.pt")
    return assemble("stylegan2", converted.settings, converted.state, name="net")


def test_converted_network_maps_as_the_port_does(tmp_path):
    content = checkpoint()
    z = torch.randn(3, W, generator=torch.Generator().manual_seed(1))
    ws = generator_of(content, tmp_path).map(z)
    assert ws.shape == (3, 6, W)
    torch.testing.assert_close(ws[:, 2], reference_w(content["g_ema"], z), rtol=1e-4, atol=1e-4)


def test_converted_network_renders_as_the_port_does(tmp_path):
    content = checkpoint()
    generator = generator_of(content, tmp_path)
    random = torch.Generator().manual_seed(2)
    ws = torch.randn(2, generator.num_ws, W, generator=random)
    noise = generator.make_noise(2, random)
    expected = reference_image(content["g_ema"], ws, noise)
    assert expected.std() > 0.5
    torch.testing.assert_close(generator.synthesize(ws, noise) * 2 - 1, expected, rtol=1e-4, atol=1e-3)


def test_stored_noise_keeps_its_order(tmp_path):
    content = checkpoint()
    generator = generator_of(content, tmp_path)
    ws = torch.randn(1, generator.num_ws, W, generator=torch.Generator().manual_seed(3))
    stored = [content["g_ema"][f"noises.noise_{i}"] for i in range(5)]
    expected = reference_image(content["g_ema"], ws, stored)
    torch.testing.assert_close(generator.synthesize(ws) * 2 - 1, expected, rtol=1e-4, atol=1e-3)


def test_truncation_uses_the_stored_mean_style(tmp_path):
    content = checkpoint()
    generator = generator_of(content, tmp_path)
    ws = generator.map(torch.ones(1, W), truncation_psi=0.0)
    torch.testing.assert_close(ws[0, 0], content["latent_avg"])


def test_a_missing_mean_style_is_measured(tmp_path):
    content = {"g_ema": checkpoint()["g_ema"]}
    generator = generator_of(content, tmp_path)
    z = torch.randn(20000, W, generator=torch.Generator().manual_seed(4))
    w = reference_w(content["g_ema"], z)
    error = generator.map(torch.ones(1, W), truncation_psi=0.0)[0, 0] - w.mean(dim=0)
    assert (error.abs() < 5 * w.std(dim=0) / math.sqrt(4096)).all()


def test_checkpoints_and_bare_states_are_recognized():
    content = checkpoint()
    assert is_rosinality(content)
    assert is_rosinality(content["g_ema"])
    assert not is_rosinality({"g_ema": {"weight": torch.zeros(1)}})
    assert not is_rosinality([1, 2])


@pytest.mark.parametrize("key", ["noises.noise_3", "convs.0.conv.blur.kernel", "to_rgb1.bias"])
def test_a_missing_tensor_is_named(key, tmp_path):
    content = checkpoint()
    del content["g_ema"][key]
    with pytest.raises(PhotopulseError, match=key):
        convert_rosinality(content, tmp_path / "net.pt")


def test_odd_channel_counts_are_refused(tmp_path):
    content = checkpoint()
    content["g_ema"]["convs.1.conv.weight"] = torch.zeros(1, 5, 8, 3, 3)
    with pytest.raises(PhotopulseError, match="channel counts"):
        convert_rosinality(content, tmp_path / "net.pt")
