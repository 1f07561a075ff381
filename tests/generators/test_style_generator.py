"""What all StyleGANs do alike, on a generator whose networks are a line each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from photopulse.generators.style_generator import StyleGenerator


@dataclass(frozen=True, kw_only=True)
class LineSettings:
    z_dim: int = 4
    w_dim: int = 2
    resolution: int = 3


class Line(StyleGenerator):
    """w is the first two numbers of z and the label; the image is the mean of the styles."""

    def __init__(self, *, c_dim: int = 0, w_avg: float | None = 0.5) -> None:
        super().__init__(LineSettings(), name="line", num_ws=3, noise_shapes=[(1, 4, 4)])
        self.c_dim = c_dim
        self.w_avg = w_avg
        self.weight = nn.Parameter(torch.ones(()))

    def _map_to_w(self, z: Tensor, c: Tensor | None) -> Tensor:
        return z[:, :2] + (c.argmax(1, keepdim=True) if self.c_dim and c is not None else 0)

    def _mean_style(self) -> Tensor | None:
        return None if self.w_avg is None else torch.full([2], self.w_avg)

    def _render(self, ws: Tensor, noise: Sequence[Tensor] | None) -> Tensor:
        added = 0 if noise is None else noise[0].mean((1, 2, 3))
        return (ws.mean((1, 2)) + added)[:, None, None, None].expand(-1, 3, 3, 3)


def test_one_style_is_repeated_for_all_layers_and_truncated_in_the_first_ones():
    z = torch.arange(8.0).view(2, 4)
    assert Line().map(z).tolist() == [[[0.0, 1.0]] * 3, [[4.0, 5.0]] * 3]
    truncated = Line().map(z, truncation_psi=0.5, truncation_cutoff=1)
    assert truncated[1].tolist() == [[2.25, 2.75], [4.0, 5.0], [4.0, 5.0]]


def test_without_a_mean_style_nothing_is_truncated():
    assert Line(w_avg=None).map(torch.ones(1, 4)).shape == (1, 3, 2)
    with pytest.raises(ValueError, match="line stores no mean style w_avg"):
        Line(w_avg=None).map(torch.ones(1, 4), truncation_psi=0.5)


def test_a_conditional_generator_says_which_labels_it_takes():
    generator = Line(c_dim=3)
    assert generator.map(torch.zeros(2, 4), torch.eye(3)[1:])[:, 0, 0].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match=r"conditional: give labels c of shape \(2, 3\)"):
        generator.map(torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"takes labels c of shape \(2, 3\).*but c is \(1, 3\)"):
        generator.map(torch.zeros(2, 4), torch.zeros(1, 3))


def test_a_generator_without_classes_takes_no_labels_but_empty_ones():
    assert Line().map(torch.zeros(1, 4), torch.zeros(1, 0)).shape == (1, 3, 2)
    with pytest.raises(ValueError, match=r"line has no classes and takes no labels, but c is \(1, 3\)"):
        Line().map(torch.zeros(1, 4), torch.zeros(1, 3))


def test_a_latent_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"z must be \(batch, 4\), but is \(2, 5\)"):
        Line().map(torch.zeros(2, 5))


def test_the_range_of_the_image_becomes_zero_to_one():
    ws = torch.tensor([-1.0, 0.0, 1.0])[:, None, None].expand(3, 3, 2)
    assert Line().synthesize(ws)[:, 0, 0, 0].tolist() == [0.0, 0.5, 1.0]
    assert Line().synthesize(ws[:1], [torch.ones(1, 1, 4, 4)])[0, 0, 0, 0] == 0.5


def test_ws_and_noise_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"ws must be \(batch, 3, 2\)"):
        Line().synthesize(torch.zeros(1, 2, 2))
    with pytest.raises(ValueError, match=r"noise map 0 must be \(1, 1, 4, 4\)"):
        Line().synthesize(torch.zeros(1, 3, 2), [torch.zeros(1, 1, 3, 3)])


def test_the_gaussian_is_w_before_the_last_activation_of_the_mapping():
    values = torch.tensor([-1.0, 2.0])
    w = Line().map_from_gaussian(values)
    assert w.tolist() == pytest.approx([-0.2 * math.sqrt(2), 2 * math.sqrt(2)])
    assert Line().map_to_gaussian(w).tolist() == pytest.approx([-1.0, 2.0])
