"""The API as a program meets it: what it gives is what the command writes, and rubbish is an error that helps."""

import io
import json
import re
import zipfile
from importlib.resources import files
from inspect import signature
from typing import get_args
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app as command_line
from photopulse.cli.restore import restore_command
from photopulse.restoration.settings import RestoreSettings
from photopulse.upscaling.batch_settings import BatchSettings
from photopulse.web.forms import field_names
from photopulse.web.refusals import SERVER_OPTIONS
from photopulse.web.restore_form import read_restore_form
from photopulse.web.upscale_form import read_upscale_form

from .conftest import finish, picture, send


def test_a_photo_is_restored_to_the_bytes_that_the_command_writes(connect, toy_models, tmp_path, monkeypatch):
    models = toy_models()
    monkeypatch.setattr("photopulse.restoration.kit.RestoreKit.load", lambda *_: models.restore_kit())
    content = picture(kind="JPEG")
    (tmp_path / "old.jpg").write_bytes(content)
    options = ["--scale", "2", "--fidelity", "0.3", "--grain", "--seed", "7"]
    ran = CliRunner().invoke(
        command_line, ["restore", str(tmp_path / "old.jpg"), "-o", str(tmp_path / "out"), *options]
    )
    assert ran.exit_code == 0, ran.output
    client = connect(models)
    job = finish(client, send(client, "restore", content, "old.jpg", scale=2, fidelity=0.3, grain=True, seed=7))
    assert job["state"] == "done", job
    (result,) = job["results"]
    answer = client.get(f"/api/v1/jobs/{job['id']}/result")
    assert answer.content == (tmp_path / "out" / "old.jpg").read_bytes()
    assert client.get(result["url"]).content == answer.content
    assert answer.headers["content-disposition"] == 'attachment; filename="old.jpg"'
    assert result["facts"] == {"width": 240, "height": 180, "cleaned": 1, "repaired": None}
    (face,) = result["faces"]
    assert (face["side"], face["restored"], face["why_not"]) == (20, True, None)
    assert (face["x"], face["y"]) == pytest.approx((30, 22.5), abs=3)
    assert result["notice"] == "Detail that the photo had lost is invented."
    assert client.get(result["before"]).content == content


