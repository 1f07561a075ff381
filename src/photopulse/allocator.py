"""Keeps freed memory for the next step instead of giving it back to the system after every tensor.

A forward and backward pass at 1024 px frees and takes gigabytes in pieces of up to 64 MB. The C library of
Linux returns each piece to the kernel and gets it back page by page, zeroed: on a CPU that costs more than
all convolutions together (benchmarks/step.py measures it).
"""

import ctypes
from collections.abc import Generator
from contextlib import contextmanager

# The parameters of glibc's mallopt(3), and what they are in a process that has run for a while: glibc raises the
# thresholds by itself up to these limits, but no longer once anybody has set one.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -2, -3, -4
_USUAL = {
    _M_TRIM_THRESHOLD: 64 * 2**20,
    _M_TOP_PAD: 128 * 2**10,
    _M_MMAP_THRESHOLD: 32 * 2**20,
    _M_MMAP_MAX: 65536,
}
_KEEPING = {_M_TRIM_THRESHOLD: 2**31 - 1, _M_TOP_PAD: 64 * 2**20, _M_MMAP_MAX: 0}


@contextmanager
def keep_freed_memory() -> Generator[bool]:
    """Makes the C library keep freed memory inside the block; yields whether it can (glibc only).

    Results do not change, only the time. The setting is the process's; afterwards the usual thresholds hold and
    what is free goes back to the system. Elsewhere (macOS, Windows, musl) nothing happens.
    """
    library = _glibc()
    if library is None:
        yield False
        return
    for parameter, value in _KEEPING.items():
        library.mallopt(parameter, value)
    try:
        yield True
    finally:
        for parameter, value in _USUAL.items():
            library.mallopt(parameter, value)
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
        _ = library.gnu_get_libc_version, library.mallopt, library.malloc_trim
    except (OSError, AttributeError, TypeError):
        return None
    library.malloc_trim.argtypes = [ctypes.c_size_t]
    return library
