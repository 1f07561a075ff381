"""Folders of methods with small random pictures, as `evaluate` writes them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photopulse.study.make import make_study
from photopulse.study.plan import Study
from photopulse.study.settings import StudySettings

SIDES = {"sharp": 32, "clean/nearest/16": 16, "clean/bicubic/16": 16, "clean/pulse/32": 32}


def _write_methods(root: Path, faces: int = 8, sides: dict[str, int] = SIDES) -> Path:
    """Writes a random picture for each face and folder of ``sides``."""
    random = np.random.default_rng(0)
    for place, side in sides.items():
        (root / place).mkdir(parents=True)
        for face in range(faces):
            pixels = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / place / f"face {face}.png")
    return root


@pytest.fixture
def write_methods() -> Callable[..., Path]:
    """Writes random pictures: ``write_methods(root, faces, sides of the folders)``."""
    return _write_methods


@pytest.fixture
def evaluation(tmp_path) -> Path:
    """An output folder of `evaluate`: eight faces, three methods."""
    root = _write_methods(tmp_path / "evaluation")
    for folder in ("clean/small", "clean/original", "figures"):
        (root / folder).mkdir()
    (root / "clean/original/.face 0.json").write_text("{}")
    return root


@pytest.fixture
def make(evaluation, tmp_path) -> Callable[..., tuple[Path, Study]]:
    """Makes a study with these settings: its folder and its plan."""

    def build(**settings) -> tuple[Path, Study]:
        folder = tmp_path / f"study {settings.get('kind', 'mos')}"
        told = {"training": 1, "gold": 2, "ratings": 3, **settings}
        return folder, make_study(evaluation, folder, StudySettings(**told))

    return build