def test_a_face_is_upscaled_to_the_bytes_that_the_command_writes(connect, tiny_file, tmp_path):
    content = picture(8, 8)
    (tmp_path / "face.png").write_bytes(content)
    options = ["--count", "2", "--seed", "3", "--quality", "draft", "--generator", str(tiny_file)]
    ran = CliRunner().invoke(
        command_line, ["upscale", str(tmp_path / "face.png"), "-o", str(tmp_path / "out"), *options]
    )
    assert ran.exit_code in (0, 3), ran.output
    client = connect()
    job = finish(client, send(client, "upscale", content, "face.png", count=2, seed=3, quality="draft"))
    assert job["state"] == "done", job
    written = {name: (tmp_path / "out" / name).read_bytes() for name in ("face_0.png", "face_1.png")}
    assert {one["name"]: client.get(one["url"]).content for one in job["results"]} == written
    with zipfile.ZipFile(io.BytesIO(client.get(f"/api/v1/jobs/{job['id']}/result").content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == written
    for one in job["results"]:
        assert one["notice"] == "Imaginary face: it fits the input, and identifies no one."
        small = [Image.open(io.BytesIO(client.get(one[what]).content)) for what in ("before", "again")]
        assert [image.size for image in small] == [(8, 8), (8, 8)]
        error = np.square(np.subtract(*(np.asarray(image, float) / 255 for image in small))).mean()
        assert error == pytest.approx(one["facts"]["downscale_mse"], abs=1e-3)
        assert one["facts"]["mark"] == "too small"


def test_a_photo_in_which_nothing_was_invented_says_so(connect):
    client = connect()
    (result,) = finish(client, send(client, mode="archival"))["results"]
    assert result["notice"].startswith("Nothing is invented")
    assert result["faces"] == []


def test_a_search_is_shown_as_it_goes_on(connect):
    client = connect()
    job = send(client, "upscale", picture(8, 8)).json()
    lines = client.get(f"/api/v1/jobs/{job['id']}/events").text.splitlines()
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert events[-1]["state"] == "done"
    assert events[-1]["preview"] is None
    shown = client.get(f"/api/v1/jobs/{job['id']}/preview")
    assert Image.open(io.BytesIO(shown.content)).size == (256, 256)
    restored = finish(client, send(client))
    assert client.get(f"/api/v1/jobs/{restored['id']}/preview").status_code == 404


def test_faces_of_a_photo_are_found_and_the_largest_are_upscaled(connect):
    client = connect()
    job = finish(client, send(client, "upscale", align="16", quality="draft"))
    assert [one["name"] for one in job["results"]] == ["a.png"], job


def test_faces_are_chosen_by_number_and_by_place(connect):
    client = connect()
    for choice in ("1", "60,45"):
        (result,) = finish(client, send(client, face=choice))["results"]
        assert [face["restored"] for face in result["faces"]] == [True]
    job = finish(client, send(client, face=["1", "3"]))
    assert job["error"]["what"] == "cannot restore face 3 of the given picture"
    assert "not 'all'" in send(client, face="all").json()["error"]["why"]


def test_faces_are_found_before_anything_is_restored(connect):
    client = connect()
    content = picture(kind="TIFF")
    job = finish(client, send(client, "faces", content, "scan.tif", max_faces=1))
    (result,) = job["results"]
    (face,) = result["faces"]
    assert (face["side"], face["restored"]) == (40, True)
    assert (face["x"], face["y"]) == pytest.approx((60, 45), abs=5)
    assert result["facts"] == {"faces": 1}
    assert client.get(result["shown"]).headers["content-type"] == "image/png"
    sent = client.get(f"/api/v1/jobs/{job['id']}/input")
    assert sent.content == content
    restored = finish(client, send(client, "restore", sent.content, "scan.tif", face=f"{face['x']},{face['y']}"))
    assert restored["results"][0]["faces"][0]["restored"]


def test_where_no_faces_are_looked_for_none_are_found(connect):
    client = connect()
    (result,) = finish(client, send(client, "faces", mode="archival"))["results"]
    assert result["faces"] == []


def test_several_jobs_are_fetched_as_one_archive(connect):
    client = connect()
    jobs = [finish(client, send(client, content=picture(seed=seed))) for seed in (0, 1)]
    jobs.append(finish(client, send(client, "upscale", picture(8, 8), "face.png", count=2, quality="draft")))
    answer = client.get("/api/v1/results.zip", params={"job": [job["id"] for job in jobs]})
    assert answer.headers["content-disposition"] == 'attachment; filename="results.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    alone = [client.get(one["url"]).content for job in jobs for one in job["results"]]
    assert dict(zip(["a.png", "a-2.png", "face_0.png", "face_1.png"], alone, strict=True)) == packed
    assert client.get("/api/v1/results.zip", params={"job": "nowhere"}).status_code == 404
    assert client.get("/api/v1/results.zip").status_code == 422
    twice = client.get("/api/v1/results.zip", params={"job": [jobs[0]["id"]] * 2})
    assert (twice.status_code, twice.json()["error"]["why"]) == (422, "a job is named more than once")


def test_a_mask_is_kept_with_its_photo_and_one_that_cannot_be_used_is_told(connect):
    client = connect()
    sent = {"file": ("a.png", picture()), "mask": ("m.png", picture(50, 50))}
    job = finish(client, client.post("/api/v1/restore", files=sent))
    assert client.get(f"/api/v1/jobs/{job['id']}/mask").content == sent["mask"][1]
    assert job["error"] == {
        "what": "cannot repair the given picture by the given mask",
        "why": "the mask has 50 x 50 px, the photo 120 x 90",
        "fix": "draw it over the photo in its own size; 'save_mask' writes one to begin with",
    }
    sent["mask"] = ("m.png", b"rubbish")
    assert client.post("/api/v1/restore", files=sent).json()["error"]["what"] == "cannot read the given mask"
    plain = send(client).json()
    assert client.get(f"/api/v1/jobs/{plain['id']}/mask").status_code == 404


def test_a_job_that_failed_has_no_result_to_wait_for(connect):
    client = connect()
    job = finish(client, send(client, face="3"))
    answer = client.get(f"/api/v1/jobs/{job['id']}/result")
    error = answer.json()["error"]
    assert (answer.status_code, error["what"]) == (409, "cannot give the result")
    assert error["why"] == f"the job has failed: {job['error']['what']}: {job['error']['why']}"
    assert error["fix"] == job["error"]["fix"]


def test_errors_name_fields_of_the_api(connect):
    client = connect()
    assert send(client, face="all").json()["error"]["why"].startswith("'face' takes a number")
    job = finish(client, send(client, "upscale"))
    assert job["error"]["fix"].startswith("use 'align' 32 for a photo")
    error = send(client, "upscale", picture(8, 8), fit=1, align=16).json()["error"]
    assert error["why"] == "'align' finds and shrinks faces itself: leave 'fit' out"


def test_every_option_that_a_message_names_is_a_field_or_of_the_server():
    fields = field_names(read_restore_form) | field_names(read_upscale_form)
    named = set()
    for room in ("restoration", "upscaling", "search", "images", "faces", "degrade", "generators", "networks", "runs"):
        for file in (files("photopulse") / room).rglob("*.py"):
            for text in re.findall(r'"[^"]*"', file.read_text("utf-8")):
                named |= set(re.findall(r"--([a-z]+(?:-[a-z]+)*)", text))
    # Of commands that are not served, of the classic search, of many machines, and of Ray.
    others = {"inspect", "size", "zero-noise", "workers", "ray", "head"}
    assert {name.replace("-", "_") for name in named - SERVER_OPTIONS - others} <= fields
    assert {"face", "align", "save-mask"} <= named


def test_progress_is_told_as_events_that_end_with_the_job(connect):
    client = connect()
    job = send(client).json()
    told = client.get(f"/api/v1/jobs/{job['id']}/events")
    assert told.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in told.text.splitlines() if line.startswith("data: ")]
    assert events[-1]["state"] == "done"
    assert events[-1]["progress"]["heard"][:2] == ["reading", "looking at the damage"]
    assert events[-1] == client.get(f"/api/v1/jobs/{job['id']}").json()


def test_jobs_wait_for_those_before_them_and_are_told_how_long(connect, toy_models, patient):
    client = connect(toy_models(photo_net=patient))
    first, second = send(client).json(), send(client).json()
    assert patient.reached.wait(60)
    waiting = client.get(f"/api/v1/jobs/{second['id']}").json()
    assert (waiting["state"], waiting["ahead"], waiting["expected_seconds"]) == ("waiting", 1, None)
    early = client.get(f"/api/v1/jobs/{second['id']}/result")
    assert (early.status_code, early.json()["error"]["why"]) == (409, "the job is waiting")
    assert early.json()["error"]["fix"] == "ask again when the job is done"
    patient.go_on.set()
    assert [client.get(f"/api/v1/jobs/{one['id']}/events").status_code for one in (first, second)] == [200, 200]
    third = send(client).json()
    assert third["expected_seconds"] is not None or third["state"] == "done"


def test_a_deleted_job_is_gone_with_its_results(connect):
    client = connect()
    job = finish(client, send(client))
    url = job["results"][0]["url"]
    assert client.get(url).status_code == 200
    assert client.delete(f"/api/v1/jobs/{job['id']}").status_code == 204
    for address in (url, f"/api/v1/jobs/{job['id']}", f"/api/v1/jobs/{job['id']}/events"):
        assert client.get(address).status_code == 404
    assert client.delete(f"/api/v1/jobs/{job['id']}").json()["error"]["what"] == "cannot find the job"


def test_a_running_job_is_canceled(connect, toy_models, patient):
    client = connect(toy_models(photo_net=patient))
    job = send(client).json()
    assert patient.reached.wait(60)
    assert client.delete(f"/api/v1/jobs/{job['id']}").status_code == 204
    patient.go_on.set()
    finish(client, send(client))
    assert 'photopulse_jobs_ended_total{kind="restore",state="canceled"} 1' in client.get("/metrics").text


def test_a_picture_in_a_format_that_browsers_lack_is_shown_as_png(connect):
    client = connect()
    content = picture(kind="TIFF")
    (result,) = finish(client, send(client, "restore", content, "scan.tif"))["results"]
    assert result["name"] == "scan.tif"
    for what in ("shown", "before"):
        shown = client.get(result[what])
        assert (shown.headers["content-type"], shown.content[:4]) == ("image/png", b"\x89PNG")
    assert client.get(result["url"]).content[:2] == b"II"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"scale": 9}, "scale is one of 1, 1.5, 2, 4"),
        ({"scale": 3}, "scale is one of 1, 1.5, 2, 4"),
        ({"scale": "nan"}, "scale is one of 1, 1.5, 2, 4"),
        ({"scale": "large"}, "scale must be a number"),
        ({"fidelity": "much"}, "fidelity must be a number"),
        ({"fidelity": "nan"}, "fidelity must be a number, neither infinite nor NaN"),
        ({"strength": "-inf"}, "strength must be a number, neither infinite nor NaN"),
        ({"fidelity": "1.5"}, "fidelity must be at most 1"),
        ({"max_faces": 1.5}, "max_faces must be a whole number"),
        ({"mode": "mine"}, "mode must be 'archival' or 'enhance'"),
        ({"grain": "much"}, "grain must be true or false"),
        ({"face": ["1"] * 65}, "face is given more than 64 times"),
        ({"mask": "text"}, "mask must be a file"),
        ({"seed": ["1", "2"]}, "seed came more than once"),
        ({"mode": "archival", "only": "face"}, "archival redraws no faces"),
        ({"mode": "archival", "repair": "auto"}, "archival generates nothing, which repairs"),
        ({"only": "face", "save_mask": 1}, "these settings repair nothing"),
        ({"repairs": "auto"}, "there is none called repairs"),
        ({"seed": -1}, "seed"),
        ({"working_size": 10**9}, "working_size"),
        ({"format": "exe"}, "format"),
    ],
)
def test_settings_that_cannot_be_are_an_error_that_names_them(connect, fields, told):
    answer = send(connect(), **fields)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert told in error["why"]
    assert set(error) == {"what", "why", "fix"}


