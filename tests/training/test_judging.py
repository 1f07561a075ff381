from dataclasses import replace

import pytest
import torch

from photopulse.training.compute import Compute
from photopulse.training.judging import Judging, Opponent
from photopulse.training.loop import seeded_weights

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = Judging(learning_rate=2e-3, rests_below=0.0)


def maps(level: float) -> list[torch.Tensor]:
    """Feature maps as EfficientNet-Lite0 makes them of four pictures of 64 px, around ``level``."""
    channels = (16, 24, 40, 112, 320)
    return [torch.randn(4, width, 32 >> place, 32 >> place) * 0.1 + level for place, width in enumerate(channels)]


def opponent(settings: Judging = SETTINGS) -> Opponent:
    with seeded_weights(3):
        return Opponent(settings, Compute())


def test_it_learns_to_tell_made_pictures_from_sharp_ones():
    torch.manual_seed(0)
    one = opponent()
    before, *_, after = [one.learn(maps(0.5), maps(-0.5), step) for step in range(1, 31)]
    assert after < 0.5 * before
    made_well, made_badly = one.against(maps(0.5)), one.against(maps(-0.5))
    assert made_well.shape == (4,)
    assert (made_well < made_badly).all()


def test_it_rests_while_its_loss_is_low():
    torch.manual_seed(0)
    one = opponent(replace(SETTINGS, rests_below=100.0))
    before = {name: values.clone() for name, values in one.parts["judge"].state_dict().items() if "original" in name}
    one.learn(maps(0.5), maps(-0.5), 1)
    after = one.parts["judge"].state_dict()
    assert all(torch.equal(after[name], values) for name, values in before.items())


def test_what_was_made_gets_a_gradient_from_it_only_when_asked():
    made = [stage.requires_grad_() for stage in maps(0.0)]
    one = opponent()
    one.learn(maps(0.5), made, 1)
    assert all(stage.grad is None for stage in made)
    one.against(made).sum().backward()
    assert all(stage.grad is not None for stage in made[1:])
