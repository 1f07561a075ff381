"""From files and folders to pictures."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from photopulse.errors import PhotopulseError
from photopulse.images import image_files
from photopulse.images.folders import passed_over


def touch(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")
    return [folder / name for name in names]


def test_folders_give_their_pictures_by_name(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a.png", "c.webp", ".hidden.png", "notes.txt", "drawing.eps", "film.mpg")
    touch(tmp_path / "inner.png", "d.png")
    assert image_files([tmp_path]) == [tmp_path / "a.png", tmp_path / "b.JPG", tmp_path / "c.webp"]


def test_files_keep_their_order_whatever_their_name(tmp_path: Path) -> None:
    first, second = touch(tmp_path, "z.png", "a.dat")
    assert image_files([first, second]) == [first, second]


def test_each_picture_is_listed_once(tmp_path: Path) -> None:
    a, b = touch(tmp_path, "a.png", "b.png")
    (tmp_path / "link.png").symlink_to(a)
    again = tmp_path / "." / ".." / tmp_path.name / "b.png"
    assert image_files([b, tmp_path, again]) == [b, a]


def test_no_inputs_give_no_pictures() -> None:
    assert image_files([]) == []


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").symlink_to(tmp_path / "nowhere")
    for name in ("gone.png", "broken.png"):
        with pytest.raises(PhotopulseError, match=f"cannot read .*{name}: No such file"):
            image_files([tmp_path / name])


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    touch(tmp_path / "empty", "readme.txt")
    with pytest.raises(PhotopulseError, match=r"no pictures in .*empty"):
        image_files([tmp_path / "empty"])


def test_a_folder_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: Path) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(PhotopulseError, match="Permission denied"):
        image_files([tmp_path])


def test_what_a_person_may_miss_is_told_and_the_rest_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for package in ("pillow_heif", "rawpy"):
        monkeypatch.setitem(sys.modules, package, None)
    touch(tmp_path, "a.png", "b.HEIC", "c.heic", "d.cr2", "e.pdf", "notes.txt", ".hidden.heic")
    (tmp_path / "more").mkdir()
    assert passed_over([tmp_path], option="--recursive") == (
        "not read: 1 .cr2, 2 .heic (to read them: pip install 'photopulse[formats]'); not read: 1 .pdf; "
        "1 subfolder not searched (--recursive searches them)"
    )
    assert passed_over([tmp_path / "more", tmp_path / "b.HEIC"]) is None


def test_formats_whose_packages_are_installed_are_listed(tmp_path: Path):
    pytest.importorskip("rawpy")
    assert image_files([touch(tmp_path, "d.CR2")[0].parent]) == [tmp_path / "d.CR2"]
    assert passed_over([tmp_path]) is None


def test_a_folder_of_formats_that_are_not_read_says_how_they_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)  # Other libraries may add the other formats to Pillow.
    touch(tmp_path, "b.cr2")
    with pytest.raises(PhotopulseError, match=r"1 \.cr2 \(to read them: pip install 'photopulse\[formats\]'\)"):
        image_files([tmp_path])


def test_subfolders_are_searched_in_order_but_no_links_hidden_ones_or_results(tmp_path: Path):
    touch(tmp_path, "z.png")
    touch(tmp_path / "b", "b.png")
    touch(tmp_path / "a", "a.png")
    touch(tmp_path / "a" / "deep", "c.png")
    touch(tmp_path / ".hidden", "d.png")
    touch(tmp_path / "out", "e.png")
    (tmp_path / "a" / "circle").symlink_to(tmp_path)
    found = image_files([tmp_path], recursive=True, leave_out=tmp_path / "a" / ".." / "out")
    assert [str(path.relative_to(tmp_path)) for path in found] == ["z.png", "a/a.png", "a/deep/c.png", "b/b.png"]
    assert passed_over([tmp_path], recursive=True) is None
    assert image_files([tmp_path]) == [tmp_path / "z.png"]


def test_a_subfolder_that_cannot_be_opened_is_told_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    touch(tmp_path, "z.png")
    touch(tmp_path / "shut", "a.png")
    listed = Path.iterdir

    def denied(folder: Path) -> Iterator[Path]:
        if folder.name == "shut":
            raise PermissionError(13, os.strerror(13))
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", denied)
    assert image_files([tmp_path], recursive=True) == [tmp_path / "z.png"]
    assert passed_over([tmp_path], recursive=True) == "1 subfolder cannot be opened"
