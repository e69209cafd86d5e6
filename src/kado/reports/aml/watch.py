"""Looks at new entries, program by program, once they are final; what is flagged is written down once.

How far it has come is a row, which moves in the transaction that writes the alerts. Whatever is looked at again finds
the same, and an alert about the same thing is there already.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from kado import clock
from kado.cards.card import TransactionType
from kado.crypto import Keyring
from kado.ids import new_id
from kado.programs.find import list_all
from kado.programs.program import Program
from kado.reports.aml import limits
from kado.reports.aml.judge import Found, Seen, judge_card, judge_recipient
from kado.storage.database import BY_KEYS, Connection, Database

BATCH: Final = 1000
"""Entries that one transaction looks at."""

_LOOKED_AT: Final = "('ACTIVATION', 'RELOAD', 'REDEMPTION', 'REFUND')"
_BACK: Final = limits.CYCLE_DAYS + limits.DAY

_LOCK: Final = "SELECT until FROM aml_progress WHERE program_id = $1 FOR UPDATE SKIP LOCKED"

# What lies further back than the longest time that is looked at says nothing of today.
_BEGIN: Final = """
    INSERT INTO aml_progress (program_id, until) VALUES ($1, statement_timestamp() - $2::interval)
    ON CONFLICT (program_id) DO NOTHING"""

_MOVE: Final = "UPDATE aml_progress SET until = $2 WHERE program_id = $1"

_NEW: Final = f"""
    SELECT t.card_id, t.created_at FROM card_transaction t JOIN card c ON c.program_id = $1 AND c.id = t.card_id
    WHERE t.program_id = $1 AND t.created_at >= $2 AND t.created_at < $3 AND t.type IN {_LOOKED_AT} AND NOT c.is_test
    ORDER BY t.created_at LIMIT {BATCH}"""

_RECIPIENTS: Final = """
    SELECT DISTINCT lower(customer_email) AS email, CASE WHEN customer_email IS NULL THEN customer_phone END AS phone
    FROM card WHERE program_id = $1 AND id = ANY($2::text[]) AND coalesce(customer_email, customer_phone) IS NOT NULL"""

_OF_CARDS: Final = f"""
    SELECT t.id, t.card_id, t.type, t.amount, t.created_at AS at FROM card_transaction t
    WHERE t.program_id = $1 AND t.card_id = ANY($2::text[]) AND t.created_at >= $3 AND t.created_at < $4
      AND t.type IN {_LOOKED_AT}
    ORDER BY t.created_at, t.id"""

_OF_RECIPIENT: Final = f"""
    SELECT t.id, t.card_id, t.type, t.amount, t.created_at AS at
    FROM card c JOIN card_transaction t ON t.program_id = $1 AND t.card_id = c.id
    WHERE c.program_id = $1 AND NOT c.is_test AND t.created_at >= $3 AND t.created_at < $4 AND t.type IN {_LOOKED_AT}
      AND {{is_theirs}}
    ORDER BY t.created_at, t.id"""

_BY_EMAIL: Final = _OF_RECIPIENT.format(is_theirs="lower(c.customer_email) = $2")
_BY_PHONE: Final = _OF_RECIPIENT.format(is_theirs="c.customer_phone = $2")

_NOTE: Final = """
    INSERT INTO aml_alert (program_id, id, flag, severity, card_id, subject, entry_ids, minor, detected_at)
    SELECT $1, u.id, u.flag, u.severity, u.card_id, u.subject, string_to_array(u.entry_ids, ','), u.minor,
           statement_timestamp()
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[])
         AS u (id, flag, severity, card_id, subject, entry_ids, minor)
    ON CONFLICT ON CONSTRAINT aml_alert_once DO UPDATE
    SET severity = excluded.severity, card_id = excluded.card_id, entry_ids = excluded.entry_ids, minor = excluded.minor
    WHERE aml_alert.acknowledged_at IS NULL AND excluded.minor >= aml_alert.minor"""


async def watch(database: Database, keyring: Keyring) -> bool:
    """One round over all programs; whether there is more to do at once. Safe in several processes.

    Raises `Unavailable` while the database is away.
    """
    is_more = False
    for program in await list_all(database):
        is_more |= await watch_program(database, keyring, program)
    return is_more


async def watch_program(database: Database, keyring: Keyring, program: Program) -> bool:
    """Look at the next entries of a program; whether there are more. Raises `Unavailable`."""

    async def work(connection: Connection) -> bool:
        await connection.execute(BY_KEYS)
        settled: datetime = await connection.fetchval(
            "SELECT greatest(sealed_until, '1970-01-02 00:00:00+00') FROM seal_progress"
        )
        since = await connection.fetchval(_LOCK, program.id)
        if since is None:
            return bool(await connection.execute(_BEGIN, program.id, _BACK) == "INSERT 0 1")
        if settled < since:  # the clock was set back
            await connection.execute(_MOVE, program.id, settled)
            return False
        new = await connection.fetch(_NEW, program.id, since, settled)
        if not new:
            return False
        last = new[-1]["created_at"]
        if len(new) == BATCH and last == since:  # more at one moment than are looked at together
            last += timedelta(microseconds=1)
        until = last if len(new) == BATCH else settled
        card_ids = sorted({row["card_id"] for row in new})
        found = await _judged(connection, keyring, program, card_ids, since, settled)
        if found:
            await _note(connection, program.id, found)
        await connection.execute(_MOVE, program.id, max(until, since))
        return len(new) == BATCH

    return await database.repeat(work)


async def _judged(
    connection: Connection,
    keyring: Keyring,
    program: Program,
    card_ids: Sequence[str],
    since: datetime,
    until: datetime,
) -> list[Found]:
    begin = max(clock.EPOCH, since - _BACK)
    found: list[Found] = []
    by_card: dict[str, list[Seen]] = {}
    for row in await connection.fetch(_OF_CARDS, program.id, card_ids, begin, until):
        by_card.setdefault(row["card_id"], []).append(_seen(*row))
    for card_id, entries in by_card.items():
        found += judge_card(program, card_id, entries)
    for email, phone in await connection.fetch(_RECIPIENTS, program.id, card_ids):
        statement, recipient = (_BY_EMAIL, email) if email is not None else (_BY_PHONE, phone)
        rows = await connection.fetch(statement, program.id, recipient, begin, until)
        subject = keyring.mac("request-hash", b"aml", program.id.encode(), recipient.encode()).hex()[:24]
        found += judge_recipient(program, subject, [_seen(*row) for row in rows])
    return found


def _seen(entry_id: str, card_id: str, kind: str, amount: int, at: datetime) -> Seen:
    return Seen(entry_id, card_id, TransactionType(kind), amount, at)


async def _note(connection: Connection, program_id: str, found: Sequence[Found]) -> None:
    """Of one thing the fullest sight of it, in a fixed order, so that no two writers wait for each other."""
    fullest: dict[tuple[str, str], Found] = {}
    for one in found:
        known = fullest.get((one.flag.value, one.subject))
        if known is None or (one.minor, len(one.entry_ids)) >= (known.minor, len(known.entry_ids)):
            fullest[one.flag.value, one.subject] = one
    rows = [fullest[key] for key in sorted(fullest)]
    await connection.execute(
        _NOTE,
        program_id,
        [new_id() for _ in rows],
        [one.flag.value for one in rows],
        [one.severity for one in rows],
        [one.card_id for one in rows],
        [one.subject for one in rows],
        [",".join(one.entry_ids) for one in rows],
        [one.minor for one in rows],
    )
