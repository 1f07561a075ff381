"""The training of a generator: what learns, what resumes, what is measured, and what is said when it fails."""

import csv
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.cli.train_generator import _parts
from photopulse.errors import PhotopulseError
from photopulse.generators.files.checkpoint import save_checkpoint
from photopulse.generators.files.load import load_generator
from photopulse.generators.protocol import Generator
from photopulse.generators.style_generator import StyleGenerator
from photopulse.generators.stylegan2 import StyleGAN2, StyleGAN2Settings
from photopulse.metrics.features import EfficientNetLite0
from photopulse.metrics.patches import patch_distance
from photopulse.runs.watcher import Watcher
from photopulse.torch_file import read_safetensors
from photopulse.training import run as run_module
from photopulse.training.compute import Compute
from photopulse.training.gan_losses import LOGISTIC, logistic_generator_loss, slope_penalty
from photopulse.training.generator import run as module
from photopulse.training.generator import train as train_module
from photopulse.training.generator.augment import Augmentation, AugmentSettings, turned_at_random
from photopulse.training.generator.defaults import GENERATOR
from photopulse.training.generator.discriminator import Discriminator, spread_map
from photopulse.training.generator.pictures import read_pictures
from photopulse.training.generator.progress import Yardstick, nearest
from photopulse.training.generator.progress_log import ProgressLog
from photopulse.training.generator.projected import ProjectedDiscriminator
from photopulse.training.generator.run import run_generator
from photopulse.training.generator.train import (
    EarlierDiscriminator,
    GeneratorTraining,
    make_pictures,
    small_settings,
    train_generator,
)
from photopulse.training.learner import seeded_weights

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = small_settings(16, width=128, channels=8, style=8)
TINY = GeneratorTraining(
    network=SIZES,
    optimisation=replace(GENERATOR, steps=6, batch_size=4, warmup=2, save_every=3, ema_decay=0.5),
)


def discs(count: int, side: int = 16) -> torch.Tensor:
    """Pictures (count, 3, side, side) uint8 of a bright disc of random place and colour."""
    random = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    centres = side * (0.3 + 0.4 * torch.rand(count, 2, 1, 1, generator=random))
    inside = ((y - centres[:, 0]) ** 2 + (x - centres[:, 1]) ** 2 < (side / 4) ** 2)[:, None]
    colours = 100 + 155 * torch.rand(count, 3, 1, 1, generator=random)
    return torch.where(inside, colours, torch.tensor(30.0)).to(torch.uint8)


def new_network() -> StyleGAN2:
    with seeded_weights(0):
        return StyleGAN2(SIZES)


def write(folder: Path, pictures: torch.Tensor) -> list[Path]:
    folder.mkdir(parents=True)
    files = [folder / f"{number:03}.png" for number in range(len(pictures))]
    for file, picture in zip(files, pictures, strict=True):
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(file)
    return files


def losses(folder: Path) -> list[list[str]]:
    with (folder / "losses.csv").open(newline="") as file:
        return [[cells[0], *cells[2:]] for cells in csv.reader(file)]


class StopIn(Watcher):
    """Interrupts a training after a step."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._stage = ""

    def start(self, stage: str, steps: int) -> None:
        self._stage = stage

    def step(self, done: int, **_told: object) -> None:
        if self._stage == "training" and done == self._number:
            raise KeyboardInterrupt


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs the losses of each step, and measures with few pictures and no features."""
    monkeypatch.setattr(run_module.LossLog, "__init__", _log_each_step(run_module.LossLog.__init__))
    monkeypatch.setattr(module, "_MADE", 8)
    monkeypatch.setattr(module, "_features", lambda _compute, _watcher: None)


def _log_each_step(init):
    def made(self, path, *, done):
        init(self, path, done=done, every=1)

    return made


def test_the_discriminator_rates_each_picture_and_sees_how_alike_a_batch_is():
    judge = Discriminator(SIZES)
    assert judge.rate(judge.see(torch.zeros(4, 3, 16, 16))).shape == (4,)
    same = torch.ones(4, 2, 4, 4)
    assert spread_map(same).amax() < 1e-3
    x = torch.randn(8, 2, 4, 4)
    # Pictures 0, 2, 4 and 6 are a group, as are the others.
    wanted = x[::2].numpy().std(axis=0).mean()
    assert spread_map(x)[0, 0, 0, 0].item() == pytest.approx(wanted, rel=1e-4)


