"""Random colour changes of training pictures: hue, saturation, exchanged channels, the shades of one colour."""

from typing import cast

import cv2
import numpy as np
import torch
from torch import Tensor


def recoloured(picture: Tensor, random: torch.Generator) -> Tensor:
    """Rotates the hues of a picture (1, 3, H, W) in [0, 1], permutes its channels and scales its saturation."""
    order = torch.randperm(3, generator=random)
    turn, more = cast(list[float], torch.rand(2, generator=random).tolist())
    pixels = picture[0, order].permute(1, 2, 0).contiguous().numpy()
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + 360 * turn) % 360
    hsv[..., 1] = np.clip(hsv[..., 1] * (0.4 + 1.6 * more), 0, 1)
    return torch.from_numpy(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)).permute(2, 0, 1)[None].clamp(0, 1)


def tinted(picture: Tensor, random: torch.Generator) -> Tensor:
    """Maps the gray values of a picture (1, 3, H, W) in [0, 1] to shades of one colour, as in sepia and cyanotype."""
    gray = picture.mean(dim=1, keepdim=True)
    bend = 1 + 0.6 * (torch.rand(3, generator=random) - 0.5)
    low, high = 0.25 * torch.rand(3, generator=random), 1 - 0.25 * torch.rand(3, generator=random)
    view = (1, 3, 1, 1)
    return low.view(view) + (high - low).view(view) * gray ** bend.view(view)
