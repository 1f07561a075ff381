import pytest
import torch

from photopulse.training.gan_losses import discriminator_loss


def test_the_discriminator_loss_is_a_mean_of_hinges():
    real = torch.tensor([[2.0, 0.5], [-1.0, 1.0]]).view(2, 1, 1, 2)
    made = torch.tensor([[-3.0, 0.0], [1.0, -0.5]]).view(2, 1, 1, 2)
    # (0 + 0.5 + 2 + 0) / 4 + (0 + 1 + 2 + 0.5) / 4
    assert discriminator_loss(real, made).item() == pytest.approx(1.5)


def test_the_discriminator_loss_is_zero_beyond_the_margins():
    assert discriminator_loss(torch.tensor([1.0]), torch.tensor([-1.0])).item() == 0
