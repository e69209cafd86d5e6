"""The operator's certificates for Apple Wallet: which there are, for which pass type, and whether they will do.

A certificate is for one pass type identifier (the user id in its subject) and one team (the organisational unit); both
are read from it, so that nobody has to say them twice. Files are PEM.
"""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from kado.settings.wallets import AppleSettings

DEVELOPMENT: Final = "Kado development, not from Apple"
"""The organisation in the subject of a certificate that Kado made itself."""

Key = RSAPrivateKey | EllipticCurvePrivateKey


class CertificateError(Exception):
    """A file cannot be used; the text says which, why, and what to do. It holds nothing of what is in the file."""


@dataclass(frozen=True)
class Certificate:
    """A pass certificate with its key, and the one that vouches for it."""

    pass_type: str
    team: str
    signer: x509.Certificate = field(repr=False)
    key: Key = field(repr=False)
    authority: x509.Certificate = field(repr=False)
    certificate_file: Path
    key_file: Path
    password: str | None = field(repr=False)
    is_development: bool

    @property
    def expires_at(self) -> datetime:
        """When the certificate, or the one that vouches for it, is over, whichever comes first."""
        return min(self.signer.not_valid_after_utc, self.authority.not_valid_after_utc)

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether both are in force."""
        begins = max(self.signer.not_valid_before_utc, self.authority.not_valid_before_utc)
        return begins <= moment < self.expires_at

    def for_connections(self, trusted: ssl.SSLContext) -> ssl.SSLContext:
        """What shows this certificate to whom it connects to."""
        # Never a callback: without a password OpenSSL would ask for one at the terminal.
        trusted.load_cert_chain(self.certificate_file, self.key_file, password=self.password or "")
        return trusted


def read(settings: AppleSettings) -> Mapping[str, Certificate]:
    """The certificates by their pass types; none where none are configured. Raises `CertificateError`."""
    if not settings.certificates:
        return {}
    password = _password(settings.key_password_file)
    keys = [(file, _key(file, password)) for file in settings.keys or settings.certificates]
    authorities = [one for file in settings.authorities for one in _certificates(file)]
    found: dict[str, Certificate] = {}
    for file in settings.certificates:
        made = _made(file, keys, authorities, password)
        if made.pass_type in found:
            raise CertificateError(f"{file} and another file are both for the pass type {made.pass_type}.")
        found[made.pass_type] = made
    return found


def _made(
    file: Path, keys: Sequence[tuple[Path, Key]], authorities: Sequence[x509.Certificate], password: str | None
) -> Certificate:
    signer = _certificates(file)[0]
    pass_type, team = _named(signer, NameOID.USER_ID), _named(signer, NameOID.ORGANIZATIONAL_UNIT_NAME)
    if pass_type is None or not pass_type.startswith("pass.") or team is None:
        raise CertificateError(
            f"{file} is not a pass type certificate: its subject names no pass type identifier and team."
        )
    public = _public(signer.public_key())
    mine = next(((place, key) for place, key in keys if _public(key.public_key()) == public), None)
    if mine is None:
        raise CertificateError(f"There is no private key for {file}: KADO_APPLE_KEY must name the one it was made for.")
    authority = next((one for one in authorities if _vouches(one, signer)), None)
    if authority is None:
        raise CertificateError(
            f"KADO_APPLE_WWDR holds no certificate that issued {file}: take the one (G1 to G6) that it names,"
            f" {signer.issuer.rfc4514_string()}."
        )
    return Certificate(
        pass_type=pass_type,
        team=team,
        signer=signer,
        key=mine[1],
        authority=authority,
        certificate_file=file,
        key_file=mine[0],
        password=password,
        is_development=_named(signer, NameOID.ORGANIZATION_NAME) == DEVELOPMENT,
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CertificateError(f"{file} cannot be read: {error.strerror}.") from None


def _certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(file))
    except ValueError:
        raise CertificateError(
            f"{file} holds no certificate in PEM. A .cer from Apple becomes one by"
            f" `openssl x509 -inform der -in {file} -out {file.with_suffix('.pem')}`."
        ) from None


def _key(file: Path, password: str | None) -> Key:
    content = _read(file)
    try:
        key = load_pem_private_key(content, _bytes(password) if b"ENCRYPTED" in content else None)
    except (ValueError, TypeError):
        raise CertificateError(
            f"{file} holds no private key in PEM that can be read: is KADO_APPLE_KEY_PASSWORD_FILE right?"
        ) from None
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise CertificateError(f"{file} holds a key of a kind that passes are not signed with.")
    return key


def _bytes(password: str | None) -> bytes | None:
    return None if password is None else password.encode()


def _password(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return _read(file).decode().strip("\r\n")
    except UnicodeDecodeError:
        raise CertificateError(f"{file} holds no text.") from None


def _named(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str | None:
    values = certificate.subject.get_attributes_for_oid(oid)
    return str(values[0].value) if values else None


def _public(key: object) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]  # every public key
    return encoded


def _vouches(authority: x509.Certificate, signer: x509.Certificate) -> bool:
    try:
        signer.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
