"""Signed content credentials (C2PA): writes them into pictures, and checks them. Needs the extra ``provenance``.

No network is used, no thumbnail is made and no time stamp is fetched.
"""

import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from photopulse.errors import PhotopulseError, file_errors
from photopulse.files import atomic_path, read_regular
from photopulse.images.opening import open_image

if TYPE_CHECKING:
    import c2pa

CredentialState = Literal["trusted", "valid", "broken"]

_MOST_PEM: Final = 2**20  # Bytes.
_MOST_BYTES: Final = 256 * 2**20  # Of a picture whose credentials are checked.
_MOST_PIXELS: Final = 2**62  # Nothing is decoded.
_ENVIRONMENT: Final = "env:"
_GENERATED: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_STATES: Final[dict[str, CredentialState]] = {"Trusted": "trusted", "Valid": "valid"}
_INSTALL: Final = "run: pip install 'photopulse[provenance]'"
_LONGEST: Final = 200  # Characters of a name that are told.


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What pictures are signed with.

    Attributes:
        algorithm: name of the algorithm in C2PA, which follows from the key.
        chain: certificates in PEM, the signer's first.
        name: common name of the signer's certificate.
        key: the signer's private key in PEM, which is never printed.
    """

    algorithm: str
    chain: bytes
    name: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What the credentials of a picture tell.

    Attributes:
        state: ``"trusted"`` if they are intact and the signer's root is among the given ones; ``"valid"`` if they are
            intact, but the signer may be anyone; ``"broken"`` if the picture or they were changed since.
        signer: name in the signer's certificate; None if it cannot be read.
        generated: whether they say that a trained network made the whole picture.
        problems: codes of C2PA that tell what is wrong.
    """

    state: CredentialState
    signer: str | None
    generated: bool
    problems: Sequence[str]


def load_signature(key: str, certificate: Path) -> Signature:
    """Reads a private key and a chain of certificates, both PEM.

    Args:
        key: path of the key's file, or ``env:NAME`` for the environment variable NAME that holds the key.
        certificate: file with the signer's certificate, then those above it.

    Raises:
        PhotopulseError: if the extra is not installed, key or chain cannot be read or do not fit each other, or the
            certificate has expired.
    """
    _need_packages()
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    # Read both.
    fix = "name files in PEM, the key without a password; photopulse provenance init makes both for trying"
    with file_errors(f"cannot read {certificate}", fix=fix):
        chain = read_regular(certificate, most=_MOST_PEM)
    secret = _secret(key, fix)
    # Find the algorithm, and check that they fit each other.
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
        private = load_pem_private_key(secret, password=None)
    except (ValueError, TypeError, IndexError) as error:
        raise PhotopulseError("cannot sign", why="the key or the certificates are not valid PEM", fix=fix) from error
    if private.public_key() != leaf.public_key():
        raise PhotopulseError("cannot sign", why=f"the key does not belong to {certificate}", fix=fix)
    if not leaf.not_valid_before_utc <= datetime.now(UTC) < leaf.not_valid_after_utc:
        raise PhotopulseError("cannot sign", why=f"{certificate} is not valid today", fix="use a newer certificate")
    names = leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    name = str(names[0].value)[:_LONGEST] if names else "unnamed"
    return Signature(algorithm=_algorithm(private), chain=chain, name=name, key=secret)


