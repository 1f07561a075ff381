import math

import pytest

from photopulse.training.optimisation import Optimisation, warm_cosine


def test_the_learning_rate_rises_in_a_line_and_falls_along_a_cosine():
    factors = [warm_cosine(step, steps=110, warmup=10) for step in (0, 5, 10, 60, 110, 200)]
    assert factors == pytest.approx([0, 0.5, 1, 0.01 + 0.99 / 2, 0.01, 0.01])
    assert warm_cosine(35, steps=110, warmup=10) == pytest.approx(0.01 + 0.99 * (1 + math.sqrt(0.5)) / 2)


def test_it_falls_from_the_start_without_a_warmup():
    assert warm_cosine(0, steps=10, warmup=0) == 1


def test_a_schedule_ends_at_its_last_rate():
    settings = Optimisation(steps=10, batch_size=1, learning_rate=1.0, warmup=4, last_rate=0.25)
    assert [settings.schedule(step) for step in (2, 4, 10)] == pytest.approx([0.5, 1, 0.25])
