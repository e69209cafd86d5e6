"""Glances: cards as they are at this moment, read for many callers at once. Nothing is decided about money here.

Tills look at a card before they take it. Read one by one, each look costs the server more than a redeem does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from kado.cards import refusals
from kado.cards.card import Card
from kado.cards.find import Found
from kado.cards.store import CARD_COLUMNS, CARD_WIDTH
from kado.storage.crowd import Crowd
from kado.storage.database import AWAY, CONFLICT, KEYED_ONLY, Database, away
from kado.storage.gather import Gatherer
from kado.storage.idle import Idle

_SHOWN: Final = f"""
    SELECT {CARD_COLUMNS}, clock_timestamp(), CASE WHEN c.held = 0 THEN 0 ELSE (
        SELECT coalesce(sum(h.amount - h.captured), 0) FROM hold h
        WHERE h.program_id = c.program_id AND h.card_id = c.id AND h.status = 'open'
          AND h.expires_at <= clock_timestamp()) END::bigint"""

# `OFFSET 0` keeps the planner from a join that, while it takes the table for small, reads all cards of a program.
_GLANCES: Final = f"""
    {_SHOWN}
    FROM unnest($1::text[], $2::text[]) AS u (program_id, id)
    CROSS JOIN LATERAL (SELECT * FROM card WHERE program_id = u.program_id AND id = u.id OFFSET 0) AS c
    JOIN merchant cm ON cm.id = c.merchant_id"""

# Of one program, which is how a distributed engine finds the machine that knows.
_GLANCES_OF_ONE: Final = f"""
    {_SHOWN}
    FROM card c JOIN merchant cm ON cm.id = c.merchant_id
    WHERE c.program_id = $1 AND c.id = ANY($2::text[])"""

_Ref = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Glance:
    """A card, when it was read, and what can be spent of it (minor units): holds that are over hold nothing."""

    found: Found
    available: int


class Glances:
    """Reads cards in lists, on connections of its own: as many as lists at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle = Idle(lambda: database.connect(KEYED_ONLY))
        self._gatherer: Gatherer[_Ref, Glance | None] = Gatherer(
            self._read, Crowd("glances", database.places), sort=lambda ref: database.apart(ref[0])
        )

    async def at(self, program_id: str, card_id: str, *, is_test: bool) -> Glance:
        """The card. Raises `NotFound`, also for a test card when a live one is asked for, and the other way round."""
        await self._database.learn()
        glance = await self._gatherer.submit((program_id, card_id))
        if glance is None or glance.found.card.is_test is not is_test:
            raise refusals.card_not_found()
        return glance

    async def close(self) -> None:
        """Finish what is under way and give the connection back."""
        await self._gatherer.drained()
        await self._idle.close()

    async def _read(self, refs: list[_Ref]) -> Sequence[Glance | None]:
        wanted = list(set(refs))
        try:
            rows = await self._fetch([program for program, _ in wanted], [card for _, card in wanted])
        except CONFLICT as error:
            raise away() from error
        except AWAY as error:
            await self._idle.close()
            raise away() from error
        glances = {}
        for row in rows:
            values = tuple(row)
            card = Card(*values[:CARD_WIDTH])
            over = values[CARD_WIDTH + 1]
            left = card.available + over if card.held else card.balance
            glances[card.program_id, card.id] = Glance(Found(card, values[CARD_WIDTH]), left)
        return [glances.get(ref) for ref in refs]

    async def _fetch(self, programs: list[str], ids: list[str]) -> list[asyncpg.Record]:
        connection = await self._idle.take()
        try:
            if self._database.is_distributed:
                return await connection.fetch(_GLANCES_OF_ONE, programs[0], ids)
            return await connection.fetch(_GLANCES, programs, ids)
        finally:
            self._idle.give_back(connection)
