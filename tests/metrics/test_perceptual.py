import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.metrics.features import EfficientNetLite0
from photopulse.metrics.perceptual import perceptual_distance


@pytest.fixture(scope="module")
def net() -> EfficientNetLite0:
    """Random weights with known seed: what is checked here holds for any."""
    net = EfficientNetLite0()
    random = torch.Generator().manual_seed(0)
    for parameter in net.parameters():
        if parameter.ndim == 4:
            parameter.data = torch.randn(parameter.shape, generator=random) * (2 / parameter[0].numel()) ** 0.5
    return net.eval().requires_grad_(False)


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, 80, 96, generator=random), torch.rand(2, 3, 80, 96, generator=random)


def test_the_distance_follows_its_formula(net, pair):
    expected = []
    for index in range(2):
        stages = []
        of_a, of_b = (net.stages(images[index : index + 1]) for images in pair)
        for map_a, map_b in zip(of_a, of_b, strict=True):
            x, y = (values[0].double().numpy() for values in (map_a, map_b))
            cosine = (x * y).sum(0) / (np.linalg.norm(x, axis=0) * np.linalg.norm(y, axis=0))
            stages.append(np.mean(2 - 2 * cosine))
        expected.append(np.mean(stages))
    np.testing.assert_allclose(perceptual_distance(net, *pair), expected, rtol=1e-4)


def test_equal_pictures_have_no_distance(net, pair):
    assert perceptual_distance(net, pair[0], pair[0]).tolist() == [0, 0]


def test_the_order_of_the_pictures_does_not_matter(net, pair):
    forward, backward = perceptual_distance(net, *pair), perceptual_distance(net, *reversed(pair))
    assert forward.shape == (2,)
    assert torch.equal(forward, backward)


def test_a_small_picture_counts_as_enlarged_to_64_px(net, pair):
    small = [F.interpolate(image, (16, 24), mode="area") for image in pair]
    enlarged = [F.interpolate(image, (64, 96), mode="bilinear") for image in small]
    torch.testing.assert_close(perceptual_distance(net, *small), perceptual_distance(net, *enlarged))


def test_gradients_are_finite_even_where_the_pictures_are_equal(net, pair):
    image = pair[0].clone().requires_grad_()
    other = pair[0].clone()
    other[..., :40] = 0
    perceptual_distance(net, image, other).sum().backward()
    assert image.grad is not None
    assert bool(image.grad.isfinite().all())
    assert float(image.grad.abs().max()) > 0


@pytest.mark.parametrize("shape", [(2, 3, 80, 95), (1, 3, 80, 96), (2, 1, 80, 96)])
def test_pictures_of_other_shapes_are_refused(net, pair, shape):
    with pytest.raises(ValueError, match="image"):
        perceptual_distance(net, pair[0], torch.zeros(shape))


@pytest.mark.weights
def test_more_blur_and_more_noise_mean_more_distance(features_net, astronaut):
    face = astronaut[..., 0:192, 128:320]
    noise = torch.randn(face.shape, generator=torch.Generator().manual_seed(0))
    noisy = [(face + level / 255 * noise).clamp(0, 1) for level in (5, 15, 40)]
    blurred = [
        F.interpolate(F.interpolate(face, scale_factor=1 / by, mode="area"), (192, 192), mode="bicubic")
        for by in (2, 4, 8)
    ]
    for series in (noisy, blurred):
        distances = [float(perceptual_distance(features_net, face, image)) for image in series]
        assert 0 < distances[0] < distances[1] < distances[2] < 2


@pytest.mark.weights
def test_a_blur_looks_farther_away_than_a_change_of_brightness_with_as_large_an_error(features_net, astronaut):
    # The reason for such a distance, which the mean squared error cannot tell.
    face = astronaut[..., 0:192, 128:320] * 0.8
    blurred = F.interpolate(F.interpolate(face, scale_factor=1 / 4, mode="area"), (192, 192), mode="bilinear")
    brighter = face + (blurred - face).square().mean().sqrt()
    assert perceptual_distance(features_net, face, blurred) > 3 * perceptual_distance(features_net, face, brighter)
