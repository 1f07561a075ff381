"""`photopulse sample` as a user meets it."""

import importlib
import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app


@pytest.fixture
def sample(tmp_path, tiny_file, shared_cache, one_thread):
    """Runs ``photopulse sample ... -o out`` on the toy generator."""

    def run(*arguments):
        settings = ("-o", tmp_path / "out", "--generator", tiny_file)
        return CliRunner().invoke(app, ["sample", *map(str, arguments + settings)])

    return run


def test_faces_are_drawn_into_a_folder(sample, tmp_path):
    result = sample(2, "--seed", 7, "--size", 16, "--device", "cpu")
    assert result.exit_code == 0
    assert [Image.open(path).size for path in sorted((tmp_path / "out").glob("*.png"))] == [(16, 16)] * 2
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{tmp_path / 'out' / '000007.png'}  made  ")
    assert lines[1].startswith(f"{tmp_path / 'out' / '000008.png'}  made  ")
    assert result.stderr == f"2 made; report: {tmp_path / 'out' / 'report.json'}\n"


def test_a_rerun_keeps_what_is_there_and_json_tells_all(sample, tmp_path):
    sample(1)
    assert "kept from an earlier run" in sample(1).stdout
    result = sample(2, "--json")
    content = json.loads(result.stdout)
    assert content == json.loads((tmp_path / "out" / "report.json").read_text())
    assert [row["seed"] for row in content["items"]] == [0, 1]
    assert set(content["items"][0]) == {
        *("input", "output", "status", "error", "key", "seconds", "seed", "generator", "mark", "size")
    }


def test_truncation_changes_the_faces(sample, tmp_path):
    sample(1)
    plain = (tmp_path / "out" / "000000.png").read_bytes()
    sample(1, "--truncation-psi", 0.5)
    assert (tmp_path / "out" / "000000.png").read_bytes() != plain


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, "--size", 20), "the size must divide the 32 px"),
        ((2, "--seed", 2**32 - 1), "seeds of 32 bits"),
        ((1, "--label", 3), "it has 0 classes"),
    ],
)
def test_what_the_generator_lacks_is_one_line_of_error(sample, tmp_path, arguments, message):
    result = sample(*arguments)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: cannot ")
    assert message in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [(), (0,), ("many",), (1, "--seed", -1), (1, "--truncation-psi", -1)])
def test_wrong_usage_exits_with_two(sample, arguments):
    result = sample(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_an_interruption_exits_with_130_and_keeps_what_is_finished(sample, tmp_path, monkeypatch):
    module = importlib.import_module("photopulse.upscaling.sample_batch")
    original = module.sample_faces

    def impatient(generator, seeds, **others):
        if seeds == [1]:
            raise KeyboardInterrupt
        return original(generator, seeds, **others)

    monkeypatch.setattr(module, "sample_faces", impatient)
    assert sample(3).exit_code == 130
    assert len(json.loads((tmp_path / "out" / "report.json").read_text())["items"]) == 1


def test_pictures_are_signed_and_other_certificates_sign_anew(sample, tmp_path):
    pytest.importorskip("c2pa", reason="the extra provenance is not installed")
    from photopulse.provenance.credentials import read_credentials

    for folder in ("a", "b"):
        assert CliRunner().invoke(app, ["provenance", "init", "-o", str(tmp_path / folder)]).exit_code == 0
        signed = ("--sign", tmp_path / folder / "key.pem", "--certificate", tmp_path / folder / "chain.pem")
        (row,) = json.loads(sample(1, "--json", *signed).stdout)["items"]
        assert row["signed_by"] == "local signer"
        roots = (tmp_path / folder / "root.pem").read_bytes()
        assert read_credentials(tmp_path / "out" / "000000.png", roots=roots).state == "trusted"
    unmade = sample(1, "--sign", tmp_path / "a" / "key.pem")
    assert unmade.exit_code == 2
    assert "--sign and --certificate belong together" in unmade.stderr