def test_resting_blocks_of_the_discriminator_do_not_learn():
    judge = Discriminator(small_settings(32, width=128, channels=8, style=8))
    judge.resting = 1
    judge.requires_grad_(True)
    learns = {name.partition(".weight")[0] for name, values in judge.named_parameters() if values.requires_grad}
    assert not any(name.startswith(("first", "blocks.0")) for name in learns)
    assert any(name.startswith("blocks.1") for name in learns)


def test_the_projected_discriminator_trains_its_heads_alone_and_keeps_the_features_out_of_its_state():
    judge = ProjectedDiscriminator(EfficientNetLite0().eval().requires_grad_(False), 64)
    judge.requires_grad_(True)
    assert all(name.startswith("heads") for name, values in judge.named_parameters() if values.requires_grad)
    assert not any("stem" in name for name in judge.state_dict())
    pictures = torch.rand(2, 3, 64, 64, requires_grad=True)
    logits = judge.rate(judge.see(pictures))
    assert logits.shape[0] == 2
    logits.sum().backward()
    assert pictures.grad is not None
    assert pictures.grad.abs().sum() > 0


def test_the_slope_penalty_is_half_the_squared_slope_of_a_linear_discriminator():
    weights = torch.randn(3, 4, 4)
    penalty = slope_penalty(lambda pictures: (pictures * weights).sum(dim=(1, 2, 3)), torch.rand(5, 3, 4, 4))
    assert penalty.item() == pytest.approx(weights.square().sum().item() / 2, rel=1e-5)


def test_changes_begin_at_none_and_adapt_to_the_sign_of_real_logits():
    augment = Augmentation(AugmentSettings(target=0.6, thousands=1, most=0.3))
    pictures = torch.rand(4, 3, 16, 16) * 2 - 1
    assert augment(pictures, torch.Generator()) is pictures
    augment.adapt(0.9, 100)
    assert augment.probability.item() == pytest.approx(0.1)
    augment.adapt(0.1, 50)
    assert augment.probability.item() == pytest.approx(0.05)
    augment.adapt(1.0, 10_000)
    assert augment.probability.item() == pytest.approx(0.3)
    changed = augment(pictures, torch.Generator().manual_seed(1))
    assert changed.shape == pictures.shape
    assert not torch.equal(changed, pictures)
    without = Augmentation(AugmentSettings(target=0))
    without.adapt(1.0, 10_000)
    assert without.probability == 0


def test_turning_gives_the_eight_symmetries_and_nothing_else():
    picture = torch.arange(16.0).view(1, 1, 4, 4)
    many = turned_at_random(picture.expand(200, 1, 4, 4), torch.Generator().manual_seed(0), mirror=True, turn=True)
    views = {tuple(one.flatten().tolist()) for one in many}
    wanted = {
        tuple(one.rot90(k, (1, 2)).flatten().tolist()) for one in (picture[0], picture[0].flip(2)) for k in range(4)
    }
    assert views == wanted
    assert turned_at_random(picture, torch.Generator(), mirror=False, turn=False) is picture


def test_half_of_the_pictures_mix_two_styles(monkeypatch: pytest.MonkeyPatch):
    network = new_network()
    drawn: list[torch.Tensor] = []

    def synthesize(ws: torch.Tensor, _noise: object = None) -> torch.Tensor:
        drawn.append(ws)
        return torch.zeros(len(ws), 3, 16, 16)

    monkeypatch.setattr(network, "synthesize", synthesize)
    make_pictures(network, 400, torch.Generator().manual_seed(0))
    mixed = (drawn[0] != drawn[0][:, :1]).any(dim=2).any(dim=1).float().mean()
    assert 0.4 < mixed < 0.6


def test_a_training_makes_the_pictures_more_like_the_real_ones(tmp_path: Path):
    real = discs(64)
    start = new_network()
    optimisation = replace(TINY.optimisation, steps=60, batch_size=8, learning_rate=5e-3, ema_decay=0.9)
    settings = replace(TINY, optimisation=optimisation, augment=AugmentSettings(target=0))

    def distance(network: Generator) -> float:
        with torch.no_grad():
            made = network.synthesize(network.map(torch.randn(64, 8, generator=torch.Generator().manual_seed(1))))
        return (real.float().mean(dim=0) / 255 - made.mean(dim=0)).square().mean().item()

    before = distance(start)
    *_, last = train_generator(real, start, settings, checkpoint=tmp_path / "c.pt", compute=Compute())
    assert distance(cast(Generator, last.network)) < 0.5 * before
    assert set(last.losses) == {"generator", "discriminator", "sign of real", "changed"}


