from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torch import Tensor

from photopulse.search.losses import LossTerm, evaluate_loss, geocross, l1, l2, mean_squared_error, parse_loss

GOLDEN = Path(__file__).parents[1] / "data" / "losses.npz"


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def geocross_by_hand(ws: np.ndarray) -> float:
    """Angles between unit vectors by arccos, pair by pair; both orders of a pair and the zero diagonal count."""
    num_ws, w_dim = ws.shape
    unit = ws / np.linalg.norm(ws, axis=1, keepdims=True)
    squared = [np.arccos(np.clip(unit[i] @ unit[j], -1, 1)) ** 2 for i, j in combinations(range(num_ws), 2)]
    return 2 * sum(squared) / num_ws**2 * w_dim / 8


@pytest.mark.parametrize("case", ["0", "1"])
def test_geocross_equals_the_reference_code(golden: dict[str, np.ndarray], case: str):
    ours = geocross(torch.from_numpy(golden[f"latent_{case}"]))
    assert_allclose(ours.sum(), golden[f"geocross_{case}"], rtol=1e-4)


def test_l2_and_l1_equal_the_reference_code(golden: dict[str, np.ndarray]):
    a, b, close = (torch.from_numpy(golden[key]) for key in ("a", "b", "close"))
    assert_allclose(l2(a, b, 2e-3).sum(), golden["l2_ab"], rtol=1e-4)
    assert_allclose(l1(a, b, 2e-3).sum(), golden["l1_ab"], rtol=1e-4)
    assert_allclose(l2(a, close, 2e-3).sum(), golden["l2_close_eps2e-3"], rtol=1e-4)
    assert_allclose(l1(a, close, 2e-3).sum(), golden["l1_close_eps2e-3"], rtol=1e-4)


def test_geocross_is_the_mean_squared_angle_of_styles_on_a_sphere():
    ws = torch.nn.functional.normalize(randn(3, 5, 12), dim=2) * 12**0.5
    expected = [geocross_by_hand(item) for item in ws.double().numpy()]
    assert_allclose(geocross(ws), expected, rtol=1e-4)


def test_geocross_of_orthogonal_opposite_and_equal_styles_is_worked_by_hand():
    x, y = torch.eye(4)[0] * 3, torch.eye(4)[1] * 3
    orthogonal, opposite = torch.stack([x, y])[None], torch.stack([x, -x])[None]
    # Two of the four ordered pairs count; w_dim is 4.
    assert_allclose(geocross(orthogonal), [(np.pi / 2) ** 2 * 4 / 2 / 8], rtol=1e-4)
    assert_allclose(geocross(opposite), [np.pi**2 * 4 / 2 / 8], rtol=1e-4)
    assert geocross(torch.stack([x, x])[None]).item() < 1e-8
    assert geocross(x.view(1, 1, 4)).tolist() == [0.0]


def test_geocross_of_equal_styles_has_a_finite_gradient():
    ws = torch.ones(1, 3, 4, requires_grad=True)
    geocross(ws).sum().backward()
    assert ws.grad is not None
    assert ws.grad.isfinite().all()


def test_geocross_pulls_styles_together():
    ws = randn(1, 4, 8).requires_grad_()
    before = geocross(ws)
    before.sum().backward()
    assert ws.grad is not None
    assert geocross(ws.detach() - 0.05 * ws.grad / ws.grad.norm()) < before


def test_pixel_losses_equal_numpy_formulas_for_each_item():
    a, b = randn(3, 3, 4, 5), randn(3, 3, 4, 5, seed=1)
    difference = a.double().numpy() - b.double().numpy()
    assert_allclose(mean_squared_error(a, b), (difference**2).mean((1, 2, 3)), rtol=1e-5)
    assert_allclose(l2(a, b, 0.0), (difference**2).mean((1, 2, 3)), rtol=1e-5)
    assert_allclose(l1(a, b, 0.0), 10 * np.abs(difference).mean((1, 2, 3)), rtol=1e-5)


