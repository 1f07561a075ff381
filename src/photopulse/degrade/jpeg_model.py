"""Differentiable JPEG: the real codec in the forward pass, a linear model of it in the backward pass.

Baseline JPEG (ITU-T T.81) in a JFIF file: full-range BT.601, chroma at half the width and height, cosine transforms of
8x8 blocks, and chroma upsampled by a triangle filter, as in libjpeg.
"""

import io
import math
from functools import lru_cache
from typing import Any, cast

import torch
import torch.nn.functional as F
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from torch import Tensor

from photopulse.degrade.jpeg_codec import compressed
from photopulse.degrade.resample import at_least_float32

_BLOCK = 8
_TO_YCC = ((0.299, 0.587, 0.114), (-0.299 / 1.772, -0.587 / 1.772, 0.5), (0.5, -0.587 / 1.402, -0.114 / 1.402))
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587), (1.0, 1.772, 0.0))


def jpeg_model(image: Tensor, quality: int) -> Tensor:
    """Returns the codec's result for (B, 3, H, W), with the gradient of a codec without rounding and clamping.

    It is a straight-through estimator with a gain: 1 for a coefficient that survives quantisation, and from 1/4 (at
    zero) up to 1 for one that is rounded to zero. Without that gain, a search could never add details that the target
    has and the picture lacks; with a gain of 1, it fills the picture with details that the codec removes.
    """
    with torch.autocast(image.device.type, enabled=False):
        values = at_least_float32(image)
        linear = _linear_codec(values, quality)
        decoded = _decoded(values.detach(), quality)
        return (linear + (decoded - linear).detach()).to(image.dtype)


class _Decoded(torch.autograd.Function):
    """The real codec, not differentiable; an autograd function so that ``torch.func`` transforms can handle it."""

    @staticmethod
    def forward(image: Tensor, quality: int) -> Tensor:
        return compressed(image, quality)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:  # noqa: ARG004
        ctx.mark_non_differentiable(output)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int, None], *args: Any) -> tuple[Tensor, int]:  # noqa: ARG004
        image, quality = args
        stacked = image.movedim(in_dims[0], 0)
        return _decoded(stacked.flatten(0, 1), quality).reshape(stacked.shape), 0


def _decoded(image: Tensor, quality: int) -> Tensor:
    return cast(Tensor, _Decoded.apply(image, quality))


def _linear_codec(image: Tensor, quality: int) -> Tensor:
    """Models the codec without rounding: colour transform, subsampling, and a gain for each coefficient."""
    luma_steps, chroma_steps = (steps.to(image) for steps in _steps(quality))
    height, width = image.shape[2:]
    ycc = _mixed(image * 255, _TO_YCC)
    luma = _coded(ycc[:, :1] - 128, luma_steps) + 128
    chroma = _coded(_halved(ycc[:, 1:]), chroma_steps)
    chroma = _doubled(_doubled(chroma, 2), 3)[..., :height, :width]
    return _mixed(torch.cat((luma, chroma), dim=1), _TO_RGB) / 255


def _mixed(planes: Tensor, weights: tuple[tuple[float, ...], ...]) -> Tensor:
    return torch.einsum("oc,bchw->bohw", planes.new_tensor(weights), planes)


def _coded(planes: Tensor, steps: Tensor) -> Tensor:
    """Multiplies the coefficients of each block's cosine transform by the gain of ``jpeg_model``."""
    # Blocks, with the last row and column repeated up to whole ones.
    batch, channels, height, width = planes.shape
    padded = F.pad(planes, (0, -width % _BLOCK, 0, -height % _BLOCK), mode="replicate")
    down, across = padded.shape[2] // _BLOCK, padded.shape[3] // _BLOCK
    # Transform, apply the gain, transform back.
    cosines = _cosines().to(planes)
    blocks = padded.reshape(batch, channels, down, _BLOCK, across, _BLOCK).transpose(3, 4)
    coefficients = cosines @ blocks @ cosines.T
    gain = (0.25 + 1.5 * (coefficients / steps).abs().detach()).clamp(max=1)
    restored = cosines.T @ (gain * coefficients) @ cosines
    return restored.transpose(3, 4).reshape(padded.shape)[..., :height, :width]


def _halved(chroma: Tensor) -> Tensor:
    height, width = chroma.shape[2:]
    return F.avg_pool2d(F.pad(chroma, (0, width % 2, 0, height % 2), mode="replicate"), 2)


def _doubled(chroma: Tensor, axis: int) -> Tensor:
    """Doubles one axis with the triangle filter: 3/4 of a pixel and 1/4 of its neighbour, edges repeated."""
    size = chroma.shape[axis]
    before = torch.cat((chroma.narrow(axis, 0, 1), chroma.narrow(axis, 0, size - 1)), axis)
    after = torch.cat((chroma.narrow(axis, 1, size - 1), chroma.narrow(axis, -1, 1)), axis)
    return torch.stack((0.75 * chroma + 0.25 * before, 0.75 * chroma + 0.25 * after), axis + 1).flatten(axis, axis + 1)


@lru_cache(maxsize=100)
@torch.inference_mode(False)
def _steps(quality: int) -> tuple[Tensor, Tensor]:
    """Returns the quantisation tables of luma and chroma, (8, 8) each, as the codec itself writes them."""
    buffer = io.BytesIO()
    Image.new("RGB", (_BLOCK, _BLOCK)).save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    with JpegImageFile(buffer) as picture:
        luma, chroma = (torch.tensor(picture.quantization[k]).float().reshape(_BLOCK, _BLOCK) for k in (0, 1))
    return luma, chroma


@lru_cache(maxsize=1)
@torch.inference_mode(False)
def _cosines() -> Tensor:
    """Returns the matrix of the orthonormal 8-point cosine transform, float64: row k has frequency k."""
    position = torch.arange(_BLOCK, dtype=torch.float64) + 0.5
    rows = torch.cos(math.pi / _BLOCK * torch.arange(_BLOCK)[:, None] * position) * math.sqrt(2 / _BLOCK)
    rows[0] = math.sqrt(1 / _BLOCK)
    return rows