@pytest.mark.usefixtures("every_step")
def test_an_interrupted_training_goes_on_to_the_same_curve_and_weights(tmp_path: Path):
    files = write(tmp_path / "in", discs(24))
    held_out = write(tmp_path / "measure", discs(30)[24:])

    def run(output: Path, watcher: Watcher | None = None) -> Path:
        return run_generator(files, output, TINY, held_out=held_out, compute=Compute(), watcher=watcher)

    whole = run(tmp_path / "whole" / "a")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts" / "a", StopIn(4))
    resumed = run(tmp_path / "parts" / "a")
    assert losses(whole.parent) == losses(resumed.parent)
    assert len(losses(whole.parent)) == 7
    before, after = read_safetensors(whole), read_safetensors(resumed)
    assert all(torch.equal(values, after[name]) for name, values in before.items())
    assert (whole.parent / "progress.csv").read_text() == (resumed.parent / "progress.csv").read_text()
    for name in ("progress.png", "samples/nearest.png", "samples/000006.png", "best.safetensors"):
        assert (whole.parent / name).stat().st_size > 0
    # The result is a generator like any other, with a mean style, in half precision.
    generator = load_generator(whole)
    assert (generator.name, generator.resolution) == ("a", 16)
    assert generator.map(torch.zeros(1, 8), truncation_psi=0.5).shape == (1, generator.num_ws, 8)


@pytest.mark.usefixtures("every_step")
def test_a_training_can_begin_with_another_generator_and_its_discriminator(tmp_path: Path, monkeypatch):
    files = write(tmp_path / "in", discs(24))
    first = run_generator(files, tmp_path / "first", TINY, compute=Compute())
    seen: list[bool] = []
    real_train = train_generator

    def train(*args, discriminator, **more):
        seen.append(discriminator is not None)
        return real_train(*args, discriminator=discriminator, **more)

    monkeypatch.setattr(module, "train_generator", train)
    one_step = replace(TINY, optimisation=replace(TINY.optimisation, steps=1, learning_rate=1e-6))
    second = run_generator(files, tmp_path / "second", one_step, start=first, compute=Compute())
    assert seen == [True]
    ws = load_generator(first).map(torch.randn(1, 8, generator=torch.Generator().manual_seed(0)))
    before, after = (load_generator(path).synthesize(ws) for path in (first, second))
    assert (before - after).abs().max() < 0.01


def test_the_random_changes_begin_with_the_probability_of_the_earlier_training(tmp_path: Path):
    earlier = EarlierDiscriminator(weights={}, changed=0.4)
    one_step = replace(TINY, optimisation=replace(TINY.optimisation, steps=1))
    (state,) = train_generator(
        discs(8), new_network(), one_step, discriminator=earlier, checkpoint=tmp_path / "c.pt", compute=Compute()
    )
    assert float(state.losses["changed"]) == pytest.approx(0.4, abs=0.01)


def test_a_training_can_begin_with_a_generator_by_its_name(tmp_path: Path):
    files = write(tmp_path / "in", discs(8, 64))
    one_step = replace(TINY, optimisation=replace(TINY.optimisation, steps=1, batch_size=2, learning_rate=1e-9))
    trained = run_generator(files, tmp_path / "out", one_step, start=Path("nuclei-64"), compute=Compute())
    ws = load_generator("nuclei-64").map(torch.randn(1, 128, generator=torch.Generator().manual_seed(0)))
    before, after = (load_generator(one).synthesize(ws) for one in ("nuclei-64", trained))
    assert (before - after).abs().max() < 0.01


def test_a_start_with_classes_is_refused(tmp_path: Path):
    with_classes = StyleGAN2(
        StyleGAN2Settings(resolution=16, z_dim=8, w_dim=8, c_dim=2, channel_base=128, channel_max=8)
    )
    save_checkpoint(with_classes, tmp_path / "g.safetensors")
    with pytest.raises(PhotopulseError, match="classes"):
        run_generator([], tmp_path / "out", TINY, start=tmp_path / "g.safetensors", compute=Compute())


