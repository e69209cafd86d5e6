"""What decisions rest on beside the cards themselves: earlier entries, open holds, references that were taken back.

Read after the cards are locked, and only where a card or a posting asks for it: a plain redemption costs no statement
here. The page adds what it decides, so that the next posting of a list sees what the one before it did.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from kado.cards.card import Card, Entry, Hold, HoldStatus, TransactionType
from kado.cards.posting import SOUGHT_MAX, EarlierEntry, Posting, ReferenceKind, Sought
from kado.cards.rows_digest import Reversal, Row
from kado.errors import NotFound
from kado.fraud import alerts
from kado.fraud.alert import Alert
from kado.storage.database import Connection

MARKED_FOR: Final = timedelta(days=30)
"""How long a request may be under way and still find that it was reversed: tills queue offline."""

HOLD_COLUMNS: Final = """
    program_id, id, card_id, merchant_id, amount, captured, status, order_reference, pos_transaction_id, cashier_id,
    terminal_id, description, created_at, expires_at, ended_at"""
"""In the order of the fields of `Hold`."""

Ref = tuple[str, str]
"""Program id and card id."""

Mark = tuple[Ref, str, ReferenceKind, str]
"""The card, and the merchant's own reference that was taken back on it."""


@dataclass(slots=True)
class _Noted:
    """An entry with what it can be found by."""

    earlier: EarlierEntry
    pos_transaction_id: str | None
    reference_id: str | None

    def fits(self, sought: Sought) -> bool:
        if sought.entry_id is not None:
            return self.earlier.id == sought.entry_id
        own = self.pos_transaction_id if sought.kind == "pos_transaction_id" else self.reference_id
        return own == sought.reference


@dataclass(slots=True)
class Evidence:
    """For one list of postings."""

    entries: dict[Ref, dict[str, _Noted]] = field(default_factory=dict)
    holds: dict[Ref, dict[str, Hold]] = field(default_factory=dict)
    marks: set[Mark] = field(default_factory=set)
    reversals: dict[tuple[str, ...], Reversal] = field(default_factory=dict)
    """What was taken back before under a reference that a posting takes back now, however long ago."""
    alerts: dict[tuple[str, str], Alert] = field(default_factory=dict)
    """Alerts against fraud that postings name, by program id and alert id."""
    is_searched: bool = False
    """Whether any posting of the list looks for entries: only then those are noted that are decided here."""

    def sought(self, posting: Posting) -> tuple[EarlierEntry, ...]:
        """The entries that the posting looks for, oldest first."""
        sought = posting.sought
        if sought is None:
            return ()
        noted = self.entries.get((posting.program_id, posting.card_id), {}).values()
        return tuple(one.earlier for one in noted if one.fits(sought))

    def holds_of(self, card: Card) -> tuple[Hold, ...]:
        """The card's open holds, and those that somebody asks for by name."""
        found = self.holds.get((card.program_id, card.id)) if self.holds else None
        return tuple(found.values()) if found else ()

    def is_reversed(self, posting: Posting) -> bool:
        """Whether a reference of the posting was taken back on any of its cards before it arrived."""
        return bool(self.marks) and any(mark in self.marks for mark in _own_marks(posting))

    def note_entry(self, entry: Entry) -> None:
        """An entry that was decided a moment ago; what it gives back of another counts there."""
        if not self.is_searched:
            return
        noted = self.entries.setdefault((entry.program_id, entry.card_id), {})
        if entry.counterpart_id in noted and entry.type in (TransactionType.REFUND, TransactionType.REDEMPTION):
            noted[entry.counterpart_id].earlier.undone += abs(entry.amount)
        earlier = EarlierEntry(
            entry.id, entry.type, entry.amount, entry.merchant_id, entry.created_at, entry.counterpart_id,
            seq=entry.seq, cashier_id=entry.cashier_id, terminal_id=entry.terminal_id,
        )  # fmt: skip
        noted[entry.id] = _Noted(earlier, entry.pos_transaction_id, entry.reference_id)

    def note_hold(self, hold: Hold) -> None:
        """A hold as it is from now on."""
        self.holds.setdefault((hold.program_id, hold.card_id), {})[hold.id] = hold

    def hold(self, like: Hold) -> Hold | None:
        """The hold of this name as it is so far; None for a new one."""
        return self.holds.get((like.program_id, like.card_id), {}).get(like.id)

    def note_reversal(self, reversal: Reversal) -> Reversal | None:
        """A reference with which nothing more may arrive; the row that was there before, if one was."""
        mark = reversal[:5]
        before, self.reversals[mark] = self.reversals.get(mark), reversal
        ref = (reversal.program_id, reversal.card_id)
        self.marks.add((ref, reversal.merchant_id, reversal.kind, reversal.reference))
        return before


