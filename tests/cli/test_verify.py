"""`photopulse verify` as a user meets it."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.images import synthetic_metadata, write_image
from photopulse.provenance.embed import add_mark
from photopulse.provenance.payload import payload_of

PAYLOAD = payload_of("sample", generator="tiny", seed=3)


@pytest.fixture
def files(tmp_path):
    pixels = torch.from_numpy(np.random.default_rng(0).uniform(0.3, 0.7, (1, 3, 256, 256))).float()
    told = synthetic_metadata(generator="tiny", seed=3, version="0.1.0", method="sample", source=None)
    write_image(tmp_path / "marked.png", add_mark(pixels, PAYLOAD), metadata=told)
    write_image(tmp_path / "plain.png", pixels)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    return tmp_path


def verify(*arguments):
    return CliRunner().invoke(app, ["verify", "--quick", *map(str, arguments)])


def test_a_marked_picture_is_told_in_a_line(files):
    result = verify(files / "marked.png")
    assert result.exit_code == 0
    line = result.stdout.strip()
    assert line.startswith(f"{files / 'marked.png'}  synthetic  metadata: synthetic true, generator tiny")
    assert f"mark: {PAYLOAD} by sample (score " in line
    assert line.endswith("agrees with the metadata")


def test_a_picture_without_marks_has_its_own_exit_code(files):
    result = verify(files / "plain.png", files / "marked.png")
    assert result.exit_code == 3
    assert f"{files / 'plain.png'}  nothing found  metadata: none of photopulse  mark: none" in result.stdout


def test_a_broken_file_stops_no_other_and_json_tells_all(files):
    result = verify(files, "--json")
    assert result.exit_code == 1
    rows = {row["file"]: row for row in json.loads(result.stdout)}
    assert rows[str(files / "broken.png")]["verdict"] == "failed"
    assert "cannot read" in rows[str(files / "broken.png")]["error"]
    assert rows[str(files / "marked.png")]["mark"]["payload"] == str(PAYLOAD)
    assert rows[str(files / "marked.png")]["agrees"] is True


def test_without_a_picture_the_usage_is_wrong(tmp_path):
    assert verify(tmp_path / "missing.png").exit_code == 2


def test_a_name_with_control_characters_is_printed_with_escapes(files):
    strange = files / "a\x1b[31m.png"
    Image.new("RGB", (80, 80)).save(strange)
    assert "\x1b" not in verify(strange).stdout


@pytest.fixture
def signing(tmp_path):
    """A local chain, in whose signer's name a terminal would find a command."""
    pytest.importorskip("c2pa", reason="the extra provenance is not installed")
    from photopulse.provenance.local_chain import make_local_chain

    make_local_chain(tmp_path / "signing")
    return tmp_path / "signing"


@pytest.fixture
def signed(signing, files):
    from photopulse.provenance.signing import load_signature, seal_created

    seal = seal_created(load_signature(str(signing / "key.pem"), signing / "chain.pem"), "signed.png", {"tiny": "abc"})
    write_image(files / "signed.png", torch.full((1, 3, 80, 80), 0.5), seal=seal)
    return files / "signed.png"


def test_a_signer_is_trusted_by_a_roots_file(signing, signed):
    assert (
        "credentials: intact, signed by local signer, trusted" in verify(signed, "--trust", signing / "root.pem").stdout
    )
    assert "signed by local signer, who is not known to be trusted" in verify(signed).stdout


@pytest.mark.parametrize(
    ("name", "why"), [("key.pem", "it holds a private key"), ("bad.pem", "no certificate"), ("no.pem", "cannot read")]
)
def test_a_roots_file_of_no_use_is_wrong_usage_and_breaks_no_picture(signing, signed, name, why):
    (signing / "bad.pem").write_text("nothing")
    result = verify(signed, "--trust", signing / name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert why in result.stderr
    assert str(signing / name) in result.stderr
    assert "root.pem of photopulse provenance init" in result.stderr
    assert "BROKEN" not in result.stderr


def test_a_signers_name_is_printed_with_escapes(files, signing, monkeypatch):
    from photopulse.provenance.credentials import Credentials

    told = Credentials(state="valid", signer="a\x1b[31m\nb", generated=True, edited=False, problems=[])
    monkeypatch.setattr("photopulse.provenance.verify.read_credentials", lambda *_, **__: told)
    result = verify(files / "plain.png")
    assert "signed by a\\x1b[31m\\nb, who" in result.stdout
    assert result.stdout.count("\n") == 1


def test_faces_are_searched_unless_the_detector_is_missing(files, tmp_path, monkeypatch):
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path / "empty"))
    Image.new("RGB", (80, 80)).save(files / "small.png")
    result = CliRunner().invoke(app, ["verify", str(files / "small.png")])
    assert result.exit_code == 3
    assert "no marks are looked for in faces. Run: photopulse models get blazeface facemesh" in result.stderr
    assert "faces" not in verify(files / "small.png").stderr
