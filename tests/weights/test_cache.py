import os
from dataclasses import replace
from pathlib import Path

import platformdirs
import pytest

from photopulse.weights import cache as module
from photopulse.weights.cache import cache_dir, disk_size_of, folder_of, state_of

FILES = {"pkg/a.bin": b"aaaa", "pkg/b.bin": b"bbbbbb"}


@pytest.fixture
def entry(index):
    """An entry whose members lie in the cache."""
    made = index.add_wheel(FILES)
    folder_of(made).mkdir(parents=True)
    for path, data in FILES.items():
        (folder_of(made) / Path(path).name).write_bytes(data)
    return made


def test_the_cache_folder_is_the_platforms_unless_the_environment_names_one(monkeypatch, tmp_path):
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.delenv("PHOTOPULSE_CACHE")
    assert cache_dir() == platformdirs.user_cache_path("photopulse")


def test_a_relative_cache_folder_is_told_as_an_absolute_one(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHOTOPULSE_CACHE", "weights")
    assert cache_dir() == tmp_path / "weights"


def test_weights_that_were_never_fetched_are_missing(index):
    never = index.add_wheel(FILES)
    assert state_of(never) == "missing"
    assert disk_size_of(never) == 0


def test_fetched_weights_are_ready(entry):
    assert state_of(entry) == "ready"
    assert disk_size_of(entry) == 10


def test_a_byte_that_flips_on_the_disk_is_damage_though_size_and_time_stay(entry):
    file = folder_of(entry) / "a.bin"
    before = file.stat()
    file.write_bytes(b"aaXa")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert state_of(entry) == "damaged"


def test_a_cache_that_may_not_be_entered_is_no_traceback(entry, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", denied)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert state_of(entry) == "missing"
    monkeypatch.setattr(Path, "is_file", denied)
    assert disk_size_of(entry) == 0


def test_a_changed_byte_is_damage(entry):
    (folder_of(entry) / "a.bin").write_bytes(b"aaXa")
    assert state_of(entry) == "damaged"


def test_a_new_hash_in_the_table_makes_the_old_file_damaged(entry):
    newer = replace(entry, members=(replace(entry.members[0], sha256="0" * 64), entry.members[1]))
    assert state_of(newer) == "damaged"


def test_a_member_that_cannot_be_read_is_damage(entry, monkeypatch):
    def vanish(file):
        raise FileNotFoundError(file)

    monkeypatch.setattr(module, "sha256_of", vanish)
    assert state_of(entry) == "damaged"
