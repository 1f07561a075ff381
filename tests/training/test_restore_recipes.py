import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.networks.enlarge import EnlargeNet, EnlargeNetSettings
from photopulse.networks.files import read_network, write_network
from photopulse.networks.full_size import FullSizeNet, FullSizeSettings
from photopulse.networks.photo import PhotoNet, PhotoNetSettings
from photopulse.runs.watcher import Watcher
from photopulse.training.compute import Compute
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration import recipes as module
from photopulse.training.restoration.defaults import LossWeights
from photopulse.training.restoration.enlarge import EnlargeTraining
from photopulse.training.restoration.full_size import FullSizeTraining
from photopulse.training.restoration.pairs import PhotoCrops
from photopulse.training.restoration.photo import PhotoTraining
from photopulse.training.restoration.recipes import run_enlarge, run_full_size, run_photo

pytestmark = pytest.mark.usefixtures("one_thread")

PIXELS = LossWeights(perceptual=0)
QUICK = Optimisation(steps=2, batch_size=2, learning_rate=1e-3, warmup=1)
CROPS = PhotoCrops(size=64)
TINY_PHOTO = PhotoNetSettings(widths=(4, 4), blocks=(1, 1))
CPU = Compute()


def _settings(output: Path) -> dict:
    return json.loads((output / "settings.json").read_text())


def test_photos_become_a_photo_network(pictures: list[Path], tmp_path: Path, listen: Callable[..., Watcher]):
    small = tmp_path / "small.png"
    Image.new("RGB", (63, 99)).save(small)
    notes: list[str] = []
    settings = PhotoTraining(network=TINY_PHOTO, optimisation=QUICK, weights=PIXELS, crops=CROPS)
    weights = run_photo([small, *pictures], tmp_path / "out", settings, compute=CPU, watcher=listen(note=notes.append))
    network = read_network(weights, "photo", lambda sizes: PhotoNet(PhotoNetSettings(**sizes)))
    assert (weights.name, network.settings) == ("photo.safetensors", TINY_PHOTO)
    assert "below 64 px" in notes[0]
    stored = _settings(tmp_path / "out")
    assert (stored["photos"], stored["held_out"]) == (11, ["06.png"])
    assert stored["settings"]["crops"]["size"] == 64
    assert Image.open(tmp_path / "out" / "samples" / "000002.png").width == 16 + 3 * 260 - 4


def test_photos_become_a_super_resolution_network(pictures: list[Path], tmp_path: Path):
    sizes = EnlargeNetSettings(width=4, blocks=1)
    settings = EnlargeTraining(network=sizes, optimisation=QUICK, weights=PIXELS, crops=CROPS)
    weights = run_enlarge(pictures, tmp_path, settings, compute=CPU)
    network = read_network(weights, "enlarge", lambda sizes: EnlargeNet(EnlargeNetSettings(**sizes)))
    assert (weights.name, network.settings) == ("enlarge.safetensors", sizes)


def test_a_full_size_network_belongs_to_its_photo_network(pictures: list[Path], tmp_path: Path):
    for seed in (0, 1):
        torch.manual_seed(seed)
        write_network(PhotoNet(TINY_PHOTO), TINY_PHOTO, "photo", tmp_path / f"{seed}.safetensors")
    sizes = FullSizeSettings(hidden=4, blocks=1, width=4)
    settings = FullSizeTraining(network=sizes, optimisation=QUICK, weights=PIXELS, crops=CROPS)
    given = {"compute": CPU, "photo_net": tmp_path / "0.safetensors"}
    weights = run_full_size(pictures, tmp_path / "out", settings, **given)
    network = read_network(weights, "full-size", lambda sizes: FullSizeNet(FullSizeSettings(**sizes)))
    assert (weights.name, network.settings) == ("full-size.safetensors", sizes)
    with pytest.raises(PhotopulseError, match="photo_net_sha256 was"):
        run_full_size(pictures, tmp_path / "out", settings, **given | {"photo_net": tmp_path / "1.safetensors"})


def test_the_photo_network_is_by_default_the_one_that_ships(
    pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def shipped() -> PhotoNet:
        raise PhotopulseError("asked for it", why="this is a test", fix="go on")

    monkeypatch.setattr(module, "load_photo_net", shipped)
    with pytest.raises(PhotopulseError, match="asked for it"):
        run_full_size(pictures, tmp_path, FullSizeTraining(), compute=CPU)
