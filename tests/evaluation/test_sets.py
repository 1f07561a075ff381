import numpy as np
import pytest
import torch

from photopulse.evaluation.measure import PictureSet
from photopulse.evaluation.measures import COLUMNS
from photopulse.metrics.frechet import frechet_distance
from photopulse.metrics.kid import kernel_distance
from photopulse.metrics.niqe import niqe_score


def traits(seed, names, *, centre=0.0):
    draw = np.random.default_rng(seed)
    return {name: {"features": (draw.random(6) + centre).tolist()} for name in names}


def set_figures(own, sharp, *, fair):
    """The figures of the set that there are, by the name of the column."""
    pictures = PictureSet(own=own, sharp=sharp, fair=fair)
    figures = {column.name: column.estimate(column.of, pictures) for column in COLUMNS}
    return {name: figure for name, figure in figures.items() if figure.value is not None}


def stacked(of, names):
    return torch.tensor([of[name]["features"] for name in names], dtype=torch.float64)


def test_distances_are_over_the_pictures_that_both_sets_have():
    own, sharp = traits(0, "abcde", centre=0.5), traits(1, "bcdef")
    figures = set_figures(own, sharp, fair=True)
    pair = stacked(own, "bcde"), stacked(sharp, "bcde")
    expected = kernel_distance(*pair, paired=True)
    assert figures["kd"].value == pytest.approx(1e3 * expected.value)
    assert figures["kd"].high - figures["kd"].value == pytest.approx(1.96e3 * expected.standard_error, rel=1e-4)
    assert figures["fd"].value == pytest.approx(frechet_distance(*pair))
    assert figures["kd"].count == figures["fd"].count == 4


def test_the_order_of_the_pictures_does_not_count():
    own, sharp = traits(0, "abcd"), traits(1, "abcd")
    turned = dict(reversed(own.items()))
    assert set_figures(turned, sharp, fair=True) == set_figures(own, sharp, fair=True)


@pytest.mark.parametrize(("names", "found"), [("", set()), ("ab", set()), ("abc", {"kd", "fd"})])
def test_distances_of_sets_need_three_pictures(names, found):
    assert set(set_figures(traits(0, names), traits(1, "abc"), fair=True)) == found


def test_the_frechet_distance_is_left_out_where_the_others_saw_other_pictures():
    assert set(set_figures(traits(0, "abc"), traits(1, "abc"), fair=False)) == {"kd"}


def test_pictures_without_features_count_in_no_distance():
    own = traits(0, "abc") | {"d": {}}
    assert set_figures(own, traits(1, "abcd"), fair=True)["kd"].count == 3
    assert set_figures({"a": {}}, {}, fair=True) == {}


def test_the_niqe_of_a_set_pools_the_blocks_and_keeps_what_a_flat_one_lacks():
    blocks = np.random.default_rng(0).random((3, 36))
    whole = {str(place): {"niqe_blocks": [block.tolist()]} for place, block in enumerate(blocks)}
    assert set_figures(whole, {}, fair=True)["set_niqe"].value == pytest.approx(niqe_score(blocks))
    blocks[1, :4] = np.nan
    holes = whole | {"1": {"niqe_blocks": [[None] * 4 + blocks[1, 4:].tolist()]}}
    estimate = set_figures(holes, {}, fair=True)["set_niqe"]
    assert (estimate.value, estimate.count) == (pytest.approx(niqe_score(blocks)), 3)


def test_a_set_with_one_block_of_contrast_has_no_niqe():
    flat, full = {"niqe_blocks": [[None] * 36]}, {"niqe_blocks": [[1.0] * 36]}
    assert set_figures({"a": flat, "b": full}, {}, fair=True) == {}
