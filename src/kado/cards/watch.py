"""The watch: looks at new entries after the fact, by the rules that tell and refuse nothing, and raises alerts.

Which entries are new is known from the seals: each names the newest entry of every card that changed, none is left out,
and they have an order. How far each card was looked at stands in the database and moves in the transaction that counts
its entries and raises the alerts: an entry is looked at once, whatever dies in between.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from kado.cards.bench import undoes
from kado.cards.card import Card, TransactionType
from kado.cards.events import EventType, of_state
from kado.cards.seal import HEAD_BYTES
from kado.cards.store import CARD_COLUMNS, CARD_WIDTH
from kado.fraud import hits, tallies
from kado.fraud.alert import Alert
from kado.fraud.alerts import raise_alerts
from kado.fraud.condition import Velocity
from kado.fraud.judge import Hit, key_of, look_back
from kado.fraud.move import Kind, Move
from kado.fraud.rule import Rule
from kado.fraud.rules import read_rules
from kado.fraud.tally import Key
from kado.programs import store
from kado.programs.program import Program
from kado.storage.database import Connection, Database
from kado.storage.outbox import enqueue_events

_LOCK: Final = 0x6B61646F77617463  # "kadowatc"
_HEADS_AT_ONCE: Final = 2000
_SEALS_AT_ONCE: Final = 50
_KINDS: Final = [kind.value for kind in Kind]
_KEYED: Final = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"


async def watch(database: Database) -> bool:
    """One round over all programs in which something is new. Whether there is more to do.

    One process works at a time, however many there are. Raises `Unavailable` while the database is away.
    """
    async with database.read() as connection:
        rows = await connection.fetch(_WAITING)
    more = False
    for row in rows:
        more |= await database.repeat(_watching(row["id"]))
    return more


# The newest seal is one step in an index. Asked whether there is a newer one, the planner reads all seals to find out.
_WAITING: Final = """
    SELECT p.id FROM program p LEFT JOIN fraud_progress f ON f.program_id = p.id
    WHERE (SELECT max(number) FROM ledger_seal s WHERE s.program_id = p.id) > coalesce(f.seal_number, 0)
       OR EXISTS (SELECT FROM fraud_hit h WHERE h.program_id = p.id)
    ORDER BY p.id"""


def _watching(program_id: str) -> Callable[[Connection], Awaitable[bool]]:
    async def work(connection: Connection) -> bool:
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
            return False
        await connection.execute(_KEYED)
        program = await store.find(connection, program_id)
        assert program is not None, "programs are never deleted"
        left = await hits.take(connection, program_id)
        found, more = await _look_at_new(connection, program)
        if program.is_heard:
            await _hold_cards(connection, program_id, [*left, *found])
        raised = await raise_alerts(connection, [*left, *found])
        await _tell(connection, program, raised)
        return more or bool(left)

    return work


# ── entries ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _look_at_new(connection: Connection, program: Program) -> tuple[list[Hit], bool]:
    """What the rules say about the next new entries, and whether there are more of them."""
    rules = [rule for rule in await read_rules(connection, program.id) if rule.is_active and not rule.is_judged_at_once]
    done = await connection.fetchval("SELECT seal_number FROM fraud_progress WHERE program_id = $1", program.id)
    if not rules:
        newest = await connection.fetchval("SELECT max(number) FROM ledger_seal WHERE program_id = $1", program.id)
        await _move_on(connection, program.id, done, newest)
        return [], False
    number, heads = await _heads(connection, program.id, done or 0)
    moves = await _entries(connection, program.id, heads, min(rule.since for rule in rules))
    found = await _count(connection, program, rules, moves)
    await _move_on(connection, program.id, done, number)
    return found, number is not None


async def _heads(connection: Connection, program_id: str, done: int) -> tuple[int | None, dict[str, int]]:
    """The next seal up to which entries are looked at, and the newest entry of each card in those up to it."""
    heads: dict[str, int] = {}
    number = None
    async for row in connection.cursor(
        "SELECT number, heads FROM ledger_seal WHERE program_id = $1 AND number > $2 ORDER BY number LIMIT $3",
        program_id,
        done,
        _SEALS_AT_ONCE,
        prefetch=1,
    ):
        for card_id, seq in _unpacked(row["heads"]):
            heads[card_id] = max(seq, heads.get(card_id, 0))
        number = row["number"]
        if len(heads) >= _HEADS_AT_ONCE:
            break
    return number, heads


def _unpacked(heads: bytes) -> Iterator[tuple[str, int]]:
    for at in range(0, len(heads), HEAD_BYTES):
        yield heads[at : at + 12].hex(), int.from_bytes(heads[at + 12 : at + 20], "big")


# Each card and its entries by themselves, by their keys: for a plain join the planner, while it takes the tables for
# small, reads all of a program's rows once for every card.
_NEW_ENTRIES: Final = """
    SELECT t.card_id, t.seq, t.id, t.type, t.amount, t.created_at, t.merchant_id, t.cashier_id, t.terminal_id,
           t.counterpart_id, c.is_test, c.activated_at, a.actor, a.address, a.user_agent
    FROM unnest($2::text[], $3::bigint[]) AS u (card_id, seq)
    CROSS JOIN LATERAL (
        SELECT is_test, activated_at FROM card WHERE program_id = $1 AND id = u.card_id OFFSET 0) AS c
    CROSS JOIN LATERAL (
        SELECT * FROM card_transaction n
        WHERE n.program_id = $1 AND n.card_id = u.card_id AND n.seq <= u.seq AND n.seq > coalesce(
            (SELECT w.seq FROM fraud_watched_card w WHERE w.program_id = $1 AND w.card_id = u.card_id), 0)
        ORDER BY n.seq) AS t
    LEFT JOIN audit_log a ON a.id = t.id AND a.program_id = $1
    WHERE t.type = ANY ($4::text[]) AND t.created_at >= $5
    ORDER BY t.created_at, t.card_id, t.seq"""


async def _entries(connection: Connection, program_id: str, heads: dict[str, int], since: datetime) -> list[Move]:
    """The cards' entries that nobody has looked at, oldest first; they count as looked at from now on."""
    rows = await connection.fetch(
        _NEW_ENTRIES,
        program_id,
        list(heads),
        list(heads.values()),
        _KINDS,
        since,
    )
    latest = {row["card_id"]: row["seq"] for row in rows}  # of a card's rows the last one is the newest
    await connection.execute(
        "INSERT INTO fraud_watched_card (program_id, card_id, seq) SELECT $1, * FROM unnest($2::text[], $3::bigint[])"
        " ON CONFLICT (program_id, card_id) DO UPDATE SET seq = EXCLUDED.seq",
        program_id,
        list(latest),
        list(latest.values()),
    )
    return [
        Move(
            kind=Kind(row["type"]),
            amount=abs(row["amount"]),
            at=row["created_at"],
            program_id=program_id,
            card_id=row["card_id"],
            is_test=row["is_test"],
            merchant_id=row["merchant_id"],
            actor=row["actor"],
            cashier_id=row["cashier_id"],
            terminal_id=row["terminal_id"],
            address=row["address"],
            user_agent=row["user_agent"],
            activated_at=row["activated_at"],
            entry_id=row["id"],
        )
        for row in rows
        if not undoes(TransactionType(row["type"]), row["counterpart_id"])
    ]


