"""Operations that the style-based generators share."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.errors import PhotopulseError

SLOPE = 0.2


def leaky_relu(x: Tensor, gain: float = math.sqrt(2)) -> Tensor:
    """Applies LeakyReLU with slope 0.2, then multiplies by ``gain``; any shape."""
    return F.leaky_relu(x, SLOPE) * gain


def activate_(x: Tensor, clamp: float | None) -> Tensor:
    """Applies LeakyReLU with slope 0.2 to x itself, which spares a third of its time on CPUs, then clamps."""
    x = F.leaky_relu(x, SLOPE, inplace=True)
    # The gradient of hardtanh takes one pass over the image, that of clamp takes four.
    return x if clamp is None else F.hardtanh(x, -clamp, clamp)


def undo_leaky_relu(x: Tensor, gain: float = math.sqrt(2)) -> Tensor:
    """Gives back what ``leaky_relu`` with the same ``gain`` was called with; any shape (PULSE, 3.3)."""
    return F.leaky_relu(x / gain, 1 / SLOPE)


def pixel_norm(x: Tensor) -> Tensor:
    """Divides x (B, C, ...) by its root mean square over the channels (Progressive GAN, 4.2)."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def truncate(ws: Tensor, w_avg: Tensor, psi: float, cutoff: int | None = None) -> Tensor:
    """Pulls the first ``cutoff`` styles (all when None) of ws (B, num_ws, w_dim) towards w_avg (w_dim,).

    1 leaves them as they are, 0 makes them the mean (StyleGAN, appendix B).
    """
    if psi == 1:
        return ws
    end = ws.shape[1] if cutoff is None else cutoff
    return torch.cat([w_avg.lerp(ws[:, :end], psi), ws[:, end:]], dim=1)


def make_noise(
    shapes: Sequence[tuple[int, int, int]], batch: int, generator: torch.Generator, device: torch.device
) -> list[Tensor]:
    """Draws one standard normal map (batch, *shape) on ``device`` for each of ``shapes``, in order.

    ``generator`` lives on the CPU, so that a seed means the same on every device.
    """
    return [torch.randn((batch, *shape), generator=generator).to(device) for shape in shapes]


def drawn(*shape: int, std: float = 1.0) -> Tensor:
    """Draws a fresh weight from a normal distribution; on the meta device nothing, which has no values.

    There torch would import its compiler, which takes seconds, only to find that out.
    """
    values = torch.empty(shape)
    return values if values.is_meta else values.normal_().mul_(std)


def check_noise(noise: Sequence[Tensor], shapes: Sequence[tuple[int, int, int]], batch: int) -> None:
    """Raises ValueError unless ``noise`` holds one map (batch, *shape) for each of ``shapes``, in order."""
    if len(noise) != len(shapes):
        raise ValueError(f"this generator takes {len(shapes)} noise maps, but {len(noise)} were given")
    for index, (given, shape) in enumerate(zip(noise, shapes, strict=True)):
        if tuple(given.shape) != (batch, *shape):
            raise ValueError(f"noise map {index} must be {(batch, *shape)}, but is {tuple(given.shape)}")


def check_ws(ws: Tensor, num_ws: int, w_dim: int) -> None:
    """Raises ValueError unless ws is (B, num_ws, w_dim)."""
    if ws.ndim != 3 or ws.shape[1:] != (num_ws, w_dim):
        raise ValueError(f"ws must be (batch, {num_ws}, {w_dim}), but is {tuple(ws.shape)}")


