"""One test for each defect of PULSE's own code that belongs to the search."""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from photopulse.degrade import Bicubic
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.search.losses import parse_loss
from photopulse.search.names import OptimizerName
from photopulse.search.problem import SearchProblem
from photopulse.search.pulse import PulseSettings, pulse_search
from photopulse.search.starts import NoiseSettings, Start, random_start

pytestmark = pytest.mark.usefixtures("one_thread")

EASY = PulseSettings(steps=8)
FIXED = NoiseSettings(kind="fixed", zeroed_layers=())
Pose = Callable[..., SearchProblem]


def perfect_start(problem: SearchProblem) -> tuple[SearchProblem, Start]:
    """A problem whose start is its solution: the target is what the start looks like."""
    generator = problem.generator
    start = random_start(generator, problem.seeds, layers=generator.num_ws, noise=FIXED)
    scaled = start.latent * problem.prior.std + problem.prior.mean
    image = generator.synthesize(generator.map_from_gaussian(scaled), start.noise)
    return replace(problem, target=Bicubic(4)(image.clamp(0, 1))), start


def true_error(image: Tensor, problem: SearchProblem) -> Tensor:
    """The error of a picture as it is written, computed apart from the search."""
    small = Bicubic(4)(image.detach().clamp(0, 1))
    return ((small - problem.target).double() ** 2).flatten(1).mean(1)


def test_the_answer_is_the_best_image_and_never_the_last_when_the_last_is_worse(pose: Pose):
    problem, start = perfect_start(pose())
    settings = PulseSettings(
        steps=6, learning_rate=50.0, schedule="fixed", noise=FIXED, eps=1e-9, loss=parse_loss("1*L2")
    )
    states = list(pulse_search(problem, settings, start=start))
    answer, last = states[-1].best, states[-1]
    # The start is the solution, and steps of 50 lead far away from it.
    assert last.downscale_mse.item() > 100 * answer.downscale_mse.item()
    assert torch.equal(answer.image, states[0].image)
    assert torch.equal(answer.ws, states[0].best.ws)
    assert answer.downscale_mse.item() == states[0].downscale_mse.item()
    assert answer.converged.tolist() == [True]


@pytest.mark.parametrize("rate", [0.4, 3.0, 50.0])
@pytest.mark.parametrize("eps", [1e-6, 0.004, 10.0])
def test_the_answer_converged_first_and_then_has_the_lowest_loss_of_all_steps(pose: Pose, rate: float, eps: float):
    problem = pose(seeds=(0, 1))
    settings = PulseSettings(steps=12, learning_rate=rate, schedule="fixed", eps=eps)
    states = list(pulse_search(problem, settings))
    errors = torch.stack([true_error(state.image, problem) for state in states])  # (steps, B)
    losses = torch.stack([state.losses["TOTAL"] for state in states])
    for i in range(2):
        ranks = [(not error <= eps, loss) for error, loss in zip(errors[:, i], losses[:, i], strict=True)]
        winner = min(range(len(ranks)), key=lambda step: ranks[step])
        best = states[-1].best
        assert torch.equal(best.image[i], states[winner].image[i])
        assert best.converged[i].item() == (errors[winner, i] <= eps).item()


def test_what_converged_is_kept_though_later_images_have_a_lower_loss(pose: Pose):
    problem, start = perfect_start(pose())
    settings = PulseSettings(steps=10, noise=FIXED, eps=1e-5, loss=parse_loss("1*GEOCROSS"))
    states = list(pulse_search(problem, settings, start=start))
    assert states[-1].losses["TOTAL"] < states[0].losses["TOTAL"]
    assert states[-1].downscale_mse > 1e-5
    assert states[-1].best.converged.tolist() == [True]
    assert torch.equal(states[-1].best.image, states[0].image)


def test_the_reported_error_is_that_of_the_returned_image(pose: Pose, tiny_generator: MobileStyleGAN):
    problem = pose(seeds=(0, 1, 2))
    for state in pulse_search(problem, PulseSettings(steps=10, learning_rate=2.0)):
        assert_allclose(state.best.downscale_mse, true_error(state.best.image, problem), rtol=1e-5)
        assert_allclose(state.downscale_mse, true_error(state.image, problem), rtol=1e-5)
    best = state.best
    rendered = tiny_generator.synthesize(best.ws, best.noise)
    assert_allclose(rendered, best.image, atol=1e-5)


def test_two_perfect_matches_converge_together(pose: Pose):
    problem, start = perfect_start(pose(seeds=(0, 1)))
    # The clamped losses of both items sum to 2 eps: a batch judged by its sum never gets there.
    best = next(pulse_search(problem, PulseSettings(eps=1e-3, noise=FIXED), start=start)).best
    assert best.converged.tolist() == [True, True]
    assert best.downscale_mse.shape == (2,)


@pytest.mark.parametrize("optimizer", get_args(OptimizerName))
def test_a_batch_of_three_equals_three_single_searches(pose: Pose, optimizer: OptimizerName):
    settings = PulseSettings(steps=6, optimizer=optimizer, learning_rate=0.1)
    together = list(pulse_search(pose(seeds=(5, 0, 9), targets=(2, 0, 1)), settings))
    for i, (seed, target) in enumerate([(5, 2), (0, 0), (9, 1)]):
        alone = list(pulse_search(pose(seeds=(seed,), targets=(target,)), settings))
        for many, one in zip(together, alone, strict=True):
            assert_allclose(many.losses["TOTAL"][i : i + 1], one.losses["TOTAL"], rtol=1e-4)
            assert_allclose(many.best.image[i : i + 1], one.best.image, atol=1e-4)


def test_an_item_that_converged_does_not_stop_its_neighbour(pose: Pose):
    problem, start = perfect_start(pose(seeds=(0, 1)))
    target = problem.target.clone()
    target[1] = pose(seeds=(0, 1)).target[1]
    states = list(pulse_search(replace(problem, target=target), PulseSettings(steps=30, noise=FIXED), start=start))
    assert states[0].best.converged.tolist() == [True, False]
    assert states[-1].best.downscale_mse[1] < states[0].best.downscale_mse[1] / 2


def test_seed_zero_is_a_seed(pose: Pose):
    first, again, other = ([*pulse_search(pose(seeds=(seed,), targets=(0,)), EASY)][-1].best for seed in (0, 0, 1))
    assert torch.equal(first.image, again.image)
    assert (first.image - other.image).abs().mean() > 1e-3


def test_a_result_is_there_when_eps_is_missed(pose: Pose):
    problem = pose()
    best = [*pulse_search(problem, PulseSettings(steps=3, eps=0.0))][-1].best
    assert best.converged.tolist() == [False]
    assert best.image.shape == (1, 3, 32, 32)
    assert_allclose(best.downscale_mse, true_error(best.image, problem), rtol=1e-5)


@pytest.mark.parametrize("loss", ["1*L1+0.05*GEOCROSS", "10*L1", "0.05*GEOCROSS"])
def test_a_search_needs_no_l2_term(pose: Pose, loss: str):
    states = list(pulse_search(pose(), PulseSettings(steps=10, loss=parse_loss(loss))))
    assert "L2" not in states[-1].losses
    assert states[-1].best.loss < states[0].best.loss
    assert states[-1].best.downscale_mse.isfinite().all()
