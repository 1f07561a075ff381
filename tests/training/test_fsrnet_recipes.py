import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.networks.files import write_network
from photopulse.networks.fsrnet import FSRNet, FSRNetSettings
from photopulse.networks.fsrnet_weights import KIND, read_fsrnet
from photopulse.runs.watcher import Watcher
from photopulse.training import run
from photopulse.training.compute import Compute
from photopulse.training.fsrnet import recipes as module
from photopulse.training.fsrnet.defaults import FSRGAN, FSRNET
from photopulse.training.fsrnet.fsrgan import FSRGANTraining
from photopulse.training.fsrnet.fsrnet import FSRNetTraining
from photopulse.training.fsrnet.recipes import run_fsrgan, run_fsrnet
from photopulse.training.learner import seeded_weights

pytestmark = pytest.mark.usefixtures("one_thread", "detector")


@pytest.fixture
def settings(tiny: FSRNetSettings) -> FSRNetTraining:
    return FSRNetTraining(network=tiny, optimisation=replace(FSRNET, steps=4, batch_size=2, warmup=2, save_every=2))


def _interrupted_in_step(number: int) -> Watcher:
    class Impatient(Watcher):
        def start(self, stage: str, steps: int) -> None:
            self.trains = stage == "training"

        def step(self, done: int, **_told: Any) -> None:
            if self.trains and done == number:
                raise KeyboardInterrupt

    return Impatient()


def _losses(output: Path) -> list[tuple[str, ...]]:
    with (output / "losses.csv").open(newline="") as file:
        return [(cells[0], *cells[2:]) for cells in csv.reader(file)]


def test_a_training_leaves_weights_settings_losses_and_a_sheet(
    pictures: list[Path], settings: FSRNetTraining, tmp_path: Path, listen: Callable[..., Watcher]
):
    stages, steps, lines = [], [], []
    watcher = listen(
        start=lambda stage, total: stages.append((stage, total)),
        step=lambda done, figures=None: steps.append(done),
        log=lambda step, figures: lines.append((step, set(figures))),
    )
    weights = run_fsrnet(pictures, tmp_path / "out", settings, compute=Compute(), watcher=watcher)
    assert weights == tmp_path / "out" / "fsrnet.safetensors"
    average = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)["average"]
    for name, values in read_fsrnet(weights).state_dict().items():
        assert torch.equal(values, average[name].half().float())
    stored = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert stored["recipe"] == "fsrnet"
    assert stored["settings"]["network"]["stride"] == 8
    assert stored["faces"] == 11
    assert stored["held_out"] == ["06.png"]
    assert Image.open(tmp_path / "out" / "samples" / "000004.png").height > 256
    assert stages == [("finding faces", 12), ("training", 4)]
    assert steps == [*range(1, 13), *range(1, 5)]
    assert lines == [(4, {"fine", "coarse", "landmarks", "parts"})]
    assert [line[0] for line in _losses(tmp_path / "out")] == ["step", "4"]