def sign_generated(path: Path, signature: Signature) -> None:
    """Adds credentials to a picture's file, atomically: photopulse created it with a trained network.

    Raises:
        PhotopulseError: if the picture cannot be signed or written.
    """
    import c2pa

    agent = {"name": "photopulse", "version": version("photopulse")}
    action = {"action": "c2pa.created", "digitalSourceType": _GENERATED, "softwareAgent": agent}
    manifest = {
        "claim_generator_info": [agent],
        "title": path.name,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    fix = "check that the certificates are valid today and made for content credentials"
    try:
        with open_image(path, max_pixels=_MOST_PIXELS) as (image, _):
            kind = image.get_format_mimetype() or ""
        info = c2pa.C2paSignerInfo(signature.algorithm.encode(), signature.chain, signature.key, None)
        signed = io.BytesIO()
        with c2pa.Signer.from_info(info) as signer, c2pa.Builder(json.dumps(manifest), _context()) as builder:
            builder.sign(signer, kind, io.BytesIO(path.read_bytes()), signed)
    except c2pa.C2paError as error:
        raise PhotopulseError(f"cannot sign {path}", why=str(error), fix=fix) from error
    with file_errors(f"cannot write {path}", fix="free some room"), atomic_path(path) as temporary:
        temporary.write_bytes(signed.getvalue())


def can_check() -> bool:
    """Returns whether the package that reads credentials is installed."""
    return find_spec("c2pa") is not None


def read_credentials(path: Path, *, roots: bytes | None = None) -> Credentials | None:
    """Checks the credentials of a picture; None if it has none, or its format cannot hold any.

    Args:
        path: picture file of at most 256 MiB.
        roots: certificates of trusted roots, PEM; without them nobody is trusted.

    Raises:
        PhotopulseError: if the file is no picture.
        OSError: if it cannot be read, or is too large.
    """
    import c2pa

    with open_image(path, max_pixels=_MOST_PIXELS) as (image, _):
        kind = image.get_format_mimetype() or ""
    content = read_regular(path, most=_MOST_BYTES)
    if kind not in c2pa.Reader.get_supported_mime_types():
        return None
    try:
        with c2pa.Reader(kind, io.BytesIO(content), context=_context(roots)) as reader:
            state, told = reader.get_validation_state(), json.loads(reader.json())
    except c2pa.C2paError as error:
        if "ManifestNotFound" in str(error):
            return None
        return Credentials(state="broken", signer=None, generated=False, problems=[str(error)[:_LONGEST]])
    return _credentials(state, told)


def _credentials(state: str | None, told: Any) -> Credentials:
    """Returns what the reader's JSON tells; it comes from a stranger's file, so nothing is taken for granted."""
    try:
        active = told["manifests"][told["active_manifest"]]
        signed = active["signature_info"]
        name = str(signed.get("common_name") or signed.get("issuer"))[:_LONGEST]
        actions = [
            action
            for assertion in active["assertions"]
            if str(assertion["label"]).startswith("c2pa.actions")
            for action in assertion["data"]["actions"]
        ]
        generated = any(action.get("digitalSourceType") == _GENERATED for action in actions)
        statuses: Any = told.get("validation_status") or []
        problems = [str(status["code"])[:_LONGEST] for status in statuses]
    except (KeyError, TypeError, AttributeError):
        return Credentials(state="broken", signer=None, generated=False, problems=["unreadable"])
    return Credentials(state=_STATES.get(state or "", "broken"), signer=name, generated=generated, problems=problems)


def _context(roots: bytes | None = None) -> "c2pa.Context":
    import c2pa

    settings: dict[str, Any] = {
        "builder": {"thumbnail": {"enabled": False}},
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
    }
    if roots is not None:
        settings["trust"] = {"user_anchors": roots.decode("ascii", errors="replace")}
    return c2pa.Context(settings=c2pa.Settings.from_dict(settings))


def _secret(key: str, fix: str) -> bytes:
    if key.startswith(_ENVIRONMENT):
        name = key.removeprefix(_ENVIRONMENT)
        if name not in os.environ:
            raise PhotopulseError("cannot sign", why=f"there is no environment variable {name}", fix=fix)
        return os.environ[name].encode()
    with file_errors(f"cannot read {key}", fix=fix):
        return read_regular(Path(key), most=_MOST_PEM)


def _algorithm(private: object) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.key_size in {256, 384}:
        return f"es{private.curve.key_size}"
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(private, rsa.RSAPrivateKey):
        return "ps256"
    raise PhotopulseError("cannot sign", why="the key's kind is not used", fix="use P-256, P-384, Ed25519 or RSA")


def _need_packages() -> None:
    missing = [name for name in ("c2pa", "cryptography") if find_spec(name) is None]
    if missing:
        raise PhotopulseError("cannot sign", why=f"{' and '.join(missing)} is not installed", fix=_INSTALL)
