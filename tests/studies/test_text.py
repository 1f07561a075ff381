import pytest

from photopulse.errors import PhotopulseError
from photopulse.studies.text import write_text


def test_text_is_written_as_it_is_with_bytes_that_are_no_utf8_restored(tmp_path):
    write_text(tmp_path / "deep" / "file.txt", "日\r\n\udcff\n")
    assert (tmp_path / "deep" / "file.txt").read_bytes() == "日\r\n".encode() + b"\xff\n"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PhotopulseError, match=r"cannot write .*table\.md"):
        write_text(tmp_path / "file" / "table.md", "")
