"""Look up cards and their entries. Reads only; nothing is decided about money here."""

from dataclasses import dataclass
from datetime import datetime

from kado.cards import refusals
from kado.cards.card import Card, Entry, TransactionType
from kado.cards.numbers import indexes_of
from kado.cards.posting import ReferenceKind
from kado.cards.store import CARD_COLUMNS, CARD_WIDTH, ENTRY_COLUMNS
from kado.crypto import Keyring
from kado.storage.database import Connection, Database


@dataclass(frozen=True, slots=True)
class Found:
    """A card and the moment at which it was read, by the database's clock."""

    card: Card
    now: datetime


async def card_by_id(database: Database, program_id: str, card_id: str, *, is_test: bool) -> Found:
    """The card. Raises `NotFound`, also for a test card when a live one is asked for, and the other way round."""
    async with database.read() as connection:
        found = await _one(connection, "c.id = $2", program_id, card_id)
    return _checked(found, is_test)


async def card_by_number(database: Database, keyring: Keyring, program_id: str, number: str, *, is_test: bool) -> Found:
    """The card with this number, typed with or without spaces. Raises `NotFound`."""
    indexes = indexes_of(keyring, program_id, number)
    async with database.read() as connection:
        found = await _one(connection, "c.number_index = ANY($2::bytea[])", program_id, indexes)
    return _checked(found, is_test)


async def card_by_pass(database: Database, program_id: str, pass_sid: str) -> Found | None:
    """The card whose wallet pass has this serial number, or None."""
    async with database.read() as connection:
        return await _one(connection, "c.pass_sid = $2", program_id, pass_sid)


async def card_of(database: Database, program_id: str, card_id: str) -> Found | None:
    """The card, live or test, or None: for what the server does by itself."""
    async with database.read() as connection:
        return await _one(connection, "c.id = $2", program_id, card_id)


async def entries_of(
    database: Database, program_id: str, card_id: str, *, limit: int, offset: int, text: str | None = None
) -> tuple[list[Entry], int]:
    """A card's entries, newest first, and how many there are in all; with `text` only those that mention it."""
    chosen = f"FROM card_transaction t WHERE t.program_id = $1 AND t.card_id = $2 AND {mentioning(3)}"
    async with database.read() as connection:
        rows = await connection.fetch(
            f"SELECT {ENTRY_COLUMNS} {chosen} ORDER BY t.seq DESC LIMIT $4 OFFSET $5",
            program_id,
            card_id,
            text,
            limit,
            offset,
        )
        total = await connection.fetchval(f"SELECT count(*) {chosen}", program_id, card_id, text)
    return [entry_from_row(tuple(row)) for row in rows], int(total)


def mentioning(parameter: int) -> str:
    """A condition on `card_transaction t`: it mentions the text that is this parameter, if that is not null.

    An entry mentions a text if its type, reference, POS transaction, cashier, terminal or description contains it.
    """
    said = "t.type, t.reference_id, t.pos_transaction_id, t.cashier_id, t.terminal_id, t.description"
    return f"(${parameter}::text IS NULL OR strpos(lower(concat_ws(' ', {said})), lower(${parameter})) > 0)"


async def entries_by_reference(
    database: Database, program_id: str, kind: ReferenceKind, reference: str, *, merchant_id: str, is_test: bool
) -> list[Entry]:
    """What a merchant wrote under a reference of its own, on whichever card: newest first, at most 100."""
    async with database.read() as connection:
        rows = await connection.fetch(
            f"SELECT {ENTRY_COLUMNS} FROM card_transaction t WHERE program_id = $1 AND {kind} = $2 AND merchant_id = $3"
            " AND EXISTS (SELECT FROM card c WHERE c.program_id = t.program_id AND c.id = t.card_id AND c.is_test = $4)"
            " ORDER BY created_at DESC, card_id, seq DESC LIMIT 100",
            program_id,
            reference,
            merchant_id,
            is_test,
        )
    return [entry_from_row(tuple(row)) for row in rows]


def entry_from_row(values: tuple[object, ...]) -> Entry:
    """An entry from the values of `store.ENTRY_COLUMNS`."""
    return Entry(*values[:4], TransactionType(values[4]), *values[5:])  # type: ignore[call-arg, arg-type]  # as many


async def _one(connection: Connection, condition: str, program_id: str, wanted: object) -> Found | None:
    row = await connection.fetchrow(
        f"SELECT {CARD_COLUMNS}, clock_timestamp() FROM card c JOIN merchant cm ON cm.id = c.merchant_id"
        f" WHERE c.program_id = $1 AND {condition}",
        program_id,
        wanted,
    )
    if row is None:
        return None
    values = tuple(row)
    return Found(Card(*values[:CARD_WIDTH]), values[CARD_WIDTH])


def _checked(found: Found | None, is_test: bool) -> Found:
    if found is None or found.card.is_test is not is_test:
        raise refusals.card_not_found()
    return found
