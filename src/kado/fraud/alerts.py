"""The statements on alerts: raise, list, find, acknowledge."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from kado import audit
from kado.audit.origin import Origin, origin
from kado.fraud.alert import CLEARED_FOR, Alert, AlertStatus, Judgement, alert_not_found, alert_not_open
from kado.fraud.config import Severity
from kado.fraud.judge import Hit
from kado.fraud.rule import RuleAction
from kado.ids import new_id
from kado.storage.copies import Reader
from kado.storage.database import Connection, Database

COLUMNS: Final = """
    program_id, id, rule_id, rule_name, action, pattern_type, severity, status, subject, card_ids, entry_ids, is_test,
    occurrences, facts, detected_at, last_at, notes, acknowledged_by, acknowledged_at, has_suspended"""
"""In the order of the fields of `Alert`."""

_KEPT: Final = 100
"""Cards and entries that an alert names at most: the latest."""

_CARDS: Final = """
    ARRAY(SELECT card_id FROM unnest(a.card_ids) WITH ORDINALITY AS u (card_id, number)
          WHERE card_id <> ALL (EXCLUDED.card_ids) ORDER BY number) || EXCLUDED.card_ids"""

_RAISE: Final = f"""
    INSERT INTO fraud_alert AS a (
        program_id, id, rule_id, rule_name, action, pattern_type, severity, status, subject, card_ids, entry_ids,
        is_test, occurrences, facts, detected_at, last_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $9::text[], $10::text[], $11, $12, $13, $14, $15)
    ON CONFLICT (program_id, coalesce(rule_id::text, pattern_type), action, is_test, subject) WHERE status = 'open'
    DO UPDATE SET
        occurrences = a.occurrences + EXCLUDED.occurrences, facts = EXCLUDED.facts, rule_name = EXCLUDED.rule_name,
        severity = EXCLUDED.severity, last_at = greatest(a.last_at, EXCLUDED.last_at),
        card_ids = ({_CARDS})[greatest(1, cardinality({_CARDS}) + 1 - {_KEPT}):],
        entry_ids = (a.entry_ids || EXCLUDED.entry_ids)
            [greatest(1, cardinality(a.entry_ids || EXCLUDED.entry_ids) + 1 - {_KEPT}):]
    RETURNING {COLUMNS}"""


async def raise_alerts(connection: Connection, hits: Sequence[Hit]) -> list[Alert]:
    """Make an alert of those of one rule and subject, or add them to the one that is open. Those that are new."""
    alike: dict[tuple[object, ...], list[Hit]] = {}
    for hit in hits:
        about = (hit.program_id, hit.rule_id or hit.pattern_type, hit.action, hit.is_test, hit.subject)
        alike.setdefault(about, []).append(hit)
    raised = []
    for some in alike.values():
        alert_id, last = new_id(), some[-1]
        row = await connection.fetchrow(
            _RAISE,
            last.program_id,
            alert_id,
            last.rule_id,
            last.rule_name,
            last.action.value,
            last.pattern_type,
            last.severity.value,
            last.subject,
            list(dict.fromkeys(hit.card_id for hit in reversed(some)))[:_KEPT][::-1],
            [hit.entry_id for hit in some if hit.entry_id is not None][-_KEPT:],
            last.is_test,
            len(some),
            json.dumps(dict(last.facts)),
            min(hit.at for hit in some),
            max(hit.at for hit in some),
        )
        assert row is not None, "it is inserted or updated"
        if row["id"] == alert_id:
            raised.append(alert_from_row(tuple(row)))
    return raised


async def list_alerts(
    reader: Reader,
    program_id: str,
    *,
    is_test: bool,
    severities: Sequence[Severity] | None = None,
    statuses: Sequence[AlertStatus] | None = None,
    patterns: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    offset: int,
) -> tuple[list[Alert], int]:
    """The program's alerts, newest first, and how many there are; `since` is included and `until` is not."""
    chosen = """
        FROM fraud_alert WHERE program_id = $1 AND is_test = $2 AND ($3::text[] IS NULL OR severity = ANY($3))
          AND ($4::text[] IS NULL OR status = ANY($4)) AND ($5::text[] IS NULL OR pattern_type = ANY($5))
          AND ($6::timestamptz IS NULL OR detected_at >= $6) AND ($7::timestamptz IS NULL OR detected_at < $7)"""
    wanted = (program_id, is_test, severities, statuses, patterns, since, until)

    async def work(connection: Connection) -> tuple[list[Any], int]:
        rows = await connection.fetch(
            f"SELECT {COLUMNS} {chosen} ORDER BY detected_at DESC, id DESC LIMIT $8 OFFSET $9", *wanted, limit, offset
        )
        total = await connection.fetchval(f"SELECT count(*) {chosen}", *wanted)
        return rows, total

    rows, total = await reader.looking(work)
    return [alert_from_row(tuple(row)) for row in rows], int(total)


