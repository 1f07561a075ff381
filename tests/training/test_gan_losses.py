import pytest
import torch

from photopulse.training.gan_losses import discriminator_loss, generator_loss


def test_the_losses_are_hinges_and_means():
    real = [torch.tensor([2.0, 0.5]).view(2, 1, 1, 1), torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1)]
    made = [torch.tensor([-3.0, 0.0]).view(2, 1, 1, 1), torch.tensor([1.0, -0.5]).view(2, 1, 1, 1)]
    # Maps: (0 + 0.5) / 2 + (0 + 1) / 2 = 0.75 and (2 + 0) / 2 + (2 + 0.5) / 2 = 2.25.
    assert discriminator_loss(real, made).item() == pytest.approx(1.5)
    torch.testing.assert_close(generator_loss(made), torch.tensor([1.0, 0.25]))


def test_the_discriminator_loss_is_zero_beyond_the_margins():
    assert discriminator_loss([torch.tensor([1.0])], [torch.tensor([-1.0])]).item() == 0
