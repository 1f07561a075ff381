import os
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from photopulse.errors import PhotopulseError
from photopulse.files import atomic_path, cut_name, open_regular, read_regular, write_text


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.fixture
def umask() -> Iterator[None]:
    previous = os.umask(0o027)
    yield
    os.umask(previous)


def test_a_file_appears_only_when_the_block_succeeds(tmp_path: Path):
    target = tmp_path / "a.txt"
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_an_old_file_is_replaced(tmp_path: Path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not replace a file that is open")
def test_who_reads_the_old_file_never_sees_a_mixture(tmp_path: Path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with target.open() as reader:
        with atomic_path(target) as temporary:
            temporary.write_text("completely new")
        assert reader.read() == "old"
    assert target.read_text() == "completely new"


@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, problem: type[BaseException]):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write_half() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half of the n")
            raise problem

    with pytest.raises(problem):
        write_half()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_an_error_leaves_no_file_where_there_was_none(tmp_path: Path):
    def fail() -> None:
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fail()
    assert names(tmp_path) == []


def test_the_temporary_file_lies_beside_the_target_with_its_suffix(tmp_path: Path):
    with atomic_path(tmp_path / "picture.tar.png") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        assert temporary.name.startswith(".")


def test_parent_folders_are_made(tmp_path: Path):
    with atomic_path(tmp_path / "a" / "b" / "c.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "new"


def test_a_target_that_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path):
    (tmp_path / "a").mkdir()

    def write() -> None:
        with atomic_path(tmp_path / "a") as temporary:
            temporary.write_text("new")

    with pytest.raises(OSError):  # noqa: PT011
        write()
    assert names(tmp_path) == ["a"]


def test_a_block_that_removes_the_temporary_file_fails_and_leaves_the_old_one(tmp_path: Path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write() -> None:
        with atomic_path(target) as temporary:
            temporary.unlink()

    with pytest.raises(FileNotFoundError):
        write()
    assert target.read_text() == "old"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_the_file_has_the_permissions_of_any_new_file(tmp_path: Path, umask: None):
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    (tmp_path / "b.txt").write_text("an ordinary file")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.txt", "b.txt")]
    assert modes == [0o640, 0o640]


def test_writers_at_the_same_time_each_write_a_whole_file(tmp_path: Path):
    target = tmp_path / "a.txt"
    barrier = threading.Barrier(4)

    def write(letter: str) -> None:
        with atomic_path(target) as temporary:
            temporary.write_text(letter * 1000)
            barrier.wait(timeout=120)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = target.read_text()
    assert content == content[0] * 1000
    assert names(tmp_path) == ["a.txt"]


def test_text_is_written_as_it_is_with_bytes_that_are_no_utf8_restored(tmp_path):
    write_text(tmp_path / "deep" / "file.txt", "日\r\n\udcff\n")
    assert (tmp_path / "deep" / "file.txt").read_bytes() == "日\r\n".encode() + b"\xff\n"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PhotopulseError, match=r"cannot write .*table\.md"):
        write_text(tmp_path / "file" / "table.md", "")


@pytest.mark.parametrize("stem", ["a" * 250, "\N{GRINNING FACE}" * 62, "a" + "\N{GRINNING FACE}" * 61])
def test_names_of_250_bytes_can_be_written(tmp_path: Path, stem: str):
    target = tmp_path / f"{stem}.png"
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"x")
    assert target.read_bytes() == b"x"


def test_names_are_cut_between_characters():
    assert cut_name("ab\N{GRINNING FACE}", 4) == "ab"
    assert cut_name("ab\N{GRINNING FACE}", 6) == "ab\N{GRINNING FACE}"


def test_writing_leaves_the_process_umask_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def forbidden(_: int) -> int:
        raise AssertionError("another thread's files get these permissions, too")

    monkeypatch.setattr(os, "umask", forbidden)
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_only_regular_files_are_opened_and_no_more_is_read_than_allowed(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(OSError, match="not a file"):
            open_regular(path)
    (tmp_path / "a").write_bytes(b"12345")
    assert read_regular(tmp_path / "a", most=5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        read_regular(tmp_path / "a", most=4)
