"""Runs with ``--workers``: the same bytes and rows as one process, whatever is killed meanwhile."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.runs import memory

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc"),
    pytest.mark.slow,
]
RESTORE = ("restore", "--only", "photo", "--threads", "1")


def photopulse(*arguments):
    command = [sys.executable, "-m", "photopulse", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def finished(*arguments):
    process = photopulse(*arguments)
    stdout, stderr = process.communicate()
    return process.returncode, stdout, stderr


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Eight noisy photos, of which one is none."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for i in range(8):
        smooth = np.tile(np.linspace(60, 190, 320), (240, 1))[..., None] + 8 * i
        pixels = np.clip(smooth + rng.normal(0, 25, (240, 320, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"p{i}.png")
    (folder / "p3.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def alone(photos, tmp_path_factory):
    """The folder in which one process restored them."""
    folder = tmp_path_factory.mktemp("alone")
    code, _, stderr = finished(*RESTORE, photos, "-o", folder)
    assert code == 1, stderr
    return folder


def pictures(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".png"}


def rows(folder):
    """The rows of the report without what differs from run to run."""
    items = json.loads((folder / "report.json").read_text())["items"]
    left_out = ("seconds", "stages", "output", "compare")
    return [{name: value for name, value in item.items() if name not in left_out} for item in items]


def logged(folder):
    """How often each output has a row of a restoration in the log."""
    lines = map(json.loads, (folder / ".photopulse.jsonl").read_text().splitlines())
    done = [line["output"] for line in lines if line["row"] and line["row"]["status"] == "restored"]
    return {name: done.count(name) for name in done}


def temporaries(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".photopulse-")]


def children(pid):
    """The worker processes of a run."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            child, command = int(entry.name), (entry / "cmdline").read_bytes()
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in command:
                found.append(child)
    return found


