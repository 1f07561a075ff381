import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photopulse.errors import PhotopulseError
from photopulse.runs.report import Report, ReportItem, exit_code, read_finished, to_json


def row(name, folder=Path("out"), **others):
    values = {
        "input": f"{name}.jpg",
        "output": str(folder / f"{name}.png"),
        "status": "converged",
        "key": f"key {name}",
    }
    return ReportItem(**(values | others))


def outputs(folder):
    content = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return [Path(item["output"]).stem if item["output"] else None for item in content["items"]]


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([], 0),
        (["converged"], 0),
        (["aligned"], 0),
        (["converged", "not-converged"], 3),
        (["not-converged", "failed", "converged"], 1),
    ],
)
def test_the_exit_code_is_that_of_the_worst_row(statuses, code):
    assert exit_code([ReportItem(input="x", status=status) for status in statuses]) == code


def test_rows_leave_out_what_does_not_apply_but_never_output_and_error():
    content = json.loads(to_json("align", [ReportItem(input="x", status="failed", error="why"), row("y", error=None)]))
    assert content["version"] == 1
    assert content["command"] == "align"
    assert content["items"] == [
        {"input": "x", "output": None, "status": "failed", "error": "why"},
        {"input": "y.jpg", "output": "out/y.png", "status": "converged", "error": None, "key": "key y"},
    ]


def test_names_are_readable_and_those_that_are_no_unicode_survive():
    text = to_json("upscale", [row("日本"), row("\udcff")])
    assert "日本.png" in text
    assert [item["output"] for item in json.loads(text.encode())["items"]] == ["out/日本.png", "out/\udcff.png"]


def test_numbers_that_json_lacks_become_null():
    text = to_json("upscale", [row("x", downscale_mse=float("nan"), eps=float("inf"))])

    def refuse(constant):
        raise ValueError(constant)

    item = json.loads(text, parse_constant=refuse)["items"][0]
    assert (item["downscale_mse"], item["eps"]) == (None, None)


def test_rows_stand_in_the_order_of_the_work_not_of_their_arrival(tmp_path):
    report = Report(tmp_path, "upscale", resume=True)
    for place in (2, 0, 1):
        report.add(place, row(str(place), tmp_path))
    assert [Path(item.output).stem for item in report.close()] == ["0", "1", "2"]
    assert outputs(tmp_path) == ["0", "1", "2"]


def finished_run(folder, *names):
    report = Report(folder, "upscale", resume=True)
    for place, name in enumerate(names):
        (folder / f"{name}.png").write_bytes(b"picture")
        report.add(place, row(name, folder))
    report.close()


def test_rows_that_a_stopped_rerun_had_not_come_to_are_not_forgotten(tmp_path):
    finished_run(tmp_path, "a", "b", "c")
    rerun = Report(tmp_path, "upscale", resume=True)

    def stopped():
        with rerun:
            rerun.add(0, row("b", tmp_path, key="other settings"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert sorted(outputs(tmp_path)) == ["a", "b", "c"]
    third = Report(tmp_path, "upscale", resume=True)
    assert third.finished(tmp_path / "a.png", "key a") is not None
    assert third.finished(tmp_path / "b.png", "other settings") is not None
    assert third.finished(tmp_path / "b.png", "key b") is None
    rerun.close()
    assert outputs(tmp_path) == ["b"]


def test_finished_means_same_key_same_name_and_the_picture_still_there(tmp_path):
    finished_run(tmp_path, "a", "b")
    (tmp_path / "b.png").unlink()
    report = Report(tmp_path, "upscale", resume=True)
    assert report.finished(tmp_path / "a.png", "key a") == row("a", tmp_path)
    assert report.finished(tmp_path / "a.png", "key b") is None
    assert report.finished(tmp_path / "b.png", "key b") is None
    assert Report(tmp_path, "upscale", resume=False).finished(tmp_path / "a.png", "key a") is None


def test_a_folder_that_was_moved_is_still_finished(tmp_path):
    finished_run(tmp_path / "old", "a")
    (tmp_path / "old").rename(tmp_path / "new")
    assert Report(tmp_path / "new", "upscale", resume=True).finished(tmp_path / "new" / "a.png", "key a") is not None


def test_a_row_comes_back_from_the_file_as_it_was(tmp_path):
    item = row("a", downscale_mse=0.1, eps=1, steps=3, seconds=0.5, seed=2, size=(32, 32), face=1)
    report = Report(tmp_path, "upscale", resume=True)
    report.add(0, item)
    assert read_finished(report.path, "upscale") == {"a.png": item}
    assert read_finished(report.path, "align") == {}


def test_the_made_up_report_is_whole(tmp_path):
    (tmp_path / "report.json").write_text(report_with())
    assert list(read_finished(tmp_path / "report.json", "upscale")) == ["a.png"]


def test_failed_rows_are_not_finished(tmp_path):
    report = Report(tmp_path, "upscale", resume=True)
    report.add(0, row("a", status="failed"))
    assert read_finished(report.path, "upscale") == {}


def test_fields_of_another_version_are_ignored(tmp_path):
    (tmp_path / "report.json").write_text(report_with(beauty=1))
    assert list(read_finished(tmp_path / "report.json", "upscale")) == ["a.png"]


def report_with(**fields):
    items = [{"input": "a", "status": "converged", "output": "a.png", "key": "k"} | fields]
    return json.dumps({"version": 1, "command": "upscale", "items": items})


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "null",
        "5",
        "[]",
        "[" * 100_000,
        '{"version": 1}',
        '{"version": 2, "command": "upscale", "items": []}',
        '{"version": 1, "command": "upscale", "items": null}',
        '{"version": 1, "command": "upscale", "items": [5]}',
        '{"version": 1, "command": "upscale", "items": ["a"]}',
        report_with(output=5),
        report_with(key=[]),
        report_with(status=[]),
        report_with(size=3),
        report_with(seconds="long"),
    ],
)
def test_a_damaged_report_counts_as_none(tmp_path, damage):
    (tmp_path / "report.json").write_text(damage)
    assert read_finished(tmp_path / "report.json", "upscale") == {}


@settings(max_examples=50)
@given(place=st.integers(0, 400), value=st.binary(max_size=3), cut=st.integers(0, 500))
def test_any_damage_is_survived(tmp_path_factory, place, value, cut):
    folder = tmp_path_factory.mktemp("damage")
    data = to_json("upscale", [row("a", folder, seconds=0.5, size=(8, 8))]).encode()
    (folder / "report.json").write_bytes((data[:place] + value + data[place + len(value) :])[:cut])
    report = Report(folder, "upscale", resume=True)
    report.finished(folder / "a.png", "key a")
    report.add(0, row("b", folder))
    report.close()
    assert outputs(folder) == ["b"]


def test_a_folder_that_is_a_file_is_a_clear_error(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(PhotopulseError, match=r"cannot write .*out.*-o"):
        Report(tmp_path / "out", "upscale", resume=True)


def test_a_report_that_cannot_be_written_is_a_clear_error(tmp_path):
    report = Report(tmp_path / "out", "upscale", resume=True)
    (tmp_path / "out").rmdir()
    (tmp_path / "out").write_text("a file")
    with pytest.raises(PhotopulseError, match=r"cannot write .*photopulse\.jsonl"):
        report.add(0, row("a"))
    with pytest.raises(PhotopulseError, match=r"cannot write .*report\.json"):
        report.close()
