"""The log of a folder: what was appended comes back, whatever happened to the file in between."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photopulse.errors import PhotopulseError
from photopulse.runs import json_lines as module
from photopulse.runs.log import Entry, Log


def entry(output: str | None, command: str = "restore", row: dict[str, Any] | None = None) -> Entry:
    return Entry(command=command, output=output, row={"key": f"key {output}"} if row is None else row)


def test_what_was_appended_comes_back(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.append([entry("a.png"), entry("日本\udcff.png", "align", {"x": [1, None, 0.1]})])
    log.append([entry("pictures/b.jpg")])
    assert list(Log(tmp_path).read().values()) == [
        entry("a.png"),
        entry("日本\udcff.png", "align", {"x": [1, None, 0.1]}),
        entry("pictures/b.jpg"),
    ]


def test_a_folder_without_a_log_has_no_entries(tmp_path: Path) -> None:
    assert Log(tmp_path).read() == {}
    (tmp_path / ".photopulse.jsonl").mkdir()
    assert Log(tmp_path).read() == {}


def test_the_last_line_of_an_output_counts_whoever_wrote_it(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.append([entry("a.png"), entry("b.png"), entry("a.png", "upscale", {"key": "new"}), entry("B.PNG")])
    assert list(log.read().values()) == [entry("a.png", "upscale", {"key": "new"}), entry("B.PNG")]


def test_what_is_struck_out_is_gone_and_failures_are_of_no_output(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.append([entry("a.png"), entry("b.png"), entry(None, row={"error": "no face"})])
    log.append([Entry(command="upscale", output="a.png", row=None)])
    assert list(log.read().values()) == [entry("b.png")]


def test_a_torn_last_line_is_passed_over_and_the_next_is_whole(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.append([entry("a.png"), entry("b.png")])
    whole = log.path.read_bytes()
    for length in range(whole.index(b"\n") + 2, len(whole)):
        log.path.write_bytes(whole[:length])
        assert list(log.read().values()) == [entry("a.png")]
        log.append([entry("c.png")])
        # Where only the end of the line was lost, the line itself is whole again.
        found = [one.output for one in log.read().values() if one.output != "b.png"]
        assert found == ["a.png", "c.png"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "5",
        "null",
        "[]",
        "{}",
        "{",
        "[" * 100_000,
        "1" * 10_000,
        '{"command": "restore", "output": "b.png"',
        '{"command": 5, "output": "b.png", "row": {}}',
        '{"command": "restore", "output": 5, "row": {}}',
        '{"command": "restore", "output": "b.png", "row": []}',
        '{"output": "b.png", "row": {}}',
        "\x00" * 100,
        "\udcff\udcfe",
    ],
)
def test_lines_that_cannot_be_understood_are_passed_over(tmp_path: Path, line: str) -> None:
    log = Log(tmp_path)
    log.append([entry("a.png")])
    with log.path.open("ab") as stream:
        stream.write(line.encode(errors="surrogateescape") + b"\n")
    log.append([entry("c.png")])
    assert [one.output for one in log.read().values()] == ["a.png", "c.png"]


def test_fields_of_another_version_are_ignored(tmp_path: Path) -> None:
    told = {"command": "restore", "output": "a.png", "row": {"key": "k", "beauty": 1}, "host": "there"}
    (tmp_path / ".photopulse.jsonl").write_text(json.dumps(told) + "\n")
    assert list(Log(tmp_path).read().values()) == [entry("a.png", row={"key": "k", "beauty": 1})]


@settings(max_examples=50)
@given(place=st.integers(0, 300), value=st.binary(max_size=3), cut=st.integers(0, 300))
def test_any_damage_is_survived(tmp_path_factory: pytest.TempPathFactory, place: int, value: bytes, cut: int) -> None:
    log = Log(tmp_path_factory.mktemp("damage"))
    log.append([entry("a.png"), entry("b.png")])
    data = log.path.read_bytes()
    log.path.write_bytes((data[:place] + value + data[place + len(value) :])[:cut])
    log.append([entry("c.png")])
    assert list(log.read().values())[-1] == entry("c.png")


def test_an_endless_log_is_read_from_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(tmp_path)
    for number in range(100):
        log.append([entry(f"{number}.png")])
    monkeypatch.setattr(module, "_MAX_BYTES", 5 * log.path.stat().st_size // 100)
    assert [one.output for one in log.read().values()] == ["96.png", "97.png", "98.png", "99.png"]


def test_an_endless_line_is_passed_over_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(tmp_path)
    log.append([entry("a.png"), entry("b.png", row={"key": "x" * 1000}), entry("c.png")])
    monkeypatch.setattr(module, "_MAX_LINE", 100)
    assert [one.output for one in log.read().values()] == ["a.png", "c.png"]


def test_an_append_writes_no_more_when_the_log_is_long(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.append([entry("a.png")])
    line = log.path.stat().st_size
    before = log.path.stat().st_ino
    for _ in range(100):
        log.append([entry("a.png")])
    assert log.path.stat().st_size == 101 * line
    assert log.path.stat().st_ino == before


APPEND = """
import sys
from pathlib import Path
from photopulse.runs.log import Entry, Log

log = Log(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(200):
    log.append([Entry(command="restore", output=f"{sys.argv[2]}{number}.png", row={"key": "x" * 3000})])
"""


def test_two_runs_at_once_do_not_lose_each_others_lines(tmp_path: Path) -> None:
    runs = [
        subprocess.Popen([sys.executable, "-c", APPEND, str(tmp_path), name], stdin=-1, stdout=-1, text=True)
        for name in ("a", "b")
    ]
    for run in runs:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    for run in runs:
        run.communicate()
        assert run.returncode == 0
    assert len(Log(tmp_path).read()) == 400


def test_a_log_that_cannot_be_written_or_read_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(PhotopulseError, match=r"cannot write .*photopulse\.jsonl.*-o"):
        Log(tmp_path / "missing").append([entry("a.png")])