def test_the_picture_is_one_file(connect):
    client = connect()
    for sent, told in (
        ({"files": [("file", ("a.png", picture())), ("file", ("b.png", picture()))]}, "file came more than once"),
        ({"data": {"file": "text"}}, "file must be a file"),
        ({}, "file is missing"),
    ):
        answer = client.post("/api/v1/upscale", **sent)
        assert (answer.status_code, answer.json()["error"]["why"]) == (422, told)


@pytest.mark.parametrize("name", ["fidelity", "format", "grain", "save_mask", "seed", "sr"])
def test_what_means_nothing_to_a_search_for_faces_is_refused(connect, name):
    error = send(connect(), "faces", **{name: "1"}).json()["error"]
    assert error["why"] == f"there is none called {name}"


def test_scales_are_those_of_the_command(connect):
    choices, _ = get_args(signature(restore_command).parameters["scale"].annotation)
    told = connect().get("/openapi.json").json()["components"]["schemas"]
    for kind in ("restore", "faces"):
        (fields,) = [schema["properties"] for name, schema in told.items() if name.startswith(f"Body_{kind}")]
        assert fields["scale"]["enum"] == [float(one) for one in get_args(choices)]


@pytest.mark.parametrize(
    "fields",
    [
        {"degradation": "noise"},
        {"degradation": "a" * 201},
        {"kernel": "a.npy"},
        {"count": 17},
        {"count": 8, "max_faces": 8},
        {"fit": 1, "align": 16},
        {"align": 17},
    ],
)
def test_searches_that_cannot_be_are_refused(connect, fields):
    assert send(connect(), "upscale", **fields).status_code == 422


