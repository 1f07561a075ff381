import csv
import json
import random

import pytest

from photopulse.errors import PhotopulseError
from photopulse.evaluation.benchmark import write_tables
from photopulse.evaluation.rows import Row
from photopulse.evaluation.summaries import summarise

FILES = ("table.md", "table.csv", "table.json")


def rows():
    draw = random.Random(0)
    return [
        Row(
            image=str(image),
            condition=condition,
            method=method,
            size=128,
            small=16,
            psnr=draw.gauss(20, 2),
            downscale_mse=draw.random() / 1000,
            converged=draw.random() < 0.5 if method == "pulse" else None,
            error="no" if image == 3 and method == "pulse" else None,
        )
        for condition in ("clean", "noise:25")
        for method in ("nearest", "pulse")
        for image in range(6)
    ]


def test_tables_are_identical_for_identical_rows_in_any_order(tmp_path):
    shuffled = rows()
    random.Random(1).shuffle(shuffled)
    write_tables(tmp_path / "one", summarise(rows()))
    write_tables(tmp_path / "two", summarise(shuffled))
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_csv_and_json_files_say_the_same_as_the_summaries(tmp_path):
    write_tables(tmp_path, summarise(rows()))
    with (tmp_path / "table.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    content = json.loads((tmp_path / "table.json").read_text())
    summaries = summarise(rows())
    assert len(lines) == len(content["summaries"]) == len(summaries) == 8
    for line, record, summary in zip(lines, content["summaries"], summaries, strict=True):
        assert {key: "" if value is None else str(value) for key, value in record.items()} == line
        assert (record["method"], record["condition"], record["scope"]) == (
            summary.method,
            summary.task.condition,
            summary.scope,
        )
        estimate = summary.figures["psnr"]
        expected = (estimate.value, estimate.low, estimate.high, estimate.count)
        assert tuple(record[f"psnr{part}"] for part in ("", "_low", "_high", "_count")) == expected
        assert (record["images"], record["failed"]) == (summary.images, summary.failed)
    assert content["version"] == 1
    assert content["measures"]["psnr"]["unit"] == "dB"


def test_the_files_have_the_likeness_both_ways(tmp_path):
    values = {"identity": 0.9, "identity_distance": 0.7}
    write_tables(tmp_path, summarise([Row(image="a", condition="clean", method="x", size=8, small=4, **values)]))
    (record,) = json.loads((tmp_path / "table.json").read_text())["summaries"]
    assert {name: record[name] for name in values} == values


def test_numbers_that_json_lacks_become_null(tmp_path):
    row = Row(image="a", condition="clean", method="x", size=8, small=4, psnr=float("inf"))
    write_tables(tmp_path, summarise([row]))

    def refuse(constant):
        raise ValueError(constant)

    (record,) = json.loads((tmp_path / "table.json").read_text(), parse_constant=refuse)["summaries"]
    assert record["psnr"] is None
    assert record["psnr_count"] == 1


def test_no_rows_make_empty_tables(tmp_path):
    write_tables(tmp_path, [])
    assert "Nothing was measured." in (tmp_path / "table.md").read_text()
    assert (
        (tmp_path / "table.csv")
        .read_text()
        .startswith("condition,small,size,method,scope,images,failed,downscale_mse_mean,")
    )
    assert json.loads((tmp_path / "table.json").read_text())["summaries"] == []


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PhotopulseError, match=r"cannot write .*table\.md"):
        write_tables(tmp_path / "file", summarise(rows()))
