"""Whether the sums that reports are made of are those of the entries: all of them are added up anew."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from kado.cards.proof.findings import Finding, Reason
from kado.cards.turnover.kinds import DIMENSIONS, KIND_OF, MINOR_OF, SLOT_OF

if TYPE_CHECKING:
    import asyncpg

_SHOWN: Final = 50
"""Rows that are named in each program; of more it is only said how many there are."""

_COMPARED: Final = f"""
    WITH each AS (
        SELECT t.program_id, {KIND_OF} AS kind, t.merchant_id, coalesce(c.design_template, '') AS design,
               {SLOT_OF} AS slot, count(*) AS entries, sum({MINOR_OF}) AS minor
        FROM card_transaction t
        JOIN turnover_progress p ON p.program_id = t.program_id AND t.created_at < p.until
        JOIN card c ON c.program_id = t.program_id AND c.id = t.card_id
        WHERE NOT c.is_test {{entries}}
        GROUP BY 1, 2, 3, 4, 5),
    part AS (
        SELECT program_id::text AS program_id, d.dimension COLLATE "C" AS dimension, d.value COLLATE "C" AS value,
               kind COLLATE "C" AS kind, slot, sum(entries) AS entries, sum(minor) AS minor
        FROM each CROSS JOIN LATERAL {DIMENSIONS} GROUP BY 1, 2, 3, 4, 5),
    wanted AS (
        SELECT *, sum(entries) OVER so_far AS entries_total, sum(minor) OVER so_far AS minor_total FROM part
        WINDOW so_far AS (PARTITION BY program_id, dimension, value, kind ORDER BY slot)),
    stored AS (SELECT * FROM turnover s WHERE true {{sums}})
    SELECT coalesce(s.program_id::text, w.program_id) AS program_id,
           coalesce(s.dimension, w.dimension) AS dimension, coalesce(s.value, w.value) AS value,
           coalesce(s.kind, w.kind) AS kind, coalesce(s.slot, w.slot)::text AS slot,
           s.entries, s.minor, s.entries_total, s.minor_total,
           w.entries AS true_entries, w.minor AS true_minor,
           w.entries_total AS true_entries_total, w.minor_total AS true_minor_total
    FROM stored s FULL JOIN wanted w ON w.program_id = s.program_id::text AND w.dimension = s.dimension
         AND w.value = s.value AND w.kind = s.kind AND w.slot = s.slot
    WHERE (s.entries, s.minor, s.entries_total, s.minor_total)
          IS DISTINCT FROM (w.entries, w.minor, w.entries_total, w.minor_total)
    ORDER BY program_id, dimension, value, kind, slot"""

_EVERYWHERE: Final = _COMPARED.format(entries="", sums="")
_IN_PROGRAM: Final = _COMPARED.format(entries="AND t.program_id = $1", sums="AND s.program_id = $1")


async def differences(
    connection: "asyncpg.Connection[asyncpg.Record]", program_id: str | None, damaged: Collection[str]
) -> list[Finding]:
    """Rows that say something else than the entries, in programs whose cards are whole (in `damaged` ones that is the
    explanation already)."""
    query = (_EVERYWHERE,) if program_id is None else (_IN_PROGRAM, program_id)
    found: dict[str, list[Finding]] = {}
    async for row in connection.cursor(*query):
        if row["program_id"] not in damaged:
            of_program = found.setdefault(row["program_id"], [])
            of_program.append(Finding(row["program_id"], None, Reason.TURNOVER_DIFFERS, _explained(row)))
    return [one for of_program in found.values() for one in _bounded(of_program)]


def _explained(row: "asyncpg.Record") -> str:
    of_what = f" of {row['dimension']} {row['value'] or '(none)'}" if row["dimension"] else ""
    name = f"the summary of {row['kind']} entries{of_what} in the quarter of an hour from {row['slot']}"
    if row["entries"] is None:
        return f"{name} is missing: there were {row['true_entries']} that came to {row['true_minor']} minor units"
    says = f"{row['entries']} ({row['minor']} minor units), in all {row['entries_total']} ({row['minor_total']})"
    if row["true_entries"] is None:
        return f"{name} says {says}, and there were none"
    truth = f"{row['true_entries']} ({row['true_minor']}), in all {row['true_entries_total']}"
    return f"{name} says {says}, and the entries {truth} ({row['true_minor_total']})"


def _bounded(of_program: list[Finding]) -> list[Finding]:
    shown, more = of_program[:_SHOWN], len(of_program) - _SHOWN
    if more > 0:
        text = f"{more} more rows of the summary differ from the entries"
        shown.append(Finding(of_program[0].program_id, None, Reason.TURNOVER_DIFFERS, text))
    return shown
