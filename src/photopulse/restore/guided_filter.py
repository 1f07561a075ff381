"""Guided filters: at every place, the wanted picture is a straight line of the guide's values there.

He, Sun, Tang: "Guided Image Filtering" (TPAMI 2013) and "Fast Guided Filter" (arXiv 1505.00996); the learned one
is the guided filtering layer of Wu et al.: "Fast End-to-End Trainable Guided Filter" (CVPR 2018, arXiv 1803.05619).
Lines are found at a small size and drawn at any other, in two steps: coefficients, then ``slope * x + offset``.
"""

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# The variance of a feature is about the contrast's fourth power: the usual 1e-5 would drown that of smooth photos.
_NORM_EPS = 1e-8


class Coefficients(NamedTuple):
    """A straight line for every pixel and channel: y = slope * x + offset; both (B, C, h, w)."""

    slope: Tensor
    offset: Tensor


def box_mean(image: Tensor, radius: int) -> Tensor:
    """Means over squares of 2 ``radius`` + 1 pixels; of pictures (B, C, H, W), only what lies inside counts."""
    side = 2 * radius + 1
    down = F.avg_pool2d(image, (side, 1), stride=1, padding=(radius, 0), count_include_pad=False)
    return F.avg_pool2d(down, (1, side), stride=1, padding=(0, radius), count_include_pad=False)


def line_coefficients(x: Tensor, y: Tensor, radius: int, eps: float) -> Coefficients:
    """Fits, around every pixel, the line from guide to picture with the least squared error (He et al., eq. 5, 6).

    Args:
        x: guide (B, C, h, w), or (B, 1, h, w) for all channels of y.
        y: picture (B, C, h, w).
        radius: of the squares that the lines are fitted to, in pixels.
        eps: variance of the guide below which it counts as flat; the guide's values are nominally in [0, 1].
    """
    mean_x, mean_y = box_mean(x, radius), box_mean(y, radius)
    covariance = box_mean(x * y, radius) - mean_x * mean_y
    # Rounding can push the variance of a flat place below 0, where a small eps would not save the quotient.
    variance = (box_mean(x * x, radius) - mean_x * mean_x).clamp(min=0)
    slope = covariance / (variance + eps)
    return Coefficients(slope, mean_y - slope * mean_x)


def guided_filter(x: Tensor, y: Tensor, radius: int, eps: float) -> Tensor:
    """Smooths the picture y except where the guide x has edges (He et al. 2013, eq. 8).

    Shapes, radius and eps are those of ``line_coefficients``; the result is (B, C, h, w), not clamped.
    """
    slope, offset = line_coefficients(x, y, radius, eps)
    return box_mean(slope, radius) * x + box_mean(offset, radius)


def fast_guided_filter(low_x: Tensor, low_y: Tensor, high_x: Tensor, radius: int, eps: float) -> Tensor:
    """Brings what happened to a small picture to the large one: joint upsampling (He and Sun 2015; Wu et al., 3.1).

    Args:
        low_x: the small guide (B, C, h, w).
        low_y: what became of it (B, C, h, w).
        high_x: the large guide (B, C, H, W).
        radius: in pixels of the small guide.
        eps: as in ``line_coefficients``.

    Returns:
        (B, C, H, W), not clamped.
    """
    return apply_coefficients(line_coefficients(low_x, low_y, radius, eps), high_x)


def apply_coefficients(coefficients: Coefficients, high_x: Tensor) -> Tensor:
    """Draws the lines at the size of ``high_x`` (B, C, H, W).

    As Wu et al. do, the coefficients are enlarged so that the middles of the *corner pixels* lie on each other
    (``align_corners=True``). ``full_size.py`` places them where the pixels really are.
    """
    slope, offset = (
        F.interpolate(part, size=high_x.shape[2:], mode="bilinear", align_corners=True) for part in coefficients
    )
    return torch.addcmul(offset, slope, high_x)


class ConvGuidedFilter(nn.Module):
    """The guided filter whose windows and slopes are learned (Wu et al. 2018, 3.3).

    A dilated depthwise convolution takes the place of the box mean, and a small network of 1x1 convolutions that
    of the quotient covariance / variance. It starts with means over 3 x 3 points, ``radius`` pixels apart.

    Args:
        channels: of both pictures.
        radius: distance of the window's points, in pixels of the small pictures.
        hidden: channels between the 1x1 convolutions.
    """

    def __init__(self, *, channels: int = 3, radius: int = 1, hidden: int = 32) -> None:
        super().__init__()
        self.window = nn.Conv2d(channels, channels, 3, padding=radius, dilation=radius, groups=channels, bias=False)
        nn.init.ones_(self.window.weight)
        self.slope = nn.Sequential(
            *_pointwise(2 * channels, hidden),
            *_pointwise(hidden, hidden),
            nn.Conv2d(hidden, channels, 1, bias=False),
        )

    def coefficients(self, low_x: Tensor, low_y: Tensor) -> Coefficients:
        """Finds the lines from the small guide to the small picture, both (B, C, h, w)."""
        mean_x, mean_y, mean_xy, mean_xx = self._means(low_x, low_y, low_x * low_y, low_x * low_x)
        covariance, variance = mean_xy - mean_x * mean_y, mean_xx - mean_x * mean_x
        slope = cast(Tensor, self.slope(torch.cat([covariance, variance], dim=1)))
        return Coefficients(slope, mean_y - slope * mean_x)

    def _means(self, *pictures: Tensor) -> tuple[Tensor, ...]:
        """Weighted means around each pixel; channels side by side, which a CPU does far faster than a batch."""
        weights = self.window.weight.repeat(len(pictures), 1, 1, 1)
        sums = F.conv2d(
            torch.cat(pictures, dim=1),
            weights,
            padding=self.window.padding,  # pyright: ignore[reportArgumentType]
            dilation=self.window.dilation,
            groups=len(weights),
        )
        counted = cast(Tensor, self.window(torch.ones_like(pictures[0][:1])))
        return tuple(part / counted for part in sums.chunk(len(pictures), dim=1))

    def forward(self, low_x: Tensor, low_y: Tensor, high_x: Tensor) -> Tensor:
        """Brings what happened to small pictures (B, C, h, w) to the large ones (B, C, H, W), not clamped."""
        return apply_coefficients(self.coefficients(low_x, low_y), high_x)


def _pointwise(channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(channels, out_channels, 1, bias=False),
        nn.BatchNorm2d(out_channels, eps=_NORM_EPS),
        nn.ReLU(inplace=True),
    )
