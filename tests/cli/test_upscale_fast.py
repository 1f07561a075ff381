"""`photopulse upscale` with its default method, the fast search, as a user meets it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from photopulse.degrade import Bicubic
from photopulse.images import read_image, read_metadata, write_image


@pytest.fixture
def face(tiny_generator, tmp_path):
    """A file with a face of 8 px that the toy generator can make."""
    ws = tiny_generator.map(torch.randn(1, 16, generator=torch.Generator().manual_seed(5)))
    path = tmp_path / "in" / "face.png"
    path.parent.mkdir()
    write_image(path, Bicubic(4)(tiny_generator.synthesize(ws).clamp(0, 1)))
    return path


def rows(tmp_path):
    return json.loads((tmp_path / "out" / "report.json").read_text())["items"]


def usage_error(result, tmp_path):
    """Returns the one line on stderr of wrong usage, which leaves nothing behind."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()
    (line,) = result.stderr.splitlines()
    return line


def test_a_face_is_found_without_any_option(upscale_with, face, tmp_path):
    assert upscale_with(face).exit_code == 0
    (row,) = rows(tmp_path)
    assert (row["method"], row["status"], row["eps"], row["seed"]) == ("fast", "converged", 1e-4, 0)
    assert row["downscale_mse"] <= 1e-4
    assert row["surface"] >= 0
    assert row["full_evaluations"] >= 1
    told = read_metadata(tmp_path / "out" / "face.png")
    assert (told["photopulse:synthetic"], told["photopulse:method"]) == ("true", "fast")
    error = (Bicubic(4)(read_image(tmp_path / "out" / "face.png").pixels) - read_image(face).pixels).square().mean()
    assert error.item() == pytest.approx(row["downscale_mse"], rel=0.1)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--steps", 5), "--steps"),
        (("--lr", 0.1), "--lr"),
        (("--loss", "100*L2"), "--loss"),
        (("--optimizer", "sgd"), "--optimizer"),
        (("--schedule", "fixed"), "--schedule"),
        (("--tile-latent",), "--tile-latent"),
        (("--noise", "zero"), "--noise, --trainable-noise or --zero-noise"),
        (("--trainable-noise", 3), "--trainable-noise"),
        (("--zero-noise", "-1"), "--zero-noise"),
        (("--steps", 5, "--tile-latent"), "--steps and --tile-latent"),
    ],
)
def test_options_of_the_classic_search_are_refused_and_its_name_is_told(upscale_with, face, tmp_path, options, named):
    line = usage_error(upscale_with(face, *options), tmp_path)
    assert named in line
    assert line.endswith("is for the classic search: add --method classic, or leave it out")


@pytest.mark.parametrize(
    ("options", "named"), [(("--quality", "best"), "--quality"), (("--time-limit", 5), "--time-limit")]
)
def test_options_of_the_fast_search_are_refused_by_the_classic_one(upscale_with, face, tmp_path, options, named):
    line = usage_error(upscale_with(face, "--method", "classic", *options), tmp_path)
    assert line == f"error: {named} is for the fast search: add --method fast, or leave it out"


@pytest.mark.parametrize("option", ["--quality=superb", "--time-limit=0", "--time-limit=-3", "--time-limit=soon"])
def test_values_out_of_range_are_wrong_usage(upscale_with, face, tmp_path, option):
    result = upscale_with(face, option)
    assert result.exit_code == 2
    assert "Invalid value" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_time_limit_that_is_no_number_is_wrong_usage(upscale_with, face, tmp_path):
    result = upscale_with(face, "--time-limit=nan")
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", ["jpeg:30", "noise:25", "jpeg:30+noise:25"])
def test_exact_answers_to_noise_and_jpeg_are_refused(upscale_with, face, tmp_path, damage):
    line = usage_error(upscale_with(face, "--exact", "--degradation", damage), tmp_path)
    assert f"cannot fit exactly what {damage} made small" in line
    assert "--exact" in line.split(":")[-1]


