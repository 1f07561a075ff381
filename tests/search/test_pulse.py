"""What the search promises; what PULSE's own code gets wrong is in test_pulse_defects.py."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, get_args

import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from photopulse.degrade import Bicubic, Box
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.search.losses import geocross, parse_loss
from photopulse.search.names import OptimizerName, ScheduleName
from photopulse.search.prior import GaussianPrior
from photopulse.search.problem import SearchProblem, SearchState
from photopulse.search.pulse import PulseSettings, pulse_search
from photopulse.search.sphere import radii
from photopulse.search.starts import NoiseSettings, Start, random_start

pytestmark = pytest.mark.usefixtures("one_thread")

EASY = PulseSettings(steps=8)
FIXED = NoiseSettings(kind="fixed", zeroed_layers=())
Pose = Callable[..., SearchProblem]


class Spy:
    """Passes everything on to a generator and keeps what it was asked to render."""

    def __init__(self, generator: MobileStyleGAN) -> None:
        self._generator = generator
        self.ws: list[Tensor] = []
        self.backwards = 0
        self.noise: list[list[Tensor]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator, name)

    def synthesize(self, ws: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        assert noise is not None
        self.ws.append(ws.detach().clone())
        self.noise.append([values.detach().clone() for values in noise])
        image = self._generator.synthesize(ws, noise)
        image.register_hook(self._count_backward)
        return image

    def _count_backward(self, gradient: Tensor) -> None:
        self.backwards += 1


def true_error(image: Tensor, problem: SearchProblem) -> Tensor:
    """The error of a picture as it is written, computed apart from the search."""
    small = Bicubic(4)(image.detach().clamp(0, 1))
    return ((small - problem.target).double() ** 2).flatten(1).mean(1)


def test_a_face_that_the_generator_can_make_is_found(pose: Pose, faces: Tensor):
    problem = pose(seeds=(0, 1, 2, 3))
    states = list(pulse_search(problem, PulseSettings(steps=100, eps=1e-5)))
    start, end = true_error(states[0].image, problem), true_error(states[-1].best.image, problem)
    assert (end < start / 5).all()


@pytest.mark.parametrize("optimizer", get_args(OptimizerName))
@pytest.mark.parametrize("schedule", get_args(ScheduleName))
def test_every_optimizer_and_schedule_comes_closer(pose: Pose, optimizer: OptimizerName, schedule: ScheduleName):
    settings = PulseSettings(steps=12, optimizer=optimizer, schedule=schedule, learning_rate=0.1)
    states = list(pulse_search(pose(), settings))
    assert states[-1].best.loss < states[0].best.loss


@pytest.mark.parametrize(("optimizer", "momentum"), [("sgd", 0.0), ("sgdm", 0.9)])
def test_each_step_follows_the_gradient_and_returns_to_the_sphere(
    pose: Pose, tiny_generator: MobileStyleGAN, prior: GaussianPrior, optimizer: OptimizerName, momentum: float
):
    problem, rates = pose(), [0.1, 0.55, 1.0]  # linear1cycle over four steps
    settings = PulseSettings(
        steps=4, learning_rate=2.0, optimizer=optimizer, schedule="linear1cycle", noise=FIXED, loss=parse_loss("100*L2")
    )
    start = random_start(tiny_generator, (0,), layers=6, noise=FIXED)
    values, speed = start.latent.double(), torch.zeros_like(start.latent).double()
    lengths = values.norm(dim=2, keepdim=True)
    for state, rate in zip(pulse_search(problem, settings, start=start), [*rates, None], strict=True):
        values.requires_grad_()
        scaled = values.float() * prior.std + prior.mean
        ws = torch.where(scaled > 0, scaled, 0.2 * scaled) * 2**0.5
        image = tiny_generator.synthesize(ws, start.noise)
        assert_allclose(state.image, image.detach(), atol=1e-4)
        if rate is not None:
            error = (Bicubic(4)(image) - problem.target).square().mean()
            (gradient,) = torch.autograd.grad(100 * error, values)
            speed = momentum * speed + gradient
            values = (values - 2.0 * rate * speed).detach()
            values = values / values.norm(dim=2, keepdim=True) * lengths


def test_the_caller_can_stop_early_and_has_a_whole_result(pose: Pose, tiny_generator: MobileStyleGAN):
    spy = Spy(tiny_generator)
    search = pulse_search(pose(generator=spy), PulseSettings(steps=100))
    for state in search:
        if state.step == 3:
            break
    search.close()  # type: ignore[attr-defined]
    assert len(spy.ws) == 3
    assert state.best.full_evaluations == 3
    assert state.best.image.isfinite().all()


def test_each_step_costs_one_evaluation_and_nothing_is_computed_ahead(pose: Pose, tiny_generator: MobileStyleGAN):
    spy = Spy(tiny_generator)
    search: Iterator[SearchState] = pulse_search(pose(seeds=(0, 1), generator=spy), PulseSettings(steps=5))
    assert spy.ws == []
    for step, state in enumerate(search, start=1):
        assert state.step == step == len(spy.ws) == state.best.full_evaluations
    assert len(spy.ws) == 5
    # Nothing looks at a step after the last image, so it is not taken.
    assert spy.backwards == 4


def test_one_tiled_latent_gives_the_same_style_to_all_layers(pose: Pose, tiny_generator: MobileStyleGAN):
    spy = Spy(tiny_generator)
    settings = PulseSettings(steps=5, tile_latent=True)
    best = [*pulse_search(pose(seeds=(0, 1), generator=spy), settings)][-1].best
    for ws in (*spy.ws, best.ws):
        assert ws.shape == (2, 6, 16)
        assert torch.equal(ws, ws[:, :1].expand_as(ws))
    assert not torch.equal(spy.ws[0], spy.ws[-1])


def test_separate_latents_drift_apart_without_geocross_and_less_with_it(pose: Pose):
    apart, together = (
        [*pulse_search(pose(), PulseSettings(steps=40, loss=parse_loss(loss), eps=1e-6))][-1].best.ws
        for loss in ("100*L2", "100*L2+10*GEOCROSS")
    )
    assert geocross(together) < geocross(apart) / 2


@pytest.mark.parametrize(
    ("noise", "searched", "zero"),
    [
        (NoiseSettings(kind="fixed", zeroed_layers=()), set(), set()),
        (NoiseSettings(kind="fixed"), set(), {4}),
        (NoiseSettings(kind="zero"), set(), {0, 1, 2, 3, 4}),
        (NoiseSettings(kind="trainable"), {0, 1, 2, 3}, {4}),
        (NoiseSettings(kind="trainable", trainable_layers=2, zeroed_layers=()), {0, 1}, set()),
        (NoiseSettings(kind="trainable", trainable_layers=5, zeroed_layers=(0, -1)), {1, 2, 3}, {0, 4}),
    ],
)
def test_only_the_noise_that_is_searched_changes_and_zero_stays_zero(
    pose: Pose, tiny_generator: MobileStyleGAN, noise: NoiseSettings, searched: set[int], zero: set[int]
):
    spy = Spy(tiny_generator)
    list(pulse_search(pose(seeds=(0, 1), generator=spy), PulseSettings(steps=5, noise=noise)))
    pairs = list(zip(spy.noise[0], spy.noise[-1], strict=True))
    assert {i for i, (first, last) in enumerate(pairs) if not torch.equal(first, last)} == searched
    assert {i for i, (_, last) in enumerate(pairs) if last.eq(0).all()} == zero


def test_latents_and_noise_stay_on_their_spheres(pose: Pose, tiny_generator: MobileStyleGAN, prior: GaussianPrior):
    spy = Spy(tiny_generator)
    settings = PulseSettings(steps=8, learning_rate=5.0, schedule="fixed")
    list(pulse_search(pose(seeds=(0, 1), generator=spy), settings))
    latents = [(tiny_generator.map_to_gaussian(ws) - prior.mean) / prior.std for ws in spy.ws]
    for latent, noise in zip(latents, spy.noise, strict=True):
        assert_allclose(radii(latent), radii(latents[0]), rtol=1e-3)
        for values, first in zip(noise, spy.noise[0], strict=True):
            assert_allclose(radii(values), radii(first), rtol=1e-4)
    assert (latents[-1] - latents[0]).abs().mean() > 0.1


def test_a_given_start_replaces_the_seeds_and_is_not_changed(pose: Pose, tiny_generator: MobileStyleGAN):
    start = random_start(tiny_generator, (77,), layers=6, noise=NoiseSettings())
    before = [values.clone() for values in (start.latent, *start.noise)]
    given = [*pulse_search(pose(), EASY, start=start)][-1].best
    seeded = [*pulse_search(pose(seeds=(77,), targets=(0,)), EASY)][-1].best
    assert torch.equal(given.image, seeded.image)
    for values, old in zip((start.latent, *start.noise), before, strict=True):
        assert torch.equal(values, old)
        assert not values.requires_grad


def test_a_start_that_carries_a_gradient_can_be_used(pose: Pose, tiny_generator: MobileStyleGAN):
    start = random_start(tiny_generator, (0,), layers=6, noise=NoiseSettings())
    computed = Start(latent=start.latent.clone().requires_grad_() * 1.0, noise=start.noise)
    assert [*pulse_search(pose(), EASY, start=computed)][-1].best.image.isfinite().all()


def test_a_start_for_another_number_of_items_is_refused(pose: Pose, tiny_generator: MobileStyleGAN):
    start = random_start(tiny_generator, (0,), layers=6, noise=NoiseSettings())
    with pytest.raises(ValueError, match="the start is for 1 items, but the problem has 3"):
        next(pulse_search(pose(seeds=(0, 1, 2)), EASY, start=start))


def test_the_generator_and_what_was_yielded_stay_as_they_were(pose: Pose, build_generator: Callable[..., Any]):
    generator = build_generator()
    weights = {key: values.clone() for key, values in generator.state_dict().items()}
    states = []
    copies = []
    for state in pulse_search(pose(generator=generator), EASY):
        states.append(state)
        copies.append((state.image.clone(), state.best.ws.clone(), [values.clone() for values in state.best.noise]))
    for state, (image, ws, noise) in zip(states, copies, strict=True):
        assert torch.equal(state.image, image)
        assert torch.equal(state.best.ws, ws)
        assert all(torch.equal(a, b) for a, b in zip(state.best.noise, noise, strict=True))
        for values in (state.image, state.best.ws, state.downscale_mse, *state.losses.values(), *state.best.noise):
            assert not values.requires_grad
    assert all(torch.equal(values, weights[key]) for key, values in generator.state_dict().items())
    assert all(parameter.grad is None for parameter in generator.parameters())


def test_any_degradation_is_searched(tiny_generator: MobileStyleGAN, prior: GaussianPrior, faces: Tensor):
    target = faces[:1].unflatten(3, (4, 8)).unflatten(2, (4, 8)).mean((3, 5))
    problem = SearchProblem(target=target, degradation=Box(8), generator=tiny_generator, prior=prior, seeds=(0,))
    states = list(pulse_search(problem, PulseSettings(steps=60, eps=1e-6)))
    assert states[-1].best.downscale_mse < states[0].downscale_mse / 5


def test_one_step_is_the_start_itself(pose: Pose):
    states = list(pulse_search(pose(), PulseSettings(steps=1)))
    assert len(states) == 1
    assert torch.equal(states[0].best.image, states[0].image)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"eps": -1e-9},
        {"eps": float("nan")},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
        {"loss": ()},
    ],
)
def test_settings_that_make_no_search_are_refused(wrong: dict[str, Any]):
    with pytest.raises(ValueError, match="a search needs"):
        PulseSettings(**wrong)
