"""Each method by its name: what sizes it makes, and what it makes of a small face."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from photopulse.degrade import Bicubic
from photopulse.evaluation import searched
from photopulse.evaluation.method import MethodOptions
from photopulse.evaluation.methods import METHOD_NAMES, make_method
from photopulse.generators.files.checkpoint import save_checkpoint
from photopulse.generators.files.load import load_generator
from photopulse.images import to_uint8
from photopulse.search.fast import FastSettings
from photopulse.search.pulse import PulseSettings
from photopulse.search.twin_cache import save_twin, twin_path
from photopulse.upscaling.upscale import UpscaleSettings, upscale


@pytest.fixture(scope="module")
def options(tiny_generator, tmp_path_factory):
    path = tmp_path_factory.mktemp("generator") / "tiny.safetensors"
    save_checkpoint(tiny_generator, path)
    return MethodOptions(generator=str(path), curves=True)


@pytest.fixture(scope="module")
def small():
    pixels = np.random.default_rng(3).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return torch.tensor(pixels / np.float32(255)).permute(2, 0, 1)[None].float()


@pytest.mark.parametrize(("name", "resampling"), [("bicubic", Image.BICUBIC), ("lanczos", Image.LANCZOS)])
def test_interpolation_is_that_of_pillow(small, name, resampling):
    made = make_method(name)(small, (24, 24), 0)
    expected = np.asarray(Image.fromarray(to_uint8(small)).resize((24, 24), resampling))
    assert np.array_equal(to_uint8(made.image), expected)
    assert made.converged is None
    assert made.seconds > 0


def test_nearest_repeats_each_pixel(small):
    made = make_method("nearest")(small, (24, 24), 0)
    assert torch.allclose(made.image, small.repeat_interleave(3, dim=2).repeat_interleave(3, dim=3))


def test_bicubic_is_keys_with_a_half():
    # Halfway between pixels of a step edge, Keys' filter with a = -1/2 gives (-1, 9, 9, -1) / 16.
    step = torch.zeros(1, 3, 8, 8)
    step[..., 4:] = 0.5
    row = make_method("bicubic")(step, (24, 24), 0).image[0, 0, 12] * 255
    expected = 0.5 * 255 * np.array([0, 1])
    assert row[0] == pytest.approx(expected[0])
    assert row[-1] == pytest.approx(expected[1], abs=1)
    # Pixel 10 lies at 3.0 of the small image, pixel 9 at 2 2/3: weights of the taps beyond the edge.
    x = np.array([4 - 8 / 3, 5 - 8 / 3])
    outer = -0.5 * x[:1] ** 3 + 2.5 * x[:1] ** 2 - 4 * x[:1] + 2
    assert row[9] == pytest.approx(max(0, 127.5 * outer[0]), abs=1)


@pytest.mark.parametrize(
    ("name", "small", "size", "native"),
    [
        ("nearest", 16, 128, 128),
        ("realesrgan", 16, 1024, 1024),
        ("bicubic", 16, 8, None),
        ("realesrgan", 16, 8, None),
        ("fsrnet", 16, 128, 128),
        ("fsrgan", 16, 64, 128),
        ("fsrnet", 16, 1024, None),
        ("fsrgan", 32, 128, None),
    ],
)
def test_each_method_says_what_it_makes_or_that_it_cannot(name, small, size, native):
    assert make_method(name).native_size(small, size) == native


@pytest.mark.parametrize(("small", "size", "native"), [(8, 32, 32), (8, 16, 32), (8, 64, None), (32, 32, None)])
def test_pulse_makes_what_the_generator_makes(options, small, size, native):
    assert make_method("pulse", options).native_size(small, size) == native


def test_pulse_is_the_search_of_the_command_with_its_seed(options, small):
    made = make_method("pulse:12", options)(small, (16, 16), 5)
    settings = UpscaleSettings(method="classic", classic=PulseSettings(steps=12))
    (face,) = upscale(small, load_generator(options.generator), seed=5, settings=settings)
    assert torch.equal(made.image, face.image)
    assert made.converged is False
    assert made.metadata["photopulse:synthetic"] == "true"
    assert made.metadata["photopulse:seed"] == "5"


def test_a_curve_follows_the_best_image_every_ten_steps(options, small):
    made = make_method("pulse:25", options)(small, (32, 32), 0)
    assert [point.step for point in made.curve] == [1, 10, 20, 25]
    seconds = [point.seconds for point in made.curve]
    assert sorted(seconds) == seconds
    assert seconds[-1] == made.seconds
    assert made.curve[-1].downscale_mse <= made.curve[0].downscale_mse
    assert all(point.niqe is None for point in made.curve)


def test_measuring_for_the_curve_is_not_counted(options, small, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(searched.time, "perf_counter", lambda: clock[0])

    def slow_niqe(image):
        clock[0] += 100
        return 5.0

    monkeypatch.setattr(searched, "own_niqe", slow_niqe)
    made = make_method("pulse:25", options)(small, (32, 32), 0)
    assert [point.seconds for point in made.curve] == [0, 0, 0, 0]
    assert made.seconds == 0
    assert [point.niqe for point in made.curve] == [5.0] * 4


def test_the_fingerprint_changes_with_steps_and_weights(options, build_generator, tmp_path):
    save_checkpoint(build_generator(seed=1), tmp_path / "tiny.safetensors")
    prints = {
        make_method("pulse", options).fingerprint(),
        make_method("pulse:7", options).fingerprint(),
        make_method("pulse", MethodOptions(generator=str(tmp_path / "tiny.safetensors"))).fingerprint(),
        make_method("pulse", MethodOptions(generator=options.generator, degradation="box")).fingerprint(),
    }
    assert len(prints) == 4
    assert make_method("pulse", options).fingerprint() in prints


@pytest.mark.parametrize("text", ["magic", "", "pulse:0", "pulse:-3", "pulse:many", "nearest:3"])
def test_texts_that_are_no_method_are_refused(text):
    with pytest.raises(ValueError, match=r"unknown method|cannot read the steps|takes no settings"):
        make_method(text)


def test_the_error_lists_all_methods():
    with pytest.raises(ValueError, match=", ".join(METHOD_NAMES)):
        make_method("magic")


def test_what_pulse_makes_is_as_good_as_its_figure(options, small):
    made = make_method("pulse:12", options)(small, (32, 32), 0)
    error = (Bicubic(4)(made.image) - small).square().mean().item()
    assert made.curve[-1].downscale_mse == pytest.approx(error, rel=1e-4)


def test_fast_is_the_search_of_the_command_with_its_seed(options, small):
    made = make_method("fast:draft", options)(small, (16, 16), 5)
    settings = UpscaleSettings(fast=FastSettings(quality="draft"))
    (face,) = upscale(small, load_generator(options.generator), seed=5, settings=settings)
    assert torch.equal(made.image, face.image)
    assert made.metadata["photopulse:method"] == "fast"
    assert made.metadata["photopulse:seed"] == "5"


def test_the_exact_one_downscales_to_its_input(options, small):
    target = 0.4 + 0.2 * small
    made = make_method("fast:exact", options)(target, (32, 32), 0)
    assert (Bicubic(4)(made.image) - target).square().mean() < 1e-6
    assert made.converged is True
    assert made.curve[-1].downscale_mse < 1e-6


def test_the_curve_of_a_fast_search_has_a_point_for_each_round(options, small):
    made = make_method("fast", options)(small, (32, 32), 0)
    steps = [point.step for point in made.curve]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) > 1
    errors = [point.downscale_mse for point in made.curve]
    assert sorted(errors, reverse=True) == errors
    # The last point is the answer, surface and all.
    assert errors[-1] == pytest.approx((Bicubic(4)(made.image) - small).square().mean().item(), rel=1e-4)
    assert made.curve[-1].seconds == made.seconds


def test_measuring_for_the_curve_of_a_fast_search_is_not_counted(options, small, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(searched.time, "perf_counter", lambda: clock[0])

    def slow_niqe(image):
        clock[0] += 100
        return 5.0

    monkeypatch.setattr(searched, "own_niqe", slow_niqe)
    made = make_method("fast", options)(small, (32, 32), 0)
    assert {point.seconds for point in made.curve} == {0}
    assert made.seconds == 0


def test_each_fast_method_has_a_fingerprint_of_its_own_that_follows_the_twins(
    options, build_generator, tmp_path, monkeypatch
):
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path / "cache"))
    names = ("fast", "fast:draft", "fast:best", "fast:exact", "pulse")
    prints = [make_method(name, replace(options)).fingerprint() for name in names]
    assert len(set(prints)) == len(names)
    generator = load_generator(options.generator)
    twin = generator.make_twin(16)
    with torch.no_grad():
        for values in twin.tail.parameters():
            values += 0.1
    save_twin(twin, twin_path(generator, 16), told={})
    fitted = [make_method(name, replace(options)).fingerprint() for name in names]
    assert [one == other for one, other in zip(prints, fitted, strict=True)] == [False] * 4 + [True]


def test_normal_quality_is_another_name_for_the_default(options):
    assert make_method("fast:normal", options).fingerprint() == make_method("fast", options).fingerprint()


@pytest.mark.parametrize("text", ["fast:400", "fast:superb", "fast:best:exact"])
def test_fast_takes_a_quality_or_exact(text):
    with pytest.raises(ValueError, match="write fast:draft, fast:best or fast:exact"):
        make_method(text)