@pytest.mark.parametrize("method", ["fast", "classic"])
def test_an_exact_answer_as_it_was_written_downscales_to_the_input(upscale_with, face, tmp_path, method):
    assert upscale_with(face, "--exact", "--method", method).exit_code == 0
    with Image.open(tmp_path / "out" / "face.png") as picture:
        assert (picture.mode, picture.size) == ("RGB", (32, 32))
    small = Bicubic(4)(read_image(tmp_path / "out" / "face.png").pixels)
    assert (small - read_image(face).pixels).double().square().mean() < 1e-6
    assert rows(tmp_path)[0]["downscale_mse"] < 1e-6


def test_declared_damage_raises_eps_by_its_noise(upscale_with, face, tmp_path):
    noisy = np.asarray(Image.open(face)).astype(float) + np.random.default_rng(1).normal(0, 25, (8, 8, 3))
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(face)
    assert upscale_with(face, "--degradation", "jpeg:30+noise:25").exit_code == 0
    (row,) = rows(tmp_path)
    # Two standard deviations of the mean square of 192 values are 20 %.
    assert row["eps"] == pytest.approx(1.2 * (25 / 255) ** 2, rel=0.15)
    assert row["downscale_mse"] <= row["eps"]
    assert row["surface"] == 0
    # Without a word of the noise, the same picture is not reached.
    assert upscale_with(face, "--fresh").exit_code == 3
    assert rows(tmp_path)[0]["eps"] == 1e-4


def test_a_draft_is_quicker_and_the_best_is_closer(upscale_with, face, tmp_path):
    found = {}
    for quality in ("draft", "best"):
        upscale_with(face, "--quality", quality, "--eps", 0)
        (found[quality],) = rows(tmp_path)
    assert found["draft"]["full_evaluations"] == 1 < found["best"]["full_evaluations"]
    # Both are brought to the input by a surface, and the closer answer needs less of one.
    assert found["best"]["surface"] < found["draft"]["surface"] / 2


def test_a_time_limit_still_gives_a_face(upscale_with, face, tmp_path):
    assert upscale_with(face, "--time-limit", 0.1, "--eps", 0).exit_code == 3
    assert rows(tmp_path)[0]["full_evaluations"] <= 12
    assert (tmp_path / "out" / "face.png").is_file()


def test_several_answers_differ_and_the_report_says_how_much(upscale_with, face, tmp_path):
    result = upscale_with(face, "--count", 3, "--quality", "draft", "--json")
    items = json.loads(result.stdout)["items"]
    assert [(Path(item["output"]).name, item["seed"]) for item in items] == [(f"face_{k}.png", k) for k in range(3)]
    pictures = np.stack([np.asarray(Image.open(item["output"])).astype(float) for item in items])
    assert [item["diversity"] for item in items] == [pytest.approx(pictures.std(axis=0).mean(), rel=1e-5)] * 3
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        assert np.abs(pictures[one] - pictures[other]).mean() > 1
    # The first one is the answer without --count.
    upscale_with(face, "--quality", "draft")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "face.png")), pictures[0])


def test_steps_and_animation_show_the_search_and_change_no_answer(upscale_with, face, tmp_path):
    upscale_with(face, "--quality", "draft")
    before = (tmp_path / "out" / "face.png").read_bytes()
    assert upscale_with(face, "--quality", "draft", "--save-steps", "--gif", "--fresh").exit_code in (0, 3)
    assert (tmp_path / "out" / "face.png").read_bytes() == before
    steps = sorted((tmp_path / "out" / "face_steps").iterdir())
    # A draft has 29 evaluations after the first, of which every fourth is shown, and its one pass.
    assert [path.name for path in steps] == [f"step_{k:04d}.png" for k in range(1, 9)]
    assert len({path.read_bytes() for path in steps}) > 4
    with Image.open(tmp_path / "out" / "face.gif") as animation:
        assert animation.size == (32, 32)
        assert sum(frame.info["duration"] for frame in ImageSequence.Iterator(animation)) == 8 * 80 + 2000
    again = upscale_with(face, "--quality", "draft", "--save-steps", "--gif")
    assert again.stdout.count("kept from an earlier run") == 1
