"""The dependencies: what is installed fits what is declared, and nothing that is declared has a known hole."""

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

# The first releases without known holes that a file or a request from outside reaches.
SOUND = {
    "torch": "2.10",  # CVE-2026-24747: loading with weights_only corrupts memory.
    "pillow": "13.0",  # Heap writes in several decoders, in 12.1.1, 12.3 and 13.0.
    "opencv-python-headless": "4.12",  # CVE-2025-53644: a heap write in its decoder of JPEG 2000.
    "filelock": "3.20.3",  # CVE-2025-68146, CVE-2026-22701: links in the place of the lock.
    "pillow-heif": "1.4",  # CVE-2026-28231, and CVE-2026-32882 and CVE-2026-49271 of libheif before 1.22.1.
    "rawpy": "0.28",  # CVE-2026-20884, -20911, -21413, -24450 of LibRaw before 0.22.2.
    "starlette": "1.3.1",  # CVE-2025-62727, CVE-2026-48710.
    "python-multipart": "0.0.27",  # CVE-2026-40347, CVE-2026-42561.
    "ray": "2.52",  # CVE-2025-62593: web pages could run code through its dashboard.
    "h11": "0.16",  # CVE-2025-43859.
}


def declared() -> list[Requirement]:
    """The dependencies, and those of the extras for users, but for extras that contain other extras."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    of_extras = [text for extra, texts in extras.items() if extra != "dev" for text in texts]
    all_of_them = (Requirement(text) for text in project["dependencies"] + of_extras)
    return [one for one in all_of_them if one.name != project["name"]]


def lower_bound(requirement: Requirement) -> Version:
    (bound,) = [one.version for one in requirement.specifier if one.operator == ">="]
    return Version(bound)


@pytest.mark.parametrize("requirement", declared(), ids=lambda one: one.name)
def test_every_dependency_has_a_lower_bound_and_what_is_installed_fits(requirement: Requirement):
    assert lower_bound(requirement) > Version("0")
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        pytest.skip(f"{requirement.name} of an extra is not installed")
    assert Version(installed).base_version in requirement.specifier


@pytest.mark.parametrize("name", SOUND)
def test_no_lower_bound_lets_a_known_hole_in(name: str):
    (requirement,) = [one for one in declared() if one.name == name]
    assert lower_bound(requirement) >= Version(SOUND[name])
