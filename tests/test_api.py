"""photopulse from Python: what the README promises."""

import subprocess
import sys
from importlib.metadata import version

import pytest
from PIL import Image

import photopulse
from photopulse.generators.files.checkpoint import save_checkpoint
from photopulse.images import read_image


def test_three_lines_make_a_face_large(tmp_path, tiny_generator, own_cache, one_thread):
    save_checkpoint(tiny_generator, tmp_path / "tiny.safetensors")
    Image.new("RGB", (8, 8), "teal").save(tmp_path / "face.png")

    from photopulse import PulseSettings, UpscaleSettings, load_generator, upscale

    generator = load_generator(tmp_path / "tiny.safetensors")
    settings = UpscaleSettings(method="classic", classic=PulseSettings(steps=2))
    upscale(tmp_path / "face.png", generator, settings=settings)[0].save(tmp_path / "large.png")
    assert read_image(tmp_path / "large.png").pixels.shape == (1, 3, 32, 32)


def test_every_promised_name_is_there():
    for name in photopulse.__all__:
        assert callable(getattr(photopulse, name))
        assert name in dir(photopulse)


def test_a_star_import_brings_the_promised_names_and_no_more():
    names = {}
    exec("from photopulse import *", names)
    assert set(names) - {"__builtins__"} == set(photopulse.__all__)


def test_the_version_is_that_of_the_package():
    assert photopulse.__version__ == version("photopulse")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'restore_portrait'"):
        photopulse.restore_portrait  # noqa: B018


@pytest.mark.parametrize("name", ["restore_photo", "upscale", "align"])
def test_what_a_way_does_not_need_at_once_is_imported_late(name):
    code = f"import sys; from photopulse import {name}; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    imported = {module.partition(".")[0] for module in result.stdout.split()}
    assert "torch" in imported
    assert not imported & {"scipy", "matplotlib", "tifffile", "filelock", "rich", "typer", "pandas", "accelerate"}


def test_importing_the_package_is_quick():
    code = "import sys, photopulse; assert 'torch' not in sys.modules; photopulse.align; assert 'torch' in sys.modules"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
