"""One signing key takes the place of another when the operator's secret is changed, and both of them say so.

The old key hands over to the new one: whoever trusts the old may trust the new. The new one recognises the old: whoever
has the new may go on believing what the old one signed. The first is for others and goes with every export and proof;
the second is for `kado verify`, once the old secret is gone. Both are written down while both secrets are configured,
and nobody without a secret can make either of them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kado.crypto import Keyring
from kado.storage.database import Connection

_HANDOVER: Final = b"kado:seal-key-handover:"
_RECOGNISED: Final = b"kado:seal-key-recognised:"

Keys = Mapping[bytes, Ed25519PublicKey]


class Handover(NamedTuple):
    """The holder of one key names the next one: whoever trusts the first may trust the second."""

    old: bytes
    new: bytes
    signature: bytes

    def is_signed(self) -> bool:
        """Whether the old key signed it."""
        return _is_signed(self.old, self.signature, _HANDOVER + self.old + self.new)

    def said(self) -> dict[str, str]:
        """As it stands in exports and proofs."""
        return {"from": self.old.hex(), "to": self.new.hex(), "signature": self.signature.hex()}


class Recognition(NamedTuple):
    """The holder of a key says that an earlier one was its own: whoever trusts the later may believe the earlier."""

    old: bytes
    new: bytes
    signature: bytes

    def is_signed(self) -> bool:
        """Whether the new key signed it."""
        return _is_signed(self.new, self.signature, _RECOGNISED + self.old + self.new)


def handovers(keyring: Keyring) -> list[Handover]:
    """From each configured secret to the one that took its place, the oldest first."""
    return [handover for handover, _ in _successions(keyring)]


async def write(connection: Connection, keyring: Keyring) -> int:
    """Write down which configured secret took the place of which; how many of that were new."""
    done = 0
    for handover, recognition in _successions(keyring):
        row = await connection.fetchval(
            "INSERT INTO seal_succession (old_key, new_key, handover, recognised) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT DO NOTHING RETURNING 1",
            handover.old,
            handover.new,
            handover.signature,
            recognition.signature,
        )
        done += row is not None
    return done


async def are_written(connection: Connection, keyring: Keyring) -> bool:
    """Whether `write` has nothing to do."""
    known = {(one.old, one.new) for one, _ in await _read(connection)}
    return all((one.old, one.new) in known for one in handovers(keyring))


async def seen(connection: Connection) -> set[bytes]:
    """The public keys with which seals were signed."""
    rows = await connection.fetch("SELECT DISTINCT public_key FROM ledger_seal")
    return {row["public_key"] for row in rows}


async def newest(connection: Connection, keyring: Keyring) -> datetime:
    """When it was first written down that the current secret took another one's place. There must be such a row."""
    current = next(iter(own_keys(keyring)))
    moment: datetime = await connection.fetchval(
        "SELECT min(written_at) FROM seal_succession WHERE new_key = $1", current
    )
    return moment


async def all_handovers(connection: Connection, keyring: Keyring) -> list[Handover]:
    """Those between configured secrets, and those that were written down when other ones were."""
    made = handovers(keyring)
    known = {(one.old, one.new) for one in made}
    return [*(one for one, _ in await _read(connection) if (one.old, one.new) not in known), *made]


async def believed(connection: Connection, keyring: Keyring) -> dict[bytes, Ed25519PublicKey]:
    """The public keys of the configured secrets, and those that they recognise, in however many steps."""
    keys = own_keys(keyring)
    waiting = [one for _, one in await _read(connection) if one.is_signed()]
    while reached := [one for one in waiting if one.new in keys and one.old not in keys]:
        keys |= {one.old: Ed25519PublicKey.from_public_bytes(one.old) for one in reached}
    return keys


def own_keys(keyring: Keyring) -> dict[bytes, Ed25519PublicKey]:
    """The public keys of all configured secrets, the current one first."""
    keys = [keyring.signer(version).public_key() for version in keyring.versions]
    return {key.public_bytes_raw(): key for key in keys}


def trusted(given: Keys, named: Sequence[Handover]) -> dict[bytes, Ed25519PublicKey]:
    """The given keys, and those that they handed over to, in however many steps."""
    keys = dict(given)
    waiting = [one for one in named if one.is_signed()]
    while reached := [one for one in waiting if one.old in keys and one.new not in keys]:
        keys |= {one.new: Ed25519PublicKey.from_public_bytes(one.new) for one in reached}
    return keys


def _successions(keyring: Keyring) -> list[tuple[Handover, Recognition]]:
    found = []
    for older, newer in pairwise(keyring.signer(version) for version in reversed(keyring.versions)):
        old, new = older.public_key().public_bytes_raw(), newer.public_key().public_bytes_raw()
        handover = Handover(old, new, older.sign(_HANDOVER + old + new))
        found.append((handover, Recognition(old, new, newer.sign(_RECOGNISED + old + new))))
    return found


async def _read(connection: Connection) -> list[tuple[Handover, Recognition]]:
    rows = await connection.fetch(
        "SELECT old_key, new_key, handover, recognised FROM seal_succession ORDER BY written_at, old_key, new_key"
    )
    return [
        (
            Handover(row["old_key"], row["new_key"], row["handover"]),
            Recognition(row["old_key"], row["new_key"], row["recognised"]),
        )
        for row in rows
    ]


def _is_signed(key: bytes, signature: bytes, text: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True
