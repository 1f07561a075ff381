"""What the API tells of the origin of a picture, and that its own results are signed if the server signs."""

import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app as command_line
from photopulse.images import synthetic_metadata, write_image
from photopulse.provenance.embed import add_mark
from photopulse.provenance.payload import payload_of
from photopulse.web.settings import ServeSettings

from .conftest import finish, picture, send

PAYLOAD = payload_of("sample", generator="tiny", seed=3)


@pytest.fixture
def marked(tmp_path):
    pixels = torch.from_numpy(np.random.default_rng(0).uniform(0.3, 0.7, (1, 3, 256, 256))).float()
    told = synthetic_metadata(generator="tiny", seed=3, version="0.1.0", method="sample", source=None)
    write_image(tmp_path / "marked.png", add_mark(pixels, PAYLOAD), metadata=told)
    return tmp_path / "marked.png"


def origin(client, content, name="a.png", **fields):
    job = finish(client, send(client, "verify", content, name, **fields))
    assert job["state"] == "done", job
    (result,) = job["results"]
    return result


def test_it_tells_what_the_command_tells(connect, marked):
    ran = CliRunner().invoke(command_line, ["verify", "--quick", "--json", str(marked)])
    (row,) = json.loads(ran.stdout)
    result = origin(connect(), marked.read_bytes(), quick=True)
    assert {"file": str(marked), "error": None, **result["origin"]} == row
    assert result["origin"]["mark"]["payload"] == str(PAYLOAD)
    assert result["facts"] == {"verdict": "synthetic"}
    assert result["notice"] == "None of this is proof: marks can be removed, and most can be copied."


def test_a_picture_without_a_face_or_a_mark_is_told_as_such(connect):
    result = origin(connect(), picture(300, 280))
    assert result["origin"]["verdict"] == "nothing found"
    assert result["origin"]["mark"]["found"] is False
    assert result["origin"]["metadata"] == {}


def test_a_mark_in_a_face_is_found_by_the_servers_detector(connect, toy_models, tmp_path):
    from photopulse.restoration.restore import restore_photo

    models = toy_models()
    models.restore_kit().detector.faces = [(180, 170, 150)]
    coarse = torch.rand(1, 3, 30, 40, generator=torch.Generator().manual_seed(0)) * 0.4 + 0.2
    photo = torch.nn.functional.interpolate(coarse, scale_factor=12, mode="bicubic")
    restore_photo(photo, kit=models.restore_kit()).save(tmp_path / "a.png")
    result = origin(connect(models), (tmp_path / "a.png").read_bytes())
    told = result["origin"]
    assert (told["verdict"], told["agrees"], told["mark"]["maker"]) == ("restored", True, "restore")
    assert told["mark"]["face"]["x"] == pytest.approx(180, abs=10)


@pytest.mark.parametrize("content", [b"", b"no picture", picture()[:60]])
def test_what_is_no_picture_is_refused_or_fails_without_a_path(connect, content):
    client = connect()
    response = send(client, "verify", content)
    if response.status_code == 202:
        job = finish(client, response)
        assert job["state"] == "failed"
        text = json.dumps(job["error"])
    else:
        assert response.status_code == 422
        text = response.text
    assert "photopulse-serve-" not in text


def test_unknown_fields_and_large_pictures_are_refused(connect):
    client = connect(max_megapixels=1)
    assert "there is none called trust" in send(client, "verify", trust="root.pem").text
    large = io.BytesIO()
    Image.new("L", (1100, 1000)).save(large, "PNG")
    assert send(client, "verify", large.getvalue()).status_code == 422


@pytest.fixture
def signature(tmp_path):
    pytest.importorskip("c2pa", reason="the extra provenance is not installed")
    from photopulse.provenance.local_chain import make_local_chain
    from photopulse.provenance.signing import load_signature

    make_local_chain(tmp_path / "signing")
    return load_signature(str(tmp_path / "signing" / "key.pem"), tmp_path / "signing" / "chain.pem")


def test_a_server_that_signs_signs_every_result_also_in_the_archive(connect, signature, tmp_path):
    from photopulse.provenance.credentials import read_credentials

    client = connect(signature=signature)
    jobs = [
        finish(client, send(client, "restore", picture(kind="JPEG"), "old.jpg")),
        finish(client, send(client, "upscale", picture(8, 8), "face.png", count=2, quality="draft")),
    ]
    content = client.get("/api/v1/results.zip", params={"job": [job["id"] for job in jobs]}).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path / "out")
    told = {path.name: read_credentials(path) for path in (tmp_path / "out").iterdir()}
    assert {name: (one.state, one.signer) for name, one in told.items()} == dict.fromkeys(
        ("old.jpg", "face_0.png", "face_1.png"), ("valid", "local signer")
    )
    assert (told["old.jpg"].edited, told["face_0.png"].generated) == (True, True)
    # The server tells of its own result what it is.
    checked = origin(client, client.get(jobs[0]["results"][0]["url"]).content, "old.jpg", quick=True)
    assert checked["origin"]["credentials"]["signer"] == "local signer"
    assert b"local signer" not in client.get(f"/api/v1/jobs/{jobs[0]['id']}").content


def test_settings_do_not_print_the_key(signature):
    assert "PRIVATE" not in repr(ServeSettings(signature=signature))
    assert "signer" not in repr(ServeSettings(signature=signature))


def test_a_key_that_cannot_be_used_ends_the_server_before_it_listens(tmp_path, signature):
    (tmp_path / "empty.pem").write_text("")
    chain = str(tmp_path / "signing" / "chain.pem")
    bad = CliRunner().invoke(
        command_line, ["serve", "--sign", str(tmp_path / "empty.pem"), "--sign-certificate", chain]
    )
    assert (bad.exit_code, "not valid PEM" in bad.stderr) == (2, True)
    alone = CliRunner().invoke(command_line, ["serve", "--sign", chain])
    assert (alone.exit_code, "--sign and --sign-certificate belong together" in alone.stderr) == (2, True)