def test_an_item_below_eps_counts_as_eps_and_pulls_no_more():
    image = torch.full((2, 3, 2, 2), 0.5)
    image[1] += 1.0
    image.requires_grad_()
    target = torch.full((2, 3, 2, 2), 0.5)
    value = l2(image, target, 0.01)
    assert_allclose(value.detach(), [0.01, 1.0])
    assert_allclose(l1(image, target, 0.01).detach(), [0.1, 10.0], rtol=1e-6)
    value.sum().backward()
    assert image.grad is not None
    assert image.grad[0].eq(0).all()
    assert image.grad[1].gt(0).all()


def test_each_item_has_the_value_it_has_alone():
    terms = parse_loss("100*L2+2*L1+0.05*GEOCROSS")
    image, target, ws = randn(3, 3, 4, 4), randn(3, 3, 4, 4, seed=1), randn(3, 5, 8, seed=2)
    together = evaluate_loss(terms, image=image, target=target, ws=ws, eps=1e-3)
    for i in range(3):
        one = slice(i, i + 1)
        alone = evaluate_loss(terms, image=image[one], target=target[one], ws=ws[one], eps=1e-3)
        for name, values in together.items():
            assert values.shape == (3,)
            assert_allclose(values[one], alone[name], rtol=1e-5)


def test_the_total_is_the_weighted_sum_of_unweighted_terms():
    image, target, ws = randn(2, 3, 4, 4), randn(2, 3, 4, 4, seed=1), randn(2, 5, 8, seed=2)
    values = evaluate_loss(parse_loss("100*L2+0.05*GEOCROSS"), image=image, target=target, ws=ws, eps=1e-3)
    assert set(values) == {"L2", "GEOCROSS", "TOTAL"}
    assert_allclose(values["L2"], mean_squared_error(image, target))
    assert_allclose(values["TOTAL"], 100 * values["L2"] + 0.05 * values["GEOCROSS"], rtol=1e-6)


@pytest.mark.parametrize("text", ["1*L1+0.05*GEOCROSS", "2*GEOCROSS", "3*L1"])
def test_a_loss_needs_no_l2_term(text: str):
    image, target, ws = randn(2, 3, 4, 4), randn(2, 3, 4, 4, seed=1), randn(2, 5, 8, seed=2)
    values = evaluate_loss(parse_loss(text), image=image, target=target, ws=ws, eps=1e-3)
    assert "L2" not in values
    assert values["TOTAL"].isfinite().all()


def test_a_loss_string_is_read_term_by_term():
    assert parse_loss("100*L2+0.05*GEOCROSS") == (
        LossTerm(weight=100.0, name="L2"),
        LossTerm(weight=0.05, name="GEOCROSS"),
    )
    assert parse_loss(" 1e-3 * l1 ") == (LossTerm(weight=0.001, name="L1"),)
    assert parse_loss(".5*geocross+2.*L2") == (LossTerm(weight=0.5, name="GEOCROSS"), LossTerm(weight=2.0, name="L2"))


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.sampled_from(["L2", "L1", "GEOCROSS"]), st.floats(0, 1e15, allow_nan=False), min_size=1, max_size=3
    )
)
def test_any_weights_survive_the_way_through_a_loss_string(weights: dict[str, float]):
    text = "+".join(f"{weight!r}*{name}" for name, weight in weights.items())
    assert {term.name: term.weight for term in parse_loss(text)} == weights


@pytest.mark.parametrize(
    "text",
    ["", "L2", "100*", "*L2", "100*L2+", "-1*L2", "100*L3", "100 L2", "nan*L2", "inf*L2", "1*L2+2*L2", "1*l2+1*L2"],
)
def test_a_bad_loss_string_is_refused_with_its_text(text: str):
    with pytest.raises(ValueError, match="loss") as caught:
        parse_loss(text)
    assert repr(text) in str(caught.value)


def test_a_weight_beyond_the_numbers_is_refused():
    with pytest.raises(ValueError, match="too large"):
        parse_loss("1e999*L2")


@settings(max_examples=100)
@given(st.text(alphabet="0123456789.eE+-* LGEOCRSinfa", max_size=20))
def test_any_text_is_read_or_refused(text: str):
    try:
        terms = parse_loss(text)
    except ValueError:
        return
    assert terms
    assert all(np.isfinite(term.weight) and term.weight >= 0 for term in terms)
