import ctypes
import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from photopulse import allocator
from photopulse.allocator import keep_freed_memory

# Runs in a process of its own, whose heap has no holes that a large piece would fit into.
WATCH = """
import ctypes, json
from photopulse.allocator import keep_freed_memory

library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]
# The fourth of the ten numbers of mallinfo(3) counts the pieces that the kernel gave by mmap.
fields = [(name, ctypes.c_int) for name in "abcdefghij"]
library.mallinfo.restype = type("MallocInfo", (ctypes.Structure,), {"_fields_": fields})

def comes_from_the_kernel():
    before = library.mallinfo().d
    piece = library.malloc(40 * 2**20)
    after = library.mallinfo().d
    library.free(piece)
    return after > before

seen = {"before": comes_from_the_kernel()}
with keep_freed_memory() as yielded:
    seen["inside"] = comes_from_the_kernel()
seen["after"] = comes_from_the_kernel()
try:
    with keep_freed_memory():
        seen["inside again"] = comes_from_the_kernel()
        raise KeyError
except KeyError:
    seen["after an error"] = comes_from_the_kernel()
with keep_freed_memory() as outer:
    with keep_freed_memory() as inner:
        seen["nested"] = comes_from_the_kernel()
seen["after nesting"] = comes_from_the_kernel()
print(json.dumps([seen, [yielded, outer, inner]]))
"""


def is_glibc() -> bool:
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")


@pytest.mark.skipif(not is_glibc(), reason="this C library is not glibc")
def test_on_glibc_memory_is_kept_inside_only_also_after_errors_and_nesting():
    run = subprocess.run([sys.executable, "-c", WATCH], capture_output=True, text=True, check=True)
    seen, yielded = json.loads(run.stdout)
    assert yielded == [True, True, True]
    assert [place for place, from_kernel in seen.items() if not from_kernel] == ["inside", "inside again", "nested"]


def test_results_inside_and_outside_are_equal():
    x = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    outside = (x @ x).relu() @ x
    with keep_freed_memory():
        inside = (x @ x).relu() @ x
    assert torch.equal(inside, outside)
    assert torch.equal((x @ x).relu() @ x, outside)


def test_every_setting_that_is_changed_is_set_back_and_free_memory_is_given_up(monkeypatch: pytest.MonkeyPatch):
    settings: dict[int, int] = {}
    trims: list[int] = []

    def mallopt(parameter: int, value: int) -> int:
        settings[parameter] = value
        return 1

    def malloc_trim(padding: int) -> int:
        trims.append(padding)
        return 1

    library = SimpleNamespace(gnu_get_libc_version=None, mallopt=mallopt, malloc_trim=malloc_trim)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    with keep_freed_memory() as kept:
        assert kept is True
        inside = dict(settings)
        assert trims == []
    assert inside
    assert all(settings[parameter] != value for parameter, value in inside.items())
    # mallopt(3): the largest thresholds that glibc takes by itself (trim, mmap), its top padding, its count of mmaps.
    assert settings == {-1: 64 * 2**20, -2: 128 * 2**10, -3: 32 * 2**20, -4: 65536}
    assert trims == [0]


@pytest.mark.parametrize("problem", [OSError("no such library"), TypeError("Windows takes no None"), None])
def test_where_glibc_is_missing_nothing_happens(monkeypatch: pytest.MonkeyPatch, problem: Exception | None):
    def open_library(name: str | None) -> Any:
        if problem is not None:
            raise problem
        # musl and macOS have a C library, but not this function.
        return SimpleNamespace(malloc_trim=None)

    monkeypatch.setattr(allocator.ctypes, "CDLL", open_library)
    with keep_freed_memory() as kept:
        assert kept is False
    with pytest.raises(KeyError), keep_freed_memory():
        raise KeyError
