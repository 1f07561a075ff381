"""The deep guided filter: models a picture locally as a linear function of a guide, ``slope * guide + offset``.

It is the guided filtering layer of Wu et al.: "Fast End-to-End Trainable Guided Filter" (CVPR 2018, arXiv 1803.05619),
after He, Sun, Tang: "Guided Image Filtering" (TPAMI 2013). The coefficients are computed at a small size; to filter at
a larger one, enlarge them.
"""

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# A feature's variance is about the fourth power of the contrast, which is below the usual 1e-5 in smooth photos.
_NORM_EPS = 1e-8


class Coefficients(NamedTuple):
    """The coefficients of y = slope * x + offset for every pixel and channel; both (B, C, h, w)."""

    slope: Tensor
    offset: Tensor


class ConvGuidedFilter(nn.Module):
    """The guided filter with learned windows and slopes (Wu et al. 2018, 3.3).

    A dilated depthwise convolution replaces the box mean, and a small network of 1x1 convolutions replaces the quotient
    covariance / variance. Untrained, the window is the mean of 3 x 3 points, ``radius`` pixels apart.

    Args:
        channels: channels of both pictures.
        radius: distance of the window's points in px of the small pictures.
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
        """Computes the coefficients from the guide ``low_x`` to the picture ``low_y``, both small, (B, C, h, w)."""
        mean_x, mean_y, mean_xy, mean_xx = self._means(low_x, low_y, low_x * low_y, low_x * low_x)
        covariance, variance = mean_xy - mean_x * mean_y, mean_xx - mean_x * mean_x
        slope = cast(Tensor, self.slope(torch.cat([covariance, variance], dim=1)))
        return Coefficients(slope, mean_y - slope * mean_x)

    def _means(self, *pictures: Tensor) -> tuple[Tensor, ...]:
        """Computes weighted means around each pixel.

        The pictures are concatenated as channels, which is far faster on a CPU than as a batch.
        """
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


def _pointwise(channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(channels, out_channels, 1, bias=False),
        nn.BatchNorm2d(out_channels, eps=_NORM_EPS),
        nn.ReLU(inplace=True),
    )
