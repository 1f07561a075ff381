"""The examples of docs/serve.md run as they stand, with another port."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from .conftest import picture

EXAMPLES = re.findall(
    r"```(sh|python)\n(.*?)```", (Path(__file__).parents[2] / "docs" / "serve.md").read_text("utf-8"), re.DOTALL
)


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