async def _count(connection: Connection, program: Program, rules: Sequence[Rule], moves: Sequence[Move]) -> list[Hit]:
    """What the rules say about these, one after another; all of them are counted."""
    since: dict[Key, int] = {}
    for move in moves:
        for rule in rules:
            if (key := key_of(rule, move)) is not None and isinstance(rule.condition, Velocity):
                first = rule.condition.window.first(move.at)
                since[key] = min(first, since.get(key, first))
    counted = await tallies.read(connection, since)
    found = [hit for move in moves for hit in look_back(rules, move, counted, program.currency)]
    await tallies.write(connection, counted)
    return found


async def _move_on(connection: Connection, program_id: str, done: int | None, number: int | None) -> None:
    if number is not None and number != done:
        await connection.execute(
            "INSERT INTO fraud_progress (program_id, seal_number) VALUES ($1, $2)"
            " ON CONFLICT (program_id) DO UPDATE SET seal_number = EXCLUDED.seal_number",
            program_id,
            number,
        )


async def _hold_cards(connection: Connection, program_id: str, found: Sequence[Hit]) -> None:
    """Take the locks that events of these cards need before those on alerts: a card that is suspended for an alert is
    locked before the alert is."""
    await connection.execute(
        "SELECT FROM card WHERE program_id = $1 AND id = ANY ($2::text[]) ORDER BY id FOR KEY SHARE",
        program_id,
        sorted({hit.card_id for hit in found}),
    )


# ── events ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _tell(connection: Connection, program: Program, raised: Sequence[Alert]) -> None:
    """Let those hear of new alerts who listen."""
    if not raised or not program.is_heard:
        return
    rows = await connection.fetch(
        f"SELECT {CARD_COLUMNS} FROM card c JOIN merchant cm ON cm.id = c.merchant_id"
        " WHERE c.program_id = $1 AND c.id = ANY ($2::text[])",
        program.id,
        sorted({alert.card_id for alert in raised}),
    )
    cards = {card.id: card for card in (Card(*tuple(row)[:CARD_WIDTH]) for row in rows)}
    await enqueue_events(
        connection,
        [
            of_state(EventType.FRAUD_ALERT, cards[alert.card_id], program, alert.last_at, more={"alert": _said(alert)})
            for alert in raised
        ],
    )


def _said(alert: Alert) -> dict[str, object]:
    return {
        "id": alert.id,
        "patternType": alert.pattern_type,
        "severity": alert.severity.value,
        "action": alert.action.value,
        "ruleId": alert.rule_id,
        "occurrences": alert.occurrences,
    }
