"""Error correction of the mark: 32 bits and a checksum become chips of +1 and -1, and back.

Each byte is a word of the Reed-Muller code RM(1, 7): a row of the Hadamard matrix of order 128, or its negative. The
most likely word is that of the largest correlation (Green's machine; MacWilliams and Sloane 1977, chapter 14).
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from photopulse.provenance.payload import BITS

_WORD: Final = 128  # Chips of a byte.
_BYTES: Final = BITS // 8
CHIPS: Final = _WORD * (_BYTES + 1)
_CHECK: Final = 0x2F  # Polynomial of CRC-8/AUTOSAR, which finds all errors of up to 3 bits in 119.


def encode(number: int) -> NDArray[np.float64]:
    """Returns the chips (640,) of an integer of 32 bits."""
    content = number.to_bytes(_BYTES, "big")
    return np.concatenate([_signed_rows()[byte] for byte in (*content, _checksum(content))])


def decode(chips: NDArray[np.float64]) -> tuple[int, bool]:
    """Returns the most likely integer for soft chips (640,), and whether its checksum is right."""
    correlations = chips.reshape(-1, _WORD) @ _signed_rows().T
    *content, check = (int(byte) for byte in correlations.argmax(1))
    return int.from_bytes(content, "big"), check == _checksum(bytes(content))


@cache
def _signed_rows() -> NDArray[np.float64]:
    rows = np.ones((1, 1))
    while len(rows) < _WORD:  # Sylvester's construction.
        rows = np.block([[rows, rows], [rows, -rows]])
    return np.concatenate([rows, -rows])


def _checksum(content: bytes) -> int:
    value = 0xFF
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ (_CHECK if value & 0x80 else 0)) & 0xFF
    return value ^ 0xFF
