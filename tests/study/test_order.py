"""What each rater sees, and when."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from photopulse.errors import PhotopulseError
from photopulse.study.order import balanced, ordered


@pytest.mark.parametrize(("items", "ratings", "trials"), [(10, 24, None), (37, 5, 11), (3, 4, 2), (6, 1, 100)])
def test_every_item_is_seen_often_enough_and_never_twice_by_one_rater(items, ratings, trials):
    seats = balanced(items, ratings, trials, np.random.default_rng(0))
    assert all(len(set(seat)) == len(seat) == min(trials or items, items) for seat in seats)
    counts = Counter(item for seat in seats for item in seat)
    assert set(counts) == set(range(items))
    assert ratings <= min(counts.values()) <= max(counts.values()) <= ratings + 1


@pytest.mark.parametrize(("faces", "methods"), [(3, 4), (12, 6), (40, 2)])
def test_no_face_comes_twice_in_a_row_and_repeats_come_late(faces, methods):
    names = [f"face {face}" for face in range(faces) for _ in range(methods)]
    for seed in range(20):
        order = ordered(names, 3, range(len(names)), np.random.default_rng(seed))
        assert all(names[one] != names[other] for one, other in pairwise(order))
        assert set(order) == set(range(len(names)))
        again = [place for place, count in Counter(order).items() if count == 2]
        assert len(again) == 3
        for place in again:
            first, second = (time for time, one in enumerate(order) if one == place)
            assert second - first >= len(names) // 3


def test_the_order_is_random_and_the_same_for_the_same_seed():
    names = [f"face {number % 7}" for number in range(21)]
    first, same, other = (ordered(names, 0, (), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == same != other


def test_only_repeatable_trials_come_twice():
    names = [f"face {number % 9}" for number in range(27)]
    order = ordered(names, 2, (0, 1, 2, 3, 4), np.random.default_rng(0))
    assert {place for place, count in Counter(order).items() if count > 1} <= {0, 1, 2, 3, 4}


def test_one_face_alone_cannot_be_ordered():
    with pytest.raises(PhotopulseError, match="too few faces"):
        ordered(["a", "a", "a", "b"], 0, (), np.random.default_rng(0))
