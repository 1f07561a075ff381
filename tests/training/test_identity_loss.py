import pytest
import torch
from torch import nn

from photopulse.metrics.identity import CHIP_SIZE
from photopulse.training.identity_loss import identity_loss


class Corners(nn.Module):
    """Describes a chip by the colours of its corners, and remembers what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.chips: list[torch.Tensor] = []

    def forward(self, chips):
        self.chips.append(chips)
        step = CHIP_SIZE - 1
        return chips[:, :, ::step, ::step].flatten(1)


def test_a_face_is_itself_and_a_changed_one_is_not():
    sharp = torch.linspace(0, 1, 256).expand(2, 3, 256, 256)
    other = sharp.clone()
    other[1] = other[1].flip(2)
    same, changed = identity_loss(Corners(), other, sharp)
    assert same.item() == pytest.approx(0, abs=1e-6)
    assert changed.item() > 0.01


def test_brightness_alone_is_no_other_person():
    sharp = torch.rand(1, 3, 128, 128)
    assert identity_loss(Corners(), sharp / 2, sharp).item() == pytest.approx(0, abs=1e-6)


def test_a_tint_alone_is_no_other_person():
    sharp = 0.25 + torch.rand(1, 3, 128, 128) / 2
    tint = torch.tensor([0.2, -0.15, -0.05]).view(1, 3, 1, 1)
    assert identity_loss(Corners(), sharp + tint, sharp).item() == pytest.approx(0, abs=1e-6)


def test_only_the_made_face_gets_gradients():
    made, sharp = (torch.rand(1, 3, 256, 256).requires_grad_() for _ in range(2))
    identity_loss(Corners(), made, sharp).sum().backward()
    assert made.grad is not None
    assert made.grad.abs().max() > 0
    assert sharp.grad is None


@pytest.mark.parametrize("size", [256, 128])
def test_the_recogniser_sees_the_middle_of_the_face_as_a_chip(size: int):
    """What is outside of the window, a quarter at the top and less elsewhere, does not count."""
    seen = Corners()
    face = torch.zeros(1, 3, size, size)
    face[:, :, size // 4 : size * 19 // 20, size // 8 : size * 7 // 8] = 0.5
    identity_loss(seen, face, face)
    assert seen.chips[0].shape == (1, 3, CHIP_SIZE, CHIP_SIZE)
    torch.testing.assert_close(seen.chips[0], torch.full_like(seen.chips[0], 0.5))
