"""One card's history in a form that a third party can check: its entries, and the seal that contains its head.

A seal holds the heads of other cards too (ids, sequence numbers, hashes); it is given whole, because what is signed is
the hash over all of it. The bytes are described in docs/reference/proof.md.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kado.cards.chain import GENESIS
from kado.cards.proof import lines
from kado.cards.proof.export import said_of, seal_of, whole_only
from kado.cards.proof.facts import moment
from kado.cards.proof.handovers import Handover, all_handovers, trusted
from kado.cards.proof.seals import Seal, SealCheck
from kado.cards.seal import HEAD_BYTES
from kado.crypto import Keyring
from kado.errors import NotFound
from kado.money import UnknownCurrency, currency
from kado.storage.database import LONG_READ, Connection, Database

if TYPE_CHECKING:
    import asyncpg

FORMAT: Final = "kado-card-proof"
VERSION: Final = 1
_FIELDS: Final = (16, 17)
"""How many members the text of an entry has; the last one only where there is a counterpart."""


class NotAProof(Exception):
    """The text is no proof of a card; why is for people."""


async def prove(database: Database, keyring: Keyring, card_id: str, program_id: str | None) -> dict[str, object]:
    """The proof of a card, to be written as JSON. Raises `NotFound`."""
    connection = await database.connect(LONG_READ)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            program_id, unit = await _home(connection, card_id, program_id)
            entries = await _entries(connection, program_id, card_id)
            seal = await _seal(connection, program_id, card_id)
            named = await all_handovers(connection, keyring)
    finally:
        await connection.close()
    return {
        "format": FORMAT,
        "version": VERSION,
        "program": program_id,
        "card": card_id,
        "currency": unit,
        "entries": [{"text": text, "hash": digest} for text, digest in entries],
        "seal": None if seal is None else said_of(program_id, seal),
        "handovers": [one.said() for one in named],
    }


async def home_of(database: Database, card_id: str, program_id: str | None) -> tuple[str, str]:
    """Program and id of a card that is known by its id. Raises `NotFound`."""
    async with database.read() as connection:
        found, _ = await _home(connection, card_id, program_id)
    return found, card_id


async def _home(connection: Connection, card_id: str, program_id: str | None) -> tuple[str, str]:
    """The program of the card, and its currency."""
    for row in await connection.fetch("SELECT id, currency FROM program ORDER BY id"):
        if program_id in (None, row["id"]) and await connection.fetchval(
            "SELECT true FROM card WHERE program_id = $1 AND id = $2", row["id"], card_id
        ):
            return row["id"], row["currency"]
    raise NotFound("card_not_found", f"There is no card {card_id}{f' in program {program_id}' if program_id else ''}.")


async def _entries(
    connection: "asyncpg.Connection[asyncpg.Record]", program_id: str, card_id: str
) -> list[tuple[str, str]]:
    """What is hashed of each entry, and the stored hash."""
    out = bytearray()

    async def take(data: bytes) -> None:
        out.extend(data)

    query = (lines.ENTRIES_OF_CARD, program_id, card_id)
    await connection.copy_from_query(*query, output=take, format="text", delimiter=lines.DELIMITER, null=lines.NULL)
    found = [lines.fields_of(line) for line in bytes(out).split(b"\n")[:-1]]
    return [(text.decode(), fields[-1].decode()) for text, fields in found]


_FIRST_WITH: Final = f"""
    SELECT number, {moment("sealed_at")}, heads, previous_hash, hash, public_key, signature FROM ledger_seal
    WHERE program_id = $1 AND number = (
        SELECT number FROM ledger_seal
        WHERE program_id = $1 AND sealed_at >= $3 AND position($2::bytea IN heads) > 0 ORDER BY number LIMIT 1)"""


async def _seal(connection: Connection, program_id: str, card_id: str) -> Seal | None:
    """A seal with the newest head of the card that was sealed; None where nothing of it is sealed yet."""
    newest_first = await connection.fetch(
        "SELECT seq, hash, created_at FROM card_transaction WHERE program_id = $1 AND card_id = $2 ORDER BY seq DESC",
        program_id,
        card_id,
    )
    for entry in newest_first:
        head = bytes.fromhex(card_id) + entry["seq"].to_bytes(8, "big") + entry["hash"]
        row = await connection.fetchrow(_FIRST_WITH, program_id, head, entry["created_at"])
        if row is not None:
            return Seal(*row)
    return None


# ── checking, without a database ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Proved:
    """What a proof says, and what is wrong with it."""

    program_id: str
    card_id: str
    currency: str
    entries: list[list[Any]]
    """Their members, as in the hashed text."""
    sealed: int
    """Up to which entry they are sealed; 0 where nothing is."""
    seal: Seal | None
    faults: list[str]

    @property
    def balance(self) -> int:
        """After the last entry, in minor units."""
        return int(self.entries[-1][6]) if self.entries else 0


def check(text: bytes, given: Mapping[bytes, Ed25519PublicKey]) -> Proved:
    """Check a proof by these keys and those that they handed over to. Raises `NotAProof`."""
    try:
        said = json.loads(text, parse_float=whole_only)
        if (said["format"], said["version"]) != (FORMAT, VERSION):
            raise NotAProof("This is not a proof of a card that this version can read.")
        program_id, card_id, unit = said["program"], said["card"], currency(said["currency"]).code
        texts = [(one["text"].encode(), one["hash"]) for one in said["entries"]]
        seal = None if said["seal"] is None else seal_of(said["seal"])
        named = [
            Handover(*(bytes.fromhex(one[name]) for name in ("from", "to", "signature"))) for one in said["handovers"]
        ]
        faults: list[str] = []
        entries = _walk(program_id, card_id, texts, faults)
        sealed = _sealed(program_id, card_id, texts, seal, trusted(given, named), faults)
    except (KeyError, ValueError, TypeError, OverflowError, AttributeError, RecursionError, UnknownCurrency) as error:
        raise NotAProof(f"This is not a proof of a card ({type(error).__name__}).") from None
    return Proved(program_id, card_id, unit, entries, sealed, seal, faults)


def _walk(program_id: str, card_id: str, texts: Sequence[tuple[bytes, str]], faults: list[str]) -> list[list[Any]]:
    """The entries, from the first to the last: each of this card, numbered, hashed, chained, and adding up."""
    entries: list[list[Any]] = []
    previous, balance = GENESIS.hex(), 0
    for seq, (text, digest) in enumerate(texts, 1):
        entry = json.loads(text, parse_float=whole_only)
        if not isinstance(entry, list) or len(entry) not in _FIELDS:
            raise NotAProof(f"Entry {seq} of the proof is no entry.")
        if not isinstance(entry[3], str) or any(type(entry[at]) is not int for at in (2, 4, 5, 6, 7)):
            raise NotAProof(f"Entry {seq} of the proof is no entry.")
        if entry[:3] != [program_id, card_id, seq]:
            faults.append(f"entry {seq} is of another card, or is missing")
        if hashlib.sha256(text).hexdigest() != digest:
            faults.append(f"entry {seq} is not what its hash was made of")
        if entry[15] != previous:
            faults.append(f"entry {seq} does not continue the entry before it")
        amount, before, after = entry[4:7]
        if before != balance or after != balance + amount or after < 0:
            faults.append(f"entry {seq} does not lead from the balance before it to the one after it")
        previous, balance = digest, after
        entries.append(entry)
    if not entries:
        faults.append("there is no entry")
    return entries


def _sealed(
    program_id: str,
    card_id: str,
    texts: Sequence[tuple[bytes, str]],
    seal: Seal | None,
    keys: Mapping[bytes, Ed25519PublicKey],
    faults: list[str],
) -> int:
    """Up to which entry the seal bears the proof out."""
    if seal is None:
        faults.append("nothing is sealed: there is no signature")
        return 0
    # What comes before this seal is not part of the proof: it is judged as the first one that is looked at.
    one = SealCheck(program_id, keys, begins_at=seal.number)
    is_sound = one.is_sound(seal)
    one.finish()
    faults += [found.explanation for found in one.findings]
    card = bytes.fromhex(card_id)
    heads = (seal.heads[at : at + HEAD_BYTES] for at in range(0, len(seal.heads), HEAD_BYTES))
    own = {int.from_bytes(head[12:20], "big"): head[20:].hex() for head in heads if head[:12] == card}
    sealed = max((seq for seq, digest in own.items() if seq <= len(texts) and texts[seq - 1][1] == digest), default=0)
    if sealed == 0 or len(own) != 1:
        faults.append("the seal does not contain an entry of this history")
        return 0
    return sealed if is_sound else 0
