from dataclasses import replace

import pytest
import torch

from photopulse.training.adversarial import AdversarialLoss, AdversarialSettings
from photopulse.training.compute import Compute
from photopulse.training.learner import seeded_weights

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = AdversarialSettings(learning_rate=2e-3, update_threshold=0.0)


def maps(level: float) -> list[torch.Tensor]:
    """Feature maps as EfficientNet-Lite0 makes them of four pictures of 64 px, around ``level``."""
    channels = (16, 24, 40, 112, 320)
    return [torch.randn(4, width, 32 >> place, 32 >> place) * 0.1 + level for place, width in enumerate(channels)]


def adversary(settings: AdversarialSettings = SETTINGS) -> AdversarialLoss:
    with seeded_weights(3):
        return AdversarialLoss(settings, Compute())


def test_the_discriminator_learns_to_tell_made_pictures_from_sharp_ones():
    torch.manual_seed(0)
    loss = adversary()
    before, *_, after = [loss.update_discriminator(maps(0.5), maps(-0.5), step) for step in range(1, 31)]
    assert after < 0.5 * before
    made_well, made_badly = loss.generator_loss(maps(0.5)), loss.generator_loss(maps(-0.5))
    assert made_well.shape == (4,)
    assert (made_well < made_badly).all()


def test_the_discriminator_is_not_updated_while_its_loss_is_low():
    torch.manual_seed(0)
    loss = adversary(replace(SETTINGS, update_threshold=100.0))
    before = {
        name: values.clone()
        for name, values in loss.parts["discriminator_network"].state_dict().items()
        if "original" in name
    }
    loss.update_discriminator(maps(0.5), maps(-0.5), 1)
    after = loss.parts["discriminator_network"].state_dict()
    assert all(torch.equal(after[name], values) for name, values in before.items())


def test_made_pictures_get_a_gradient_from_the_generator_loss_alone():
    made = [stage.requires_grad_() for stage in maps(0.0)]
    loss = adversary()
    loss.update_discriminator(maps(0.5), made, 1)
    assert all(stage.grad is None for stage in made)
    loss.generator_loss(made).sum().backward()
    assert all(stage.grad is not None for stage in made[1:])