@pytest.mark.usefixtures("every_step")
def test_a_training_that_diverges_keeps_the_last_good_checkpoint(tmp_path: Path, monkeypatch):
    files = write(tmp_path / "in", discs(24))
    monkeypatch.setattr(train_module, "LOGISTIC", replace(LOGISTIC, generator=_nan_from(5)))
    with pytest.raises(PhotopulseError, match=r"step 5: .*last good checkpoint is .*checkpoint\.pt"):
        run_generator(files, tmp_path / "out", TINY, compute=Compute())
    kept = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)
    assert kept["step"] == 3
    assert all(values.isfinite().all() for values in kept["average"].values())


def _nan_from(step: int):
    calls = iter(range(1, 100))
    return lambda made: logistic_generator_loss(made) * (float("nan") if next(calls) >= step else 1)


@pytest.mark.usefixtures("every_step")
def test_a_full_memory_and_a_full_disk_stop_with_a_clear_word(tmp_path: Path, monkeypatch):
    files = write(tmp_path / "in", discs(24))

    def full(*_args, **_more):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    with monkeypatch.context() as patched:
        patched.setattr(Discriminator, "rate", full)
        with pytest.raises(PhotopulseError, match="the memory is full"):
            run_generator(files, tmp_path / "out", TINY, compute=Compute())

    def no_room(*_args, **_more):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("photopulse.training.checkpoints.atomic_path", no_room)
        with pytest.raises(PhotopulseError, match="No space left on device"):
            run_generator(files, tmp_path / "out", TINY, compute=Compute())


def test_unusable_pictures_are_left_out_with_a_note_each(tmp_path: Path, listen):
    files = write(tmp_path / "in", discs(3, 20))
    Image.fromarray(np.zeros((20, 20), np.uint16)).save(tmp_path / "in" / "deep.png")
    Image.new("RGB", (50, 20)).save(tmp_path / "in" / "wide.png")
    (tmp_path / "in" / "broken.png").write_bytes(b"no picture")
    Image.new("RGB", (8, 40)).save(tmp_path / "in" / "tiny.png")
    more = [tmp_path / "in" / name for name in ("deep.png", "wide.png", "broken.png", "tiny.png")]
    notes: list[str] = []
    pictures = read_pictures([*files, *more, files[0]], 16, listen(note=notes.append))
    # The wide black picture and the deep one show the same.
    assert pictures.shape == (4, 3, 16, 16)
    assert pictures.dtype == torch.uint8
    told = "\n".join(notes)
    assert len(notes) == 4
    assert all(word in told for word in ("broken.png", "tiny.png", "8 x 40", "shows the same"))
    with pytest.raises(PhotopulseError, match="none of the 1 files"):
        read_pictures([tmp_path / "in" / "tiny.png"], 16, Watcher())
    with pytest.raises(PhotopulseError, match="8 GiB"):
        read_pictures([files[0]] * 50_000, 256, Watcher())


def test_the_nearest_picture_is_found_even_if_it_is_turned():
    others = discs(12).float() / 255
    turned = others[[7]].rot90(1, (2, 3))
    assert nearest(others[[3]], others, turned=False)[1].item() == 3
    distance, place = nearest(turned, others, turned=True)
    assert (place.item(), distance.item()) == (7, pytest.approx(0, abs=1e-3))


def test_copies_are_told_by_their_nearness_and_equal_sets_by_their_distance():
    learned, held_out = discs(40)[:30], discs(40)[30:]
    yardstick = Yardstick.of(held_out, learned, features=None, turned=False)
    copies = yardstick.measure(learned[:10].float() / 255)
    honest = yardstick.measure(held_out.float() / 255)
    assert copies["nearest"] < 0.1
    assert honest["nearest"] == pytest.approx(1)
    assert (honest["texture"], honest["shape"]) == (0, 0)
    assert copies["shape"] > 0


def test_patch_distance_grows_with_the_difference():
    real = discs(32).float() / 255
    nearer, farther = (
        real + amount * torch.randn(real.shape, generator=torch.Generator().manual_seed(0)) for amount in (0.02, 0.2)
    )
    assert 0 < patch_distance(real, nearer)[0] < patch_distance(real, farther)[0]
    assert len(patch_distance(torch.rand(4, 3, 64, 64), torch.rand(5, 3, 64, 64))) == 3


