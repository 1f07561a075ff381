from pathlib import Path

import pytest

from photopulse.audit.labels import read_labels
from photopulse.errors import PhotopulseError

FILES = [Path("in/a.jpg"), Path("in/b, c.jpg")]


@pytest.fixture
def table(tmp_path):
    def write(text):
        (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
        return tmp_path / "labels.csv"

    return write


def test_the_first_column_names_the_photo_and_the_others_are_labels(table):
    path = table('\ufefffile,gender, group \nfaces/a.jpg,woman,x\n"b, c.jpg", man ,\n\nother.png,,y\n')
    assert read_labels(path, FILES) == {
        "a.jpg": {"gender": "woman", "group": "x"},
        "b, c.jpg": {"gender": "man"},
        "other.png": {"group": "y"},
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "line 1: the first line does not name the columns"),
        ("file\na.jpg\n", "line 1: the first line does not name"),
        ("file,x,x\na.jpg,1,2\n", "line 1: the first line does not name"),
        ("file,tone\na.jpg,1\n", "line 1: the audit itself uses the name 'tone'"),
        ("file,x\na.jpg\n", "line 2: it has 1 cells instead of 2"),
        ("file,x\na.jpg,1\nin/a.jpg,2\n", "line 3: a.jpg has labels already"),
        ("file,x\nz.jpg,1\n", "names none of the photos"),
    ],
)
def test_what_cannot_be_meant_is_told(table, text, why):
    with pytest.raises(PhotopulseError, match=why):
        read_labels(table(text), FILES)


def test_other_files_are_told(tmp_path):
    with pytest.raises(PhotopulseError, match="cannot read"):
        read_labels(tmp_path / "missing.csv", FILES)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(PhotopulseError, match="UTF-8"):
        read_labels(tmp_path / "picture.png", FILES)
