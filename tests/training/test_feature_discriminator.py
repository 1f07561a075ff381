import pytest
import torch

from photopulse.metrics.features import load_features
from photopulse.training.feature_discriminator import FeatureDiscriminator, picture_features
from photopulse.training.learner import seeded_weights

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def discriminator() -> FeatureDiscriminator:
    with seeded_weights(1):
        return FeatureDiscriminator(width=4)


def maps(count: int, size: int) -> list[torch.Tensor]:
    """Random maps as EfficientNet-Lite0 makes them."""
    channels = (16, 24, 40, 112, 320)
    return [torch.randn(count, width, size >> (level + 1), size >> (level + 1)) for level, width in enumerate(channels)]


def test_it_has_logits_at_four_scales(discriminator: FeatureDiscriminator):
    for size in (64, 128):
        side = size // 32
        assert [tuple(logits.shape) for logits in discriminator(maps(2, size))] == [(2, 1, side, side)] * 4


def test_small_pictures_are_enlarged_before_their_features_are_computed(stage_features):
    small = torch.rand(1, 3, 32, 32)
    large = torch.nn.functional.interpolate(small, size=(64, 64), mode="bilinear", align_corners=False)
    of_small, of_large = picture_features(stage_features, small), picture_features(stage_features, large)
    assert all(torch.equal(*pair) for pair in zip(of_small, of_large, strict=True))


def test_the_coarsest_logits_depend_on_how_much_pictures_of_a_batch_differ(discriminator: FeatureDiscriminator):
    different = maps(4, 64)
    alike = [stage[:1].expand_as(stage) for stage in different]
    discriminator.eval()
    first_of = [discriminator(stages)[-1][0] for stages in (different, alike)]
    assert (first_of[0] - first_of[1]).abs().max() > 1e-4


def test_only_the_heads_learn(discriminator: FeatureDiscriminator):
    sum(logits.square().mean() for logits in discriminator(maps(2, 128))).backward()
    learned = {name.partition(".")[0] for name, values in discriminator.named_parameters() if values.grad is not None}
    assert learned == {"heads"}
    assert all(values.grad.abs().max() > 0 for values in discriminator.heads.parameters() if values.dim() > 1)


def test_every_layer_of_the_heads_has_a_spectral_norm_of_one(discriminator: FeatureDiscriminator):
    for _ in range(50):
        discriminator(maps(1, 128))
    weights = [layer.weight for layer in discriminator.heads.modules() if isinstance(layer, torch.nn.Conv2d)]
    norms = [torch.linalg.matrix_norm(weight.flatten(1), 2).item() for weight in weights]
    assert norms == pytest.approx([1.0] * len(norms), abs=0.02)


@pytest.mark.weights
def test_the_real_features_fit(discriminator: FeatureDiscriminator):
    logits = discriminator(picture_features(load_features(), torch.rand(1, 3, 128, 128)))
    assert [tuple(logits.shape) for logits in logits] == [(1, 1, 4, 4)] * 4
