"""Which files of pictures count as whole: those that photopulse wrote, and none that was cut."""

import os
from pathlib import Path

import pytest
import torch

from photopulse.images import write_image
from photopulse.images.whole import is_whole

SUFFIXES = ("png", "jpg", "webp", "tif")


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_picture_is_whole_and_no_beginning_of_it_is(tmp_path: Path, suffix: str, bits: int):
    file = tmp_path / f"a.{suffix}"
    write_image(file, torch.rand(3, 60, 40, generator=torch.Generator().manual_seed(0)), bits=bits)
    assert is_whole(file)
    content = file.read_bytes()
    for length in (0, 1, 3, 7, 20, len(content) // 2, len(content) - 20):
        file.write_bytes(content[:length])
        assert not is_whole(file), length
        # A disk that lost power has zeros there.
        file.write_bytes(content[:length].ljust(len(content), b"\0"))
        assert not is_whole(file) or length in range(1, 16) or suffix in {"webp", "tif"}, length


def test_other_files_are_whole_if_there_is_something_in_them(tmp_path: Path):
    (tmp_path / "a.png").write_text("not even a picture")
    assert is_whole(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    assert not is_whole(tmp_path / "pipe.png")
    assert not is_whole(tmp_path / "none.png")
    assert not is_whole(tmp_path)
