"""What closes the pieces of a backup: encryption under a passphrase or a key file, or check sums alone."""

import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from kado.storage.backup.errors import BackupError
from kado.storage.embedded.errors import explained

TAG_BYTES: Final = 16
KEY_FILE_BYTES_MIN: Final = 32
_KEY_FILE_BYTES_MAX: Final = 2**20
PASSPHRASE_MIN: Final = 12
_COST: Final = 2**17
_COST_MAX: Final = 2**20
_BLOCK: Final = 8


class Damaged(Exception):
    """A piece is not what was written, or was written under another key."""


class Seal(Protocol):
    """Closes and opens the pieces of one file. `place` says which piece it is, and whether it is the last."""

    def close(self, place: bytes, piece: bytes) -> bytes:
        """The piece with its tag."""

    def open(self, place: bytes, closed: bytes) -> bytes:
        """What `close` was given. Raises `Damaged`."""


class Checked:
    """No secret: finds what was damaged, cut or put in another order, not what somebody forged."""

    def __init__(self, about: bytes) -> None:
        self._about = about

    def close(self, place: bytes, piece: bytes) -> bytes:
        """The piece with its tag."""
        return piece + self._tag(place, piece)

    def open(self, place: bytes, closed: bytes) -> bytes:
        """What `close` was given. Raises `Damaged`."""
        piece = closed[:-TAG_BYTES]
        if closed[-TAG_BYTES:] != self._tag(place, piece):
            raise Damaged
        return piece

    def _tag(self, place: bytes, piece: bytes) -> bytes:
        digest = hashlib.sha256(self._about + place)
        digest.update(piece)
        return digest.digest()[:TAG_BYTES]


class Encrypted:
    """AES-256-GCM under a key of the file's own, so that the place of a piece can be its nonce."""

    def __init__(self, about: bytes, key: bytes) -> None:
        self._about = about
        self._cipher = AESGCM(key)

    def close(self, place: bytes, piece: bytes) -> bytes:
        """The piece with its tag."""
        return self._cipher.encrypt(place, piece, self._about)

    def open(self, place: bytes, closed: bytes) -> bytes:
        """What `close` was given. Raises `Damaged`."""
        try:
            return self._cipher.decrypt(place, closed, self._about)
        except InvalidTag:
            raise Damaged from None


class Locker:
    """The operator's passphrase or key file, or neither."""

    def __init__(self, passphrase: str | None = None, key: bytes | None = None) -> None:
        if passphrase is not None and len(passphrase) < PASSPHRASE_MIN:
            raise BackupError(f"A passphrase must have at least {PASSPHRASE_MIN} characters.")
        self._passphrase = passphrase
        self._key = key

    def describe(self) -> dict[str, Any] | None:
        """How a new file is locked, for its head: a fresh salt, and what it takes to make the key again."""
        if self._passphrase is not None:
            return {"with": "passphrase", "salt": secrets.token_hex(16), "cost": _COST}
        if self._key is not None:
            return {"with": "key file", "salt": secrets.token_hex(16)}
        return None

    def seal(self, lock: Mapping[str, Any] | None, about: bytes) -> Seal:
        """What opens or closes a file that is locked like this. Raises `BackupError` when we have not got that."""
        if lock is None:
            return Checked(about)
        try:
            kind, salt, cost = lock["with"], bytes.fromhex(lock["salt"]), int(lock.get("cost", 2))
        except (KeyError, ValueError, TypeError, AttributeError):
            raise BackupError("The head of this backup does not say how it is locked; it is damaged.") from None
        if kind == "passphrase":
            return Encrypted(about, self._from_passphrase(salt, cost))
        if self._key is None:
            raise BackupError("This backup is locked with a key file: name it with --key-file.")
        return Encrypted(about, HKDF(SHA256(), 32, salt, b"kado:backup").derive(self._key))

    def _from_passphrase(self, salt: bytes, cost: int) -> bytes:
        if self._passphrase is None:
            raise BackupError("This backup is locked with a passphrase: give it with --passphrase.")
        # A forged head must not make us take all memory there is.
        if not 2 <= cost <= _COST_MAX or cost & (cost - 1):
            raise BackupError("The head of this backup does not say how it is locked; it is damaged.")
        return Scrypt(salt, 32, n=cost, r=_BLOCK, p=1).derive(self._passphrase.encode())


def read_key_file(file: Path) -> bytes:
    """The key in a file. Raises `BackupError` when it is too short to be one, or can be read by others."""
    with explained(file, "The backup"):
        size, mode = file.stat().st_size, file.stat().st_mode
        if not KEY_FILE_BYTES_MIN <= size <= _KEY_FILE_BYTES_MAX:
            raise BackupError(
                f"{file} has {size} bytes; a key file has {KEY_FILE_BYTES_MIN} or more. "
                f"`openssl rand -hex 32 > {file}` makes a good one; keep a copy of it elsewhere."
            )
        if mode & 0o077 and file.stat().st_uid == os.geteuid():
            raise BackupError(f"{file} can be read by others; `chmod 600 {file}` puts that right.")
        return file.read_bytes()
