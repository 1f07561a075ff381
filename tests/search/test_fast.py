"""What the fast search promises, on a generator of 32 px with its untrained twin of 16 px."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from photopulse.degrade import Bicubic
from photopulse.errors import PhotopulseError
from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.search.fast import EFFORTS, FastSettings, fast_search
from photopulse.search.kit import SearchKit
from photopulse.search.prior import GaussianPrior, fit_prior
from photopulse.search.problem import SearchProblem, SearchResult, SearchState

pytestmark = pytest.mark.usefixtures("one_thread", "own_cache")

Pose = Callable[..., SearchProblem]
FINE = FastSettings(eps=1e-6)
DRAFT = FastSettings(quality="draft", eps=1e-6)


def search(problem: SearchProblem, kit: SearchKit, settings: FastSettings = DRAFT) -> list[SearchState]:
    return [*fast_search(problem, kit, settings)]


def answer(problem: SearchProblem, kit: SearchKit, settings: FastSettings = DRAFT) -> SearchResult:
    return search(problem, kit, settings)[-1].best


def written_error(image: Tensor, problem: SearchProblem) -> Tensor:
    small = problem.degradation(image.clamp(0, 1))
    return ((small - problem.target).double() ** 2).flatten(1).mean(1)


@pytest.fixture
def mean_error(tiny_generator: MobileStyleGAN, prior: GaussianPrior) -> Callable[[SearchProblem], Tensor]:
    """The error of the mean face."""
    ws = tiny_generator.map_from_gaussian(prior.mean).expand(1, 6, 16)
    return lambda problem: written_error(tiny_generator.synthesize(ws), problem)


@pytest.mark.parametrize(("factor", "bound"), [(8, 1e-4), (4, 1e-4), (2, 3e-4)])
def test_faces_that_the_generator_can_make_are_found(
    pose: Pose, kit: SearchKit, plain_faces: Tensor, mean_error: Any, factor: int, bound: float
):
    problem = pose(seeds=(0, 0, 0, 0), pictures=plain_faces, degradation=Bicubic(factor))
    best = answer(problem, kit, FINE)
    error = written_error(best.image, problem)
    assert_allclose(best.downscale_mse, error, rtol=1e-3)
    assert (error < bound).all()
    assert (error < mean_error(problem) / 20).all()
    assert best.image.shape == (4, 3, 32, 32)
    assert best.ws.shape == (4, 6, 16)


def test_the_picture_is_what_the_generator_makes_of_the_styles(pose: Pose, kit: SearchKit):
    problem = pose(seeds=(0, 3), targets=(1, 1))
    best = answer(problem, kit)
    assert_allclose(best.image, problem.generator.synthesize(best.ws), atol=1e-5)


def test_each_quality_is_closer_than_the_last_and_takes_more_passes(pose: Pose, kit: SearchKit, plain_faces: Tensor):
    problem = pose(seeds=(0, 0), targets=(0, 3), pictures=plain_faces)
    found = [answer(problem, kit, FastSettings(quality=quality, eps=0.0)) for quality in ("draft", "normal", "best")]
    passes = [best.full_evaluations for best in found]
    assert passes[0] == 1
    assert passes[0] < passes[1] < passes[2]
    assert passes == [EFFORTS[quality].rounds for quality in ("draft", "normal", "best")]
    for worse, better in ((found[0], found[1]), (found[1], found[2])):
        assert (better.downscale_mse / worse.downscale_mse).log().mean().exp() < 0.6


def test_the_best_is_never_worse_than_what_was_shown(pose: Pose, kit: SearchKit, plain_faces: Tensor):
    problem = pose(seeds=(0, 0), targets=(1, 3), pictures=plain_faces)
    shown: list[Tensor] = []
    passes = 0
    for state in search(problem, kit, replace(FINE, show_every=5)):
        # Pictures to show between two passes are not kept.
        if state.best.full_evaluations > passes:
            passes = state.best.full_evaluations
            shown.append(state.downscale_mse)
            assert torch.equal(state.best.downscale_mse, torch.stack(shown).amin(0))
    assert passes == 3


def test_states_are_counted_and_carry_no_gradients(pose: Pose, kit: SearchKit):
    problem = pose(seeds=(0, 4), targets=(3, 3))
    states = search(problem, kit, FINE)
    assert [state.step for state in states] == list(range(1, len(states) + 1))
    assert len(states) <= 2 * FINE.most_rounds
    for state in states:
        assert_allclose(state.downscale_mse, written_error(state.image, problem), rtol=1e-3)
        assert torch.equal(state.losses["L2"], state.downscale_mse)
        for values in (state.image, state.best.image, state.best.ws, state.downscale_mse, state.losses["TOTAL"]):
            assert not values.requires_grad
    generator: Any = kit.generator
    assert all(parameter.grad is None for parameter in generator.parameters())


def test_the_same_seed_gives_the_same_answer(pose: Pose, kit: SearchKit):
    for seed in (0, 7):
        one, again = (answer(pose(seeds=(seed,)), kit) for _ in range(2))
        assert torch.equal(one.image, again.image)


def test_seed_0_of_many_answers_to_one_face_is_seed_0_alone(pose: Pose, kit: SearchKit):
    many = answer(pose(seeds=(2, 0, 1), targets=(1, 1, 1)), kit, FINE)
    alone = answer(pose(seeds=(0,), targets=(1,)), kit, FINE)
    assert torch.equal(many.image[1], alone.image[0])
    assert torch.equal(many.ws[1], alone.ws[0])
    assert many.downscale_mse[1] == alone.downscale_mse[0]


def test_an_answer_does_not_depend_on_the_batch_around_it(build_generator: Callable[..., MobileStyleGAN]):
    # In double precision: in single, the last digits of a batched matrix product grow along the search.
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        generator = build_generator().double()
        fitted = fit_prior(generator, samples=2000)
        prior = GaussianPrior(mean=fitted.mean.double(), std=fitted.std.double())
        kit = SearchKit(generator=generator, prior=prior)
        ws = generator.map(torch.randn(4, 16, generator=torch.Generator().manual_seed(11)))
        targets = Bicubic(4)(generator.synthesize(ws).clamp(0, 1))

        def found(faces: tuple[int, ...], seeds: tuple[int, ...]) -> SearchResult:
            problem = SearchProblem(
                target=targets[list(faces)], degradation=Bicubic(4), generator=generator, prior=prior, seeds=seeds
            )
            # Some items are close enough rounds before others.
            return answer(problem, kit, FastSettings(eps=8e-5))

        faces, seeds = (0, 3, 0, 3), (0, 0, 5, 6)
        together = found(faces, seeds)
        assert 0 < together.converged.sum() < 4
        for place, (face, seed) in enumerate(zip(faces, seeds, strict=True)):
            alone = found((face,), (seed,))
            assert_allclose(together.image[place], alone.image[0], atol=1e-3)
            assert_allclose(together.downscale_mse[place], alone.downscale_mse[0], rtol=1e-2)
    finally:
        torch.set_default_dtype(default)


def test_seeds_give_different_faces_that_fit(pose: Pose, kit: SearchKit, plain_faces: Tensor, mean_error: Any):
    problem = pose(seeds=(0, 1, 2, 3), targets=(1,) * 4, pictures=plain_faces)
    best = answer(problem, kit, FINE)
    assert (written_error(best.image, problem) < mean_error(problem) / 10).all()
    for i in range(4):
        for k in range(i):
            # Answers of one seed are equal to the last bit; those of two seeds differ by 5e-3 or more.
            assert (best.image[i] - best.image[k]).abs().mean() > 1e-3


def test_a_variation_of_a_face_that_fits_from_the_start_is_searched_too(
    pose: Pose, kit: SearchKit, tiny_generator: MobileStyleGAN, prior: GaussianPrior
):
    # The mean face itself has no slope, which tells no length of steps to the others.
    mean = tiny_generator.synthesize(tiny_generator.map_from_gaussian(prior.mean).expand(1, 6, 16))
    problem = pose(seeds=(0, 3, 4), targets=(0, 0, 0), pictures=mean.clamp(0, 1))
    best = answer(problem, kit, replace(DRAFT, eps=2e-5))
    assert best.downscale_mse[0] < 1e-10
    assert (written_error(best.image, problem) < 5e-5).all()


def test_a_seed_out_of_range_is_refused(pose: Pose, kit: SearchKit):
    with pytest.raises(PhotopulseError, match="cannot start from the seed"):
        search(pose(seeds=(2**32,)), kit)


def test_showing_pictures_on_the_way_changes_no_answer(pose: Pose, kit: SearchKit):
    problem = pose(seeds=(0, 0, 9), targets=(0, 3, 3))
    plain, shown = search(problem, kit, FINE), search(problem, kit, replace(FINE, show_every=4))
    assert len(shown) > 2 * len(plain)
    assert torch.equal(shown[-1].best.image, plain[-1].best.image)
    assert torch.equal(shown[-1].best.downscale_mse, plain[-1].best.downscale_mse)
    assert shown[-1].best.full_evaluations == plain[-1].best.full_evaluations
    assert [state.step for state in shown] == list(range(1, len(shown) + 1))
    assert all(state.image.shape == (3, 3, 32, 32) for state in shown)


def test_a_time_limit_stops_early_and_yet_gives_an_answer(pose: Pose, kit: SearchKit):
    problem = pose(seeds=(0, 5), targets=(3, 3))
    hurried = answer(problem, kit, replace(FINE, time_limit=1e-6))
    # A pass for the first answer, and one for the other.
    assert hurried.full_evaluations == 2
    assert hurried.image.isfinite().all()
    assert_allclose(hurried.downscale_mse, written_error(hurried.image, problem), rtol=1e-3)
    assert answer(problem, kit, FINE).full_evaluations > 2
    assert torch.equal(answer(problem, kit, replace(FINE, time_limit=1e6)).image, answer(problem, kit, FINE).image)


def test_without_twins_the_search_goes_through_the_generator(
    pose: Pose, kit: SearchKit, retwin: Any, plain_faces: Tensor, mean_error: Any
):
    alone = SearchKit(generator=retwin(kit.generator, lambda size: None), prior=kit.prior)
    problem = pose(seeds=(0, 6), targets=(1, 1), pictures=plain_faces)
    best = answer(problem, alone, replace(FINE, eps=1e-5))
    assert (written_error(best.image, problem) < mean_error(problem) / 8).all()
    assert not torch.equal(best.image[0], best.image[1])


def test_steps_are_rounds_not_the_evaluations_within_them(pose: Pose, kit: SearchKit, retwin: Any, plain_faces: Tensor):
    alone = SearchKit(generator=retwin(kit.generator, lambda size: None), prior=kit.prior)
    problem = pose(seeds=(0, 6), targets=(3, 3), pictures=plain_faces)
    states = search(problem, alone, FINE)
    assert states[-1].best.steps == len(states) > 1
    assert states[-1].best.full_evaluations > 10 * len(states)
    shown = search(problem, alone, replace(FINE, show_every=7))
    assert len(shown) > len(states)
    assert shown[-1].best.steps == len(states)


def test_inputs_larger_than_the_largest_twin_are_found(build_generator: Callable[..., MobileStyleGAN], retwin: Any):
    large = build_generator(channels=(12, 12, 12, 12))
    prior = fit_prior(large, samples=2000)
    generator = retwin(large, lambda size: large.make_twin(size) if size == 16 else None)
    kit = SearchKit(generator=generator, prior=prior)
    ws = large.map(torch.randn(2, 16, generator=torch.Generator().manual_seed(2)))
    target = Bicubic(2)(large.synthesize(ws).clamp(0, 1))
    problem = SearchProblem(target=target, degradation=Bicubic(2), generator=generator, prior=prior, seeds=(0, 0))
    mean = large.synthesize(large.map_from_gaussian(prior.mean).expand(1, large.num_ws, 16))
    error = written_error(answer(problem, kit, FINE).image, problem)
    assert (error < written_error(mean, problem) / 2).all()


def test_the_search_ends_where_eps_is_reached(pose: Pose, kit: SearchKit, plain_faces: Tensor):
    problem = pose(pictures=plain_faces)
    near = search(problem, kit, FastSettings(eps=3e-4))
    assert len(near) == 1
    assert near[0].best.converged.item()
    assert near[0].best.downscale_mse <= 3e-4
    assert len(search(problem, kit, FastSettings(eps=0.0))) > 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"quality": "superb"}, "unknown quality 'superb'; choose one of draft, normal, best"),
        ({"eps": -1e-9}, "a search needs"),
        ({"eps": float("nan")}, "a search needs"),
        ({"time_limit": 0.0}, "a search needs"),
        ({"time_limit": float("nan")}, "a search needs"),
        ({"show_every": -1}, "a search needs"),
    ],
)
def test_settings_that_make_no_search_are_refused(wrong: dict[str, Any], words: str):
    with pytest.raises(ValueError, match=words):
        FastSettings(**wrong)
