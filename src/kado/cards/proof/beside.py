"""The rows beside the cards, holds and reversals, card after card in the same order as the cards themselves."""

from collections.abc import AsyncIterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from kado.cards.card import Hold, HoldStatus
from kado.cards.proof.facts import moment
from kado.cards.proof.findings import Finding, Reason
from kado.cards.rows_digest import Reversal, Row
from kado.storage.database import Connection

if TYPE_CHECKING:
    import asyncpg

_FETCH: Final = 2000
_OWNER: Final = itemgetter("program_id", "card_id")

_SELECT: Final = f"""
    SELECT program_id, card_id, id, merchant_id, amount, captured, status, order_reference AS reference,
           pos_transaction_id, cashier_id, terminal_id, {moment("created_at")} AS at,
           {moment("expires_at")} AS expires_at, {moment("ended_at")} AS ended_at
    FROM hold {{where}}
    UNION ALL
    SELECT program_id, card_id, NULL, merchant_id, 0, 0, kind, reference, NULL, NULL, NULL, {moment("reversed_at")},
           NULL, NULL
    FROM reversal {{where}}
    ORDER BY program_id, card_id"""


class Beside:
    """Gives out each card's rows when it is the card's turn."""

    def __init__(self, connection: Connection, program_id: str | None) -> None:
        self.findings: list[Finding] = []
        """Rows of cards that do not exist."""
        self._groups = _grouped(connection, program_id)
        self._next: tuple[tuple[str, str], list[Row]] | None = None
        self._begun = False

    async def of(self, owner: tuple[str, str] | None) -> list[Row]:
        """The rows of this card; cards must be asked for in their order. None after the last card."""
        if not self._begun:
            self._begun = True
            self._next = await anext(self._groups, None)
        while self._next is not None and (owner is None or self._next[0] < owner):
            text = "there are holds or reversals of this card, but no card"
            self.findings.append(Finding(*self._next[0], Reason.NO_CARD, text))
            self._next = await anext(self._groups, None)
        if self._next is None or self._next[0] != owner:
            return []
        rows = self._next[1]
        self._next = await anext(self._groups, None)
        return rows


async def _grouped(connection: Connection, program_id: str | None) -> AsyncIterator[tuple[tuple[str, str], list[Row]]]:
    where, arguments = ("", ()) if program_id is None else ("WHERE program_id = $1", (program_id,))
    cursor = await connection.cursor(_SELECT.format(where=where), *arguments)
    owner, rows = ("", ""), list[Row]()
    while page := await cursor.fetch(_FETCH):
        for other, group in groupby(page, _OWNER):
            if other != owner and rows:
                yield owner, rows
                rows = []
            owner = other
            rows += [_row(one) for one in group]
    if rows:
        yield owner, rows


def _row(row: "asyncpg.Record") -> Row:
    """Whatever stands in it: a status that does not exist holds nothing, and contradicts the digest."""
    (program_id, card_id, hold_id, merchant_id, amount, captured, status, reference, pos_transaction_id, cashier_id,
     terminal_id, at, expires_at, ended_at) = row  # fmt: skip
    if hold_id is None:
        return Reversal(program_id, card_id, merchant_id, status, reference, at)
    status = HoldStatus.OPEN if status == HoldStatus.OPEN else status
    return Hold(
        program_id, hold_id, card_id, merchant_id, amount, captured, status, reference, pos_transaction_id, cashier_id,
        terminal_id, None, at, expires_at, ended_at,
    )  # fmt: skip
