"""Whether the data behind reports is sound: what is looked at here is what a report adds up.

`kado verify` proves more, and needs the keys. Each check is one statement, and so one moment of the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from kado.cards.store import STATUS_NOW
from kado.cards.turnover.figures import Book, read_totals
from kado.cards.turnover.kinds import KIND_OF, MINOR_OF, Kind
from kado.programs.program import Program
from kado.reports.source import Source
from kado.reports.windows import Window
from kado.storage.database import Connection

SHOWN: Final = 100
"""So many issues of a check are named."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that does not agree, with the card and the entry that it is about, where it is about one.

    `code` names it for whoever has words of their own, which take `facts`: names of kinds, and minor units.
    """

    check: str
    code: str
    severity: Severity
    text: str
    card_id: str | None = None
    entry_id: str | None = None
    facts: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Validation:
    """What was looked at, and what was found."""

    window: Window
    checked_at: datetime
    checks: Sequence[str]
    issues: Sequence[Issue]

    @property
    def errors(self) -> int:
        """How many of the issues are errors; the others are warnings."""
        return sum(one.severity == "error" for one in self.issues)


@dataclass(frozen=True, slots=True)
class _Check:
    """A statement that finds rows with a card and an entry; `$2` and `$3` are the window, where it has one."""

    name: str
    code: str
    severity: Severity
    text: str
    statement: str
    has_window: bool = True


_IN_WINDOW: Final = """
    FROM card_transaction t JOIN card c ON c.program_id = t.program_id AND c.id = t.card_id
    WHERE t.program_id = $1 AND t.created_at >= $2 AND t.created_at < $3 AND NOT c.is_test"""

_CHECKS: Final = (
    _Check(
        "balance_consistency",
        "balance_not_last",
        "error",
        "The balance of the card is not that after its last entry.",
        """SELECT c.id AS card_id, t.id AS entry_id
            FROM card c LEFT JOIN card_transaction t ON t.program_id = $1 AND t.card_id = c.id AND t.seq = c.seq
            WHERE c.program_id = $1 AND NOT c.is_test AND t.balance_after IS DISTINCT FROM c.balance""",
        has_window=False,
    ),
    _Check(
        "balance_consistency",
        "balance_gap",
        "error",
        "The entry does not begin with the balance that the one before it left.",
        f"""SELECT t.card_id, t.id AS entry_id {_IN_WINDOW}
            AND t.balance_before <> coalesce((
                SELECT b.balance_after FROM card_transaction b
                WHERE b.program_id = $1 AND b.card_id = t.card_id AND b.seq = t.seq - 1), 0)""",
    ),
    _Check(
        "status_transitions",
        "after_void",
        "error",
        "There is an entry after the card was voided.",
        f"SELECT t.card_id, t.id AS entry_id {_IN_WINDOW} AND t.created_at > c.voided_at",
    ),
    _Check(
        "status_transitions",
        "before_activation",
        "error",
        "Money moved before the card was activated.",
        f"SELECT t.card_id, t.id AS entry_id {_IN_WINDOW} AND t.amount <> 0"
        " AND (c.activated_at IS NULL OR t.created_at < c.activated_at)",
    ),
    _Check(
        "status_transitions",
        "state_not_facts",
        "warning",
        "The written state of the card is not what its facts say, for more than ten minutes.",
        f"""SELECT c.id AS card_id, NULL::text AS entry_id FROM card c
            WHERE c.program_id = $1 AND NOT c.is_test AND c.status <> {STATUS_NOW}
              AND greatest(c.updated_at, CASE WHEN c.expires_at <= statement_timestamp() THEN c.expires_at END,
                           CASE WHEN c.suspended_until <= statement_timestamp() THEN c.suspended_until END)
                  < statement_timestamp() - interval '10 minutes'""",
        has_window=False,
    ),
    _Check(
        "status_transitions",
        "redeemed_after_end",
        "warning",
        "Something was redeemed after the card had expired; a hold that is captured may.",
        f"SELECT t.card_id, t.id AS entry_id {_IN_WINDOW} AND t.type = 'REDEMPTION' AND t.created_at > c.expires_at",
    ),
    _Check(
        "future_dated",
        "in_future",
        "error",
        "The entry is dated in the future.",
        """SELECT t.card_id, t.id AS entry_id
            FROM card_transaction t JOIN card c ON c.program_id = t.program_id AND c.id = t.card_id
            WHERE t.program_id = $1 AND NOT c.is_test AND t.created_at > statement_timestamp() + interval '1 minute'""",
        has_window=False,
    ),
)

_RECKONED: Final = f"""
    SELECT {KIND_OF} AS kind, sum({MINOR_OF})::bigint AS minor {_IN_WINDOW} GROUP BY 1"""

_CANCEL: Final = (
    ("Transfers", (Kind.TRANSFER_IN, Kind.TRANSFER_OUT, Kind.REPLACEMENT)),
    ("Consolidations", (Kind.CONSOLIDATION, Kind.CONSOLIDATED)),
)


async def validate(source: Source, program: Program, window: Window) -> Validation:
    """Look at all of it. Raises `Unavailable`, also where there is so much that it takes too long."""
    issues: list[Issue] = []
    for check in _CHECKS:
        issues += await _run(source, program, window, check)
    issues += await _reconcile(source, program, window)
    names = [*dict.fromkeys(check.name for check in _CHECKS), "revenue_reconciliation"]
    return Validation(window, await source.now(), names, issues)


async def _run(source: Source, program: Program, window: Window, check: _Check) -> list[Issue]:
    values: list[Any] = [window.since, window.until] if check.has_window else []

    async def work(connection: Connection) -> list[tuple[str, str | None]]:
        rows = await connection.fetch(f"{check.statement} LIMIT {SHOWN}", program.id, *values)
        return [(row["card_id"], row["entry_id"]) for row in rows]

    found = await source.reader.listing(work, in_order=False)
    return [Issue(check.name, check.code, check.severity, check.text, card_id, entry_id) for card_id, entry_id in found]


async def _reconcile(source: Source, program: Program, window: Window) -> list[Issue]:
    """The figures of reports beside the entries themselves, added up one by one."""
    name, money = "revenue_reconciliation", program.currency.text
    before, after = await read_totals(source.reader, program.id, [window.since, window.until])
    reported = after - before

    async def work(connection: Connection) -> dict[str, int]:
        rows = await connection.fetch(_RECKONED, program.id, window.since, window.until)
        return {row["kind"]: row["minor"] for row in rows}

    reckoned = await source.reader.listing(work, in_order=False)
    issues = []
    for kind in Kind:
        says, truth = reported.of(kind).minor, reckoned.get(kind.value, 0)
        if says != truth:
            text = f"Reports say {money(says)} of {kind}, the entries come to {money(truth)}."
            facts = {"kind": kind.value, "says": says, "truth": truth}
            issues.append(Issue(name, "sums_differ", "error", text, facts=facts))
    return issues + _cancelled(reported, program)


def _cancelled(reported: Book, program: Program) -> list[Issue]:
    return [
        Issue(
            "revenue_reconciliation",
            f"{what.lower()}_left",
            "warning",
            f"{what} in this time leave {program.currency.text(rest)} instead of cancelling out.",
            facts={"rest": rest},
        )
        for what, kinds in _CANCEL
        if (rest := reported.of(*kinds).minor)
    ]
