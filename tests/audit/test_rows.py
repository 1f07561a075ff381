import csv

import numpy as np
import pytest

from photopulse.audit.rows import AuditRow, read_audit_rows, write_audit_rows
from photopulse.errors import PhotopulseError

ROWS = [
    AuditRow(
        image='faces/a, b\n"c".png',
        labels={"gender": "woman", "note": "x,y"},
        tone_group="tan",
        ita_input=0.1 + 0.2,
        ita_output_small=1e-17,
        ita_original=12.5,
        ita_output=-30.25,
        lightness_original=61.5,
        lightness_output=60.25,
        downscale_mse=np.float64(0.001) / 3,
        converged=True,
        method="classic",
        steps=100,
        seconds=9.25,
        seed=2**32 - 1,
        generator="tiny",
        picture="a.jpg",
        key="k",
    ),
    AuditRow(image="b\udcff.png", labels={"gender": "man"}, converged=False),
    AuditRow(image="c.png", error="no face, in it"),
]


def test_rows_read_back_exactly(tmp_path):
    write_audit_rows(tmp_path / "new" / "rows.csv", ROWS)
    assert read_audit_rows(tmp_path / "new" / "rows.csv") == ROWS
    write_audit_rows(tmp_path / "again.csv", read_audit_rows(tmp_path / "new" / "rows.csv"))
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "new" / "rows.csv").read_bytes()


def test_shifts_and_labels_are_columns_of_their_own(tmp_path):
    write_audit_rows(tmp_path / "rows.csv", ROWS)
    with (tmp_path / "rows.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        first, _, last = csv.DictReader(stream)
    assert float(first["shift_large"]) == -42.75
    assert float(first["lightness_shift_large"]) == -1.25
    assert first["lightness_shift_small"] == ""
    assert float(first["shift_small"]) == pytest.approx(-0.3)
    assert (first["label:gender"], first["label:note"], last["label:gender"]) == ("woman", "x,y", "")
    assert (last["shift_small"], last["ita_input"]) == ("", "")


def test_a_shift_needs_both_angles():
    assert AuditRow(image="a", ita_input=10, ita_output_small=12).shift_small == 2
    assert AuditRow(image="a", ita_input=10, ita_output_small=12).shift_large is None
    assert AuditRow(image="a", ita_input=10).shift_small is None


def test_no_rows_are_a_file_too(tmp_path):
    write_audit_rows(tmp_path / "rows.csv", [])
    assert read_audit_rows(tmp_path / "rows.csv") == []


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("12.5", "warm", "line 3: ita_original cannot be 'warm'"),
        ("True", "yes", "converged cannot be 'yes'"),
        ("tone_group", "tones", "no column tone_group"),
        ("c.png", "", "image is empty"),
        (",man,", ",man", "cells instead of"),
    ],
)
def test_damage_is_told_with_its_line(tmp_path, old, new, why):
    path = tmp_path / "rows.csv"
    write_audit_rows(path, ROWS)
    text = path.read_bytes().decode(errors="surrogateescape")
    assert old in text
    path.write_bytes(text.replace(old, new).encode(errors="surrogateescape"))
    with pytest.raises(PhotopulseError, match=why):
        read_audit_rows(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(PhotopulseError, match=r"cannot read .*rows\.csv"):
        read_audit_rows(tmp_path / "rows.csv")


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(PhotopulseError, match="-o"):
        write_audit_rows(tmp_path / "out" / "rows.csv", ROWS)
