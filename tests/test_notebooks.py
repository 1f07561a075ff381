"""The notebooks run from top to bottom: here with tiny settings, and without their installation."""

from pathlib import Path

import pytest

from photopulse.generators.files.checkpoint import save_checkpoint

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

FOLDER = Path(__file__).parents[1] / "notebooks"
PATIENCE = 300  # Seconds for a cell.
MOST_LINES = 20

TINY = """
SIZE, STEPS = 32, 4
WIDTH, CHANNELS, STYLE = 256, 8, 8
TWIN_SAMPLES, TWIN_STEPS = 16, 2
# KD and FD need weights that are fetched.
import photopulse.training.generator.run as run
run._features = lambda compute, watcher: None
"""


def read(name: str):
    return nbformat.read(FOLDER / name, as_version=4)


def run(name: str, parameters: str, folder: Path, *, check: str = ""):
    """Runs a notebook in a folder, with other parameters, as whoever opens it would change them, then a check."""
    notebook = read(name)
    place = next(k for k, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ()))
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(parameters))
    notebook.cells.append(nbformat.v4.new_code_cell(check))
    nbclient.NotebookClient(notebook, timeout=PATIENCE, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.ipynb")), ids=lambda file: file.name)
def test_a_notebook_is_kept_without_results_in_short_cells(file):
    codes = [cell for cell in read(file.name).cells if cell.cell_type == "code"]
    assert codes
    for cell in codes:
        assert cell.outputs == []
        assert cell.execution_count is None
        assert len(cell.source.splitlines()) <= MOST_LINES
        compile(cell.source, "cell", "exec")


def test_faces_are_made_and_photos_restored(tiny_generator, shared_cache, tmp_path):
    save_checkpoint(tiny_generator, tmp_path / "tiny.safetensors")
    (tmp_path / "own").mkdir()
    parameters = [
        "INSTALL = False",
        f"GENERATOR = {str(tmp_path / 'tiny.safetensors')!r}",
        "FACE, QUALITY, COUNT = 8, 'draft', 2",
        "RESTORE = {'only': 'photo', 'working_size': 64}",
        "OWN = ['face_0.png']",
    ]
    notebook = run("photopulse.ipynb", "\n".join(parameters), tmp_path)
    # Pictures are shown, results written.
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 7
    written = {path.name for path in tmp_path.glob("*.png")}
    assert written == {"face_0.png", "face_1.png", "restored.png", "face_0_restored.png"}


def test_a_generator_of_another_domain_is_trained_and_used(own_cache, monkeypatch, tmp_path):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run("domains.ipynb", TINY, tmp_path, check="assert len(answers) == 3")
    assert (tmp_path / "domain-run" / "cells" / "generator.safetensors").is_file()
