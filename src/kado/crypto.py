"""Keys and what is done with them. Every key derives from the operator's secret, one per purpose; none is stored.

HKDF-SHA256 (RFC 5869), 32 bytes, no salt, info `kado:<purpose>`. The operator may list several secrets: the first one
writes, all of them read, so that a secret can be changed without losing anything written under the old one.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from struct import Struct
from typing import Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Purpose = Literal[
    "jwt",
    "card-number",
    "number-index",
    "security-code",
    "seal",
    "answer",
    "request-hash",
    "stored-secret",
    "mail-id",
    "wallet-token",
    "staff-pin",
    "till-allowance",
    "till-box",
]

VERSION_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_POINT_BYTES: Final = 65
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_BLOCK_BYTES: Final = 64
_INNER: Final = bytes(sign ^ 0x36 for sign in range(256))
_OUTER: Final = bytes(sign ^ 0x5C for sign in range(256))
_length: Final = Struct(">I").pack


class Undecipherable(Exception):
    """No live secret opens this, or it was changed since it was written."""


@dataclass(frozen=True)
class Secret:
    """One of the operator's secrets and the keys that follow from it."""

    value: bytes

    def derive(self, info: str) -> bytes:
        """32 bytes for one purpose."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"kado:{info}".encode()).derive(self.value)

    @cached_property
    def version(self) -> bytes:
        """Four bytes that name this secret in rows written under it, and reveal nothing of it."""
        return self.derive("version")[:VERSION_BYTES]


class Keyring:
    """All live secrets, the current one first. Safe to share between tasks."""

    def __init__(self, values: list[str]) -> None:
        self._secrets = [Secret(value.encode()) for value in dict.fromkeys(values)]
        self._by_version = {secret.version: secret for secret in self._secrets}
        self._version = self._secrets[0].version
        self._keys: dict[tuple[bytes, str], bytes] = {}
        self._macs: dict[tuple[bytes, str], _Mac] = {}
        self._ciphers: dict[tuple[bytes, str], AESGCM] = {}

    @property
    def version(self) -> bytes:
        """Which secret is current."""
        return self._version

    @property
    def versions(self) -> list[bytes]:
        """All live versions, the current one first."""
        return [secret.version for secret in self._secrets]

    @property
    def values(self) -> list[str]:
        """The secrets themselves, as they were given: for a process of ours beside this one, and for nothing else."""
        return [secret.value.decode() for secret in self._secrets]

    def key(self, purpose: Purpose, version: bytes | None = None) -> bytes:
        """The 32-byte key for a purpose, by default the current one. Raises `Undecipherable` for an unknown version."""
        at = version or self._version
        key = self._keys.get((at, purpose))
        if key is None:
            secret = self._by_version.get(at)
            if secret is None:
                raise Undecipherable("written under a secret key that is not configured any more")
            key = self._keys[at, purpose] = secret.derive(purpose)
        return key

    def keys(self, purpose: Purpose) -> Iterator[bytes]:
        """The key for a purpose from every live secret, the current one first."""
        return (self.key(purpose, version) for version in self.versions)

    def mac(self, purpose: Purpose, *parts: bytes, version: bytes | None = None) -> bytes:
        """HMAC-SHA256 over the parts, each preceded by its length, so that no two lists of parts collide."""
        return self._mac(purpose, version or self._version)(parts)

    def macs(self, purpose: Purpose, *parts: bytes) -> list[bytes]:
        """The same under every live secret, for looking up what an older one wrote."""
        return [self._mac(purpose, secret.version)(parts) for secret in self._secrets]

    def encrypt(self, purpose: Purpose, plain: bytes, bound_to: bytes) -> bytes:
        """AES-256-GCM: version, nonce, ciphertext. It opens only beside the same `bound_to`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return self._version + nonce + self._cipher(purpose, self._version).encrypt(nonce, plain, bound_to)

    def decrypt(self, purpose: Purpose, sealed: bytes, bound_to: bytes) -> bytes:
        """What `encrypt` hid. Raises `Undecipherable`."""
        version, nonce = sealed[:VERSION_BYTES], sealed[VERSION_BYTES : VERSION_BYTES + _NONCE_BYTES]
        try:
            return self._cipher(purpose, version).decrypt(nonce, sealed[VERSION_BYTES + _NONCE_BYTES :], bound_to)
        except (InvalidTag, ValueError):  # ValueError: cut so short that not even a nonce is left
            raise Undecipherable("changed since it was written") from None

    def signer(self, version: bytes | None = None) -> Ed25519PrivateKey:
        """The Ed25519 key that seals the ledger's heads."""
        return Ed25519PrivateKey.from_private_bytes(self.key("seal", version))

    def box_key(self) -> bytes:
        """The public key (P-256, 65 bytes, uncompressed) to which a device encrypts what the current secret opens."""
        return _point(_box(self.key("till-box")).public_key())

    def open_box(self, sealed: bytes, bound_to: bytes, version: bytes) -> bytes:
        """What a device encrypted to the `box_key` of this version. It opens only beside the same `bound_to`.

        Raises `Undecipherable`. The device's own point, made for this once (65 bytes), nonce, ciphertext: ECDH,
        HKDF-SHA256 over both points, AES-256-GCM.
        """
        point, nonce = sealed[:_POINT_BYTES], sealed[_POINT_BYTES : _POINT_BYTES + _NONCE_BYTES]
        own = _box(self.key("till-box", version))
        try:
            shared = own.exchange(ECDH(), EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point))
            info = b"kado:till-box" + point + _point(own.public_key())
            cipher = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(shared))
            return cipher.decrypt(nonce, sealed[_POINT_BYTES + _NONCE_BYTES :], bound_to)
        except (InvalidTag, ValueError):  # ValueError: no point of the curve, or cut short
            raise Undecipherable("changed since it was encrypted") from None

    def _mac(self, purpose: Purpose, version: bytes) -> "_Mac":
        mac = self._macs.get((version, purpose))
        if mac is None:
            mac = self._macs[version, purpose] = _Mac(self.key(purpose, version))
        return mac

    def _cipher(self, purpose: Purpose, version: bytes) -> AESGCM:
        cipher = self._ciphers.get((version, purpose))
        if cipher is None:
            cipher = self._ciphers[version, purpose] = AESGCM(self.key(purpose, version))
        return cipher


def _box(key: bytes) -> EllipticCurvePrivateKey:
    """A private key of P-256. The order of the curve is so near to 2**256 that reducing by it shows nothing."""
    return derive_private_key(int.from_bytes(key, "big") % (_P256_ORDER - 1) + 1, SECP256R1())


def _point(key: EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def equal(one: bytes, other: bytes) -> bool:
    """Comparison in constant time."""
    return hmac.compare_digest(one, other)


def token_hash(token: str) -> bytes:
    """SHA-256 of a random token of at least 100 bits; such a token needs no slow hash and no key."""
    return hashlib.sha256(token.encode()).digest()


class _Mac:
    """HMAC-SHA256 (RFC 2104) under one key, over parts of which each is preceded by its length.

    What the key fills is hashed once and copied: OpenSSL's own HMAC prepares itself anew for each message, which takes
    longer than a short message does. There are four of them in a redemption.
    """

    def __init__(self, key: bytes) -> None:
        block = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER))
        self._outer = hashlib.sha256(block.translate(_OUTER))

    def __call__(self, parts: Sequence[bytes]) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(b"".join([_length(len(part)) + part for part in parts]))
        outer.update(inner.digest())
        return outer.digest()
