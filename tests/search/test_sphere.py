import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from photopulse.search.sphere import project_onto_sphere_, radii


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_a_latent_has_one_radius_a_layer():
    values = randn(2, 3, 8)
    expected = np.linalg.norm(values.numpy(), axis=2, keepdims=True)
    assert radii(values).shape == (2, 3, 1)
    assert_allclose(radii(values), expected, rtol=1e-6)


def test_a_noise_map_has_one_radius_an_image():
    values = randn(2, 1, 4, 6)
    expected = np.linalg.norm(values.numpy().reshape(2, -1), axis=1)
    assert radii(values).shape == (2, 1, 1, 1)
    assert_allclose(radii(values).flatten(), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 8), (2, 1, 4, 4)])
def test_projection_after_a_step_restores_each_radius_and_keeps_the_direction(shape: tuple[int, ...]):
    values = randn(*shape)
    radius = radii(values)
    moved = values - 0.4 * randn(*shape, seed=1)
    projected = moved.clone()
    project_onto_sphere_(projected, radius)
    assert_allclose(radii(projected), radius, rtol=1e-5)
    cosine = (projected * moved).sum((-1,)) if len(shape) == 3 else (projected * moved).sum((1, 2, 3))
    lengths = radii(projected).flatten() * radii(moved).flatten()
    assert_allclose(cosine.flatten(), lengths, rtol=1e-5)


def test_projection_works_on_parameters_in_place_and_keeps_their_gradient():
    values = randn(1, 2, 4).requires_grad_()
    radius = radii(values).detach() * 2
    address = values.data_ptr()
    project_onto_sphere_(values, radius)
    assert values.data_ptr() == address
    assert values.requires_grad
    assert values.grad_fn is None
    assert_allclose(radii(values).detach(), radius, rtol=1e-5)


def test_layers_do_not_share_their_radius():
    values = torch.tensor([[[3.0, 4.0], [0.6, 0.8]]])
    radius = radii(values)
    values *= torch.tensor([[[7.0], [0.1]]])
    project_onto_sphere_(values, radius)
    assert_allclose(values, [[[3.0, 4.0], [0.6, 0.8]]], rtol=1e-5)


def test_a_vector_of_zeros_stays_zero():
    values = torch.zeros(1, 1, 4)
    project_onto_sphere_(values, torch.tensor(1.0))
    assert values.tolist() == [[[0.0] * 4]]