def test_an_interrupted_training_goes_on_to_the_same_weights_and_losses(
    pictures: list[Path], settings: FSRNetTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    original = run.LossLog
    monkeypatch.setattr(run, "LossLog", lambda path, done: original(path, done=done, every=1))
    whole = run_fsrnet(pictures, tmp_path / "whole", settings, compute=Compute())
    with pytest.raises(KeyboardInterrupt):
        run_fsrnet(pictures, tmp_path / "broken", settings, compute=Compute(), watcher=_interrupted_in_step(3))
    assert not (tmp_path / "broken" / "fsrnet.safetensors").exists()
    assert [line[0] for line in _losses(tmp_path / "broken")] == ["step", "1", "2", "3"]
    broken = run_fsrnet(pictures, tmp_path / "broken", settings, compute=Compute())
    assert broken.read_bytes() == whole.read_bytes()
    assert _losses(tmp_path / "broken") == _losses(tmp_path / "whole")
    sheets = [(folder / "samples" / "000004.png").read_bytes() for folder in (tmp_path / "broken", tmp_path / "whole")]
    assert sheets[0] == sheets[1]


def test_a_finished_training_writes_its_weights_again_without_a_step(
    pictures: list[Path], settings: FSRNetTraining, tmp_path: Path
):
    weights = run_fsrnet(pictures, tmp_path, settings, compute=Compute())
    before = weights.read_bytes()
    weights.unlink()
    run_fsrnet(pictures, tmp_path, settings, compute=Compute(), watcher=_interrupted_in_step(1))
    assert weights.read_bytes() == before


def test_other_settings_do_not_go_on_unless_all_is_made_fresh(
    pictures: list[Path], settings: FSRNetTraining, tmp_path: Path
):
    run_fsrnet(pictures, tmp_path, settings, compute=Compute())
    other = FSRNetTraining(network=settings.network, optimisation=replace(FSRNET, steps=2, batch_size=2, seed=3))
    with pytest.raises(PhotopulseError, match=r"settings\.optimisation\.steps was 4 and is 2 now.*--fresh"):
        run_fsrnet(pictures, tmp_path, other, compute=Compute())
    run_fsrnet(pictures, tmp_path, other, compute=Compute(), fresh=True)
    assert [path.name for path in (tmp_path / "samples").iterdir()] == ["000002.png"]
    assert [line[0] for line in _losses(tmp_path)] == ["step", "2"]


def test_sheets_come_at_their_steps(
    pictures: list[Path], settings: FSRNetTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(run, "_SHEET_EVERY", 3)
    run_fsrnet(pictures, tmp_path, settings, compute=Compute())
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == ["000003.png", "000004.png"]


def test_faces_kept_apart_are_never_learned_from_and_doubles_count_twice(
    pictures: list[Path], settings: FSRNetTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen: list[Path] = []

    def training(faces: Any, settings: Any, **others: Any) -> Any:
        seen.extend(face.file for face in faces)
        return original(faces, settings, **others)

    original = module.train_fsrnet
    monkeypatch.setattr(module, "train_fsrnet", training)
    run_fsrnet([*pictures, *pictures[4:]], tmp_path, settings, compute=Compute())
    assert seen == [file for file in [*pictures, *pictures[4:]] if file.name != "06.png"]


def test_too_few_faces_are_refused(pictures: list[Path], tiny: FSRNetSettings, tmp_path: Path):
    settings = FSRNetTraining(network=tiny, optimisation=replace(FSRNET, batch_size=12))
    with pytest.raises(PhotopulseError, match=r"11 faces \(and 1 held out.*fewer than the 12 of a batch"):
        run_fsrnet(pictures, tmp_path, settings, compute=Compute())


def test_pictures_without_a_face_are_told_and_nothing_but_them_is_refused(
    pictures: list[Path], settings: FSRNetTraining, tmp_path: Path, listen: Callable[..., Watcher]
):
    black = tmp_path / "black.png"
    Image.new("RGB", (256, 256)).save(black)
    notes: list[str] = []
    run_fsrnet([black, *pictures], tmp_path / "out", settings, compute=Compute(), watcher=listen(note=notes.append))
    assert notes == ["1 of 13 pictures show no face and are left out"]
    with pytest.raises(PhotopulseError, match="no face was found in any of the 1 pictures"):
        run_fsrnet([black], tmp_path / "none", settings, compute=Compute())


def test_a_place_that_cannot_be_written_to_is_named(pictures: list[Path], settings: FSRNetTraining, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PhotopulseError, match=r"cannot train in .*file"):
        run_fsrnet(pictures, tmp_path / "file", settings, compute=Compute())


@pytest.mark.usefixtures("small_discriminator")
def test_fsrgan_starts_from_a_file_and_does_not_go_on_from_another(
    pictures: list[Path], tiny: FSRNetSettings, tmp_path: Path
):
    for seed in (0, 1):
        with seeded_weights(seed):
            write_network(FSRNet(tiny), tiny, KIND, tmp_path / f"{seed}.safetensors")
    settings = FSRGANTraining(optimisation=replace(FSRGAN, steps=1, batch_size=2, learning_rate=1e-6))
    weights = run_fsrgan(pictures, tmp_path / "out", settings, compute=Compute(), start=tmp_path / "0.safetensors")
    assert weights == tmp_path / "out" / "fsrgan.safetensors"
    trained, start = (read_fsrnet(path).state_dict() for path in (weights, tmp_path / "0.safetensors"))
    for name, values in start.items():
        torch.testing.assert_close(trained[name], values, rtol=2e-3, atol=1e-5)
    assert "adversarial" in _losses(tmp_path / "out")[0]
    with pytest.raises(PhotopulseError, match="start_sha256 was"):
        run_fsrgan(pictures, tmp_path / "out", settings, compute=Compute(), start=tmp_path / "1.safetensors")
