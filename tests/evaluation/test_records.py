import random
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photopulse.errors import PhotopulseError
from photopulse.evaluation.measures import MEASURES
from photopulse.evaluation.records import ROW_COLUMNS, Record, Row, read_record, read_rows, write_record, write_rows

NUMBERS = st.floats(allow_nan=False)
# What names of files can hold: any character, and (as lone surrogates) bytes that are no UTF-8.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\udc80\udcff"), min_size=1)
MEASURED = [measure.name for measure in MEASURES if measure.kind == "number"]
VALUES = st.fixed_dictionaries({}, optional={"converged": st.booleans()} | dict.fromkeys(MEASURED, NUMBERS))
ROWS = st.builds(
    Row,
    image=TEXTS,
    condition=TEXTS,
    method=TEXTS,
    size=st.none() | st.integers(1, 10**6),
    small=st.none() | st.integers(1, 10**6),
    values=VALUES,
    error=st.none() | TEXTS,
)
HEADER = ",".join(ROW_COLUMNS)
EMPTY = "," * (len(ROW_COLUMNS) - 5)


def row(image="a", condition="clean", method="nearest", size=128, small=16, error=None, **values):
    return Row(image=image, condition=condition, method=method, size=size, small=small, error=error, values=values)


def by_measure(rows):
    """As ``repr`` words it, whatever the order of the measures."""
    return sorted(repr(replace(one, values=dict(sorted(one.values.items())))) for one in rows)


@given(st.lists(ROWS, max_size=5))
def test_any_rows_come_back_exactly(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    write_rows(path, rows)
    assert by_measure(read_rows(path)) == by_measure(rows)


def test_the_file_is_the_one_a_person_would_write(tmp_path):
    rows = [
        row(method="pulse", converged=False, downscale_mse=0.1 + 0.2, image="b"),
        row(error='it said "no", then\nstopped', psnr=float("inf"), ssim=np.float64(0.5)),
    ]
    write_rows(tmp_path / "rows.csv", rows)

    def line(**cells):
        return ",".join(cells.get(name, "") for name in ROW_COLUMNS)

    common = {"condition": "clean", "size": "128", "small": "16"}
    assert HEADER.startswith("image,condition,method,size,small,seconds,downscale_mse,psnr,")
    assert HEADER.endswith(",converged,error")
    assert (tmp_path / "rows.csv").read_bytes().decode().split("\r\n") == [
        HEADER,
        line(image="a", method="nearest", psnr="inf", ssim="0.5", error='"it said ""no"", then\nstopped"', **common),
        line(image="b", method="pulse", downscale_mse="0.30000000000000004", converged="False", **common),
        "",
    ]


def test_rows_are_sorted_by_condition_then_size_as_a_number_then_method_then_image(tmp_path):
    order = [
        row(condition="clean", method="pulse", size=128, image="z"),
        row(condition="clean", method="bicubic", size=1024, image="y"),
        row(condition="clean", method="bicubic", size=1024, image="z"),
        row(condition="clean", method="pulse", size=1024, image="a"),
        row(condition="jpeg:30", method="pulse", size=1024, image="z"),
    ]
    write_rows(tmp_path / "rows.csv", order[::-1])
    assert read_rows(tmp_path / "rows.csv") == order


def test_a_file_of_a_version_that_measured_less_is_read(tmp_path):
    (tmp_path / "rows.csv").write_text("image,condition,method,size,small,psnr,error\na,clean,nearest,128,16,20.5,\n")
    assert read_rows(tmp_path / "rows.csv") == [row(psnr=20.5)]


def test_equal_rows_make_equal_files_in_any_order(tmp_path):
    rows = [row(image=name, psnr=value) for name in "abc" for value in (1.0, 2.0, 3.0)]
    write_rows(tmp_path / "one.csv", rows)
    random.Random(1).shuffle(rows)
    write_rows(tmp_path / "two.csv", rows)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "line 1: the columns are not image"),
        ("image,condition\n", "line 1: the columns are not image"),
        ("image,condition,method,size,small,beauty\n", "line 1: the columns are not image"),
        ("image,condition,method,size,small,psnr,psnr\n", "line 1: the columns are not image"),
        (f"{HEADER}\na,clean,pulse,128\n", f"line 2: it has 4 cells instead of {len(ROW_COLUMNS)}"),
        (f"{HEADER}\na,clean,pulse,128,16{EMPTY}\nb,clean,,128,16{EMPTY}\n", "line 3: method is empty"),
        (f"{HEADER}\na,clean,pulse,128,16,1.2.3{EMPTY[1:]}\n", "line 2: seconds cannot be '1.2.3'"),
        (f"{HEADER}\na,clean,pulse,0,16{EMPTY}\n", "line 2: size cannot be '0'"),
        (f"{HEADER}\na,clean,pulse,128,16{EMPTY[:-1]}maybe,\n", "line 2: converged cannot be 'maybe'"),
        (f'{HEADER}\na,clean,pulse,128,16{EMPTY}"cut sho', "line 2: unexpected end of data"),
    ],
)
def test_a_damaged_file_is_refused_with_line_and_reason(tmp_path, text, why):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(PhotopulseError, match=re.escape(why)) as caught:
        read_rows(path)
    assert str(path) in str(caught.value)


def test_a_file_of_random_bytes_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_bytes(random.Random(0).randbytes(10_000))
    with pytest.raises(PhotopulseError, match="line 1"):
        read_rows(tmp_path / "rows.csv")


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "rows.csv").open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(PhotopulseError, match="larger than 256 MiB"):
        read_rows(tmp_path / "rows.csv")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PhotopulseError, match=r"nothing\.csv: No such file"):
        read_rows(tmp_path / "nothing.csv")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PhotopulseError, match=r"cannot write .*rows\.csv"):
        write_rows(tmp_path / "file" / "rows.csv", [row()])


def test_photos_have_rows_without_sides_that_come_back(tmp_path):
    rows = [row(size=None, small=None, condition="heavy, face", psnr=20.5)]
    write_rows(tmp_path / "rows.csv", rows)
    assert read_rows(tmp_path / "rows.csv") == rows


def test_a_record_comes_back_and_says_what_was_measured_under_which_key(tmp_path):
    values = {measure.name: 1.5 for measure in MEASURES if measure.compute is not None}
    record = Record(seconds=2.0, converged=False, measured={"32": ["right", values], "64": ["right", {"psnr": 3}]})
    write_record(tmp_path / "a.json", "key", record)
    found = read_record(tmp_path / "a.json", "key")
    assert found == record
    assert found.values("32", "right") == values
    assert found.values("32", "wrong") is None
    assert found.values("64", "right") is None  # A measure has come since.
    assert found.values("128", "right") is None
    assert read_record(tmp_path / "a.json", "another") is None
