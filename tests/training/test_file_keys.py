import os
from pathlib import Path

import pytest

from photopulse.errors import PhotopulseError
from photopulse.training.file_keys import file_key


def test_a_key_changes_with_the_files_content_and_time_but_not_with_the_way_to_it(tmp_path: Path):
    file = tmp_path / "a.png"
    file.write_bytes(b"1")
    first = file_key(file)
    assert len(first) == 64
    (tmp_path / "folder").mkdir()
    assert file_key(tmp_path / "folder" / ".." / "a.png") == first
    os.utime(file, ns=(0, 10**9))
    second = file_key(file)
    file.write_bytes(b"12")
    os.utime(file, ns=(0, 10**9))
    assert len({first, second, file_key(file)}) == 3


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(PhotopulseError, match=r"cannot read .*none\.png: No such file"):
        file_key(tmp_path / "none.png")