def test_a_measurement_of_a_step_replaces_those_of_later_steps(tmp_path: Path):
    log = ProgressLog(tmp_path)
    assert log.add(10, 160, {"KD": 3.0})
    assert not log.add(20, 320, {"KD": 4.0})
    assert log.add(30, 480, {"KD": 2.0})
    assert log.add(20, 320, {"KD": 2.5})
    with (tmp_path / "progress.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["step", "pictures", "KD"], ["10", "160", "3"], ["20", "320", "2.5"]]


def test_batches_depend_on_the_step_alone():
    pictures = discs(20)
    every = list(islice(train_module._batches(pictures, TINY, Compute(), 0), 4))
    later = next(train_module._batches(pictures, TINY, Compute(), 3))
    assert torch.equal(every[3].pictures, later.pictures)
    assert not torch.equal(every[2].pictures, later.pictures)


def test_a_size_that_is_no_power_of_two_is_wrong_usage(tmp_path: Path):
    result = CliRunner().invoke(app, ["train", "generator", str(tmp_path), "--size", "100"])
    assert result.exit_code == 2
    assert "not a power of two" in result.stderr


def test_a_folder_of_crop_stands_for_its_two_parts(tmp_path: Path):
    for part in ("train", "measure"):
        (tmp_path / "crops" / part).mkdir(parents=True)
    other = tmp_path / "other"
    other.mkdir()
    learned, held_out = _parts([tmp_path / "crops", other], None)
    assert learned == [tmp_path / "crops" / "train", other]
    assert held_out == [tmp_path / "crops" / "measure"]
    assert _parts([tmp_path / "crops"], other)[1] == [other]


def test_a_generator_of_another_architecture_is_trained_on_with_its_noise(tmp_path: Path, tiny_generator: Generator):
    settings = replace(
        TINY,
        network=small_settings(32, width=128, channels=8, style=8),
        optimisation=replace(TINY.optimisation, steps=1),
    )
    start = cast(StyleGenerator, tiny_generator)
    (state,) = train_generator(discs(8, 32), start, settings, checkpoint=tmp_path / "c.pt", compute=Compute())
    trained = cast(StyleGenerator, state.network)
    assert trained is not start
    trained.store_mean_style(samples=100)
    save_checkpoint(trained, tmp_path / "g.safetensors", half=True)
    loaded = load_generator(tmp_path / "g.safetensors")
    assert loaded.synthesize(loaded.map(torch.zeros(1, loaded.z_dim))).shape == (1, 3, 32, 32)


def test_a_generator_learns_from_a_projected_discriminator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with seeded_weights(0):
        features = EfficientNetLite0().eval().requires_grad_(False)
    monkeypatch.setattr(train_module, "load_features", lambda _device: features)
    settings = replace(TINY, judge="projected", optimisation=replace(TINY.optimisation, steps=2))
    start = new_network()
    *_, last = train_generator(discs(8), start, settings, checkpoint=tmp_path / "c.pt", compute=Compute())
    assert all(np.isfinite(value) for value in last.losses.values())
    before, after = (network.state_dict()["synthesis.b16.conv1.weight"] for network in (start, last.network))
    assert not torch.equal(before, after)
    kept = torch.load(tmp_path / "c.pt", weights_only=True)["discriminator_network"]
    assert all(name.startswith(("mixed", "lifted", "heads")) for name in kept)


def test_folded_features_are_the_same_features():
    with seeded_weights(0):
        network = EfficientNetLite0().eval()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(generator=torch.Generator().manual_seed(0))
            layer.running_var.uniform_(0.5, 2, generator=torch.Generator().manual_seed(1))
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    for ours, folded in zip(network.stages(image), network.folded().stages(image, count=3), strict=False):
        assert torch.allclose(ours, folded, rtol=1e-3, atol=1e-3 * ours.abs().max().item())
    assert len(network.stages(image, count=3)) == 3


@pytest.mark.usefixtures("every_step")
def test_a_fresh_training_forgets_the_measurements_of_the_one_before(tmp_path: Path):
    files, held_out = write(tmp_path / "in", discs(24)), write(tmp_path / "measure", discs(26)[24:])
    short = replace(TINY, optimisation=replace(TINY.optimisation, steps=2))
    run_generator(files, tmp_path / "out", short, held_out=held_out, compute=Compute())
    longer = replace(TINY, optimisation=replace(TINY.optimisation, steps=3))
    run_generator(files, tmp_path / "out", longer, held_out=held_out, compute=Compute(), fresh=True)
    with (tmp_path / "out" / "progress.csv").open(newline="") as file:
        assert [cells[0] for cells in csv.reader(file)] == ["step", "3"]
