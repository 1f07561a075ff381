import csv
import json
import random
import re

import numpy as np
import pytest

from photopulse.errors import PhotopulseError
from photopulse.evaluation.records import Row
from photopulse.evaluation.summaries import Task, summarise
from photopulse.evaluation.tables import task_title, to_markdown, write_tables

FILES = ("table.md", "table.csv", "table.json")


def row(image, method, condition="clean", *, size=128, error=None, features=(), **values):
    return Row(
        image=image,
        method=method,
        condition=condition,
        size=size,
        small=16,
        values=values,
        error=error,
        traits={"features": features},
    )


def page(rows):
    return to_markdown(summarise(rows))


def tables(text):
    """The tables of a page as lists of cells, without the rule below the heads."""
    blocks = [block for block in text.split("\n\n") if block.startswith("|")]
    return [
        [
            [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for place, line in enumerate(block.splitlines())
            if place != 1
        ]
        for block in blocks
    ]


def test_a_page_of_one_task_is_the_one_worked_by_hand():
    rows = [
        row("a", "pulse", psnr=20.0, ssim=0.5, seconds=100.0, converged=True),
        row("a", "original", psnr=float("inf"), ssim=1.0),
        row("a", "nearest", psnr=21.0, ssim=0.25),
        row("b", "pulse", psnr=24.0, ssim=0.5, seconds=120.0, converged=False),
        row("b", "original", psnr=float("inf"), ssim=1.0),
        row("b", "nearest", psnr=25.0, ssim=0.35),
    ]
    text = page(rows)
    assert text.startswith("# Evaluation\n\n")
    assert "## 8x: 16 -> 128 px\n" in text
    figures, intervals = tables(text)
    assert figures == [
        ["method", "pictures", "PSNR ↑", "SSIM ↑", "time ↓", "converged ↑"],
        ["original", "2", "∞", "1.000", "-", "-"],
        ["nearest", "2", "**23.00**", "0.300", "-", "-"],
        ["pulse", "2", "22.00", "**0.500**", "110", "0.50"],
    ]
    assert intervals == [
        ["method", "PSNR", "SSIM"],
        ["original", "-", "1.000 to 1.000"],
        ["nearest", "21.00 to 25.00", "0.250 to 0.350"],
        ["pulse", "20.00 to 24.00", "0.500 to 0.500"],
    ]


def test_the_legend_explains_every_column_that_is_there_and_no_other():
    text = page([row("a", "pulse", identity=0.9, identity_distance=0.7, seconds=1.0)])
    legend = re.findall(r"^- \*\*(.+?)\*\*(.*?): .+$", text, flags=re.MULTILINE)
    assert legend == [("identity distance", " ↓"), ("time", " ↓ (s)")]
    assert "identifies nobody" in text


def test_bold_goes_down_where_lower_is_better_and_equal_figures_share_it():
    rows = [row("a", "nearest", niqe=5.001), row("a", "bicubic", niqe=6.0), row("a", "pulse", niqe=5.004)]
    (table,) = tables(page(rows))
    assert [line[2] for line in table] == ["NIQE ↓", "**5.00**", "6.00", "**5.00**"]


def test_skin_that_shifts_least_is_best_whatever_its_direction_and_the_signed_mean_is_never():
    rows = [row("a", "nearest", ita_shift=-8.0), row("a", "pulse", ita_shift=3.0), row("b", "pulse", ita_shift=-4.0)]
    rows += [row("b", "nearest", ita_shift=1.0)]
    table, intervals = tables(page(rows))
    assert table == [
        ["method", "pictures", "ITA shift", "ITA shift either way ↓"],
        ["nearest", "2", "-3.50", "4.50"],
        ["pulse", "2", "-0.50", "**3.50**"],
    ]
    assert intervals[2] == ["pulse", "-4.00 to 3.00", "3.00 to 4.00"]


def test_nothing_is_best_where_neither_way_is_or_only_one_method_was_measured():
    rows = [
        row("a", "nearest", sharpness=1.0, niqe=3.0),
        row("a", "original", sharpness=3.0, niqe=4.0),
        row("a", "bicubic", sharpness=2.0),
    ]
    assert "**" not in page(rows).split("##")[1]


def test_methods_that_saw_different_pictures_are_compared_over_those_they_share():
    rows = [row(name, "bicubic", psnr=value) for name, value in (("a", 20.0), ("b", 22.0), ("c", 60.0))]
    rows += [row("a", "pulse", psnr=23.0), row("b", "pulse", psnr=25.0), row("c", "pulse", error="out of memory")]
    text = page(rows)
    assert "### Over the 2 pictures that all methods share" in text
    whole, _, shared, _ = tables(text)
    assert whole[1:] == [["bicubic", "3", "34.00"], ["pulse", "3, 1 failed", "24.00"]]
    assert shared[1:] == [["bicubic", "2", "21.00"], ["pulse", "2", "**24.00**"]]


def test_figures_of_sets_have_columns_and_the_frechet_distance_needs_the_same_pictures():
    def with_features(name, method):
        random = np.random.default_rng(sum(f"{name}{method}".encode()))
        return row(name, method, features=random.random(4).tolist())

    rows = [with_features(name, method) for name in "abcd" for method in ("original", "bicubic", "pulse")]
    same = tables(page(rows))[0]
    assert same[0] == ["method", "pictures", "KD ↓", "FD ↓"]
    assert same[1] == ["original", "4", "-", "-"]
    # Pulse was given three of the pictures only.
    text = page([picture for picture in rows if (picture.method, picture.image) != ("pulse", "d")])
    assert "it shrinks with more pictures" in text
    whole, _, shared, _ = tables(text)
    assert whole[0] == ["method", "pictures", "KD ↓"]
    assert "**" not in str(whole)
    assert shared[0] == ["method", "pictures", "KD ↓", "FD ↓"]


def test_lines_of_a_table_are_equally_long_so_that_it_reads_as_text():
    rows = [row("a", "a|strange:method", psnr=20.0, ssim=0.1), row("a", "pulse", psnr=3.0)]
    (block,) = [block for block in page(rows).split("\n\n") if block.startswith("|")]
    assert len({len(line) for line in block.splitlines()}) == 1
    assert "a\\|strange:method" in block


@pytest.mark.parametrize(
    ("task", "title"),
    [
        (Task("clean", 16, 128), "8x: 16 -> 128 px"),
        (Task("noise:25+jpeg:30", 32, 1024), "32x: 32 -> 1024 px, noise:25+jpeg:30"),
        (Task("clean", 48, 128), "2.67x: 48 -> 128 px"),
        (Task("heavy, face", None, None), "heavy, face"),
    ],
)
def test_titles_name_factor_sizes_and_condition(task, title):
    assert task_title(task) == title


def test_an_evaluation_of_nothing_says_so():
    assert page([]) == "# Evaluation\n\nNothing was measured.\n"


def drawn_rows():
    draw = random.Random(0)
    return [
        row(
            str(image),
            method,
            condition,
            psnr=draw.gauss(20, 2),
            downscale_mse=draw.random() / 1000,
            error="no" if image == 3 and method == "pulse" else None,
            **({"converged": draw.random() < 0.5} if method == "pulse" else {}),
        )
        for condition in ("clean", "noise:25")
        for method in ("nearest", "pulse")
        for image in range(6)
    ]


def test_tables_are_identical_for_identical_rows_in_any_order(tmp_path):
    shuffled = drawn_rows()
    random.Random(1).shuffle(shuffled)
    write_tables(tmp_path / "one", summarise(drawn_rows()))
    write_tables(tmp_path / "two", summarise(shuffled))
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_csv_and_json_files_say_the_same_as_the_summaries(tmp_path):
    write_tables(tmp_path, summarise(drawn_rows()))
    with (tmp_path / "table.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    content = json.loads((tmp_path / "table.json").read_text())
    summaries = summarise(drawn_rows())
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
    write_tables(tmp_path, summarise([row("a", "x", **values)]))
    (record,) = json.loads((tmp_path / "table.json").read_text())["summaries"]
    assert {name: record[name] for name in values} == values


def test_numbers_that_json_lacks_become_null(tmp_path):
    write_tables(tmp_path, summarise([row("a", "x", psnr=float("inf"))]))

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
        write_tables(tmp_path / "file", summarise(drawn_rows()))
