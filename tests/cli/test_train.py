"""`photopulse train` as a user meets it."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.networks.files import write_network
from photopulse.networks.fsrnet import PUBLISHED, SMALL, FSRNet
from photopulse.networks.fsrnet_weights import KIND, read_fsrnet
from photopulse.training.fsrnet.faces import TrainingFace


@pytest.fixture
def folder(tmp_path):
    """Twelve pictures that stand for faces."""
    folder = tmp_path / "faces"
    folder.mkdir()
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((256, 256)).save(folder / f"{number:02d}.png")
    return folder


@pytest.fixture
def train(tmp_path, folder, tiny_fsrnet, one_thread, monkeypatch):
    """Runs ``photopulse train fsrnet faces -o out`` with a tiny network; every picture has the same flat mesh."""
    points = np.random.default_rng(0).uniform(0.2, 0.8, (468, 2))
    monkeypatch.setattr(
        "photopulse.training.fsrnet.recipes.find_meshes",
        lambda files, _cache: (TrainingFace(file=file, points=points) for file in files),
    )
    monkeypatch.setattr("photopulse.networks.fsrnet.SMALL", tiny_fsrnet)

    def run(*arguments, recipe="fsrnet", faces=(folder,)):
        settings = ("-o", tmp_path / "out", "--device", "cpu")
        return CliRunner().invoke(app, ["train", recipe, *map(str, (*faces, *settings, *arguments))])

    return run


def test_a_folder_of_faces_becomes_a_file_of_weights(train, tiny_fsrnet, tmp_path):
    result = train("--steps", 2, "--batch-size", 2, "--lr", 1e-3, "--seed", 5)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'out' / 'fsrnet.safetensors'}\n"
    assert "step 2" in result.stderr
    assert "fine 0." in result.stderr
    assert read_fsrnet(tmp_path / "out" / "fsrnet.safetensors").settings == tiny_fsrnet
    stored = json.loads((tmp_path / "out" / "settings.json").read_text())["settings"]["optimisation"]
    assert (stored["steps"], stored["batch_size"], stored["learning_rate"], stored["seed"]) == (2, 2, 1e-3, 5)


def test_a_rerun_has_nothing_to_do_and_fresh_starts_anew(train, tmp_path):
    train("--steps", 1, "--batch-size", 2)
    assert "step" not in train("--steps", 1, "--batch-size", 2).stderr
    result = train("--steps", 2, "--batch-size", 2)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: cannot go on with the training in")
    assert "settings.optimisation.steps was 1 and is 2 now" in line
    assert train("--steps", 2, "--batch-size", 2, "--fresh").exit_code == 0


def test_a_folder_named_twice_counts_twice(train, folder, tmp_path):
    assert train("--steps", 1, "--batch-size", 14, faces=(folder, folder)).exit_code == 0
    assert json.loads((tmp_path / "out" / "settings.json").read_text())["faces"] == 22


def test_fsrgan_goes_on_from_a_trained_network(tiny_fsrnet, train, tmp_path, monkeypatch):
    import torch

    class Features:
        def stages(self, image):
            return [image]

    monkeypatch.setattr("photopulse.training.fsrnet.fsrgan.load_features", lambda _device: Features())
    torch.manual_seed(0)
    write_network(FSRNet(tiny_fsrnet), tiny_fsrnet, KIND, tmp_path / "start.safetensors")
    arguments = ("--start", tmp_path / "start.safetensors", "--steps", 1, "--batch-size", 2)
    result = train(*arguments, recipe="fsrgan")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'out' / 'fsrgan.safetensors'}\n"
    assert "discriminator" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--batch-size", 12), "fewer than the 12 of a batch"),
        (("--device", "toaster"), "cannot use the device 'toaster'"),
        (("--start", "none.safetensors"), "cannot read the network none.safetensors"),
    ],
)
def test_what_cannot_be_trained_is_one_line_of_error(train, arguments, message):
    result = train(*arguments, recipe="fsrgan" if "--start" in arguments else "fsrnet")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: cannot ")
    assert message in line


def test_a_folder_without_pictures_is_named(train, tmp_path):
    (tmp_path / "empty").mkdir()
    result = train(faces=(tmp_path / "empty",))
    assert result.exit_code == 2
    assert f"no pictures in {tmp_path / 'empty'}" in result.stderr


@pytest.mark.parametrize("arguments", [("--steps", 0), ("--lr", 0), ("--seed", -1), ("--batch-size", "many")])
def test_wrong_usage_exits_with_two(train, arguments):
    assert train(*arguments).exit_code == 2


def test_an_interruption_exits_with_130_and_the_next_run_goes_on(train, tmp_path, monkeypatch):
    from photopulse.training.fsrnet import recipes as module

    original = module.train_fsrnet

    def impatient(faces, settings, **others):
        often = replace(settings, optimisation=replace(settings.optimisation, save_every=1))
        for state in original(faces, often, **others):
            yield state
            if state.step == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(module, "train_fsrnet", impatient)
    result = train("--steps", 3, "--batch-size", 2)
    assert result.exit_code == 130
    assert "the same command goes on" in result.stderr
    monkeypatch.setattr(module, "train_fsrnet", original)
    result = train("--steps", 3, "--batch-size", 2)
    assert result.exit_code == 0
    lines = (tmp_path / "out" / "losses.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["step", "3"]


@pytest.mark.parametrize(("arguments", "network"), [((), SMALL), (("--published",), PUBLISHED)])
def test_published_means_the_sizes_of_the_paper(folder, monkeypatch, tmp_path, arguments, network):
    given = []
    monkeypatch.setattr(
        "photopulse.training.fsrnet.recipes.run_fsrnet",
        lambda files, output, settings, **_: given.append(settings) or output,
    )
    CliRunner().invoke(app, ["train", "fsrnet", str(folder), "-o", str(tmp_path / "out"), *arguments])
    assert [settings.network for settings in given] == [network]


def test_help_shows_the_defaults_without_loading_torch():
    code = "import sys; from photopulse.cli import app; app(standalone_mode=False); assert 'torch' not in sys.modules"
    for recipe in ("photo", "fsrgan"):
        command = [sys.executable, "-c", code, "train", recipe, "--help"]
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        assert "--lr" in result.stdout
