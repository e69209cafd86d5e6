"""A certificate for whoever develops: everything works as with Apple's, and no phone accepts the passes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from kado.passes.certificates import DEVELOPMENT, CertificateError
from kado.programs.program import DEFAULT_PASS_TYPE

_DAYS: Final = 366
_TEAM: Final = "DEVELOPMENT"
CERTIFICATE, KEY, AUTHORITY = "pass.pem", "pass.key", "authority.pem"
"""The files that are made."""


def make(folder: Path, pass_type: str = DEFAULT_PASS_TYPE, *, days: int = _DAYS) -> None:
    """An authority, a certificate of it for this pass type, and its key (0600), as files in the folder.

    Raises `CertificateError` where there is one of these files already.
    """
    for file in (CERTIFICATE, KEY, AUTHORITY):
        if (folder / file).exists():
            raise CertificateError(f"{folder / file} exists already, and is not written over.")
    authority_key, key = generate_private_key(65537, 2048), generate_private_key(65537, 2048)
    authority_name = _name((NameOID.COMMON_NAME, "Kado development authority"))
    name = _name(
        (NameOID.USER_ID, pass_type),
        (NameOID.COMMON_NAME, f"DEVELOPMENT ONLY: {pass_type}"[:64]),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, _TEAM),
    )
    authority = _certificate(authority_name, authority_name, authority_key, authority_key, days, is_authority=True)
    certificate = _certificate(name, authority_name, key, authority_key, days, is_authority=False)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / KEY).touch(0o600)
    (folder / KEY).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / CERTIFICATE).write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / AUTHORITY).write_bytes(authority.public_bytes(Encoding.PEM))


def _name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    marked = (*parts, (NameOID.ORGANIZATION_NAME, DEVELOPMENT))
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in marked])


def _certificate(
    name: x509.Name,
    issuer: x509.Name,
    key: RSAPrivateKey,
    issuer_key: RSAPrivateKey,
    days: int,
    *,
    is_authority: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, SHA256())
    )
