"""What the documents promise is there."""

import re
from pathlib import Path

import pytest

from photopulse.upscaling.inputs import read_target

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def commands(document: Path) -> list[str]:
    """Returns the lines of a document's code blocks."""
    blocks = re.findall(r"```\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_the_continuous_integration_runs_the_test_command_of_the_readme():
    (command,) = [line for line in commands(ROOT / "README.md") if line.endswith("./check")]
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_the_bundled_example_is_a_face_that_the_first_command_can_take():
    (command,) = [line for line in commands(ROOT / "README.md") if "pip install . " in line]
    (example,) = re.findall(r"examples/\S+\.png", command)
    assert read_target(ROOT / example, resolution=1024).shape == (1, 3, 16, 16)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_lead_somewhere(document: Path):
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        assert "://" in target or (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_benchmarks_that_are_named_exist(document: Path):
    for script in re.findall(r"benchmarks/\w+\.py", document.read_text(encoding="utf-8")):
        assert (ROOT / script).is_file(), script
