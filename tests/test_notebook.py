"""The notebook runs from top to bottom: here with a toy generator, without faces, and without its installation."""

from pathlib import Path

import pytest

from photopulse.generators.files.checkpoint import save_checkpoint

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

NOTEBOOK = nbformat.read(Path(__file__).parents[1] / "notebooks" / "photopulse.ipynb", as_version=4)
PATIENCE = 300  # Seconds for a cell.


def codes() -> list:
    return [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]


def test_it_is_kept_without_results_in_ten_short_cells():
    assert len(codes()) == 10
    for cell in codes():
        assert cell.outputs == []
        assert cell.execution_count is None
        assert len(cell.source.splitlines()) <= 18
        compile(cell.source, "cell", "exec")


def test_it_runs_from_top_to_bottom(tiny_generator, shared_cache, tmp_path):
    save_checkpoint(tiny_generator, tmp_path / "tiny.safetensors")
    (tmp_path / "own").mkdir()
    # Its own parameters, as whoever opens it would change them.
    notebook = nbformat.from_dict(NOTEBOOK)
    place = next(k for k, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ()))
    changed = "\n".join(
        [
            "INSTALL = False",
            f"GENERATOR = {str(tmp_path / 'tiny.safetensors')!r}",
            "FACE, QUALITY, COUNT = 8, 'draft', 2",
            "RESTORE = {'only': 'photo', 'working_size': 64}",
            "OWN = ['face_0.png']",
        ]
    )
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(changed))
    nbclient.NotebookClient(notebook, timeout=PATIENCE, resources={"metadata": {"path": str(tmp_path)}}).execute()
    # Pictures are shown, results written.
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(shown) == 7
    written = {path.name for path in tmp_path.glob("*.png")}
    assert written == {"face_0.png", "face_1.png", "restored.png", "face_0_restored.png"}
