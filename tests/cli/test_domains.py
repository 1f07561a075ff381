"""The whole way of a domain: crops, a generator trained on them, its fit, and what searches it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.degrade import Bicubic
from photopulse.images import read_image, write_image

pytestmark = pytest.mark.usefixtures("one_thread")


def slide(path: Path, seed: int) -> None:
    """Draws a gray 16-bit picture of four bright cells on a dark ground, as a microscope makes it."""
    random = np.random.default_rng(seed)
    picture = Image.new("L", (96, 96), 20)
    draw = ImageDraw.Draw(picture)
    for x, y in ((24, 24), (72, 24), (24, 72), (72, 72)):
        width, height = random.integers(9, 14, 2)
        draw.ellipse((x - width, y - height, x + width, y + height), fill=int(random.integers(200, 250)))
    deep = np.asarray(picture).astype(np.uint16) * 8 + random.integers(0, 40, (96, 96)).astype(np.uint16)
    Image.fromarray(deep).save(path)


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.stdout


def test_a_folder_of_pictures_becomes_a_generator_that_upscales_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path / "cache"))
    # KD and FD need weights that are fetched.
    monkeypatch.setattr("photopulse.training.generator.run._features", lambda _compute, _watcher: None)
    slides = tmp_path / "slides"
    slides.mkdir()
    for number in range(16):
        slide(slides / f"{number:02}.png", number)

    # Crops of bright things.
    crops = tmp_path / "crops"
    run("crop", slides, "-o", crops, "--boxes", "bright", "--stretch", "--size", 32, "--side", 40, "--hold-out", 4)
    measured = sorted((crops / "measure").iterdir())
    assert len(measured) + len(list((crops / "train").iterdir())) == 64

    # A generator, and its fit.
    small = ("--size", 32, "--width", 512, "--channels", 16, "--style", 16, "--batch-size", 8)
    generator = run("train", "generator", crops, "-o", tmp_path / "cells", *small, "--steps", 12, "--turn").strip()
    assert generator == str(tmp_path / "cells" / "generator.safetensors")
    fitted = json.loads(
        run(
            "models",
            "fit",
            generator,
            "--samples",
            2000,
            "--twins",
            16,
            "--twin-samples",
            16,
            "--twin-steps",
            4,
            "--json",
        )
    )
    assert (fitted["generator"], fitted["twins"][0]["size"]) == ("cells", 16)

    # Held-out pictures, made small, become large ones that downscale back to them.
    (tmp_path / "in").mkdir()
    given = tmp_path / "in" / "a.png"
    write_image(given, Bicubic(4)(read_image(measured[0]).pixels).clamp(0, 1))
    command = ("upscale", given, "--generator", generator, "--align", "none", "--quality", "draft", "--exact")
    run(*command, "-o", tmp_path / "up", "--count", 2)
    for number in range(2):
        made = read_image(tmp_path / "up" / f"a_{number}.png").pixels
        assert made.shape == (1, 3, 32, 32)
        assert (Bicubic(4)(made) - read_image(given).pixels).square().mean() < 1e-4

    # Samples, an evaluation and an audit without faces.
    run("sample", 2, "-o", tmp_path / "samples", "--generator", generator)
    assert read_image(tmp_path / "samples" / "000001.png").pixels.shape == (1, 3, 32, 32)
    without = ("--generator", generator, "--no-faces")
    methods = (
        "--methods",
        "bicubic,fast:draft",
        "--small",
        8,
        "--size",
        32,
        "--aligned",
        "--no-identity",
        "--no-perceptual",
    )
    run("evaluate", measured[0], "-o", tmp_path / "evaluation", *methods, *without, code=3)
    assert "fast:draft" in (tmp_path / "evaluation" / "table.md").read_text()
    run("audit", measured[0], "-o", tmp_path / "audit", "--size", 8, *without)
    page = (tmp_path / "audit" / "audit.md").read_text()
    assert "1 pictures measured" in page
    assert "skin tone are left out" in page
    assert "All pictures" in page


def test_a_word_for_align_that_is_neither_a_size_nor_none_is_refused(tmp_path: Path):
    write_image(tmp_path / "a.png", read_image(_picture(tmp_path)).pixels)
    result = CliRunner().invoke(app, ["upscale", str(tmp_path / "a.png"), "--align", "some"])
    assert result.exit_code == 2
    assert "or none" in result.stderr


def _picture(folder: Path) -> Path:
    Image.new("RGB", (8, 8), (1, 2, 3)).save(folder / "b.png")
    return folder / "b.png"
