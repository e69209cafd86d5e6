"""What there is to see of fraud at a glance: metrics, patterns, and what velocity limits have counted lately."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from kado.fraud.alert import PATTERNS, AlertStatus
from kado.fraud.condition import PendingChecks, Velocity
from kado.fraud.config import Severity
from kado.fraud.rule import Rule, RuleAction
from kado.fraud.rules import read_rules
from kado.storage.copies import Reader
from kado.storage.database import Connection

PATTERN_DAYS: Final = 30
_LATEST: Final = 5000
"""Rows of counters that are looked through for the latest."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Counts of a program. `refusals` are those of rules, in the alerts of the last 30 days."""

    by_status: Mapping[str, int]
    open_by_severity: Mapping[str, int]
    alerts_day: int
    alerts_month: int
    occurrences_month: int
    refusals_month: int
    active_rules: int
    refusing_rules: int
    blocked_addresses: int
    cleared_cards: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """What alerts of one kind came to in the last 30 days."""

    type: str
    alerts: int
    open: int
    false_positives: int
    occurrences: int
    cards: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Fired:
    """How often a rule spoke against something in the last 30 days, and when it did so last."""

    times: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Tallied:
    """What a velocity limit has counted by one subject, in its window as it ends now. Amounts in minor units."""

    rule: Rule
    subject: str
    count: int
    amount: int
    hits: int
    touched_at: datetime


async def metrics(reader: Reader, program_id: str, *, is_test: bool) -> Metrics:
    """The program's figures; of alerts about test cards, or of those about others."""

    async def work(connection: Connection) -> tuple[Any, list[Rule], datetime, int, int]:
        alerts = await connection.fetchrow(
            f"""
            SELECT {", ".join(f"count(*) FILTER (WHERE status = '{one}') AS {one}" for one in AlertStatus)},
                   {
                ", ".join(
                    f"count(*) FILTER (WHERE status = 'open' AND severity = '{one}') AS of_{one}" for one in Severity
                )
            },
                   count(*) FILTER (WHERE detected_at > clock_timestamp() - interval '1 day') AS day,
                   count(*) FILTER (WHERE detected_at > clock_timestamp() - $3::interval) AS month,
                   coalesce(sum(occurrences) FILTER (WHERE detected_at > clock_timestamp() - $3::interval), 0)::bigint
                       AS occurrences,
                   coalesce(sum(occurrences) FILTER (WHERE detected_at > clock_timestamp() - $3::interval
                       AND action <> 'flag'), 0)::bigint AS refusals
            FROM fraud_alert WHERE program_id = $1 AND is_test = $2""",
            program_id,
            is_test,
            timedelta(days=PATTERN_DAYS),
        )
        rules = await read_rules(connection, program_id)
        now = await connection.fetchval("SELECT clock_timestamp()")
        blocked = await connection.fetchval(
            "SELECT count(*) FROM fraud_blocked_address WHERE program_id = $1"
            " AND (expires_at IS NULL OR expires_at > clock_timestamp())",
            program_id,
        )
        cleared = await connection.fetchval(
            "SELECT count(DISTINCT card_id) FROM fraud_clearance WHERE program_id = $1 AND ends_at > clock_timestamp()",
            program_id,
        )
        return alerts, rules, now, blocked, cleared

    alerts, rules, now, blocked, cleared = await reader.looking(work)
    assert alerts is not None, "counts are always there"
    in_force = [rule for rule in rules if rule.is_in_force(now)]
    return Metrics(
        by_status={one.value: alerts[one.value] for one in AlertStatus},
        open_by_severity={one.value: alerts[f"of_{one}"] for one in Severity},
        alerts_day=alerts["day"],
        alerts_month=alerts["month"],
        occurrences_month=alerts["occurrences"],
        refusals_month=alerts["refusals"],
        active_rules=len(in_force),
        refusing_rules=sum(rule.action is not RuleAction.FLAG for rule in in_force),
        blocked_addresses=blocked,
        cleared_cards=cleared,
    )


