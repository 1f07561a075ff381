"""Makes the C library keep freed memory for the next step instead of returning it to the system at once.

A forward and backward pass at 1024 px allocates and frees gigabytes in pieces of up to 64 MB. The C library of
Linux returns each piece to the kernel and gets it back page by page, zeroed. On a CPU that costs more time than all
convolutions together (benchmarks/step.py measures it).
"""

import ctypes
from collections.abc import Generator
from contextlib import contextmanager

# The parameters of glibc's mallopt(3), and the values they have in a process that has run for a while: glibc raises
# the thresholds by itself up to these limits, but stops doing so once a program has set one of them.
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
    """Makes the C library keep freed memory inside the block; yields whether it does so.

    Only the time changes, never a result. It works with glibc; elsewhere (macOS, Windows, musl) nothing happens and
    False is yielded. The setting holds for the whole process. After the block the usual thresholds are set again and
    free memory goes back to the system.
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
    """Returns the C library of the process if it is glibc."""
    try:
        library = ctypes.CDLL(None)
        _ = library.gnu_get_libc_version, library.mallopt, library.malloc_trim
    except (OSError, AttributeError, TypeError):
        return None
    library.malloc_trim.argtypes = [ctypes.c_size_t]
    return library
