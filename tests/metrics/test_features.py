"""EfficientNet-Lite0 against efficientnet-lite-pytorch 0.1.0 (the package of the weights' makers), run once."""

import numpy as np
import pytest
import torch
from torch import Tensor

from photopulse.metrics.features import EfficientNetLite0

# (channels, height, width), mean, deviation and the value at [3, 1, 2] of each stage.
SQUARE = [
    ((16, 112, 112), -0.09697, 6.23347, -6.32482),
    ((24, 56, 56), 0.23345, 8.77844, 8.03521),
    ((40, 28, 28), -0.11129, 7.93277, -5.36961),
    ((112, 14, 14), 0.4372, 7.51409, 3.86772),
    ((320, 7, 7), 0.02384, 2.66172, 1.5917),
]
ODD = [
    ((16, 49, 66), -0.35548, 5.98544, -2.08917),
    ((24, 25, 33), -0.17792, 9.54433, -1.28766),
    ((40, 13, 17), 0.30154, 8.16278, 1.08318),
    ((112, 7, 9), 0.18399, 8.07174, -0.8766),
    ((320, 4, 5), -0.00568, 2.22267, 3.09095),
]


@pytest.fixture(scope="module")
def square(astronaut: Tensor) -> Tensor:
    return astronaut[..., 40:264, 100:324]


@pytest.fixture(scope="module")
def odd(astronaut: Tensor) -> Tensor:
    return astronaut[..., 30:127, 120:251]


@pytest.mark.weights
@pytest.mark.parametrize(("name", "expected"), [("square", SQUARE), ("odd", ODD)])
def test_the_stages_equal_those_of_the_reference(features_net, name, expected, request):
    image = request.getfixturevalue(name)
    maps = features_net.stages(image)
    assert [tuple(values.shape[1:]) for values in maps] == [shape for shape, *_ in expected]
    found = [(float(values.mean()), float(values.std()), float(values[0, 3, 1, 2])) for values in maps]
    np.testing.assert_allclose(found, [numbers for _, *numbers in expected], atol=2e-4)


@pytest.mark.weights
def test_the_pooled_features_equal_those_of_the_reference(features_net, square):
    pooled = features_net.pooled(square)
    assert pooled.shape == (1, 1280)
    assert float(pooled.norm()) == pytest.approx(18.027986, abs=1e-3)
    np.testing.assert_allclose(pooled[0, [0, 1, 500, 1000, 1279]], [0, 0, 0.00708, 0.14076, 0], atol=1e-4)


@pytest.mark.weights
def test_a_picture_is_described_alike_at_any_size(features_net, astronaut):
    near = features_net.pooled(astronaut)
    far = features_net.pooled(torch.nn.functional.interpolate(astronaut, (300, 260), mode="area"))
    other = features_net.pooled(astronaut.flip(2))
    assert (near - far).norm() < 0.3 * (near - other).norm()


@pytest.mark.weights
def test_a_batch_gives_what_each_picture_gives(features_net, square):
    batch = torch.cat([square, square.flip(3)])
    together = features_net.pooled(batch)
    torch.testing.assert_close(together[1:], features_net.pooled(square.flip(3)), atol=1e-4, rtol=1e-4)


@pytest.mark.weights
def test_the_loaded_network_is_frozen_but_passes_gradients_to_the_picture(features_net, square):
    assert not features_net.training
    assert not any(parameter.requires_grad for parameter in features_net.parameters())
    image = square[..., :64, :64].clone().requires_grad_()
    features_net.stages(image)[2].square().mean().backward()
    assert image.grad is not None
    assert float(image.grad.abs().max()) > 0


def test_the_network_has_the_published_number_of_weights():
    # 4.65 M with the classifier (1280 x 1000 + 1000), as the EfficientNet-Lite table says.
    count = sum(parameter.numel() for parameter in EfficientNetLite0().parameters())
    assert count + 1280 * 1000 + 1000 == 4_652_008