async def patterns(reader: Reader, program_id: str, *, is_test: bool) -> list[Pattern]:
    """Every pattern that there is, the most frequent first; those of which nothing was seen too."""

    async def work(connection: Connection) -> list[Any]:
        return await connection.fetch(
            """
            SELECT pattern_type, count(*) AS alerts, count(*) FILTER (WHERE status = 'open') AS open,
                   count(*) FILTER (WHERE status = 'false_positive') AS false_positives,
                   sum(occurrences)::bigint AS occurrences, max(last_at) AS last_at,
                   (SELECT count(DISTINCT card_id) FROM fraud_alert b, unnest(b.card_ids) AS card_id
                    WHERE b.program_id = $1 AND b.is_test = $2 AND b.pattern_type = a.pattern_type
                      AND b.detected_at > clock_timestamp() - $3::interval) AS cards
            FROM fraud_alert a
            WHERE program_id = $1 AND is_test = $2 AND detected_at > statement_timestamp() - $3::interval
            GROUP BY pattern_type""",
            program_id,
            is_test,
            timedelta(days=PATTERN_DAYS),
        )

    rows = await reader.looking(work)
    seen = {
        row["pattern_type"]: Pattern(
            row["pattern_type"],
            row["alerts"],
            row["open"],
            row["false_positives"],
            row["occurrences"],
            row["cards"],
            row["last_at"],
        )
        for row in rows
    }
    every = [seen.get(kind) or Pattern(kind, 0, 0, 0, 0, 0, None) for kind in PATTERNS]
    return sorted(every, key=lambda one: -one.occurrences)


async def fired(reader: Reader, program_id: str) -> dict[str, Fired]:
    """By its id how often each rule spoke that spoke at all, of cards that are no test cards."""

    async def work(connection: Connection) -> list[Any]:
        return await connection.fetch(
            "SELECT rule_id, sum(occurrences)::bigint AS times, max(last_at) AS last_at FROM fraud_alert"
            " WHERE program_id = $1 AND NOT is_test AND rule_id IS NOT NULL"
            " AND detected_at > statement_timestamp() - $2::interval GROUP BY rule_id",
            program_id,
            timedelta(days=PATTERN_DAYS),
        )

    return {row["rule_id"]: Fired(row["times"], row["last_at"]) for row in await reader.looking(work)}


async def latest_tallies(reader: Reader, program_id: str, *, is_test: bool, limit: int) -> list[Tallied]:
    """What velocity limits have counted lately, by rule and subject, the latest first."""

    async def work(connection: Connection) -> tuple[dict[str, Rule], datetime, list[Any]]:
        rules = {rule.series_id: rule for rule in await read_rules(connection, program_id)}
        now = await connection.fetchval("SELECT clock_timestamp()")
        rows = await connection.fetch(
            "SELECT series_id, subject, bucket, count, amount, hits, touched_at FROM fraud_tally"
            " WHERE program_id = $1 AND is_test = $2 ORDER BY touched_at DESC LIMIT $3",
            program_id,
            is_test,
            _LATEST,
        )
        return rules, now, rows

    rules, now, rows = await reader.looking(work)
    found: dict[tuple[str, str], Tallied] = {}
    for row in rows:
        rule = rules.get(row["series_id"])
        if rule is None or not isinstance(rule.condition, Velocity | PendingChecks):
            continue
        key = (rule.id, row["subject"])
        before = found.get(key) or Tallied(rule, row["subject"], 0, 0, 0, row["touched_at"])
        counts = row["bucket"] >= rule.condition.window.first(now)
        found[key] = Tallied(
            rule,
            row["subject"],
            before.count + row["count"] * counts,
            before.amount + row["amount"] * counts,
            before.hits + row["hits"] * counts,
            before.touched_at,
        )
    return list(found.values())[:limit]
