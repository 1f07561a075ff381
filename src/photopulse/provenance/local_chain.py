"""Certificates for trying signed credentials, which nobody else trusts. Needs the extra ``provenance``."""

import datetime
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from photopulse.errors import PhotopulseError, file_errors
from photopulse.extras import need_packages

KEY, CHAIN, ROOT = "key.pem", "chain.pem", "root.pem"
_VALID: Final = datetime.timedelta(days=365)
_WHAT: Final = "cannot write into {}"
_FIX: Final = "choose a new folder, with -o"


def make_local_chain(folder: Path, *, valid: datetime.timedelta = _VALID) -> None:
    """Writes a signer's key, its chain and its root into a folder; the root's key is thrown away.

    Args:
        folder: folder that has none of these files; it is made if it is missing.
        valid: time for which the certificates are valid from now on.

    Raises:
        PhotopulseError: if the extra is not installed, one of the files exists, or they cannot be written.
    """
    need_packages("cannot make certificates", ["cryptography"], extra="provenance")
    with file_errors(_WHAT.format(folder), fix=_FIX):
        _check_new(folder)
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    # The root signs itself and the leaf, whose usages are those that C2PA asks for.
    now = datetime.datetime.now(datetime.UTC)
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def named(name: str) -> x509.Name:
        organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "photopulse, local")
        return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def certificate(name: str, key: ec.EllipticCurvePrivateKey, *, root: bool) -> x509.Certificate:
        usage = x509.KeyUsage(
            digital_signature=not root,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=root,
            crl_sign=root,
            encipher_only=False,
            decipher_only=False,
        )
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named("local root"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + valid)
            .add_extension(x509.BasicConstraints(ca=root, path_length=0 if root else None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(identifier, critical=False)
        )
        if not root:
            email = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(email, critical=False)
        return builder.sign(root_key, hashes.SHA256())

    # Encode and write them.
    pem = serialization.Encoding.PEM
    root = certificate("local root", root_key, root=True).public_bytes(pem)
    leaf = certificate("local signer", leaf_key, root=False).public_bytes(pem)
    secret = leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with file_errors(_WHAT.format(folder), fix=_FIX):
        _write_all(folder, {KEY: secret, CHAIN: leaf + root, ROOT: root})


def _check_new(folder: Path) -> None:
    """Checks that none of the files exists, so that no key is left with the certificates of another."""
    for name in (KEY, CHAIN, ROOT):
        if os.path.lexists(folder / name):
            raise PhotopulseError(_WHAT.format(folder), why=f"there is a {name} already", fix=_FIX)


def _write_all(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Writes files that only their owner can read and that must not exist: all of them, or none."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    try:
        for name, content in contents.items():
            path = folder / name
            path.touch(mode=0o600, exist_ok=False)
            written.append(path)
            path.write_bytes(content)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
