"""The 32 bits that a mark carries: what made the picture, and a fingerprint of generator and seed."""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal, get_args

Maker = Literal["upscale", "sample", "restore"]
MarkChoice = Literal["on", "off"]
BITS: Final = 32

_TAG_BITS: Final = 24
_FIRST_MAKER: Final = 1


@dataclass(frozen=True, kw_only=True)
class Payload:
    """Content of a mark.

    Attributes:
        maker: the command that made the picture; None for a number that this version does not know.
        tag: first 24 bits of a hash of generator and seed, see ``payload_of``.
        number: both, as an integer of 32 bits.
    """

    maker: Maker | None
    tag: int
    number: int

    def __str__(self) -> str:
        return f"{self.number:0{BITS // 4}x}"


def payload_of(maker: Maker, *, generator: str, seed: int) -> Payload:
    """Returns the payload of a picture that a generator made with a seed; the picture's metadata name both.

    For ``restore``, the generator is the fingerprint of the networks that drew the faces, and the seed is 0.
    """
    digest = hashlib.sha256(f"{generator}\n{seed}".encode()).digest()
    tag = int.from_bytes(digest[: _TAG_BITS // 8], "big")
    return read_payload((get_args(Maker).index(maker) + _FIRST_MAKER) << _TAG_BITS | tag)


def read_payload(number: int) -> Payload:
    """Returns the payload of an integer of 32 bits."""
    makers: tuple[Maker, ...] = get_args(Maker)
    place = (number >> _TAG_BITS) - _FIRST_MAKER
    maker = makers[place] if 0 <= place < len(makers) else None
    return Payload(maker=maker, tag=number & (2**_TAG_BITS - 1), number=number)
