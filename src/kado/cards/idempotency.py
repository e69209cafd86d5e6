"""Idempotency keys: what they mean, how they are hidden, how an earlier answer comes back.

Key and answer are written in the transaction of what they report, so an answer exists exactly if the posting does.
"""

import secrets
from collections.abc import Mapping
from typing import Final, NamedTuple

from kado.cards import refusals
from kado.cards.posting import Answer
from kado.crypto import Keyring
from kado.errors import Forbidden, Invalid, NotFound, Refusal, TooMany, Unauthenticated, Unavailable

_NEVER_STORED: Final = (Invalid, Unauthenticated, Forbidden, NotFound, TooMany, Unavailable)
"""Answers that may be different next time without anything having been decided about a card."""


class Fingerprint(NamedTuple):
    """A key and the request that came with it, hashed under one of the live secrets."""

    key_hash: bytes
    request_hash: bytes


class Remembered(NamedTuple):
    """What is known of a key. `answer` (encrypted) is None where only the entry is left of it, and empty where only the
    key is: nobody could open it when a person was forgotten."""

    request_hash: bytes
    status: int
    answer: bytes | None


class NewKey(NamedTuple):
    """A row for `idempotency_key`."""

    program_id: str
    key_hash: bytes
    request_hash: bytes
    status: int
    answer: bytes
    card_id: str | None = None
    """The card that the answer is about, where no entry bears the key: whoever forgets people finds it by this."""


def fingerprints(
    keyring: Keyring, program_id: str, scope: tuple[str, ...], key: str, facts: tuple[object, ...]
) -> list[Fingerprint]:
    """The key's fingerprint under every live secret, the current one first."""
    place = [b"key", program_id.encode(), *[part.encode() for part in scope], key.encode()]
    request = [b"request", *[b"-" if fact is None else _canonical(fact) for fact in facts]]
    hashes = zip(keyring.macs("request-hash", *place), keyring.macs("request-hash", *request), strict=True)
    return [Fingerprint(*pair) for pair in hashes]


def internal_fingerprint() -> Fingerprint:
    """For a request without a key: lets the machine find out whether a commit of unknown outcome happened."""
    return Fingerprint(secrets.token_bytes(32), bytes(32))


def recall(
    keyring: Keyring, program_id: str, prints: list[Fingerprint], known: Mapping[tuple[str, bytes], Remembered]
) -> Answer | Refusal | None:
    """The earlier answer to this key, a refusal when it came with another request, None when the key is new."""
    for key_hash, request_hash in prints:
        remembered = known.get((program_id, key_hash))
        if remembered is None:
            continue
        if not remembered.answer:
            return refusals.key_expired()
        if remembered.request_hash != request_hash:
            return refusals.key_reused()
        body = keyring.decrypt("answer", remembered.answer, bound_to(program_id, key_hash))
        return Answer(remembered.status, body, {"Idempotent-Replayed": "true"})
    return None


def remember(
    keyring: Keyring, program_id: str, fingerprint: Fingerprint, answer: Answer, card_id: str | None = None
) -> NewKey:
    """The row that keeps an answer, encrypted, because it may hold a card number."""
    sealed = keyring.encrypt("answer", answer.body, bound_to(program_id, fingerprint.key_hash))
    return NewKey(program_id, fingerprint.key_hash, fingerprint.request_hash, answer.status, sealed, card_id)


def is_stored(refusal: Refusal) -> bool:
    """Whether this "no" was decided on a locked card and is therefore the final answer to its key."""
    return not isinstance(refusal, _NEVER_STORED)


def bound_to(program_id: str, key_hash: bytes) -> bytes:
    """Where an answer was encrypted, and beside what alone it can be opened."""
    return program_id.encode() + key_hash


def _canonical(fact: object) -> bytes:
    return f"{type(fact).__name__}:{fact}".encode("utf-8", "surrogatepass")