async def gather(connection: Connection, postings: Sequence[Posting], cards: Iterable[Card]) -> Evidence:
    """Read what these postings on these locked cards need to know."""
    evidence = Evidence()
    held = [(card.program_id, card.id) for card in cards if card.held]
    named = [(p.program_id, p.card_id, p.hold_id) for p in postings if p.hold_id is not None]
    if held or named:
        await _read_holds(connection, evidence, held, named)
    marked = {(card.program_id, card.id) for card in cards if card.has_reversals}
    own = [mark for posting in postings for mark in _own_marks(posting) if mark[0] in marked] if marked else []
    if own:
        await _read_marks(connection, evidence, own)
    again = [
        (*ref, p.caller.merchant_id, *p.taken_back)
        for p in postings
        if p.taken_back is not None and (ref := (p.program_id, p.card_id)) in marked
    ]
    if again:
        await _read_reversals(connection, evidence, again)
    for program_id, alert_id, is_test in sorted(
        {(p.program_id, p.alert_id, p.caller.is_test) for p in postings if p.alert_id is not None}
    ):
        with suppress(NotFound):
            evidence.alerts[program_id, alert_id] = await alerts.find(
                connection, program_id, alert_id, is_test=is_test, lock=True
            )
    wanted: dict[str, list[tuple[str, Sought]]] = {}
    for posting in postings:
        if posting.sought is not None:
            wanted.setdefault(posting.program_id, []).append((posting.card_id, posting.sought))
    for program_id, of_one in wanted.items():
        evidence.is_searched = True
        await _read_entries(connection, evidence, program_id, of_one)
    return evidence


async def _read_holds(
    connection: Connection, evidence: Evidence, held: Sequence[Ref], named: Sequence[tuple[str, str, str]]
) -> None:
    rows = await connection.fetch(
        f"""
        SELECT {HOLD_COLUMNS} FROM hold
        WHERE (program_id, card_id) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND status = 'open'
        UNION
        SELECT {HOLD_COLUMNS} FROM hold
        WHERE (program_id, card_id, id) IN (SELECT * FROM unnest($3::text[], $4::text[], $5::text[]))
        ORDER BY created_at, id""",
        [program_id for program_id, _ in held],
        [card_id for _, card_id in held],
        [program_id for program_id, _, _ in named],
        [card_id for _, card_id, _ in named],
        [hold_id for _, _, hold_id in named],
    )
    for row in rows:
        evidence.note_hold(hold_from_row(tuple(row)))


def hold_from_row(values: tuple[object, ...]) -> Hold:
    """A hold from the values of `HOLD_COLUMNS`."""
    hold = Hold(*values)  # type: ignore[arg-type]  # the columns stand in the order of the fields
    hold.status = HoldStatus(hold.status)
    return hold


def _own_marks(posting: Posting) -> list[Mark]:
    """The marks that would stop the posting: its own references, on each of its cards."""
    pairs: tuple[tuple[ReferenceKind, str | None], ...] = (
        ("pos_transaction_id", posting.pos_reference),
        ("reference_id", posting.reference),
    )
    merchant_id = posting.caller.merchant_id
    return [(ref, merchant_id, kind, own) for ref in posting.refs() for kind, own in pairs if own is not None]


async def _read_marks(connection: Connection, evidence: Evidence, own: Sequence[Mark]) -> None:
    rows = await connection.fetch(
        """
        SELECT program_id, card_id, merchant_id, kind, reference FROM reversal
        WHERE (program_id, card_id, merchant_id, kind, reference) IN
            (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]))
          AND reversed_at > clock_timestamp() - $6::interval""",
        *map(
            list, zip(*((*ref, merchant_id, kind, reference) for ref, merchant_id, kind, reference in own), strict=True)
        ),
        MARKED_FOR,
    )
    evidence.marks |= {
        ((row["program_id"], row["card_id"]), row["merchant_id"], row["kind"], row["reference"]) for row in rows
    }


async def _read_reversals(connection: Connection, evidence: Evidence, again: Sequence[tuple[str, ...]]) -> None:
    rows = await connection.fetch(
        """
        SELECT program_id, card_id, merchant_id, kind, reference, reversed_at FROM reversal
        WHERE (program_id, card_id, merchant_id, kind, reference) IN
            (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]))""",
        *map(list, zip(*again, strict=True)),
    )
    for row in rows:
        reversal = Reversal(*row)
        evidence.reversals[reversal[:5]] = reversal


