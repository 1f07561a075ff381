"""The folder for pictures: private, locked while its server runs, removed after it was killed."""

import subprocess
import sys

import pytest

from photopulse.web.private_folder import PrivateFolder

LEAVE = """
import os
from photopulse.web.private_folder import PrivateFolder
folder = PrivateFolder()
(folder.path / "photo.png").write_bytes(b"picture")
os._exit(9)
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The system's temporary folder of this test and of the programs that it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_the_next_server_removes_what_a_killed_one_left_but_not_what_another_uses(temporary):
    used = PrivateFolder()
    subprocess.run([sys.executable, "-c", LEAVE], check=False)
    assert len(list(temporary.rglob("photo.png"))) == 1
    new = PrivateFolder()
    assert sorted(temporary.iterdir()) == sorted([used.path, new.path])
    for folder in (used, new):
        folder.remove()
    assert list(temporary.iterdir()) == []


def test_what_is_not_ours_stays(temporary):
    (temporary / "elsewhere").mkdir()
    (temporary / "elsewhere" / "photo.png").write_bytes(b"picture")
    (temporary / "photopulse-serve-link").symlink_to(temporary / "elsewhere")
    (temporary / "photopulse-serve-file").write_bytes(b"")
    PrivateFolder().remove()
    assert len(list(temporary.iterdir())) == 3
    assert (temporary / "elsewhere" / "photo.png").exists()
