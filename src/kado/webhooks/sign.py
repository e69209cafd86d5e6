"""Signatures of what is sent, as Standard Webhooks describes them, and the secrets that they are made with."""

import base64
import hmac
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

PREFIX: Final = "whsec_"
_KEY_BYTES: Final = 32
_KEY_BYTES_MIN: Final = 8


def new_secret() -> str:
    """A secret of 256 random bits, as receivers' libraries take it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The key of a secret: the bytes that `whsec_…` encodes, or, of any other text, the text itself."""
    if secret.startswith(PREFIX):
        with suppress(ValueError):  # what only looks as if it were encoded
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
            if len(key) >= _KEY_BYTES_MIN:
                return key
    return secret.encode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: HMAC-SHA256 over id, Unix seconds and body."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key_of(secret), signed, "sha256")).decode()


def headers(signers: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers by which a receiver knows that an event is genuine and new.

    While a secret is being changed there are two, and a signature with each: one of them has to fit.
    """
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(one, message_id, timestamp, body) for one in signers),
    }
