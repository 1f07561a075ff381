"""PULSE's own weight files, written here as PULSE's code writes them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from photopulse.errors import PhotopulseError
from photopulse.generators.architectures import assemble
from photopulse.generators.files.pulse_weights import pulse_state, read_pulse_weights
from photopulse.generators.stylegan1 import StyleGAN1, StyleGAN1Settings

DATA = Path(__file__).parents[1] / "data"
SETTINGS = StyleGAN1Settings(resolution=16, channels=(4, 4, 3), z_dim=6, w_dim=6, mapping_layers=2)


@pytest.fixture
def original():
    random = torch.Generator().manual_seed(0)
    generator = StyleGAN1(SETTINGS).requires_grad_(False)
    for value in generator.state_dict().values():
        value.copy_(torch.randn(value.shape, generator=random))
    return generator


def write(generator, folder, prefix="", **save):
    torch.save({prefix + k: v for k, v in generator.synthesis.state_dict().items()}, folder / "synthesis.pt", **save)
    torch.save({prefix + k: v for k, v in generator.mapping.state_dict().items()}, folder / "mapping.pt", **save)


def render(weights):
    generator = assemble("stylegan1", weights.settings, weights.state, name="x")
    return generator.synthesize(generator.map(torch.ones(1, 6)))


@pytest.mark.parametrize("given", ["", "synthesis.pt", "mapping.pt"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_folder_and_either_file_give_the_whole_generator(original, tmp_path, given, prefix):
    write(original, tmp_path, prefix)
    weights = read_pulse_weights(tmp_path / given)
    assert weights.settings == SETTINGS
    torch.testing.assert_close(render(weights), original.synthesize(original.map(torch.ones(1, 6))))


def test_legacy_files_are_read_too(original, tmp_path):
    write(original, tmp_path, _use_new_zipfile_serialization=False)
    assert read_pulse_weights(tmp_path).settings == SETTINGS


def test_golden_weights_render_through_pulse_files(tmp_path):
    golden = np.load(DATA / "stylegan1_256_reduced.npz")
    state = {k.removeprefix("synthesis."): torch.tensor(golden[k]) for k in golden.files if k.startswith("synth")}
    torch.save(state, tmp_path / "synthesis.pt")
    weights = read_pulse_weights(tmp_path / "synthesis.pt")
    generator = assemble("stylegan1", weights.settings, weights.state, name="x")
    noise = [torch.tensor(golden[f"noise_{i}"]) for i in range(14)]
    image = generator.synthesize(torch.tensor(golden["ws"]), noise) * 2 - 1
    np.testing.assert_allclose(image[:, :, 96:160, 96:160], golden["image_crop_96_160"], atol=1e-4)
    with pytest.raises(PhotopulseError, match="no mapping network"):
        generator.map(torch.ones(1, 512))


def test_both_halves_in_one_file_and_the_older_noise_names_are_read(original, tmp_path):
    state = {f"g_{key}".replace("noise.weight", "top_epi.noise.weight"): v for key, v in original.state_dict().items()}
    assert any("top_epi" in key for key in state)
    torch.save(state, tmp_path / "net.pt")
    weights = read_pulse_weights(tmp_path / "net.pt")
    torch.testing.assert_close(render(weights), original.synthesize(original.map(torch.ones(1, 6))))


def test_the_mapping_alone_names_the_missing_file(original, tmp_path):
    write(original, tmp_path)
    (tmp_path / "synthesis.pt").unlink()
    for given in (tmp_path, tmp_path / "mapping.pt"):
        with pytest.raises(PhotopulseError, match=r"there is no synthesis\.pt"):
            read_pulse_weights(given)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"<!DOCTYPE html>"])
def test_the_gaussian_fit_beside_them_may_be_damaged_for_it_is_not_read(
    original: StyleGAN1, tmp_path: Path, content: bytes
):
    write(original, tmp_path)
    (tmp_path / "gaussian_fit.pt").write_bytes(content)
    weights = read_pulse_weights(tmp_path)
    torch.testing.assert_close(render(weights), original.synthesize(original.map(torch.ones(1, 6))))


def test_something_else_is_not_taken_for_pulse_weights(tmp_path):
    assert pulse_state({"weight": torch.zeros(1)}) is None
    assert pulse_state([torch.zeros(1)]) is None
    torch.save({"weight": torch.zeros(1)}, tmp_path / "net.pt")
    with pytest.raises(PhotopulseError, match="other names"):
        read_pulse_weights(tmp_path / "net.pt")
