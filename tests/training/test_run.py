import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.networks.files import read_network, write_network
from photopulse.runs.watcher import Watcher
from photopulse.training import run as module
from photopulse.training.compute import Compute
from photopulse.training.loop import Trained
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.defaults import LossWeights
from photopulse.training.restoration.pairs import Pairs
from photopulse.training.restoration.train import restore_plainly, train_restoration
from photopulse.training.run import PreparedTraining, Recipe, run_recipe

pytestmark = pytest.mark.usefixtures("one_thread")


@dataclass(frozen=True, kw_only=True)
class Sizes:
    width: int = 3


def _batches(done: int) -> Iterator[Pairs]:
    while True:
        dark = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(done)) / 2
        yield Pairs(damaged=dark, sharp=dark + 0.25)
        done += 1


def _network(sizes: Sizes) -> nn.Module:
    torch.manual_seed(0)
    return nn.Conv2d(3, sizes.width, 1)


def _recipe(steps: int = 4, name: str = "toy", compute: Compute | None = None) -> Recipe:
    settings = Optimisation(steps=steps, batch_size=2, learning_rate=1e-2, warmup=2, save_every=2)

    def train(checkpoint: Path) -> Iterator[Trained]:
        return train_restoration(
            _network(Sizes()),
            _batches,
            settings,
            weights=LossWeights(perceptual=0),
            restore=restore_plainly,
            checkpoint=checkpoint,
            compute=compute or Compute(),
        )

    def write_sheet(path: Path, network: nn.Module, step: int) -> None:
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (step, 1)).save(path)

    def prepare(watcher: Watcher) -> PreparedTraining:
        watcher.note("prepared")
        return PreparedTraining(data_summary={"photos": 7}, train=train, write_sheet=write_sheet)

    return Recipe(
        name=name,
        steps=steps,
        settings={"settings": {"steps": steps}},
        network=_network(Sizes()),
        prepare=prepare,
        write=lambda trained, path: write_network(trained, Sizes(), "toy", path),
    )


def _run(output: Path, recipe: Recipe | None = None, *, fresh: bool = False, watcher: Watcher | None = None) -> Path:
    return run_recipe(recipe or _recipe(), output, compute=Compute(), fresh=fresh, watcher=watcher)


def _losses(output: Path) -> list[tuple[str, ...]]:
    with (output / "losses.csv").open(newline="") as file:
        return [(cells[0], *cells[2:]) for cells in csv.reader(file)]


class StopIn(Watcher):
    """Interrupts a training after a step."""

    def __init__(self, number: int) -> None:
        self._number = number

    def step(self, done: int, **_told: object) -> None:
        if done == self._number:
            raise KeyboardInterrupt


def test_a_training_leaves_weights_settings_losses_curves_and_sheets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listen: Callable[..., Watcher]
):
    monkeypatch.setattr(module, "_SHEET_EVERY", 3)
    notes, steps, lines = [], [], []
    watcher = listen(
        note=notes.append,
        start=lambda stage, total: steps.append((stage, total)),
        step=lambda done, figures: steps.append((done, set(figures))),
        log=lambda step, figures: lines.append((step, set(figures))),
    )
    weights = _run(tmp_path / "out", watcher=watcher)
    assert weights == tmp_path / "out" / "toy.safetensors"
    average = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)["average"]
    for name, values in read_network(weights, "toy", lambda sizes: _network(Sizes(**sizes))).state_dict().items():
        assert torch.equal(values, average[name].half().float())
    stored = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert (stored["recipe"], stored["settings"], stored["photos"], stored["device"]) == ("toy", {"steps": 4}, 7, "cpu")
    assert sorted(path.name for path in (tmp_path / "out" / "samples").iterdir()) == ["000003.png", "000004.png"]
    assert Image.open(tmp_path / "out" / "losses.png").width > 100
    assert (notes, lines) == (["prepared"], [(4, {"pixel"})])
    assert steps == [("training", 4), *((step, {"pixel"}) for step in range(1, 5))]
    assert [line[0] for line in _losses(tmp_path / "out")] == ["step", "4"]


def test_an_interrupted_training_goes_on_to_the_same_weights_and_losses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    original = module.LossLog
    monkeypatch.setattr(module, "LossLog", lambda path, done: original(path, done=done, every=1))
    whole = _run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path / "parts", watcher=StopIn(3))
    assert not (tmp_path / "parts" / "toy.safetensors").exists()
    assert _run(tmp_path / "parts").read_bytes() == whole.read_bytes()
    assert _losses(tmp_path / "parts") == _losses(tmp_path / "whole")


def test_a_finished_training_writes_its_weights_again_without_a_step(tmp_path: Path):
    weights = _run(tmp_path)
    before = weights.read_bytes()
    weights.unlink()
    _run(tmp_path, watcher=StopIn(1))
    assert weights.read_bytes() == before


def test_other_settings_do_not_go_on_unless_all_is_made_fresh(tmp_path: Path):
    _run(tmp_path)
    (tmp_path / "faces").mkdir()
    with pytest.raises(PhotopulseError, match=r"settings\.steps was 4 and is 2 now.*--fresh"):
        _run(tmp_path, _recipe(steps=2))
    _run(tmp_path, _recipe(steps=2), fresh=True)
    assert [path.name for path in (tmp_path / "samples").iterdir()] == ["000002.png"]
    assert [line[0] for line in _losses(tmp_path)] == ["step", "2"]
    assert (tmp_path / "faces").exists()


def test_another_recipe_is_named_and_nothing_else(tmp_path: Path):
    _run(tmp_path)
    with pytest.raises(PhotopulseError, match=r": recipe was toy and is other now\. "):
        _run(tmp_path, _recipe(steps=2, name="other"))


def test_another_number_of_processes_is_another_training(tmp_path: Path):
    _run(tmp_path)
    with pytest.raises(PhotopulseError, match="processes was 1 and is 2 now"):
        run_recipe(_recipe(), tmp_path, compute=Compute(processes=2), fresh=False, watcher=None)


def test_only_the_main_process_writes_and_speaks(tmp_path: Path, listen: Callable[..., Watcher]):
    compute, notes = Compute(process=1, processes=2), []
    watcher = listen(note=notes.append, start=lambda *_: notes.append("start"), step=lambda *_: notes.append("step"))
    run_recipe(_recipe(compute=compute), tmp_path / "out", compute=compute, fresh=False, watcher=watcher)
    assert notes == []
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PhotopulseError, match=r"cannot (train in|write) .*file"):
        _run(tmp_path / "file")
