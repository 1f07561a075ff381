import os
from dataclasses import replace
from pathlib import Path

import platformdirs
import pytest

from photopulse.weights import cache as module
from photopulse.weights.cache import cache_dir, disk_size_of, folder_of, record_as_verified, state_of

FILES = {"pkg/a.bin": b"aaaa", "pkg/b.bin": b"bbbbbb"}


@pytest.fixture
def entry(index):
    """An entry whose members lie verified in the cache."""
    made = index.add_wheel(FILES)
    folder_of(made).mkdir(parents=True)
    for path, data in FILES.items():
        (folder_of(made) / Path(path).name).write_bytes(data)
    record_as_verified(made, folder_of(made))
    return made


def forbid_hashing(monkeypatch):
    def refuse(file):
        raise AssertionError(f"{file} was hashed")

    monkeypatch.setattr(module, "sha256_of", refuse)


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


def test_verified_weights_are_ready_without_being_hashed_again(entry, monkeypatch):
    forbid_hashing(monkeypatch)
    assert state_of(entry) == "ready"
    assert disk_size_of(entry) == 10


def test_untouched_content_with_a_new_time_stays_ready_and_is_hashed_once(entry, monkeypatch):
    os.utime(folder_of(entry) / "a.bin", ns=(1, 1))
    assert state_of(entry) == "ready"
    forbid_hashing(monkeypatch)
    assert state_of(entry) == "ready"


def test_a_changed_byte_is_damage(entry):
    (folder_of(entry) / "a.bin").write_bytes(b"aaXa")
    assert state_of(entry) == "damaged"


def test_a_new_hash_in_the_table_makes_the_old_file_damaged(entry):
    newer = replace(entry, members=(replace(entry.members[0], sha256="0" * 64), entry.members[1]))
    assert state_of(newer) == "damaged"


@pytest.mark.parametrize("record", ["", "[]", '{"a.bin": 1}', "\xff"])
def test_a_spoilt_record_only_costs_a_hash(entry, record):
    (folder_of(entry) / ".verified.json").write_text(record, encoding="latin-1")
    assert state_of(entry) == "ready"


def test_a_member_that_cannot_be_read_is_damage(entry, monkeypatch):
    def vanish(file):
        raise FileNotFoundError(file)

    os.utime(folder_of(entry) / "a.bin", ns=(1, 1))
    monkeypatch.setattr(module, "sha256_of", vanish)
    assert state_of(entry) == "damaged"
