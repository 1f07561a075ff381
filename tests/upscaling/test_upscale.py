"""The upscale story on the toy generator."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from photopulse.degrade import DEGRADATION_NAMES, Bicubic, make_degradation
from photopulse.errors import PhotopulseError
from photopulse.generators.stylegan2 import StyleGAN2, StyleGAN2Settings
from photopulse.images import read_image, read_metadata
from photopulse.search.fast import FastSettings, FirstAnswer
from photopulse.search.kit import TWIN_SIZES, SearchKit
from photopulse.search.losses import parse_loss
from photopulse.search.pulse import PulseSettings
from photopulse.search.starts import NoiseSettings
from photopulse.search.surface import strongest_unseen
from photopulse.upscaling.upscale import UpscaleSettings, check_settings, upscale


def classic(**settings):
    return UpscaleSettings(method="classic", classic=PulseSettings(**settings))


SHORT = classic(steps=3)


def a_face(seed=0, size=8):
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", DEGRADATION_NAMES)
def test_the_answer_downscales_to_what_it_says(tiny_generator, name):
    settings = replace(SHORT, degradation=name)
    (face,) = upscale(a_face(), tiny_generator, settings=settings)
    small = make_degradation(name, factor=4)(face.image)
    assert torch.equal(face.downscaled, small)
    assert face.downscale_mse == pytest.approx((small - a_face()).square().mean().item(), rel=1e-5)
    assert face.image.shape == (1, 3, 32, 32)
    assert 0 <= face.image.min() < face.image.max() <= 1
    assert face.ws.shape == (1, tiny_generator.num_ws, tiny_generator.w_dim)


def test_the_best_step_is_returned_not_the_last(tiny_generator):
    # PULSE's own code returned the last image beside the best one's score.
    errors = []
    settings = classic(steps=5, learning_rate=0.4, schedule="fixed", loss=parse_loss("1*L2"), eps=1e-9)
    (face,) = upscale(
        a_face(3), tiny_generator, settings=settings, on_step=lambda state: errors.append(state.downscale_mse.item())
    )
    assert face.downscale_mse == pytest.approx(min(errors), rel=1e-5)
    assert errors[-1] > min(errors)
    assert face.steps == face.full_evaluations == len(errors) == 5


def test_the_verdict_is_eps(tiny_generator):
    (far,) = upscale(a_face(), tiny_generator, settings=classic(steps=2, eps=1e-6))
    (near,) = upscale(a_face(), tiny_generator, settings=classic(steps=2, eps=1))
    assert (far.status, near.status) == ("not-converged", "converged")


def test_answers_differ_and_answer_k_is_that_of_seed_plus_k(tiny_generator):
    answers = upscale(a_face(), tiny_generator, count=3, settings=SHORT)
    assert [face.seed for face in answers] == [0, 1, 2]
    (alone,) = upscale(a_face(), tiny_generator, seed=2, settings=SHORT)
    assert torch.equal(alone.image, answers[2].image)
    # PULSE's own code ignored seed 0: two runs of it differed.
    assert torch.equal(upscale(a_face(), tiny_generator, settings=SHORT)[0].image, answers[0].image)
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        assert (answers[one].image - answers[other].image).abs().mean() > 0.01


def test_a_batch_gives_each_item_what_it_gets_alone(tiny_generator):
    # PULSE's own code could never succeed with a batch: it summed the clamped losses.
    targets = torch.cat([a_face(1), a_face(2)])
    settings = classic(steps=4, eps=0.5)
    together = upscale(targets, tiny_generator, seed=(5, 6), settings=settings, batch_size=2)
    assert [face.status for face in together] == ["converged", "converged"]
    for target, seed, face in zip(targets.split(1), (5, 6), together, strict=True):
        (alone,) = upscale(target, tiny_generator, seed=seed, settings=settings)
        assert torch.allclose(face.image, alone.image, atol=1e-4)
        assert face.downscale_mse == pytest.approx(alone.downscale_mse, rel=1e-3)


def test_several_faces_with_seeds_of_their_own_are_answered_in_turn(tiny_generator):
    faces = torch.cat([a_face(1), a_face(2)])
    answers = upscale(faces, tiny_generator, count=2, seed=(3, 7), settings=classic(steps=1))
    assert [answer.seed for answer in answers] == [3, 7, 4, 8]
    (fourth,) = upscale(a_face(2), SearchKit.find(tiny_generator), seed=8, settings=classic(steps=1))
    assert torch.allclose(answers[3].image, fourth.image, atol=1e-4)
    with pytest.raises(ValueError, match="as many seeds"):
        upscale(faces, tiny_generator, seed=(1, 2, 3), settings=classic(steps=1))


@pytest.mark.parametrize("loss", ["1*GEOCROSS", "10*L1", "100*L2", "100*L2+1*L1+0.05*GEOCROSS"])
def test_any_loss_works_also_without_l2(tiny_generator, loss):
    settings = classic(steps=2, loss=parse_loss(loss))
    assert np.isfinite(upscale(a_face(), tiny_generator, settings=settings)[0].downscale_mse)


def test_a_saved_answer_says_that_it_is_synthetic(tiny_generator, tmp_path):
    (face,) = upscale(a_face(), tiny_generator, seed=7, settings=SHORT)
    for suffix in (".png", ".jpg", ".webp"):
        path = tmp_path / f"face{suffix}"
        face.save(str(path), source="small.png")
        told = read_metadata(path)
        assert told["photopulse:synthetic"] == "true"
        assert told["photopulse:generator"] == "tiny"
        assert told["photopulse:seed"] == "7"
        assert told["photopulse:source"] == "small.png"
        assert told["photopulse:version"]
    assert torch.allclose(read_image(tmp_path / "face.png").pixels, face.image, atol=0.5 / 255 + 1e-6)


def test_a_kernel_of_the_users_takes_the_operators_place(tiny_generator, tmp_path):
    np.save(tmp_path / "k.npy", np.ones((4, 4)))
    (face,) = upscale(a_face(), tiny_generator, settings=replace(SHORT, kernel=tmp_path / "k.npy"))
    assert torch.allclose(face.downscaled, torch.nn.functional.avg_pool2d(face.image, 4), atol=1e-6)


def test_a_conditional_generator_needs_one_of_its_classes():
    torch.manual_seed(0)
    shape = StyleGAN2Settings(
        resolution=16, z_dim=8, c_dim=3, w_dim=8, mapping_layers=2, channel_base=64, channel_max=8
    )
    generator = StyleGAN2(shape, name="cats")
    answers = [upscale(a_face(), generator, settings=replace(SHORT, label=label))[0] for label in (0, 2)]
    assert not torch.equal(answers[0].ws, answers[1].ws)
    for wrong in (None, 3, -1):
        with pytest.raises(PhotopulseError, match="3 classes"):
            check_settings(replace(SHORT, label=wrong), generator)
    check_settings(replace(SHORT, label=2), generator)


def test_settings_that_no_input_survives_are_found_beforehand(tiny_generator, tmp_path):
    check_settings(SHORT, tiny_generator)
    noise = NoiseSettings(zeroed_layers=(99,))
    wrong = {
        "99 does not exist": classic(noise=noise),
        "leave --label out": UpscaleSettings(label=1),
        "cannot use the blur kernel": UpscaleSettings(kernel=tmp_path / "missing.npy"),
    }
    for words, settings in wrong.items():
        with pytest.raises(PhotopulseError, match=f"(?i){words}"):
            check_settings(settings, tiny_generator)


@pytest.mark.parametrize("choice", [{"degradation": "blur"}, {"method": "magic"}])
def test_unknown_names_in_settings_are_refused_at_once(choice):
    with pytest.raises(ValueError, match=r"unknown .*'(blur|magic)'.* one of"):
        UpscaleSettings(**choice)


def test_the_default_generator_is_loaded_when_none_is_given(tiny_generator, tmp_path, monkeypatch):
    # The package's attribute is the function, so the module is asked for by name.
    module = importlib.import_module("photopulse.upscaling.upscale")
    monkeypatch.setattr(module, "load_generator", lambda: tiny_generator)
    Image.new("RGB", (8, 8), "gray").save(tmp_path / "f.png")
    assert upscale(str(tmp_path / "f.png"), settings=SHORT)[0].generator == "tiny"


DRAFT = UpscaleSettings(fast=FastSettings(quality="draft"))


def a_made_face(generator, seed=5, size=8):
    """A face that the generator can make, made small and stored in 8 bits."""
    ws = generator.map(torch.randn(1, 16, generator=torch.Generator().manual_seed(seed)))
    small = Bicubic(32 // size)(generator.synthesize(ws).clamp(0, 1)).clamp(0, 1)
    return (small * 255).round() / 255


def test_the_fast_search_is_the_default_and_fits(tiny_generator):
    target = a_made_face(tiny_generator)
    (face,) = upscale(target, tiny_generator)
    assert (face.method, face.status, face.eps) == ("fast", "converged", 1e-4)
    assert torch.equal(face.downscaled, Bicubic(4)(face.image))
    assert face.downscale_mse == pytest.approx((face.downscaled - target).square().mean().item(), rel=1e-4)
    assert face.downscale_mse <= 1e-4
    assert 0 <= face.image.min() < face.image.max() <= 1


def test_the_steps_of_a_fast_search_are_its_rounds(tiny_generator):
    # Without twins the rounds go through the generator, many evaluations each.
    rounds = []
    kit = SearchKit.find(tiny_generator)
    kit._twins.update(dict.fromkeys(TWIN_SIZES))
    (face,) = upscale(
        a_made_face(tiny_generator, size=16),
        kit,
        settings=UpscaleSettings(fast=FastSettings(eps=1e-9)),
        on_step=lambda state: rounds.append(state.step),
    )
    assert face.steps == len(rounds) > 1
    assert face.full_evaluations > 10 * face.steps


def test_a_weak_surface_closes_the_gap_that_the_fast_search_leaves(tiny_generator):
    # One evaluation only: the answer is the mean face, a small step from this input.
    hurried = replace(DRAFT, fast=FastSettings(time_limit=1e-9, eps=1e-5))
    (mean,) = upscale(a_made_face(tiny_generator), tiny_generator, settings=replace(hurried, fast=FastSettings(eps=1)))
    target = (mean.downscaled + 0.01 * torch.linspace(-1, 1, 8)).clamp(0, 1)
    (face,) = upscale(target, tiny_generator, settings=hurried)
    assert (face.status, face.full_evaluations) == ("converged", 1)
    assert 9e-6 < face.downscale_mse <= 1e-5
    assert face.surface == pytest.approx((face.image - mean.image).square().mean().sqrt().item(), rel=1e-3)
    assert 0.001 < face.surface < 0.01


def test_a_gap_that_only_a_visible_surface_would_close_is_left_open(tiny_generator):
    (face,) = upscale(a_face(), tiny_generator, settings=DRAFT)
    assert face.status == "not-converged"
    # Between the middles of the input's pixels, the surface for such noise is stronger than on them.
    assert 0 < face.surface < 2 * strongest_unseen(8)


@pytest.mark.parametrize("method", ["fast", "classic"])
@pytest.mark.parametrize("name", DEGRADATION_NAMES)
def test_an_exact_answer_downscales_to_the_input(tiny_generator, method, name):
    settings = replace(SHORT, fast=DRAFT.fast, method=method, exact=True, degradation=name)
    target = a_made_face(tiny_generator)
    (face,) = upscale(target, tiny_generator, settings=settings)
    rounded = (face.image * 255).round() / 255
    assert (make_degradation(name, factor=4)(rounded) - target).square().mean() < 1e-6
    assert face.downscale_mse < 1e-6
    assert face.status == "converged"
    assert face.surface > 0


def test_a_classic_answer_has_no_surface(tiny_generator):
    assert upscale(a_face(), tiny_generator, settings=SHORT)[0].surface == 0


def test_declared_noise_raises_eps_and_jpeg_gets_no_surface(tiny_generator):
    target = a_made_face(tiny_generator)
    (noisy,) = upscale(target, tiny_generator, settings=replace(DRAFT, degradation="noise:25"))
    # Two standard deviations of the mean square of 192 values are 20 %.
    assert noisy.eps == pytest.approx(1.2 * (25 / 255) ** 2, rel=0.15)
    assert noisy.status == "converged"
    (jpeg,) = upscale(target, tiny_generator, settings=replace(DRAFT, degradation="jpeg:30"))
    assert (jpeg.eps, jpeg.surface) == (1e-4, 0)
    (both,) = upscale(target, tiny_generator, settings=replace(DRAFT, degradation="jpeg:30+noise:25"))
    assert both.eps == pytest.approx(noisy.eps, rel=0.1)
    assert both.surface == 0


def test_what_cannot_be_answered_exactly_is_refused_beforehand(tiny_generator):
    for degradation in ("jpeg:30", "noise:25", "salt-pepper:0.1", "box+noise:5"):
        with pytest.raises(PhotopulseError, match=r"cannot fit exactly .*[Ll]eave --exact out"):
            check_settings(UpscaleSettings(exact=True, degradation=degradation), tiny_generator)
    for degradation in ("bicubic", "nearest", "blur:4+box"):
        check_settings(UpscaleSettings(exact=True, degradation=degradation), tiny_generator)


def test_fast_answers_differ_and_seed_0_among_them_is_seed_0_alone(tiny_generator):
    target = a_made_face(tiny_generator)
    answers = upscale(target, tiny_generator, count=3, settings=DRAFT)
    assert [face.seed for face in answers] == [0, 1, 2]
    (alone,) = upscale(target, tiny_generator, settings=DRAFT)
    assert torch.equal(alone.image, answers[0].image)
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        assert (answers[one].image - answers[other].image).abs().mean() > 0.005


def test_many_answers_are_searched_one_by_one_or_as_many_at_once_as_is_asked_for(tiny_generator):
    seen = []
    settings = replace(DRAFT, fast=FastSettings(quality="draft", time_limit=1e-9))
    for batch_size, sizes in ((1, {1}), (8, {8, 2})):
        seen.clear()
        answers = upscale(
            a_face(),
            tiny_generator,
            count=10,
            settings=settings,
            on_step=lambda state: seen.append(len(state.image)),
            batch_size=batch_size,
        )
        assert [face.seed for face in answers] == list(range(10))
        assert set(seen) == sizes


@pytest.mark.parametrize("settings", [DRAFT, classic(steps=3)], ids=["fast", "classic"])
def test_each_of_several_results_has_the_bits_that_it_has_alone(tiny_generator, settings):
    faces = torch.cat([a_face(1), a_made_face(tiny_generator)])
    answers = upscale(faces, tiny_generator, count=3, seed=(4, 0), settings=settings)
    for place, (face, seed) in enumerate([(face, seed + k) for k in range(3) for face, seed in ((0, 4), (1, 0))]):
        (alone,) = upscale(faces[face : face + 1], tiny_generator, seed=seed, settings=settings)
        assert torch.equal(answers[place].image, alone.image)
        facts = (answers[place].downscale_mse, answers[place].steps, answers[place].full_evaluations)
        assert facts == (alone.downscale_mse, alone.steps, alone.full_evaluations)


def test_several_faces_cannot_share_a_first_answer(tiny_generator):
    with pytest.raises(ValueError, match="share no first answer"):
        upscale(torch.cat([a_face(1), a_face(2)]), tiny_generator, settings=DRAFT, first=FirstAnswer())


def test_what_settings_ask_for_is_that_of_their_method():
    settings = UpscaleSettings(fast=FastSettings(quality="best", eps=0.25), classic=PulseSettings(steps=7, eps=0.5))
    assert (settings.eps, settings.most_steps) == (0.25, 12)
    other = replace(settings, method="classic")
    assert (other.eps, other.most_steps) == (0.5, 7)
