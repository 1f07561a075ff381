import pytest
import torch

from photopulse.metrics.features import load_features
from photopulse.training.feature_judge import FeatureJudge, judge_loss, maker_loss
from photopulse.training.loop import seeded_weights

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def judge(stage_features) -> FeatureJudge:
    with seeded_weights(1):
        return FeatureJudge(stage_features, width=4)


def test_it_judges_at_four_scales_and_small_pictures_enlarged(judge: FeatureJudge):
    for size in (64, 128):
        assert [tuple(verdict.shape) for verdict in judge(torch.rand(2, 3, size, size))] == [(2, 1, 4, 4)] * 4
    judge.eval()
    small = torch.rand(1, 3, 32, 32)
    large = torch.nn.functional.interpolate(small, size=(128, 128), mode="bilinear", align_corners=False)
    assert all(torch.equal(*pair) for pair in zip(judge(small), judge(large), strict=True))


def test_only_the_heads_learn_and_the_features_are_no_part_of_the_state(judge: FeatureJudge):
    sum(verdict.square().mean() for verdict in judge(torch.rand(1, 3, 128, 128))).backward()
    learned = {name.partition(".")[0] for name, values in judge.named_parameters() if values.grad is not None}
    assert learned == {"heads"}
    assert all(values.grad.abs().max() > 0 for values in judge.heads.parameters() if values.dim() > 1)
    assert {name.partition(".")[0] for name in judge.state_dict()} == {"mixes", "heads"}


def test_every_layer_of_the_heads_has_a_spectral_norm_of_one(judge: FeatureJudge):
    for _ in range(50):
        judge(torch.rand(1, 3, 128, 128))
    weights = [layer.weight for layer in judge.heads.modules() if isinstance(layer, torch.nn.Conv2d)]
    norms = [torch.linalg.matrix_norm(weight.flatten(1), 2).item() for weight in weights]
    assert norms == pytest.approx([1.0] * len(norms), abs=0.02)


def test_the_losses_are_hinges_and_means():
    real = [torch.tensor([2.0, 0.5]).view(2, 1, 1, 1), torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1)]
    made = [torch.tensor([-3.0, 0.0]).view(2, 1, 1, 1), torch.tensor([1.0, -0.5]).view(2, 1, 1, 1)]
    # Maps: (0 + 0.5) / 2 + (0 + 1) / 2 = 0.75 and (2 + 0) / 2 + (2 + 0.5) / 2 = 2.25.
    assert judge_loss(real, made).item() == pytest.approx(1.5)
    torch.testing.assert_close(maker_loss(made), torch.tensor([1.0, 0.25]))


@pytest.mark.weights
def test_the_real_features_fit():
    with seeded_weights(0):
        judge = FeatureJudge(load_features(), width=8)
    assert [tuple(verdict.shape) for verdict in judge(torch.rand(1, 3, 128, 128))] == [(1, 1, 4, 4)] * 4
