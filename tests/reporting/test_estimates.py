import math

import numpy as np

from photopulse.reporting.estimates import Estimate, estimate, share
from photopulse.reporting.intervals import bootstrap_interval, wilson_interval


def test_an_estimate_has_the_bootstrap_interval_of_its_values_in_any_order():
    values = np.random.default_rng(0).gamma(2, size=20).tolist()
    found = estimate(values, np.median)
    assert found.value == np.median(values)
    assert (found.low, found.high) == bootstrap_interval(values, statistic=np.median)
    assert found.count == 20
    assert estimate(values[::-1], np.median) == found


def test_one_value_and_infinite_ones_have_no_interval():
    assert estimate([2.0], np.mean) == Estimate(value=2, count=1)
    assert estimate([2.0, math.inf], np.mean) == Estimate(value=math.inf, count=2)


def test_nothing_is_an_estimate_of_nothing():
    assert estimate([], np.mean) == share([]) == Estimate(value=None, low=None, high=None, count=0)


def test_a_share_has_wilsons_interval():
    low, high = wilson_interval(1, 4)
    assert share([True, False, False, False]) == Estimate(value=0.25, low=low, high=high, count=4)
