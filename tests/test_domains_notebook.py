"""The notebook of domains runs from top to bottom, here with tiny settings."""

import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "domains.ipynb"
TINY = """
SIZE, STEPS = 32, 4
WIDTH, CHANNELS, STYLE = 256, 8, 8
TWIN_SAMPLES, TWIN_STEPS = 16, 2
"""


@pytest.mark.usefixtures("one_thread")
def test_the_notebook_of_domains_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path / "cache"))
    # KD and FD need weights that are fetched.
    monkeypatch.setattr("photopulse.training.generator.run._features", lambda _compute, _watcher: None)
    content = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    first, *others = ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]
    names: dict[str, object] = {}
    for source in (first, TINY, *others):
        exec(compile(source, NOTEBOOK.name, "exec"), names)
    assert len(names["answers"]) == 3  # pyright: ignore[reportArgumentType]
    assert (tmp_path / "domain-run" / "cells" / "generator.safetensors").is_file()


def test_the_notebook_is_kept_without_results():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells if cell["cell_type"] == "code")