_ENTRIES: Final = """
    SELECT t.program_id, t.card_id, t.id, t.type, t.amount, t.merchant_id, t.counterpart_id, t.pos_transaction_id,
           t.reference_id, t.created_at, t.seq, t.cashier_id, t.terminal_id, (
               SELECT coalesce(sum(abs(u.amount)), 0)::bigint FROM card_transaction u
               WHERE u.program_id = $1 AND u.counterpart_id = t.id AND u.type IN ('REFUND', 'REDEMPTION')
           ) AS undone
    FROM unnest($2::text[], $3::text[], $4::text[]) AS w (card_id, wanted, merchant_id)
    CROSS JOIN LATERAL (
        SELECT * FROM card_transaction t
        WHERE t.program_id = $1 AND t.{column} = w.wanted AND t.card_id = w.card_id
          AND (w.merchant_id IS NULL OR t.merchant_id = w.merchant_id)
        ORDER BY t.seq DESC LIMIT {most}) t
    ORDER BY t.seq"""


async def _read_entries(
    connection: Connection, evidence: Evidence, program_id: str, wanted: Sequence[tuple[str, Sought]]
) -> None:
    for column in ("id", "pos_transaction_id", "reference_id"):
        keys = [(card_id, _value(sought, column), sought.merchant_id) for card_id, sought in wanted]
        keys = [key for key in keys if key[1] is not None]
        if not keys:
            continue
        statement = _ENTRIES.format(column=column, most=SOUGHT_MAX + 1)
        for row in await connection.fetch(statement, program_id, *map(list, zip(*keys, strict=True))):
            kind = TransactionType(row["type"])
            names = ("amount", "merchant_id", "created_at", "counterpart_id", "undone", "seq", "cashier_id")
            earlier = EarlierEntry(row["id"], kind, *(row[name] for name in (*names, "terminal_id")))
            evidence.entries.setdefault((row["program_id"], row["card_id"]), {})[earlier.id] = _Noted(
                earlier, row["pos_transaction_id"], row["reference_id"]
            )


def _value(sought: Sought, column: str) -> str | None:
    if column == "id":
        return sought.entry_id
    return sought.reference if sought.kind == column else None


async def rows_beside(connection: Connection, program_id: str, card_ids: Sequence[str]) -> dict[str, list[Row]]:
    """What stands beside these cards and is proved by their digests: all holds and reversals, by the card's id."""
    found: dict[str, list[Row]] = {}
    for row in await connection.fetch(
        f"SELECT {HOLD_COLUMNS} FROM hold WHERE program_id = $1 AND card_id = ANY($2::text[])", program_id, card_ids
    ):
        found.setdefault(row["card_id"], []).append(hold_from_row(tuple(row)))
    for row in await connection.fetch(
        "SELECT program_id, card_id, merchant_id, kind, reference, reversed_at FROM reversal"
        " WHERE program_id = $1 AND card_id = ANY($2::text[])",
        program_id,
        card_ids,
    ):
        found.setdefault(row["card_id"], []).append(Reversal(*row))
    return found


async def write_holds(connection: Connection, holds: Sequence[Hold]) -> None:
    """Holds as they are now, new or changed."""
    await connection.executemany(
        f"""
        INSERT INTO hold ({HOLD_COLUMNS})
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        ON CONFLICT (program_id, id) DO UPDATE
        SET captured = EXCLUDED.captured, status = EXCLUDED.status, ended_at = EXCLUDED.ended_at""",
        [
            (
                hold.program_id, hold.id, hold.card_id, hold.merchant_id, hold.amount, hold.captured, hold.status,
                hold.order_reference, hold.pos_transaction_id, hold.cashier_id, hold.terminal_id, hold.description,
                hold.created_at, hold.expires_at, hold.ended_at,
            )
            for hold in holds
        ],
    )  # fmt: skip


async def write_reversals(connection: Connection, reversals: Sequence[Reversal]) -> None:
    """References that were taken back; where one was before, when it was last."""
    await connection.executemany(
        "INSERT INTO reversal (program_id, card_id, merchant_id, kind, reference, reversed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (program_id, card_id, merchant_id, kind, reference)"
        " DO UPDATE SET reversed_at = EXCLUDED.reversed_at",
        list(reversals),
    )