def session_of(pid):
    """The processes that run in the session of a run, which outlive it only by a fault."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == pid and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def wait_until(condition, process=None):
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)


def results(folder):
    return [path for path in folder.glob("*.png") if not path.name.startswith(".")]


def test_two_workers_make_the_bytes_and_rows_of_one_process(photos, alone, tmp_path):
    code, stdout, stderr = finished(*RESTORE, photos, "-o", tmp_path, "--workers", "2")
    assert code == 1, stderr
    assert pictures(tmp_path) == pictures(alone)
    assert rows(tmp_path) == rows(alone)
    assert [Path(row["input"]).name for row in rows(tmp_path)] == [f"p{i}.png" for i in range(8)]
    assert len(stdout.splitlines()) == 7
    assert temporaries(tmp_path) == []
    # A rerun with one process has nothing to do.
    code, stdout, _ = finished(*RESTORE, photos, "-o", tmp_path)
    assert stdout.count("kept from an earlier run") == 7
    assert set(logged(tmp_path).values()) == {1}


def test_workers_that_are_killed_cost_nothing(photos, alone, tmp_path):
    chance = random.Random(0)
    process = photopulse(*RESTORE, photos, "-o", tmp_path, "--workers", "2")
    for _ in range(3):
        made = len(results(tmp_path))
        wait_until(lambda made=made: len(results(tmp_path)) > made and children(process.pid), process)
        time.sleep(chance.random())
        if victims := children(process.pid):
            os.kill(chance.choice(victims), signal.SIGKILL)
    _, stderr = process.communicate()
    assert process.returncode == 1, stderr
    assert pictures(tmp_path) == pictures(alone)
    assert rows(tmp_path) == rows(alone)
    assert set(logged(tmp_path).values()) == {1}
    assert temporaries(tmp_path) == []
    assert session_of(process.pid) == []


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_ends_early_goes_on_from_there_with_any_number_of_workers(photos, alone, tmp_path, end):
    process = photopulse(*RESTORE, photos, "-o", tmp_path, "--workers", "2")
    wait_until(lambda: len(results(tmp_path)) >= 2, process)
    if end == signal.SIGINT:
        os.killpg(process.pid, end)  # As a terminal does.
    else:
        process.send_signal(end)
    _, stderr = process.communicate()
    # No worker is left; after a kill, each has a few seconds to see it.
    wait_until(lambda: session_of(process.pid) == [])
    assert temporaries(tmp_path) == []
    if end != signal.SIGKILL:
        assert process.returncode == 130
        assert stderr.splitlines()[-1].startswith("error: interrupted")
        assert "Traceback" not in stderr
    before = logged(tmp_path)
    assert 1 <= len(before) < 7
    code, stdout, stderr = finished(*RESTORE, photos, "-o", tmp_path, "--workers", "3")
    assert code == 1, stderr
    assert stdout.count("kept from an earlier run") == len(before)
    assert pictures(tmp_path) == pictures(alone)
    assert rows(tmp_path) == rows(alone)
    assert set(logged(tmp_path).values()) == {1}


def test_upscale_makes_the_same_faces_with_two_workers(faces, tmp_path, tiny_file, shared_cache):
    files = faces("a.png", "b.png", "c.png")
    options = ("--method", "classic", "--steps", "5", "--count", "2", "--threads", "1", "--generator", tiny_file)
    one, two = tmp_path / "one", tmp_path / "two"
    code, _, stderr = finished("upscale", *files, "-o", one, *options)
    assert code == 3, stderr
    code, _, stderr = finished("upscale", *files, "-o", two, *options, "--workers", "2")
    assert code == 3, stderr
    assert pictures(one) == pictures(two)
    assert rows(one) == rows(two)
    assert [Path(row["input"]).stem for row in rows(two)] == ["a", "a", "b", "b", "c", "c"]
    assert all(row["diversity"] > 0 for row in rows(two))


@pytest.mark.weights
def test_align_finds_the_same_faces_with_two_workers(tmp_path, face_weights):
    from skimage import data

    portrait = Image.fromarray(data.astronaut())
    (tmp_path / "in").mkdir()
    for i in range(3):
        portrait.rotate(4 * i).save(tmp_path / "in" / f"p{i}.png")
    Image.fromarray(np.hstack([data.astronaut()[:300], data.astronaut()[:300, ::-1]])).save(tmp_path / "in" / "p1.png")
    one, two = tmp_path / "one", tmp_path / "two"
    assert finished("align", tmp_path / "in", "-o", one)[0] == 0
    assert finished("align", tmp_path / "in", "-o", two, "--workers", "2")[0] == 0
    assert pictures(one) == pictures(two)
    assert len(pictures(one)) == 4
    assert rows(one) == rows(two)


def test_a_watched_folder_is_done_as_it_fills_until_ctrl_c(photos, alone, tmp_path):
    inbox, out = tmp_path / "in", tmp_path / "out"
    inbox.mkdir()
    shutil.copy(photos / "p0.png", inbox)
    process = photopulse(*RESTORE, inbox, "-o", out, "--watch", "--workers", "2")
    wait_until(lambda: (out / "p0.png").exists(), process)
    for name in ("p1.png", "p2.png"):
        shutil.copy(photos / name, inbox)
    wait_until(lambda: (out / "p1.png").exists() and (out / "p2.png").exists(), process)
    wait_until(lambda: len(logged(out)) == 3, process)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert "waiting for pictures; Ctrl-C ends" in stderr
    assert "Traceback" not in stderr
    assert {name: (out / name).read_bytes() for name in ("p0.png", "p1.png", "p2.png")} == {
        name: content for name, content in pictures(alone).items() if name in ("p0.png", "p1.png", "p2.png")
    }
    assert set(logged(out).values()) == {1}
    assert session_of(process.pid) == []


@pytest.mark.parametrize("wrong", ["a file", "the output"])
def test_only_folders_without_the_results_can_be_watched(photos, tmp_path, wrong):
    given, out = (photos / "p0.png", tmp_path) if wrong == "a file" else (tmp_path, tmp_path)
    result = CliRunner().invoke(app, [*RESTORE, str(given), "-o", str(out), "--watch"])
    assert result.exit_code == 2
    assert "cannot watch" in result.stderr


def actors():
    """The actors of a cluster that a run started."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if b"ray::_Hands" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def test_a_cluster_makes_the_bytes_and_rows_of_one_process_though_an_actor_is_killed(photos, alone, tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'photopulse[ray]'")
    process = photopulse(*RESTORE, photos, "-o", tmp_path, "--ray", "local", "--workers", "2")
    wait_until(lambda: results(tmp_path) and actors(), process)
    os.kill(actors()[0], signal.SIGKILL)
    _, stderr = process.communicate()
    assert process.returncode == 1, stderr
    assert pictures(tmp_path) == pictures(alone)
    assert rows(tmp_path) == rows(alone)
    assert set(logged(tmp_path).values()) == {1}
    assert temporaries(tmp_path) == []


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_run_on_a_cluster_goes_on_without_it(photos, alone, tmp_path, end):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'photopulse[ray]'")
    process = photopulse(*RESTORE, photos, "-o", tmp_path, "--ray", "local", "--workers", "2")
    wait_until(lambda: len(results(tmp_path)) >= 2, process)
    process.send_signal(end)
    _, stderr = process.communicate()
    if end == signal.SIGINT:
        assert process.returncode == 130, stderr
        assert temporaries(tmp_path) == []
    wait_until(lambda: not actors())
    before = logged(tmp_path)
    assert before
    code, stdout, stderr = finished(*RESTORE, photos, "-o", tmp_path, "--workers", "2")
    assert code == 1, stderr
    assert stdout.count("kept from an earlier run") == len(before)
    assert pictures(tmp_path) == pictures(alone)
    assert set(logged(tmp_path).values()) == {1}


def test_a_cluster_that_is_not_there_is_an_error(photos, tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'photopulse[ray]'")
    code, _, stderr = finished(*RESTORE, photos, "-o", tmp_path, "--ray", "127.0.0.1:1")
    assert code == 2
    assert "cannot reach the cluster '127.0.0.1:1'" in stderr
    assert "ray start --head" in stderr


def test_there_are_no_more_workers_than_the_memory_holds(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 5 * 2**30)
    started = []

    def fewer(loader, *, workers, threads):
        started.append((workers, threads))
        raise KeyboardInterrupt

    monkeypatch.setattr("photopulse.runs.processes.Processes", fewer)
    result = CliRunner().invoke(app, [*RESTORE, str(photos), "-o", str(tmp_path), "--workers", "8"])
    assert started == [(2, 1)]
    assert "2 of 8 workers, because each may need 2.2 GiB, and 5.0 GiB are free" in result.stderr
