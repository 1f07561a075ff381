"""The face network's training with a toy generator: its pairs, its losses, and the way to a file of weights."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.images import write_image
from photopulse.networks.face_features import FaceFeatureNet, FaceFeatureSettings
from photopulse.networks.files import read_network
from photopulse.networks.shipped import face_kind, load_photo_net
from photopulse.search.kit import SearchKit
from photopulse.search.prior import fit_prior
from photopulse.training.compute import Compute
from photopulse.training.optimisation import Optimisation
from photopulse.training.restoration.face.pairs import FaceDamage, face_batches, make_pairs
from photopulse.training.restoration.face.recipe import run_face
from photopulse.training.restoration.face.train import FaceTraining, face_training, train_face

pytestmark = pytest.mark.usefixtures("one_thread", "own_cache")

NETWORK = FaceFeatureSettings(channels=12, widths=(8, 8), blocks=(1, 1), reduced=8)
DAMAGE = FaceDamage(size=32)
QUICK = Optimisation(steps=4, batch_size=2, learning_rate=1e-3, warmup=1, save_every=2)
SETTINGS = FaceTraining(network=NETWORK, optimisation=QUICK, damage=DAMAGE, perceptual=0.0)


@pytest.fixture(scope="module")
def kit(build_generator: Callable[..., MobileStyleGAN]) -> SearchKit:
    generator = build_generator(channels=(12, 12, 12, 12))
    return SearchKit(generator=generator, prior=fit_prior(generator, samples=500))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three pictures of 256 px with edges and colours."""
    paths = [tmp_path / "faces" / f"{name}.png" for name in "abc"]
    for place, path in enumerate(paths):
        picture = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(place))
        write_image(path, torch.nn.functional.interpolate(picture, (256, 256), mode="nearest"))
    return paths


@pytest.fixture
def faces(kit: SearchKit, files: list[Path]) -> dict[Path, torch.Tensor]:
    """The files, with points that lie a little beside the mean face."""
    random = torch.Generator().manual_seed(0)
    num_ws = kit.generator.num_ws
    return {file: torch.randn(2, 16 * (1 + num_ws), generator=random) * 0.1 for file in files}


def test_pairs_are_the_same_face_damaged_and_sharp(faces):
    pairs = make_pairs(faces, DAMAGE, load_photo_net(), 3, torch.Generator().manual_seed(0))
    assert pairs.damaged.shape == (3, 3, 128, 128)
    assert pairs.sharp.shape == (3, 3, 32, 32)
    for picture in (pairs.damaged, pairs.sharp):
        assert picture.min() >= 0
        assert picture.max() <= 1
    # The same places hold the same colours.
    coarse = [torch.nn.functional.interpolate(part, (8, 8), mode="area") for part in (pairs.damaged, pairs.sharp)]
    errors = (coarse[0] - coarse[1]).square().mean((1, 2, 3))
    others = (coarse[0] - coarse[1].roll(1, 0)).square().mean((1, 2, 3))
    assert (errors < 0.03).all()
    assert errors.mean() < others.mean() or torch.equal(coarse[1][0], coarse[1][1])


def test_a_batch_depends_on_the_step_alone_and_each_use_differs(faces):
    batches = face_batches(faces, DAMAGE, load_photo_net(), QUICK, Compute())
    walk = batches(0)
    first, second = next(walk), next(walk)
    again = next(batches(1))
    assert torch.equal(second.sharp, again.sharp)
    assert torch.equal(second.damaged, again.damaged)
    assert not torch.equal(first.sharp, second.sharp)


def test_it_learns_and_resumes(kit, faces, tmp_path):
    settings = replace(SETTINGS, optimisation=replace(QUICK, steps=12, learning_rate=3e-3))
    whole = list(train_face(faces, kit, settings, checkpoint=tmp_path / "a.pt", compute=Compute()))
    assert [state.step for state in whole] == list(range(1, 13))
    assert set(whole[0].losses) == {"pixel", "perceptual", "change"}
    assert whole[0].losses["change"] == 0
    assert whole[-1].losses["change"] > 0
    stopped = train_face(faces, kit, settings, checkpoint=tmp_path / "b.pt", compute=Compute())
    for state in stopped:
        if state.step == 7:
            break
    resumed = list(train_face(faces, kit, settings, checkpoint=tmp_path / "b.pt", compute=Compute()))
    assert resumed[0].step == 7
    assert resumed[-1].losses == pytest.approx(whole[-1].losses, rel=1e-3)


def test_the_recipe_writes_weights_that_restore_loads_and_a_sheet(kit, files, tmp_path):
    path = run_face(files, kit, tmp_path / "run", SETTINGS, compute=Compute())
    kind = face_kind(32)
    assert path.name == f"{kind}.safetensors"
    network = read_network(path, kind, lambda sizes: FaceFeatureNet(FaceFeatureSettings(**sizes)))
    assert network.settings == NETWORK
    with Image.open(tmp_path / "run" / "samples" / "000004.png") as sheet:
        assert sheet.width > 4 * 128


def test_styles_of_faces_are_found_once_and_mirrored_ones_too(kit, files, tmp_path):
    from photopulse.runs.watcher import Watcher
    from photopulse.training.restoration.face.styles import face_points

    class Counting(Watcher):
        done = 0

        def step(self, *_args: object, **_kwargs: object) -> None:
            self.done += 1

    first, again = Counting(), Counting()
    points = face_points(files, kit, tmp_path / "styles.safetensors", first)
    assert first.done == 1
    assert {point.shape for point in points.values()} == {(2, 16 * (1 + kit.generator.num_ws))}
    assert all(not torch.equal(own, mirrored) for own, mirrored in points.values())
    kept = face_points(files, kit, tmp_path / "styles.safetensors", again)
    assert again.done == 0
    assert all(torch.equal(kept[file], points[file]) for file in files)


def test_the_networks_of_both_sizes_fit_the_default_generator():
    assert face_training(64).network.channels == 512
    assert face_training(128).network.channels == 256
    assert face_training(128).damage.size == 128
