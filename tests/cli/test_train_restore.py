"""`photopulse train photo | full-size | enlarge` as a user meets them."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.networks.photo import PhotoNet, PhotoNetSettings
from photopulse.training.compute import Compute
from photopulse.training.restoration import recipes as restore_recipes

QUICK = ("--steps", 2, "--batch-size", 2, "--perceptual", 0, "--crop", 64)


@pytest.fixture
def folder(tmp_path):
    """Four smooth photos."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((96, 80)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def train(tmp_path, folder, one_thread, monkeypatch):
    """Runs ``photopulse train RECIPE photos -o out``, alone and on the CPU."""
    monkeypatch.delenv("WORLD_SIZE", raising=False)

    def run(recipe, *arguments, photos=folder):
        settings = ("-o", tmp_path / "out", "--device", "cpu")
        return CliRunner().invoke(app, ["train", recipe, *map(str, (photos, *settings, *arguments))])

    return run


def _stored_settings(tmp_path):
    return json.loads((tmp_path / "out" / "settings.json").read_text())["settings"]


def test_photos_become_a_file_of_weights(train, folder, tmp_path):
    (folder / "broken.png").write_bytes(b"no picture")
    result = train("photo", *QUICK, "--lr", 1e-3, "--seed", 5)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'out' / 'photo.safetensors'}\n"
    assert "1 of 5 files are left out: cannot read" in result.stderr
    assert "step 2" in result.stderr
    assert "pixel 0." in result.stderr
    stored = _stored_settings(tmp_path)
    kept = stored["optimisation"]
    assert (kept["steps"], kept["batch_size"], kept["learning_rate"], kept["seed"]) == (2, 2, 1e-3, 5)
    assert (stored["weights"]["perceptual"], stored["crops"]["size"]) == (0, 64)


def test_a_rerun_has_nothing_to_do_and_other_settings_are_refused(train):
    train("photo", *QUICK)
    again = train("photo", *QUICK)
    assert again.exit_code == 0
    assert "step" not in again.stderr
    other = train("photo", *QUICK, "--lr", 0.1)
    assert other.exit_code == 2
    (line,) = other.stderr.splitlines()
    assert "settings.optimisation.learning_rate was 0.0008 and is 0.1 now" in line
    assert train("photo", *QUICK, "--lr", 0.1, "--fresh").exit_code == 0


def test_an_odd_crop_is_made_even_for_super_resolution(train, tmp_path):
    assert train("enlarge", *QUICK[:-1], 63).exit_code == 0
    assert _stored_settings(tmp_path)["crops"]["size"] == 64


def test_a_full_size_network_is_trained_for_a_given_photo_network(train, tmp_path):
    from photopulse.networks.files import write_network

    sizes = PhotoNetSettings(widths=(4, 4), blocks=(1, 1))
    write_network(PhotoNet(sizes), sizes, "photo", tmp_path / "photo.safetensors")
    result = train("full-size", *QUICK, "--photo-net", tmp_path / "photo.safetensors")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'out' / 'full-size.safetensors'}\n"


def test_an_interruption_exits_with_130_and_the_next_run_goes_on(train, monkeypatch, tmp_path):
    original = restore_recipes.train_photo

    def impatient(files, settings, **others):
        from dataclasses import replace

        often = replace(settings, optimisation=replace(settings.optimisation, save_every=1))
        for state in original(files, often, **others):
            yield state
            raise KeyboardInterrupt

    monkeypatch.setattr(restore_recipes, "train_photo", impatient)
    result = train("photo", *QUICK)
    assert result.exit_code == 130
    assert "interrupted; the same command goes on from the last checkpoint" in result.stderr
    monkeypatch.setattr(restore_recipes, "train_photo", original)
    assert train("photo", *QUICK).exit_code == 0
    lines = (tmp_path / "out" / "losses.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["step", "2"]


@pytest.mark.parametrize(
    ("recipe", "arguments", "message"),
    [
        ("photo", ("--crop", 500), "none of them is a photo of 500 px"),
        ("photo", ("--device", "toaster"), "cannot use the device 'toaster'"),
        ("full-size", ("--photo-net", "none.safetensors"), "cannot read the network none.safetensors"),
    ],
)
def test_what_cannot_be_trained_is_an_error(train, recipe, arguments, message):
    result = train(recipe, *arguments)
    assert result.exit_code == 2
    line = result.stderr.splitlines()[-1]
    assert line.startswith("error: cannot ")
    assert message in line


@pytest.mark.parametrize(
    "arguments", [("--steps", 0), ("--lr", 0), ("--seed", -1), ("--crop", 8), ("--perceptual", -1)]
)
def test_wrong_usage_exits_with_two(train, arguments):
    assert train("photo", *arguments).exit_code == 2


def test_other_than_the_main_process_says_nothing(train, monkeypatch):
    compute = Compute(process=1, processes=2)
    monkeypatch.setattr("photopulse.training.compute.find_compute", lambda _device: compute)
    result = train("photo", *QUICK)
    assert (result.exit_code, result.output) == (0, "")
