"""Networks as files of other runtimes; skipped where the extra is not installed."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from packaging.version import Version
from typer.testing import CliRunner

from photopulse import extras
from photopulse.adapters.export.parts import RESTORATION, Input, Part, generator_parts
from photopulse.adapters.export.write import TOLERANCE, export_part
from photopulse.cli import app
from photopulse.errors import PhotopulseError
from photopulse.generators.files.checkpoint import save_checkpoint
from photopulse.generators.stylegan2 import StyleGAN2
from photopulse.search.companion_files import save_fit
from photopulse.search.encoder_cache import encoder_path, make_encoder
from photopulse.search.prior import fit_prior
from photopulse.training.generator.train import small_settings
from photopulse.training.learner import seeded_weights

ONNX = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="the extra export is not installed",
)
OPENVINO = pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino is not installed")
# Torch before 2.13 exports F.pixel_unshuffle wrongly where sizes are free; such a file is refused.
RIGHT = pytest.mark.skipif(
    Version(torch.__version__) < Version("2.13"), reason="this torch exports some networks wrongly"
)
FORMATS = [pytest.param("onnx", marks=ONNX), pytest.param("openvino", marks=[ONNX, OPENVINO])]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StyleGAN2:
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path / "cache"))
    with seeded_weights(0):
        return StyleGAN2(small_settings(32, width=256, channels=16, style=16)).eval().requires_grad_(False)


def fresh() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@ONNX
@RIGHT
@pytest.mark.parametrize("name", RESTORATION)
def test_restoration_networks_compute_the_same_in_onnx_at_other_sizes(name, tmp_path):
    exported = export_part(RESTORATION[name](), tmp_path, "onnx", random=fresh())
    assert exported.difference <= TOLERANCE
    assert [file.name for file in tmp_path.iterdir()] == [f"{name}.onnx"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_generator_becomes_a_mapping_and_a_synthesis_and_an_encoder_if_it_has_one(form, generator, tmp_path):
    prior = fit_prior(generator, samples=500, seed=0)
    assert [part.name for part in generator_parts(generator, prior)] == ["mapping", "synthesis"]
    save_fit(make_encoder(generator), encoder_path(generator), told={})
    parts = generator_parts(generator, prior)
    assert [part.name for part in parts] == ["mapping", "synthesis", "encoder"]
    for part in parts:
        assert export_part(part, tmp_path / form, form, random=fresh()).difference <= TOLERANCE


@ONNX
def test_an_exported_generator_draws_the_same_picture_for_batches_of_any_size(generator, tmp_path):
    import onnxruntime

    for part in generator_parts(generator, None):
        export_part(part, tmp_path, "onnx", random=fresh())
    (image,) = onnxruntime.InferenceSession(tmp_path / "synthesis.onnx").get_outputs()
    assert image.shape == ["batch", 3, 32, 32]
    z = torch.randn(3, generator.z_dim, generator=fresh())
    ws = onnxruntime.InferenceSession(tmp_path / "mapping.onnx").run(["ws"], {"z": z.numpy()})[0]
    image = onnxruntime.InferenceSession(tmp_path / "synthesis.onnx").run(["image"], {"ws": ws})[0]
    wanted = generator.synthesize(generator.map(z)).numpy()
    assert np.abs(image - wanted).max() < TOLERANCE * np.abs(wanted).max()


class Random(torch.nn.Module):
    """Computes something else each time, as an export that is wrong does."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.rand_like(x)


@ONNX
def test_a_file_that_computes_something_else_is_refused_and_not_left_behind(tmp_path):
    part = Part(
        name="wrong",
        network=Random(),
        inputs=(Input(name="x", shape=(2, 3), free={0: "batch"}),),
        output="y",
    )
    with pytest.raises(PhotopulseError, match="computes something else than PyTorch"):
        export_part(part, tmp_path, "onnx", random=fresh())
    assert list(tmp_path.iterdir()) == []


@ONNX
def test_the_command_exports_a_generators_file_and_overwrites_nothing(generator, tmp_path):
    save_checkpoint(generator, tmp_path / "small.safetensors")
    command = ["models", "export", str(tmp_path / "small.safetensors"), "-o", str(tmp_path / "out"), "--json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert [row["part"] for row in json.loads(result.stdout)] == ["mapping", "synthesis"]
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 2
    assert "it exists" in again.output


def test_missing_packages_are_named_before_the_work(monkeypatch, tmp_path):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    result = CliRunner().invoke(app, ["models", "export", "photo", "-o", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "photopulse[export]" in result.output
    assert not (tmp_path / "out").exists()
