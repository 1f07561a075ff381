"""Damaged and hostile files given to `photopulse verify`, some of each kind; the benchmark takes hundreds."""

import importlib.util
import random
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("c2pa", reason="the extra provenance is not installed")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "verify_rubbish.py"


@pytest.fixture(scope="module")
def rubbish():
    """The benchmark as a module."""
    spec = importlib.util.spec_from_file_location("verify_rubbish", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_no_file_crashes_it_nor_is_called_valid_nor_raises_a_foreign_error(rubbish, tmp_path):
    draw = random.Random(1)
    bases = rubbish.make_bases(*rubbish.signatures(tmp_path))
    time.sleep(rubbish.SHORT + 0.5)
    cases = [kind(draw, bases) for kind in rubbish.KINDS for _ in range(3)]
    paths = [tmp_path / f"{number:02}{case.suffix}" for number, case in enumerate(cases)]
    for path, case in zip(paths, cases, strict=True):
        path.write_bytes(case.content)
    rows, ended = rubbish.verified(paths, tmp_path / "known" / "root.pem")
    assert ended == ""
    found = [
        (kind.__name__, rubbish.troubles(cases[3 * place + k], paths[3 * place + k], rows[3 * place + k], bases))
        for place, kind in enumerate(rubbish.KINDS)
        for k in range(3)
    ]
    assert [one for one in found if one[1]] == []


def test_what_is_wrong_would_be_seen(rubbish, tmp_path):
    bases = rubbish.make_bases(*rubbish.signatures(tmp_path))
    case = rubbish.tampered(random.Random(0), bases)
    path = tmp_path / "a.png"
    path.write_bytes(case.content)
    row = {"error": None, "verdict": "synthetic", "credentials": {"state": "valid"}, "mark": {"found": False}}
    assert rubbish.troubles(case, path, row, bases) == ["valid, but other pixels were signed"]
    row = {"error": "unexpected KeyError: 'a'", "verdict": "failed"}
    assert rubbish.troubles(case, path, row, bases) == ["a foreign error: unexpected KeyError: 'a'"]
    trusted = rubbish.intact(random.Random(0), bases)
    broken = {"error": None, "verdict": "nothing found", "credentials": None, "mark": {"found": False}}
    assert rubbish.troubles(trusted, path, broken, bases) == ["it is told as None"]