def test_what_is_no_picture_is_refused_without_a_word_of_where_it_lies(connect):
    for content in (b"", b"rubbish", b"<svg></svg>", b"\x89PNG\r\n\x1a\n" + b"\0" * 100):
        answer = send(connect(), "restore", content, "x.png")
        assert answer.status_code == 422, content
        assert "photopulse-serve" not in answer.text
        assert "the given picture" in answer.json()["error"]["what"]


def test_a_picture_that_is_damaged_inside_fails_as_a_job_without_a_word_of_where_it_lies(connect):
    broken = bytearray(picture())
    broken[60:] = b"\x55" * (len(broken) - 60)
    client = connect()
    answer = send(client, "restore", bytes(broken))
    job = finish(client, answer) if answer.status_code == 202 else answer.json()
    assert job.get("state", "failed") == "failed"
    assert job["error"]["what"] == "cannot read the given picture"
    assert "photopulse-serve" not in json.dumps(job)


def test_pixels_are_counted_before_they_are_decoded(connect):
    client = connect(max_megapixels=1)
    large = picture(1001, 1000)
    assert "1001 x 1000 pixels" in send(client, "restore", large).json()["error"]["why"]
    job = finish(client, send(client, "restore", picture(600, 500), scale=2))
    assert "1200 x 1000 pixels" in job["error"]["why"]


