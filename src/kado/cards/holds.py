"""Look up holds. Reads only; what is over by now is shown so, even if nobody has written it down yet."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from kado.cards import refusals
from kado.cards.card import Hold, HoldStatus
from kado.cards.evidence import HOLD_COLUMNS, hold_from_row
from kado.cards.find import Found
from kado.storage.database import Database

LISTED_MAX: Final = 250


async def holds_of(database: Database, found: Found) -> tuple[list[Hold], int]:
    """The latest holds of a card, newest first, and how many there are in all."""
    card = found.card
    async with database.read() as connection:
        rows = await connection.fetch(
            f"SELECT {HOLD_COLUMNS} FROM hold WHERE program_id = $1 AND card_id = $2"
            " ORDER BY created_at DESC, id DESC LIMIT $3",
            card.program_id,
            card.id,
            LISTED_MAX,
        )
        total = await connection.fetchval(
            "SELECT count(*) FROM hold WHERE program_id = $1 AND card_id = $2", card.program_id, card.id
        )
    return [_as_of(hold_from_row(tuple(row)), found.now) for row in rows], int(total)


async def hold_by_id(database: Database, found: Found, hold_id: str) -> Hold:
    """The hold of this card. Raises `NotFound`."""
    card = found.card
    async with database.read() as connection:
        row = await connection.fetchrow(
            f"SELECT {HOLD_COLUMNS} FROM hold WHERE program_id = $1 AND id = $2 AND card_id = $3",
            card.program_id,
            hold_id,
            card.id,
        )
    if row is None:
        raise refusals.hold_not_found()
    return _as_of(hold_from_row(tuple(row)), found.now)


async def available(database: Database, found: Found) -> int:
    """What can be spent of the card at this moment, in minor units: holds that are over hold nothing any more."""
    card = found.card
    if not card.held:
        return card.balance
    async with database.read() as connection:
        over = await connection.fetchval(
            "SELECT coalesce(sum(amount - captured), 0)::bigint FROM hold"
            " WHERE program_id = $1 AND card_id = $2 AND status = 'open' AND expires_at <= $3",
            card.program_id,
            card.id,
            found.now,
        )
    return card.available + int(over)


def _as_of(hold: Hold, now: datetime) -> Hold:
    if not hold.is_over_at(now):
        return hold
    return replace(hold, status=HoldStatus.EXPIRED, ended_at=hold.expires_at)
