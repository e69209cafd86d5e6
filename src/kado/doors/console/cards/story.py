"""A card as its story: what happened to it, in words, newest first, with who did it and where."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from kado.access.permissions import Permission
from kado.cards.card import Card, Entry, TransactionType
from kado.cards.find import entries_of
from kado.doors.console.visit import Visit
from kado.trail.read import read_page
from kado.trail.row import Row
from kado.trail.scope import scope_of
from kado.trail.wanted import Wanted

TOGETHER: Final = 40
_ROWS_MAX: Final = 200

_BESIDE: Final = frozenset(
    {
        "card:suspended",
        "card:unsuspended",
        "card:suspension-ended",
        "card:scheduled",
        "card:extended",
        "card:expired",
        "card:replaced",
        "card:accepted-as-it-stands",
        "card:code-made",
        "hold:placed",
        "hold:released",
        "hold:expired",
        "reference:reversed",
        "message:bounced",
        "pii_access",
    }
)
"""What the audit log says of a card beside its entries."""

_SIGNS: Final = {
    "PURCHASE": "gift",
    "ACTIVATION": "check",
    "RELOAD": "plus",
    "REDEMPTION": "minus",
    "REFUND": "back",
    "TRANSFER_IN": "in",
    "TRANSFER_OUT": "out",
    "CONSOLIDATION": "join",
    "VOID": "stop",
    "OWNERSHIP_TRANSFER": "person",
    "RESEND_CODE": "mail",
    "card:suspended": "pause",
    "card:unsuspended": "check",
    "card:suspension-ended": "check",
    "card:scheduled": "clock",
    "card:extended": "clock",
    "card:expired": "stop",
    "card:code-made": "mail",
    "message:bounced": "warn",
    "hold:placed": "lock",
    "hold:released": "open",
    "hold:expired": "open",
    "pii_access": "eye",
}


_SAID_ALREADY: Final = frozenset({TransactionType.PURCHASE, TransactionType.ACTIVATION})
"""What the house itself writes to these, in English, the story says in the reader's language."""


class Event(NamedTuple):
    """One thing that happened. `key` names its words, `amount` and `balance` are minor units, `facts` are labelled."""

    key: str
    sign: str
    at: datetime
    amount: int
    balance: int | None
    who: str | None
    who_kind: str | None
    facts: Sequence[tuple[str, str]]
    entry: Entry | None
    counterpart: str | None


async def story_of(visit: Visit, card: Card, start: int) -> tuple[list[Event], int]:
    """The events of one page, newest first, and how many entries the card has in all."""
    rooms, program = visit.rooms, visit.program
    entries, total = await entries_of(rooms.database, program.id, card.id, limit=TOGETHER, offset=start)
    rows = await _rows(visit, card, entries, start, total)
    said = {row.id: row for row in rows}
    events = [_of_entry(entry, said.get(entry.id)) for entry in entries]
    known = {entry.id for entry in entries}
    events += [_of_row(row) for row in rows if row.action in _BESIDE and row.id not in known]
    return sorted(events, key=lambda event: event.at, reverse=True), total


async def _rows(visit: Visit, card: Card, entries: Sequence[Entry], start: int, total: int) -> list[Row]:
    """What the audit log says of the time of these entries, as far as the person may see it."""
    if not visit.may(Permission.AUDIT_READ):
        return []
    wanted = Wanted(
        subject_id=card.id,
        since=entries[-1].created_at if entries and start + TOGETHER < total else None,
        until=entries[0].created_at if entries and start else None,
    )
    scope = await scope_of(visit.rooms.database, visit.caller)
    return (await read_page(visit.rooms.reader, scope, wanted, start=0, limit=_ROWS_MAX)).found


def _of_entry(entry: Entry, row: Row | None) -> Event:
    facts = (
        ("receipt", entry.pos_transaction_id),
        ("reference", entry.reference_id),
        ("cashier", entry.cashier_id),
        ("terminal", entry.terminal_id),
        ("note", None if entry.type in _SAID_ALREADY else entry.description),
    )
    kind = entry.type.value
    return Event(
        key=kind,
        sign=_SIGNS.get(kind, "dot"),
        at=entry.created_at,
        amount=entry.amount,
        balance=entry.balance_after,
        who=None if row is None else row.actor_name,
        who_kind=None if row is None else row.actor_kind,
        facts=_present(facts),
        entry=entry,
        counterpart=entry.counterpart_id,
    )


def _of_row(row: Row) -> Event:
    details: dict[str, Any] = row.details
    return Event(
        key=row.action.replace(":", "_").replace("-", "_"),
        sign=_SIGNS.get(row.action, "dot"),
        at=row.at,
        amount=0,
        balance=None,
        who=row.actor_name,
        who_kind=row.actor_kind,
        facts=_present([("note", details.get("reason")), ("order", details.get("order"))]),
        entry=None,
        counterpart=None,
    )


def _present(facts: Iterable[tuple[str, object]]) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in facts if value]