async def find(connection: Connection, program_id: str, alert_id: str, *, is_test: bool, lock: bool = False) -> Alert:
    """The alert; with `lock` it is the caller's until the transaction ends. Raises `NotFound`."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM fraud_alert WHERE program_id = $1 AND id = $2 AND is_test = $3"
        + (" FOR UPDATE" if lock else ""),
        program_id,
        alert_id,
        is_test,
    )
    if row is None:
        raise alert_not_found()
    return alert_from_row(tuple(row))


async def acknowledge(
    database: Database, merchant_id: str, program_id: str, alert_id: str, judgement: Judgement, *, is_test: bool
) -> Alert:
    """Somebody has looked. Saying the same again changes nothing.

    Raises `NotFound`, and `Refusal` where something else was said before.
    """

    async def work(connection: Connection) -> Alert:
        alert = await find(connection, program_id, alert_id, is_test=is_test, lock=True)
        if alert.status is AlertStatus.OPEN:
            return await close(connection, merchant_id, alert, judgement, origin(), has_suspended=False)
        if judgement.was_given(alert, has_suspended=False):
            return alert
        raise alert_not_open(alert)

    return await database.repeat(work)


async def close(
    connection: Connection, merchant_id: str, alert: Alert, judgement: Judgement, source: Origin, *, has_suspended: bool
) -> Alert:
    """Write down what was said about an alert that is open and locked, and what follows from it.

    `source` is where it comes from: the posting machine settles what many have sent.
    """
    row = await connection.fetchrow(
        "UPDATE fraud_alert SET status = $3, notes = $4, acknowledged_by = $5, acknowledged_at = statement_timestamp(),"
        f" has_suspended = $6 WHERE program_id = $1 AND id = $2 RETURNING {COLUMNS}",
        alert.program_id,
        alert.id,
        judgement.status.value,
        judgement.notes,
        judgement.by,
        has_suspended,
    )
    assert row is not None, "it is locked"
    clears = judgement.is_false_positive and alert.action is RuleAction.REQUIRE_REVIEW and alert.rule_id is not None
    if clears:
        await connection.execute(
            "INSERT INTO fraud_clearance (program_id, rule_id, card_id, ends_at)"
            " SELECT $1, $2, card_id, clock_timestamp() + $4::interval FROM unnest($3::text[]) AS card_id"
            " ON CONFLICT (program_id, rule_id, card_id) DO UPDATE SET ends_at = EXCLUDED.ends_at",
            alert.program_id,
            alert.rule_id,
            sorted(alert.card_ids),
            CLEARED_FOR,
        )
    said = audit.Row(
        actor=judgement.by,
        action="fraud-alert:acknowledged",
        merchant_id=merchant_id,
        program_id=alert.program_id,
        subject=alert.id,
        details={"cardIds": alert.card_ids, "cleared": clears},
        before={"status": alert.status.value},
        after={"status": judgement.status.value, "hasSuspended": has_suspended},
        source=source,
    )
    await audit.write(connection, [said])
    return alert_from_row(tuple(row))


def alert_from_row(values: tuple[Any, ...]) -> Alert:
    """An alert from the values of `COLUMNS`."""
    facts = list(values)
    facts[4], facts[6], facts[7] = RuleAction(facts[4]), Severity(facts[6]), AlertStatus(facts[7])
    facts[13] = json.loads(facts[13])
    return Alert(*facts)
