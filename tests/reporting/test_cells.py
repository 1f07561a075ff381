import csv

import numpy as np
import pytest

from photopulse.errors import PhotopulseError
from photopulse.reporting.cells import cell, parse_cell, read_csv, to_csv, truth


def anything(names):
    pass


def test_cells_are_read_back_as_they_were():
    for value, parse in ((0.1 + 0.2, float), (7, int), (True, truth), (False, truth), ('a,"\n', str)):
        assert parse_cell("name", cell(value), parse) == value
    assert parse_cell("name", cell(np.float64(0.1)), float) == 0.1
    assert parse_cell("name", cell(None), float) is None


def test_a_cell_of_another_kind_is_refused_by_its_column():
    with pytest.raises(ValueError, match="size cannot be 'large'"):
        parse_cell("size", "large", int)
    with pytest.raises(ValueError, match="done cannot be 'yes'"):
        parse_cell("done", "yes", truth)


def test_python_s_own_reader_agrees():
    lines = [["a", "b"], ["x,y", 'said "no"\r\nand left'], [None, 1.5]]
    assert list(csv.reader(to_csv(lines).splitlines(keepends=True))) == [
        ["a", "b"],
        ["x,y", 'said "no"\r\nand left'],
        ["", "1.5"],
    ]


def test_lines_come_by_the_names_of_their_columns_and_empty_ones_are_passed(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n\n3,4\n")
    assert read_csv(tmp_path / "t.csv", dict, check=anything) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_a_line_of_another_length_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3\n")
    with pytest.raises(PhotopulseError, match=r"t\.csv: line 3: it has 1 cells instead of 2"):
        read_csv(tmp_path / "t.csv", dict, check=anything)
