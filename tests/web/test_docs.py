"""The examples of docs/serve.md run as they stand, with another port."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.main import get_command

from photopulse.cli import app
from photopulse.web.forms import field_names
from photopulse.web.restore_form import read_restore_form
from photopulse.web.upscale_form import read_upscale_form

from .conftest import picture

PAGE = (Path(__file__).parents[2] / "docs" / "serve.md").read_text("utf-8")
EXAMPLES = re.findall(r"```(sh|python)\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def run(listening, tmp_path):
    def run_example(language):
        (example,) = (text for kind, text in EXAMPLES if kind == language)
        example = example.replace("http://127.0.0.1:8000", listening)
        program = ["bash", "-euo", "pipefail", "-c"] if language == "sh" else [sys.executable, "-c"]
        return subprocess.run([*program, example], cwd=tmp_path, capture_output=True, text=True, check=True)

    return run_example


def test_the_example_with_curl_restores_a_photo(run, tmp_path):
    (tmp_path / "old.jpg").write_bytes(picture(kind="JPEG"))
    assert '"state": "done"' in run("sh").stdout
    with Image.open(tmp_path / "clean.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (240, 180))


def test_the_example_in_python_upscales_a_face(run, tmp_path):
    (tmp_path / "face.png").write_bytes(picture(8, 8))
    assert "Imaginary face" in run("python").stdout
    assert [Image.open(tmp_path / f"face_{k}.png").size for k in (0, 1)] == [(32, 32)] * 2


@pytest.mark.parametrize(("command", "form"), [("restore", read_restore_form), ("upscale", read_upscale_form)])
def test_every_option_that_only_the_command_has_is_told(command, form):
    (told,) = re.findall(r"Only the commands have:\n(.*?)\nErrors", PAGE, re.DOTALL)
    rows = [line for line in told.splitlines() if line.startswith((f"| `{command}`", "| both"))]
    options = {option for one in get_command(app).commands[command].params for option in one.opts if option[:2] == "--"}
    fields = {f"--{name.replace('_', '-')}" for name in field_names(form)}
    assert options - fields <= set(re.findall(r"--[a-z]+(?:-[a-z]+)*", "\n".join(rows)))
    assert not fields & set(re.findall(r"--[a-z]+(?:-[a-z]+)*", "\n".join(rows)))
