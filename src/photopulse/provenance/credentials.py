"""Checks signed content credentials (C2PA) of pictures. Needs the extra ``provenance``.

No network is used.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from photopulse.errors import PhotopulseError, file_errors
from photopulse.extras import is_installed, need_packages
from photopulse.files import read_regular
from photopulse.images.opening import open_image

if TYPE_CHECKING:
    import c2pa

CredentialState = Literal["trusted", "valid", "expired", "broken"]

MOST_PEM: Final = 2**20
"""Bytes of a file of keys or certificates."""
MOST_BYTES: Final = 256 * 2**20
"""Bytes of a picture whose credentials are checked or copied."""
MOST_PIXELS: Final = 2**62
"""Nothing is decoded."""
LONGEST: Final = 200
"""Characters of a name that are told."""
EXTRA: Final = "provenance"
PACKAGES: Final = ("c2pa", "cryptography")
"""The extra of photopulse that credentials need, and its packages."""
PRIVATE: Final = "PRIVATE KEY"
"""What every private key in PEM says."""

_SOURCE_TYPES: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED: Final = f"{_SOURCE_TYPES}trainedAlgorithmicMedia"
COMPOSITE: Final = f"{_SOURCE_TYPES}compositeWithTrainedAlgorithmicMedia"
ENHANCED: Final = f"{_SOURCE_TYPES}algorithmicallyEnhanced"
"""What was generated, generated in part, and not generated, in the words of the IPTC."""

_EXPIRED, _UNTRUSTED = "signingCredential.expired", "signingCredential.untrusted"
_STATES: Final[dict[str, CredentialState]] = {"Trusted": "trusted", "Valid": "valid"}


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What the credentials of a picture tell.

    Attributes:
        state: ``"trusted"`` if they are intact and the signer's root is among the given ones; ``"valid"`` if they are
            intact, but the signer may be anyone; ``"expired"`` if nothing was changed, but the certificate is no longer
            valid; ``"broken"`` if the picture or they were changed since.
        signer: name in the signer's certificate; None if it cannot be read.
        generated: whether they say that a trained network made the whole picture.
        edited: whether they say that the picture was made of an input: with parts from a trained network, or by
            processing that generates nothing.
        problems: codes of C2PA that tell what is wrong.
    """

    state: CredentialState
    signer: str | None
    generated: bool
    edited: bool
    problems: Sequence[str]


def can_check() -> bool:
    """Returns whether the packages that check credentials are installed."""
    return all(is_installed(name) for name in PACKAGES)


def load_roots(path: Path) -> bytes:
    """Reads the certificates of trusted roots from a PEM file.

    Raises:
        PhotopulseError: if the extra is not installed, or the file cannot be read, has no certificate or a broken one,
            or holds a private key.
    """
    need_packages(f"cannot trust {path}", PACKAGES, extra=EXTRA)
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    fix = "name a file of certificates in PEM, such as root.pem of photopulse provenance init"
    with file_errors(f"cannot read {path}", fix=fix):
        content = read_regular(path, most=MOST_PEM)
    if PRIVATE.encode() in content:
        why = "it holds a private key, which nobody else should see"
        raise PhotopulseError(f"cannot trust {path}", why=why, fix=fix)
    try:
        roots = x509.load_pem_x509_certificates(content)
    except ValueError as error:
        why = "it has no certificate, or one that cannot be read"
        raise PhotopulseError(f"cannot trust {path}", why=why, fix=fix) from error
    return b"".join(root.public_bytes(Encoding.PEM) for root in roots)


def read_credentials(path: Path, *, roots: bytes | None = None) -> Credentials | None:
    """Checks the credentials of a picture; None if it has none, or its format cannot hold any.

    Args:
        path: picture file of at most 256 MiB.
        roots: certificates of trusted roots from ``load_roots``; without them nobody is trusted.

    Raises:
        PhotopulseError: if the file is no picture, or the roots are no certificates.
        OSError: if it cannot be read, or is too large.
    """
    import c2pa

    with open_image(path, max_pixels=MOST_PIXELS) as (image, _):
        kind = image.get_format_mimetype() or ""
    content = read_regular(path, most=MOST_BYTES)
    if kind not in c2pa.Reader.get_supported_mime_types():
        return None
    # Roots of no use must not make the picture seem broken.
    try:
        context = make_context(roots)
    except c2pa.C2paError as error:
        raise PhotopulseError("cannot use the trusted roots", why=str(error), fix="read them by load_roots") from error
    try:
        with c2pa.Reader(kind, io.BytesIO(content), context=context) as reader:
            state, told = reader.get_validation_state(), json.loads(reader.json())
    except c2pa.C2paError as error:
        if "ManifestNotFound" in str(error):
            return None
        return _broken(str(error)[:LONGEST])
    return _credentials(state, told)


def make_context(roots: bytes | None = None) -> "c2pa.Context":
    """Returns the settings of the library: no network, no thumbnails, these roots and no others."""
    import c2pa

    settings: dict[str, Any] = {
        "builder": {"thumbnail": {"enabled": False}},
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
    }
    if roots is not None:
        settings["trust"] = {"user_anchors": roots.decode("ascii", errors="replace")}
    return c2pa.Context(settings=c2pa.Settings.from_dict(settings))


def _credentials(state: str | None, told: Any) -> Credentials:
    """Returns what the reader's JSON tells; it comes from a stranger's file, so nothing is taken for granted."""
    try:
        active = told["manifests"][told["active_manifest"]]
        signed = active["signature_info"]
        name = str(signed.get("common_name") or signed.get("issuer"))[:LONGEST]
        actions = [
            action
            for assertion in active["assertions"]
            if str(assertion["label"]).startswith("c2pa.actions")
            for action in assertion["data"]["actions"]
        ]
        types = [action.get("digitalSourceType") for action in actions]
        statuses: Any = told.get("validation_status") or []
        problems = [str(status["code"])[:LONGEST] for status in statuses]
    except (KeyError, TypeError, AttributeError):
        return _broken("unreadable")
    return Credentials(
        state=_state(state, problems),
        signer=name,
        generated=GENERATED in types,
        edited=COMPOSITE in types or ENHANCED in types,
        problems=problems,
    )


def _state(state: str | None, problems: Sequence[str]) -> CredentialState:
    if state in _STATES:
        return _STATES[state]
    return "expired" if _EXPIRED in problems and set(problems) <= {_EXPIRED, _UNTRUSTED} else "broken"


def _broken(problem: str) -> Credentials:
    return Credentials(state="broken", signer=None, generated=False, edited=False, problems=[problem])
