"""A picture for tests of what shrinks with it."""

import pytest
import torch
from torch import Tensor


@pytest.fixture
def smooth_image() -> Tensor:
    """Waves of some periods a picture, (1, 3, 256, 256)."""
    rows, columns = torch.meshgrid(*[(torch.arange(256) + 0.5) / 256] * 2, indexing="ij")
    waves = [torch.sin(6.3 * (k * rows + 2 * columns + 0.1 * k)) + torch.cos(3 * k * columns * rows) for k in (1, 2, 3)]
    return 0.5 + torch.stack(waves)[None] / 5
