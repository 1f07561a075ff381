"""Tells what a picture file says about its origin: metadata, invisible mark, signed credentials."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from photopulse.images import read_image, read_metadata
from photopulse.images.metadata import RESTORED_KEY, SYNTHETIC_KEY
from photopulse.provenance.credentials import Credentials, can_check, read_credentials
from photopulse.provenance.find import FoundMark, find_mark
from photopulse.provenance.payload import payload_of

Verdict = Literal["synthetic", "restored", "nothing found"]

_PREFIX: Final = "photopulse:"
_LONGEST: Final = 200  # Characters of a property that are told; metadata of strangers can be long.


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What a picture file says about its origin. None of it is proof: all layers can be removed, and copied.

    Attributes:
        file: path of the file.
        verdict: ``"synthetic"`` if the metadata, a mark or intact credentials say so, else ``"restored"`` if the
            metadata do, else ``"nothing found"``, which does not mean that it is a photo.
        metadata: photopulse's properties in the metadata, without their prefix; {} if there are none.
        mark: the mark that was looked for.
        agrees: whether the mark's payload is that of generator and seed in the metadata; None if one is missing.
        credentials: signed credentials; None if there are none, or the extra ``provenance`` is not installed.
    """

    file: Path
    verdict: Verdict
    metadata: Mapping[str, str]
    mark: FoundMark
    agrees: bool | None
    credentials: Credentials | None

    def to_fields(self) -> dict[str, object]:
        """Returns everything as values for JSON."""
        payload = self.mark.payload
        mark: dict[str, object] = {
            "found": self.mark.is_marked,
            "score": round(self.mark.score, 2),
            "false_alarm": self.mark.false_alarm,
            "payload": None if payload is None else str(payload),
            "maker": None if payload is None else payload.maker,
        }
        return {
            "file": str(self.file),
            "verdict": self.verdict,
            "error": None,
            "metadata": dict(self.metadata),
            "mark": mark,
            "agrees": self.agrees,
            "credentials": None if self.credentials is None else asdict(self.credentials),
        }


def verify_file(path: Path, *, thorough: bool = True, roots: bytes | None = None) -> Verified:
    """Reads a picture's metadata and looks for a mark in its pixels; nothing in the file is run or fetched.

    Args:
        path: picture file in any readable format.
        thorough: whether crops that were resized are tried, see ``find_mark``.
        roots: certificates of trusted roots in PEM, for signed credentials.

    Raises:
        PhotopulseError: if it is no readable picture.
        OSError: if it is too large for its credentials to be checked.
    """
    photo = read_image(path)
    metadata = {
        key.removeprefix(_PREFIX): value[:_LONGEST]
        for key, value in read_metadata(path).items()
        if key.startswith(_PREFIX)
    }
    mark = find_mark(photo.pixels, thorough=thorough)
    credentials = read_credentials(path, roots=roots) if can_check() else None
    return Verified(
        file=path,
        verdict=_verdict(metadata, mark, credentials),
        metadata=metadata,
        mark=mark,
        agrees=_agrees(metadata, mark),
        credentials=credentials,
    )


def _verdict(metadata: Mapping[str, str], mark: FoundMark, credentials: Credentials | None) -> Verdict:
    if credentials is not None and credentials.generated and credentials.state != "broken":
        return "synthetic"
    if mark.is_marked or metadata.get(SYNTHETIC_KEY.removeprefix(_PREFIX)) == "true":
        return "synthetic"
    return "restored" if RESTORED_KEY.removeprefix(_PREFIX) in metadata else "nothing found"


def _agrees(metadata: Mapping[str, str], mark: FoundMark) -> bool | None:
    payload, generator, seed = mark.payload, metadata.get("generator"), metadata.get("seed")
    if payload is None or payload.maker is None or generator is None or seed is None:
        return None
    return seed.isdecimal() and payload_of(payload.maker, generator=generator, seed=int(seed)) == payload
