import pytest
import torch

from photopulse.metrics.features import load_features
from photopulse.training.feature_judge import FeatureJudge, judge_loss, maker_loss, picture_features
from photopulse.training.loop import seeded_weights

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def judge() -> FeatureJudge:
    with seeded_weights(1):
        return FeatureJudge(width=4)


def maps(count: int, size: int) -> list[torch.Tensor]:
    """Random maps as EfficientNet-Lite0 makes them."""
    channels = (16, 24, 40, 112, 320)
    return [torch.randn(count, width, size >> (level + 1), size >> (level + 1)) for level, width in enumerate(channels)]


def test_it_judges_at_four_scales(judge: FeatureJudge):
    for size in (64, 128):
        side = size // 32
        assert [tuple(verdict.shape) for verdict in judge(maps(2, size))] == [(2, 1, side, side)] * 4


def test_small_pictures_are_enlarged_before_their_features_are_computed(stage_features):
    small = torch.rand(1, 3, 32, 32)
    large = torch.nn.functional.interpolate(small, size=(64, 64), mode="bilinear", align_corners=False)
    of_small, of_large = picture_features(stage_features, small), picture_features(stage_features, large)
    assert all(torch.equal(*pair) for pair in zip(of_small, of_large, strict=True))


def test_pictures_that_are_all_alike_are_told_from_different_ones(judge: FeatureJudge):
    different = maps(4, 64)
    alike = [stage[:1].expand_as(stage) for stage in different]
    judge.eval()
    first_of = [judge(stages)[-1][0] for stages in (different, alike)]
    assert (first_of[0] - first_of[1]).abs().max() > 1e-4


def test_only_the_heads_learn(judge: FeatureJudge):
    sum(verdict.square().mean() for verdict in judge(maps(2, 128))).backward()
    learned = {name.partition(".")[0] for name, values in judge.named_parameters() if values.grad is not None}
    assert learned == {"heads"}
    assert all(values.grad.abs().max() > 0 for values in judge.heads.parameters() if values.dim() > 1)


def test_every_layer_of_the_heads_has_a_spectral_norm_of_one(judge: FeatureJudge):
    for _ in range(50):
        judge(maps(1, 128))
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
def test_the_real_features_fit(judge: FeatureJudge):
    verdicts = judge(picture_features(load_features(), torch.rand(1, 3, 128, 128)))
    assert [tuple(verdict.shape) for verdict in verdicts] == [(1, 1, 4, 4)] * 4