class FullyConnected(nn.Module):
    """A linear layer whose stored weight is scaled at run time by lr_multiplier / sqrt(in_features).

    The equalised learning rate of Progressive GAN, 4.1, with the learning rate multiplier of StyleGAN.
    """

    def __init__(
        self, in_features: int, out_features: int, *, lr_multiplier: float = 1.0, bias_init: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(drawn(out_features, in_features, std=1 / lr_multiplier))
        self.bias = nn.Parameter(torch.full([out_features], bias_init))
        self.weight_gain = lr_multiplier / math.sqrt(in_features)
        self.bias_gain = lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        """Maps x (B, in_features) to (B, out_features)."""
        return F.linear(x, self.weight * self.weight_gain, self.bias * self.bias_gain)


class MappingNetwork(nn.Module):
    """The mapping of StyleGAN2 and StyleGAN3: z, with an embedded label, -> w, and the mean of w.

    Parameters carry the official names: ``embed``, ``fc0``, ``fc1``, ..., ``w_avg``.
    """

    w_avg: Tensor

    def __init__(
        self,
        *,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        num_layers: int,
        embed_features: int,
        layer_features: int,
        lr_multiplier: float,
    ) -> None:
        super().__init__()
        self.z_dim = z_dim
        self.c_dim = c_dim
        self.num_layers = num_layers
        if c_dim > 0:
            self.embed = FullyConnected(c_dim, embed_features)
        inputs = z_dim + (embed_features if c_dim > 0 else 0)
        widths = [inputs, *[layer_features] * (num_layers - 1), w_dim]
        for index in range(num_layers):
            layer = FullyConnected(widths[index], widths[index + 1], lr_multiplier=lr_multiplier)
            self.add_module(f"fc{index}", layer)
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(self, z: Tensor, c: Tensor | None) -> Tensor:
        """Maps z (B, z_dim) and labels c (B, c_dim) to w (B, w_dim).

        Raises ValueError for a wrong shape, and when a conditional mapping gets no label.
        """
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise ValueError(f"z must be (batch, {self.z_dim}), but is {tuple(z.shape)}")
        x = pixel_norm(z)
        if self.c_dim > 0:
            x = torch.cat([x, pixel_norm(self.embed(self._checked_label(c, len(z))))], dim=1)
        for index in range(self.num_layers):
            x = leaky_relu(self.get_submodule(f"fc{index}")(x))
        return x

    def styles(self, z: Tensor, c: Tensor | None, num_ws: int, psi: float, cutoff: int | None) -> Tensor:
        """Maps z and c as ``forward`` does, repeats w to (B, num_ws, w_dim) and truncates it."""
        ws = self(z, c)[:, None].expand(-1, num_ws, -1)
        return truncate(ws, self.w_avg, psi, cutoff)

    def _checked_label(self, c: Tensor | None, batch: int) -> Tensor:
        expected = f"labels c of shape {(batch, self.c_dim)}, e.g. one-hot rows"
        if c is None:
            raise ValueError(f"this generator is conditional: give {expected}")
        if tuple(c.shape) != (batch, self.c_dim):
            raise ValueError(f"this generator takes {expected}, but c is {tuple(c.shape)}")
        return c


def modulate(x: Tensor, styles: Tensor) -> Tensor:
    """Scales the channels of x (B, C, H, W) by styles (B, C)."""
    return x * styles[:, :, None, None]


def demodulation(weight: Tensor, styles: Tensor) -> Tensor:
    """Gains (B, out) that bring the output of a convolution of modulated input back to unit variance.

    ``weight`` is (out, in, k, k) and ``styles`` (B, in). Equation 3 of StyleGAN2, as a factor on the output:
    the convolution keeps one weight for the whole batch, and none of its gradients.
    """
    return F.linear(styles.square(), weight.square().sum(dim=(2, 3))).add(1e-8).rsqrt()


def upsample_fir(x: Tensor, kernel: Tensor, factor: int, padding: tuple[int, int]) -> Tensor:
    """Enlarges x (B, C, H, W) by zero-stuffing and convolution with an FIR kernel, keeping the brightness.

    Args:
        x: the image.
        kernel: (K,) of a separable filter or (K, K), summing to 1.
        factor: pixels out for one pixel in, along each axis.
        padding: zeros before and after the zero-stuffed image, on both axes; negative crops.
    """
    for taps, strides in _passes(kernel, factor):
        sides = [
            (size - 1 - padding[0], size - stride - padding[1]) if size > 1 else (0, 0)
            for size, stride in zip(taps.shape, strides, strict=True)
        ]
        crop = [max(0, min(side)) for side in sides]
        weight = (taps * math.prod(strides)).expand(x.shape[1], 1, *taps.shape)
        x = F.conv_transpose2d(x, weight, stride=strides, padding=crop, groups=x.shape[1])
        rest = [cut - side for cut, pair in zip(crop, sides, strict=True) for side in pair]
        if any(rest):
            x = F.pad(x, (rest[2], rest[3], rest[0], rest[1]))
    return x


def downsample_fir(x: Tensor, kernel: Tensor, factor: int = 1, padding: int = 0) -> Tensor:
    """Convolves x (B, C, H, W) with an FIR kernel, (K,) or (K, K), and keeps every factor-th pixel."""
    for taps, strides in _passes(kernel, factor):
        pads = [padding if size > 1 else 0 for size in taps.shape]
        weight = taps.flip((0, 1)).expand(x.shape[1], 1, *taps.shape)
        x = F.conv2d(x, weight, stride=strides, padding=pads, groups=x.shape[1])
    return x


def _passes(kernel: Tensor, factor: int) -> list[tuple[Tensor, tuple[int, int]]]:
    """The 2-D kernels, with their strides, that apply a separable or a full filter."""
    if kernel.ndim == 1:
        return [(kernel[:, None], (factor, 1)), (kernel[None, :], (1, factor))]
    return [(kernel, (factor, factor))]


def read_init_kwargs(
    init_kwargs: Mapping[str, object],
    *,
    fields: Collection[str],
    renamed: Mapping[str, str],
    fixed: Mapping[str, object],
    ignored: Collection[str],
) -> dict[str, Any]:
    """Translates the ``init_kwargs`` of an official network file to the fields of a settings class.

    Keys inside ``synthesis_kwargs`` count as top-level ones; those inside ``mapping_kwargs`` get the prefix
    ``mapping.``.

    Args:
        init_kwargs: as stored in the file.
        fields: names of our settings.
        renamed: official key -> our field, where they differ.
        fixed: official keys that have one value that we support.
        ignored: official keys that matter to training or to half precision only.

    Raises:
        ValueError: an unknown key, or a value that is not supported.
    """
    values: dict[str, Any] = {}
    for key, value in _flattened(init_kwargs):
        field = renamed.get(key, key)
        if field in fields:
            values[field] = value
        elif key in fixed:
            if value != fixed[key]:
                raise ValueError(f"its {key} is {value!r}, and only {fixed[key]!r} is supported")
        elif key not in ignored:
            raise ValueError(f"it has the unknown setting {key} = {value!r}")
    if "resolution" not in values:
        raise ValueError("its settings do not tell the resolution")
    return values


def _flattened(init_kwargs: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in init_kwargs.items():
        if key in ("mapping_kwargs", "synthesis_kwargs"):
            if not isinstance(value, Mapping):
                raise ValueError(f"its {key} are no mapping")
            prefix = "mapping." if key == "mapping_kwargs" else ""
            for name, inner in cast("Mapping[str, object]", value).items():
                yield prefix + name, inner
        else:
            yield key, value


def unsupported(problem: Exception) -> PhotopulseError:
    """The error for a network file whose generator photopulse cannot build."""
    wrong_type = isinstance(problem, TypeError)
    return PhotopulseError(
        "cannot build the generator",
        why=f"a setting has a value of the wrong type ({problem})" if wrong_type else str(problem),
        fix="use a network of the official StyleGAN2 or StyleGAN3 code",
    )
