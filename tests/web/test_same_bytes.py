"""The API gives the bytes that the command writes and that Python saves, for every setting."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from typer.testing import CliRunner

from photopulse import UpscaleSettings, load_generator, restore_photo, upscale
from photopulse.cli import app as command_line
from photopulse.restoration.repair import write_mask
from photopulse.restoration.settings import RestoreSettings
from photopulse.search.fast import FastSettings
from photopulse.upscaling.align import align

from .conftest import finish, picture, send


class Scratched(nn.Module):
    """Finds a scratch in the middle of every photo."""

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        found = torch.full_like(photo[:, :1], -10)
        found[..., 40:44, 35:85] = 10
        return found


class Quadrupled(nn.Module):
    """Stands for Real-ESRGAN: it enlarges by 4."""

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        return photo.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3) * 0.9


class Filled(nn.Module):
    """Fills holes with grey."""

    def forward(self, filled: torch.Tensor, holes: torch.Tensor) -> torch.Tensor:
        return torch.where(holes > 0, 0.5, filled)


@pytest.fixture
def models(toy_models):
    built = toy_models(damage_net=Scratched(), inpaint_net=Filled())
    return type(built)(
        restore_kit=built.restore_kit, search_kit=built.search_kit, detector=built.detector, realesrgan=Quadrupled
    )


@pytest.fixture
def command(tmp_path, models, monkeypatch):
    """Runs a command on a picture, and returns the bytes of all pictures that it wrote, by their names."""
    monkeypatch.setattr(
        "photopulse.restoration.kit.RestoreKit.load", lambda settings, _device: models.restore_kit_for(settings)
    )
    monkeypatch.setattr("photopulse.cli.loading.load_detector", models.detector)

    def run(name, path, *options):
        ran = CliRunner().invoke(command_line, [name, str(path), "-o", str(tmp_path / "out"), *map(str, options)])
        assert ran.exit_code in (0, 3), ran.output
        return {path.name: path.read_bytes() for path in (tmp_path / "out").glob("[!.]*") if path.suffix != ".json"}

    return run


@pytest.fixture
def mask() -> bytes:
    pixels = np.zeros((90, 120), np.uint8)
    pixels[10:20, 30:60] = 255
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    "told",
    [
        {"repair": "auto"},
        {"sr": "realesrgan", "scale": 4},
        {"halftone": "off", "tone": "off", "strength": 0.5, "grain": True, "seed": 5},
        {"mode": "archival", "scale": 1.5},
        {"only": "face", "fidelity": 0.9, "working_size": 64},
        {"only": "photo", "max_faces": 3},
    ],
    ids=lambda told: "-".join(told),
)
def test_a_restored_photo_is_the_same_from_everywhere(told, connect, models, command, tmp_path):
    content = picture(kind="JPEG")
    (tmp_path / "old.jpg").write_bytes(content)
    options = [f"--{name.replace('_', '-')}{'' if value is True else f'={value}'}" for name, value in told.items()]
    written = command("restore", tmp_path / "old.jpg", *options)["old.jpg"]
    settings = RestoreSettings(**told)
    photo = restore_photo(tmp_path / "old.jpg", settings=settings, kit=models.restore_kit_for(settings))
    photo.save(tmp_path / "python.jpg", source="old.jpg")
    client = connect(models)
    (result,) = finish(client, send(client, "restore", content, "old.jpg", **told))["results"]
    assert client.get(result["url"]).content == written == (tmp_path / "python.jpg").read_bytes()


@pytest.mark.parametrize("given", [True, False], ids=["mask", "found"])
def test_a_repaired_photo_and_its_mask_are_the_same_from_everywhere(given, mask, connect, models, command, tmp_path):
    content = picture()
    (tmp_path / "old.png").write_bytes(content)
    (tmp_path / "mask.png").write_bytes(mask)
    written = command(
        "restore", tmp_path / "old.png", "--save-mask", *(["--mask", tmp_path / "mask.png"] if given else [])
    )
    settings = RestoreSettings(repair="auto")
    photo = restore_photo(
        tmp_path / "old.png", mask=mask if given else None, settings=settings, kit=models.restore_kit()
    )
    photo.save(tmp_path / "python.png", source="old.png")
    write_mask(tmp_path / "python_mask.png", photo.mask)
    client = connect(models)
    files = {"file": ("old.png", content)} | ({"mask": ("m.png", mask)} if given else {})
    (result,) = finish(client, client.post("/api/v1/restore", files=files, data={"save_mask": True}))["results"]
    assert set(written) == {"old.png", "old_mask.png"}
    assert client.get(result["url"]).content == written["old.png"] == (tmp_path / "python.png").read_bytes()
    of_api = client.get(result["mask"]).content
    assert of_api == written["old_mask.png"] == (tmp_path / "python_mask.png").read_bytes()
    assert result["facts"]["repaired"] == pytest.approx((300 if given else 200) / 10800, abs=1e-5)


@pytest.mark.parametrize(
    ("told", "settings"),
    [
        (
            {"degradation": "jpeg:60+noise:2", "eps": 0.002},
            UpscaleSettings(degradation="jpeg:60+noise:2", fast=FastSettings(eps=0.002)),
        ),
        ({"exact": True, "quality": "draft"}, UpscaleSettings(exact=True, fast=FastSettings(quality="draft"))),
        ({"degradation": "box", "seed": 9}, UpscaleSettings(degradation="box")),
    ],
    ids=["noise", "exact", "box"],
)
def test_an_upscaled_face_is_the_same_from_everywhere(told, settings, connect, models, command, tiny_file, tmp_path):
    content = picture(8, 8)
    (tmp_path / "face.png").write_bytes(content)
    options = [f"--{name}{'' if value is True else f'={value}'}" for name, value in told.items()]
    written = command("upscale", tmp_path / "face.png", "--generator", tiny_file, *options)
    (face,) = upscale(
        tmp_path / "face.png", load_generator(str(tiny_file)), seed=told.get("seed", 0), settings=settings
    )
    face.save(tmp_path / "python.png", source="face.png")
    client = connect(models)
    (result,) = finish(client, send(client, "upscale", content, "face.png", **told))["results"]
    assert client.get(result["url"]).content == written["face.png"] == (tmp_path / "python.png").read_bytes()


def test_a_face_of_a_photo_is_the_same_from_everywhere(connect, models, command, tiny_file, tmp_path):
    content = picture()
    (tmp_path / "group.png").write_bytes(content)
    written = command("upscale", tmp_path / "group.png", "--generator", tiny_file, "--align=16", "--quality=draft")
    (found,) = align(tmp_path / "group.png", size=16, detector=models.detector())
    settings = UpscaleSettings(fast=FastSettings(quality="draft"))
    (face,) = upscale(found.image, load_generator(str(tiny_file)), settings=settings)
    face.save(tmp_path / "python.png", source="group.png")
    client = connect(models)
    job = finish(client, send(client, "upscale", content, "group.png", align=16, quality="draft"))
    (result,) = job["results"]
    assert client.get(result["url"]).content == written["group.png"] == (tmp_path / "python.png").read_bytes()
