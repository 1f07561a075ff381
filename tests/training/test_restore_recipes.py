import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.networks.enlarge import EnlargeNet, EnlargeNetSettings
from photopulse.networks.face import FaceNet, FaceNetSettings, make_decoder
from photopulse.networks.files import read_network, write_network
from photopulse.networks.full_size import FullSizeNet, FullSizeSettings
from photopulse.networks.photo import PhotoNet, PhotoNetSettings
from photopulse.runs.watcher import Watcher
from photopulse.training.compute import Compute
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration import recipes as module
from photopulse.training.restoration.defaults import LossWeights
from photopulse.training.restoration.enlarge import EnlargeTraining
from photopulse.training.restoration.face_crops import FaceCrops
from photopulse.training.restoration.face_gan import FaceGANTraining, Stage
from photopulse.training.restoration.face_restoration import FaceTraining
from photopulse.training.restoration.full_size import FullSizeTraining
from photopulse.training.restoration.pairs import PhotoCrops
from photopulse.training.restoration.photo import PhotoTraining
from photopulse.training.restoration.recipes import run_enlarge, run_face, run_face_gan, run_full_size, run_photo

pytestmark = pytest.mark.usefixtures("one_thread")

PIXELS = LossWeights(perceptual=0)
QUICK = Optimisation(steps=2, batch_size=2, learning_rate=1e-3, warmup=1)
CROPS = PhotoCrops(size=64)
TINY_PHOTO = PhotoNetSettings(widths=(4, 4), blocks=(1, 1))
CPU = Compute()


@pytest.fixture
def faces(face_crops: FaceCrops, monkeypatch: pytest.MonkeyPatch) -> list[FaceCrops]:
    """Takes the place of the search for faces; gets the faces that the recipes learn from."""
    monkeypatch.setattr(module, "gather_faces", lambda _files, _folder, watcher: face_crops)
    learned: list[FaceCrops] = []
    for name in ("train_face", "train_face_gan"):
        original = getattr(module, name)

        def noted(crops, settings, original=original, **others):
            learned.append(crops)
            return original(crops, settings, **others)

        monkeypatch.setattr(module, name, noted)
    return learned


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


@pytest.mark.usefixtures("stage_features")
def test_a_decoder_that_was_a_gan_becomes_a_face_network(
    faces: list[FaceCrops], tiny_face_net: FaceNetSettings, tmp_path: Path, listen: Callable[..., Watcher]
):
    gan = FaceGANTraining(network=tiny_face_net, stages=(Stage(size=16, steps=1, batch_size=2),), learning_rate=1e-9)
    decoder = run_face_gan([], tmp_path / "gan", gan, compute=CPU)
    assert decoder.name == "face-gan.safetensors"
    assert Image.open(tmp_path / "gan" / "samples" / "000001.png").width == 16 + 6 * 132 - 4
    slow = replace(QUICK, steps=1, batch_size=1, learning_rate=1e-9)
    notes: list[str] = []
    weights = run_face(
        [],
        tmp_path / "face",
        FaceTraining(optimisation=slow),
        decoder=decoder,
        compute=CPU,
        watcher=listen(note=notes.append),
    )
    assert weights.name == "face.safetensors"
    network = read_network(weights, "face", lambda sizes: FaceNet(FaceNetSettings(**sizes)))
    assert network.settings == tiny_face_net
    start = read_network(decoder, "face-decoder", lambda sizes: make_decoder(FaceNetSettings(**sizes)))
    started = dict(start.named_parameters())
    assert {
        name for name, ours in network.decoder.named_parameters() if not torch.allclose(ours, started[name], 2e-3)
    } == {name for name in started if name.startswith(("to_rgb", "last")) and name.endswith("weight")}
    assert notes == []
    # Face 2 of 4 is shown; the last one is of the same photo.
    assert [learned.places.tolist() for learned in faces] == [[0, 1], [0, 1]]
    assert _settings(tmp_path / "face")["held_out_faces"] == [2]
    with pytest.raises(PhotopulseError, match="decoder_sha256 was"):
        run_face([], tmp_path / "face", FaceTraining(network=tiny_face_net, optimisation=slow), compute=CPU)


@pytest.mark.usefixtures("stage_features", "faces")
def test_without_a_decoder_a_note_says_so(
    tiny_face_net: FaceNetSettings, tmp_path: Path, listen: Callable[..., Watcher]
):
    notes: list[str] = []
    settings = FaceTraining(network=tiny_face_net, optimisation=replace(QUICK, steps=1, batch_size=1))
    run_face([], tmp_path, settings, compute=CPU, watcher=listen(note=notes.append))
    assert len(notes) == 1
    assert "--decoder" in notes[0]
    assert Image.open(tmp_path / "samples" / "000001.png").width == 16 + 5 * 260 - 4


def test_faces_of_one_photo_are_too_few(face_crops: FaceCrops, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    one = replace(face_crops, places=face_crops.places[2:])
    monkeypatch.setattr(module, "gather_faces", lambda _files, _folder, watcher: one)
    with pytest.raises(PhotopulseError, match="faces of one photo"):
        run_face_gan([], tmp_path, FaceGANTraining(), compute=CPU)


def test_a_file_that_is_no_decoder_is_refused(tmp_path: Path):
    write_network(PhotoNet(TINY_PHOTO), TINY_PHOTO, "photo", tmp_path / "photo.safetensors")
    with pytest.raises(PhotopulseError, match=r"cannot read the network .*photo\.safetensors"):
        run_face([], tmp_path, FaceTraining(), decoder=tmp_path / "photo.safetensors", compute=CPU)
