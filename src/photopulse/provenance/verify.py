"""Tells what a picture file says about its origin: metadata, invisible mark, signed credentials."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from torch import Tensor

from photopulse.images import read_image, read_metadata
from photopulse.images.metadata import RESTORED_KEY, SYNTHETIC_KEY, UNCHANGED
from photopulse.provenance.credentials import Credentials, can_check, read_credentials
from photopulse.provenance.face import find_face_mark
from photopulse.provenance.find import FoundMark, Square, find_mark
from photopulse.provenance.payload import payload_of

Verdict = Literal["synthetic", "restored", "nothing found"]
FindFaces = Callable[[Tensor], Sequence[Square]]
"""Returns the squares around the faces of a picture (1, 3, H, W), the largest first."""

_PREFIX: Final = "photopulse:"
_LONGEST: Final = 200  # Characters of a property that are told; metadata of strangers can be long.
_MOST_PROPERTIES: Final = 32


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What a picture file says about its origin. None of it is proof: all layers can be removed, and copied.

    Attributes:
        file: path of the file.
        verdict: ``"synthetic"`` if the metadata, a mark or intact credentials say so, else ``"restored"`` if they say
            that, or a face has a mark of ``restore``, else ``"nothing found"``, which does not mean that it is a photo.
        metadata: photopulse's properties in the metadata, without their prefix; {} if there are none.
        mark: the mark that was looked for.
        agrees: whether the mark's payload is that of generator and seed in the metadata; None if one is missing.
        credentials: signed credentials; None if there are none, or the extra ``provenance`` is not installed.
        faces_searched: whether the mark was looked for in the picture's faces, too.
    """

    file: Path
    verdict: Verdict
    metadata: Mapping[str, str]
    mark: FoundMark
    agrees: bool | None
    credentials: Credentials | None
    faces_searched: bool

    def to_fields(self) -> dict[str, object]:
        """Returns everything as values for JSON."""
        return {"file": str(self.file), "error": None, **self.told()}

    def told(self) -> dict[str, object]:
        """Returns everything but the file as values for JSON."""
        payload = self.mark.payload
        mark: dict[str, object] = {
            "found": self.mark.is_marked,
            "score": round(self.mark.score, 2),
            "false_alarm": self.mark.false_alarm,
            "payload": None if payload is None else str(payload),
            "maker": None if payload is None else payload.maker,
            "face": None if self.mark.face is None else asdict(self.mark.face),
            "faces_searched": self.faces_searched,
        }
        return {
            "verdict": self.verdict,
            "metadata": dict(self.metadata),
            "mark": mark,
            "agrees": self.agrees,
            "credentials": None if self.credentials is None else asdict(self.credentials),
            "credentials_checked": can_check(),
        }


def verify_file(
    path: Path, *, thorough: bool = True, find_faces: FindFaces | None = None, roots: bytes | None = None
) -> Verified:
    """Reads a picture's metadata and looks for a mark in its pixels; nothing in the file is run or fetched.

    Args:
        path: picture file in any readable format.
        thorough: whether crops that were resized are tried, see ``find_mark``.
        find_faces: finds the faces that are searched for marks one by one; they are not if it is None.
        roots: certificates of trusted roots in PEM, for signed credentials.

    Raises:
        PhotopulseError: if it is no readable picture.
        OSError: if it is too large for its credentials to be checked.
    """
    photo = read_image(path)
    own = ((key.removeprefix(_PREFIX), value) for key, value in read_metadata(path).items() if key.startswith(_PREFIX))
    metadata = {key[:_LONGEST]: value[:_LONGEST] for key, value in islice(own, _MOST_PROPERTIES)}
    mark = _find_mark(photo.pixels, find_faces, thorough=thorough)
    credentials = read_credentials(path, roots=roots) if can_check() else None
    return Verified(
        file=path,
        verdict=_verdict(metadata, mark, credentials),
        metadata=metadata,
        mark=mark,
        agrees=_agrees(metadata, mark),
        credentials=credentials,
        faces_searched=find_faces is not None,
    )


def _find_mark(image: Tensor, find_faces: FindFaces | None, *, thorough: bool) -> FoundMark:
    """Looks for a mark at the likely sizes, then in the faces, then at all sizes, until one is found."""
    mark = find_mark(image, thorough=False)
    if not mark.is_marked and find_faces is not None:
        in_face = find_face_mark(image, find_faces(image))
        mark = in_face if in_face is not None and in_face.is_marked else mark
    return mark if mark.is_marked or not thorough else find_mark(image)


def _verdict(metadata: Mapping[str, str], mark: FoundMark, credentials: Credentials | None) -> Verdict:
    intact = credentials if credentials is not None and credentials.state in {"trusted", "valid"} else None
    if intact is not None and intact.generated:
        return "synthetic"
    is_restored = mark.payload is not None and mark.payload.maker == "restore"
    if (mark.is_marked and not is_restored) or metadata.get(SYNTHETIC_KEY.removeprefix(_PREFIX)) == "true":
        return "synthetic"
    told = metadata.get(RESTORED_KEY.removeprefix(_PREFIX), UNCHANGED)
    says_so = told != UNCHANGED or (intact is not None and intact.edited)
    return "restored" if is_restored or says_so else "nothing found"


def _agrees(metadata: Mapping[str, str], mark: FoundMark) -> bool | None:
    payload, generator = mark.payload, metadata.get("generator")
    if payload is None or payload.maker is None or generator is None:
        return None
    seed = "0" if payload.maker == "restore" else metadata.get("seed")
    if seed is None:
        return None
    return seed.isdecimal() and payload_of(payload.maker, generator=generator, seed=int(seed)) == payload
