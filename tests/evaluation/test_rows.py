import random
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photopulse.errors import PhotopulseError
from photopulse.evaluation.rows import COLUMNS, Row, read_rows, write_rows

NUMBERS = st.none() | st.floats(allow_nan=False)
# What names of files can hold: any character, and (as lone surrogates) bytes that are no UTF-8.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\udc80\udcff"), min_size=1)
MEASURED = [
    "seconds",
    "downscale_mse",
    "psnr",
    "psnr_y",
    "ssim",
    "niqe",
    "perceptual",
    "lpips",
    "identity",
    "identity_distance",
    "sharpness",
    "confidence",
    "ita_shift",
]
ROWS = st.builds(
    Row,
    image=TEXTS,
    condition=TEXTS,
    method=TEXTS,
    size=st.integers(1, 10**6),
    small=st.integers(1, 10**6),
    converged=st.none() | st.booleans(),
    error=st.none() | TEXTS,
    **dict.fromkeys(MEASURED, NUMBERS),
)
HEADER = ",".join(COLUMNS)
EMPTY = "," * (len(COLUMNS) - 5)


def row(**others):
    return Row(**({"image": "a", "condition": "clean", "method": "nearest", "size": 128, "small": 16} | others))


@given(st.lists(ROWS, max_size=5))
def test_any_rows_come_back_exactly(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    write_rows(path, rows)
    assert sorted(map(repr, read_rows(path))) == sorted(map(repr, rows))


def test_the_file_is_the_one_a_person_would_write(tmp_path):
    rows = [
        row(method="pulse", converged=False, downscale_mse=0.1 + 0.2, image="b"),
        row(error='it said "no", then\nstopped', psnr=float("inf"), ssim=np.float64(0.5)),
    ]
    write_rows(tmp_path / "rows.csv", rows)
    assert (tmp_path / "rows.csv").read_bytes().decode().split("\r\n") == [
        "image,condition,method,size,small,seconds,downscale_mse,psnr,psnr_y,ssim,niqe,perceptual,lpips,identity,"
        "identity_distance,sharpness,confidence,ita_shift,converged,error",
        'a,clean,nearest,128,16,,,inf,,0.5,,,,,,,,,,"it said ""no"", then\nstopped"',
        "b,clean,pulse,128,16,,0.30000000000000004,,,,,,,,,,,,False,",
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
    rows = [row(image=name, psnr=value) for name in "abc" for value in (1.0, 2.0, None)]
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
        (f"{HEADER}\na,clean,pulse,128\n", "line 2: it has 4 cells instead of 20"),
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
