"""The service account that acts for the issuer at Google: its file, and what it signs."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SCOPE: Final = "https://www.googleapis.com/auth/wallet_object.issuer"
_SECONDS: Final = 3600
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class AccountError(Exception):
    """The file cannot be used; the text says why. It holds nothing of what is in the file."""


@dataclass(frozen=True)
class Account:
    """Whom Google knows, and the key that proves it."""

    email: str
    token_url: str
    key_id: str | None
    key: RSAPrivateKey = field(repr=False)

    def assertion(self) -> str:
        """What is traded for an access token (RFC 7523)."""
        now = int(time.time())
        said = {"iss": self.email, "scope": SCOPE, "aud": self.token_url, "iat": now, "exp": now + _SECONDS}
        return self._signed(said)

    def save_token(self, class_id: str, object_id: str, origin: str) -> str:
        """What the link to save a card holds: ids, and nothing of the card itself."""
        said = {
            "iss": self.email,
            "aud": "google",
            "typ": "savetowallet",
            "iat": int(time.time()),
            "origins": [origin],
            "payload": {"giftCardObjects": [{"id": object_id, "classId": class_id}]},
        }
        return self._signed(said)

    def _signed(self, said: dict[str, Any]) -> str:
        return jwt.encode(said, self.key, "RS256", headers=None if self.key_id is None else {"kid": self.key_id})


def read(file: Path) -> Account:
    """The account of a key file as Google gives it. Raises `AccountError`."""
    try:
        said = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise AccountError(f"{file} cannot be read: {error.strerror}.") from None
    except msgspec.DecodeError:
        raise AccountError(f"{file} is not the JSON file that Google gives for a key of a service account.") from None
    email, token_url, pem = said.get("client_email"), said.get("token_uri"), said.get("private_key")
    if not (isinstance(email, str) and isinstance(token_url, str) and isinstance(pem, str)):
        raise AccountError(f"{file} lacks client_email, token_uri or private_key: is it a service account's key?")
    place = urlsplit(token_url)
    if place.scheme != "https" and place.hostname not in _LOOPBACK:
        raise AccountError(f"{file} names a token_uri that is not https.")
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise AccountError(f"{file} holds no RSA private key that can be read.")
    key_id = said.get("private_key_id")
    return Account(email, token_url, key_id if isinstance(key_id, str) else None, key)