def test_more_megabytes_than_allowed_are_not_taken_whether_their_number_is_told_or_not(connect):
    client = connect(max_megabytes=1)
    assert send(client, "restore", b"\0" * 1_200_000).status_code == 413
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    parts = (part for part in [head, *[b"\0" * 100_000] * 12, b"\r\n--x--\r\n"])
    kind = {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/v1/restore", content=parts, headers=kind)
    assert (answer.status_code, answer.json()["error"]["what"]) == (413, "cannot take the upload")


def test_a_name_is_a_label_and_never_a_path(connect, tmp_path):
    client = connect()
    for name, label in {
        "../../etc/passwd.png": "passwd.png",
        "C:\\fakepath\\\u202eold.png": "old.png",
        "老照片.png": "老照片.png",
        "..": "...png",
        "n" * 999 + ".png": "n" * 200 + ".png",
    }.items():
        (result,) = finish(client, send(client, name=name))["results"]
        assert result["name"] == label


@given(
    path=st.text(max_size=30),
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT"]),
    body=st.binary(max_size=200),
    kind=st.sampled_from(["multipart/form-data; boundary=x", "application/json", "multipart/form-data", "\x7f"]),
)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_rubbish_is_never_an_error_of_the_server(rubbish_client, path, method, body, kind):
    for start in ("/", "/api/v1/", "/api/v1/jobs/", "/api/v1/restore?"):
        address = start + quote(path, safe="/?&=")
        answer = rubbish_client.request(method, address, content=body, headers={"content-type": kind})
        assert answer.status_code < 500, address


@pytest.fixture
def rubbish_client(connect):
    return connect()


def test_the_openapi_description_tells_all_addresses_and_the_defaults_of_the_settings(connect):
    told = connect().get("/openapi.json").json()
    assert {"/api/v1/restore", "/api/v1/upscale", "/api/v1/jobs/{job_id}"} <= set(told["paths"])
    fields = {name: schema["properties"] for name, schema in told["components"]["schemas"].items() if "Body" in name}
    restore, upscale = (next(fields[name] for name in fields if kind in name) for kind in ("restore", "upscale"))
    assert restore["fidelity"]["default"] == RestoreSettings().fidelity
    assert upscale["count"]["default"] == BatchSettings().count


def test_health_and_numbers_are_told(connect):
    client = connect()
    assert client.get("/healthz").text == "ok\n"
    finish(client, send(client))
    numbers = client.get("/metrics").text
    assert 'photopulse_jobs{state="done"} 1' in numbers
    assert 'photopulse_job_seconds_count{kind="restore"} 1' in numbers
