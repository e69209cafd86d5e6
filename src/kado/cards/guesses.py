"""The counters behind balance checks: locked, read and written for a whole list at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from kado.cards.card import Card
from kado.cards.find import Found
from kado.cards.store import CARD_COLUMNS, CARD_WIDTH
from kado.storage.database import Connection

_KEPT_WRONG: Final = 20
_KEPT_FAILED: Final = 100
_RECENT_MINUTES: Final = 5
_USUAL_MINUTES: Final = 24 * 60
_ATTACK_FACTOR: Final = 10
_ATTACK_FLOOR: Final = 20
"""Failures a minute below which nothing counts as an attack, however quiet the program usually is."""


class Move(NamedTuple):
    """A number's index under an older secret, and the one under the current secret."""

    older: bytes
    now: bytes


@dataclass(slots=True)
class Guesses:
    """Wrong codes against one number."""

    wrong_at: list[datetime] = field(default_factory=list)
    wrong_ever: int = 0


@dataclass(slots=True)
class Situation:
    """What a list of checks is decided on. Counting a failure changes it for the next check."""

    now: datetime
    failures: dict[bytes, list[datetime]]
    guesses: dict[tuple[str, bytes], Guesses]
    anywhere: dict[bytes, list[datetime]]
    cards: dict[tuple[str, bytes], Found]
    programs: set[str]
    rates: dict[str, tuple[float, float]]
    failed_addresses: set[bytes] = field(default_factory=set)
    failed_numbers: set[tuple[str, bytes]] = field(default_factory=set)
    failed_programs: dict[str, int] = field(default_factory=dict)
    failed_anywhere: set[bytes] = field(default_factory=set)

    def count_address(self, address: bytes) -> None:
        """One more failed check from this address."""
        self.failures.setdefault(address, []).append(self.now)
        self.failed_addresses.add(address)

    def count_anywhere(self, index: bytes) -> None:
        """One more wrong guess at this number that named no program."""
        self.anywhere.setdefault(index, []).append(self.now)
        self.failed_anywhere.add(index)

    def count_in_program(self, program_id: str, index: bytes) -> None:
        """One more wrong guess at this number in the program. An unknown program has no counters of its own."""
        if program_id in self.programs:
            guess = self.guesses.setdefault((program_id, index), Guesses())
            guess.wrong_at.append(self.now)
            guess.wrong_ever += 1
            self.failed_numbers.add((program_id, index))
            self.failed_programs[program_id] = self.failed_programs.get(program_id, 0) + 1

    def is_attacked(self, program_id: str) -> bool:
        """Whether far more checks fail in this program than usual, from however many addresses."""
        recent, usual = self.rates.get(program_id, (0.0, 0.0))
        return recent > max(_ATTACK_FLOOR, _ATTACK_FACTOR * usual)


async def lock(connection: Connection, subjects: Iterable[bytes]) -> None:
    """Hold these counters until the transaction ends, in one order for everyone.

    Advisory locks: a counter that does not exist yet can be held too, and a check that succeeds writes nothing.
    """
    keys = sorted({int.from_bytes(subject[:8], "big", signed=True) for subject in subjects})
    await connection.execute("SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS k", keys)


async def read(
    connection: Connection,
    addresses: set[bytes],
    numbers: set[tuple[str, bytes]],
    anywhere: set[bytes],
    *,
    with_rates: bool,
) -> Situation:
    """The counters, and the cards with these numbers (program id, number index). Run after `lock`.

    `anywhere` are the indexes of the same numbers without a program.
    """
    programs = [program for program, _ in numbers]
    indexes = [index for _, index in numbers]
    failed = await connection.fetch(
        "SELECT subject, failed_at FROM attempt WHERE kind = 'balance-check' AND subject = ANY($1::bytea[])",
        list(addresses),
    )
    wrong = await connection.fetch(
        "SELECT g.program_id, g.number_index, g.wrong_at, g.wrong_ever"
        " FROM unnest($1::text[], $2::bytea[]) AS u (program_id, number_index)"
        " JOIN code_guess g ON g.program_id = u.program_id AND g.number_index = u.number_index",
        programs,
        indexes,
    )
    elsewhere = await connection.fetch(
        "SELECT number_index, wrong_at FROM number_guess WHERE number_index = ANY($1::bytea[])", list(anywhere)
    )
    cards = await connection.fetch(
        f"SELECT {CARD_COLUMNS} FROM unnest($1::text[], $2::bytea[]) AS u (program_id, number_index)"
        " JOIN card c ON c.program_id = u.program_id AND c.number_index = u.number_index"
        " JOIN merchant cm ON cm.id = c.merchant_id",
        programs,
        indexes,
    )
    known = await connection.fetch("SELECT id FROM program WHERE id = ANY($1::text[])", sorted(set(programs)))
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    found = [Found(Card(*tuple(row)[:CARD_WIDTH]), now) for row in cards]
    return Situation(
        now=now,
        failures={row["subject"]: list(row["failed_at"]) for row in failed},
        guesses={
            (row["program_id"], row["number_index"]): Guesses(list(row["wrong_at"]), row["wrong_ever"]) for row in wrong
        },
        anywhere={row["number_index"]: list(row["wrong_at"]) for row in elsewhere},
        cards={(one.card.program_id, one.card.number_index): one for one in found},
        programs={row["id"] for row in known},
        rates=await _rates(connection, sorted(set(programs)), now) if with_rates else {},
    )


async def _rates(connection: Connection, programs: list[str], now: datetime) -> dict[str, tuple[float, float]]:
    """For each program: failed checks a minute lately, and in the day before that."""
    recent_from = now - timedelta(minutes=_RECENT_MINUTES)
    rows = await connection.fetch(
        "SELECT program_id, coalesce(sum(failed) FILTER (WHERE minute > $2), 0) AS recent,"
        " coalesce(sum(failed) FILTER (WHERE minute <= $2), 0) AS usual"
        " FROM check_rate WHERE program_id = ANY($1::text[]) AND minute > $3 GROUP BY program_id",
        programs,
        recent_from,
        now - timedelta(minutes=_USUAL_MINUTES),
    )
    return {
        row["program_id"]: (float(row["recent"]) / _RECENT_MINUTES, float(row["usual"]) / _USUAL_MINUTES)
        for row in rows
    }


async def write(connection: Connection, situation: Situation) -> None:
    """The counters that went up. A list in which every check succeeded writes nothing."""
    if situation.failed_addresses:
        await connection.executemany(
            "INSERT INTO attempt (kind, subject, failed_at) VALUES ('balance-check', $1, $2)"
            " ON CONFLICT (kind, subject) DO UPDATE SET failed_at = EXCLUDED.failed_at",
            [(address, situation.failures[address][-_KEPT_FAILED:]) for address in sorted(situation.failed_addresses)],
        )
    if situation.failed_anywhere:
        await connection.executemany(
            "INSERT INTO number_guess (number_index, wrong_at) VALUES ($1, $2)"
            " ON CONFLICT (number_index) DO UPDATE SET wrong_at = EXCLUDED.wrong_at",
            [(index, situation.anywhere[index][-_KEPT_WRONG:]) for index in sorted(situation.failed_anywhere)],
        )
    if situation.failed_numbers:
        await connection.executemany(
            "INSERT INTO code_guess (program_id, number_index, wrong_at, wrong_ever) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (program_id, number_index) DO UPDATE"
            " SET wrong_at = EXCLUDED.wrong_at, wrong_ever = EXCLUDED.wrong_ever",
            [
                (program_id, index, guess.wrong_at[-_KEPT_WRONG:], guess.wrong_ever)
                for (program_id, index) in sorted(situation.failed_numbers)
                if (guess := situation.guesses[program_id, index])
            ],
        )
        await connection.executemany(
            "INSERT INTO check_rate (program_id, minute, failed) VALUES ($1, date_trunc('minute', $2::timestamptz), $3)"
            " ON CONFLICT (program_id, minute) DO UPDATE SET failed = check_rate.failed + EXCLUDED.failed",
            [(program_id, situation.now, count) for program_id, count in sorted(situation.failed_programs.items())],
        )


_LATEST: Final = f"ARRAY(SELECT t FROM (SELECT t FROM unnest(%s) t ORDER BY t DESC LIMIT {_KEPT_WRONG}) l ORDER BY t)"


async def move(connection: Connection, program_id: str, in_program: Sequence[Move], anywhere: Sequence[Move]) -> None:
    """Count what was counted under older indexes under the current ones, added up. Run after `lock`."""
    await connection.execute(
        f"""
        WITH gone AS (
            DELETE FROM code_guess g USING unnest($2::bytea[], $3::bytea[]) AS u (older, now)
            WHERE g.program_id = $1 AND g.number_index = u.older RETURNING u.now, g.wrong_at, g.wrong_ever
        )
        INSERT INTO code_guess AS kept (program_id, number_index, wrong_at, wrong_ever)
        SELECT $1, g.now, ARRAY(SELECT t FROM gone o, unnest(o.wrong_at) t WHERE o.now = g.now ORDER BY t),
               sum(g.wrong_ever)
        FROM gone g GROUP BY g.now
        ON CONFLICT (program_id, number_index) DO UPDATE
        SET wrong_at = {_LATEST % "kept.wrong_at || EXCLUDED.wrong_at"},
            wrong_ever = kept.wrong_ever + EXCLUDED.wrong_ever""",
        program_id,
        [one.older for one in in_program],
        [one.now for one in in_program],
    )
    await connection.execute(
        f"""
        WITH gone AS (
            DELETE FROM number_guess g USING unnest($1::bytea[], $2::bytea[]) AS u (older, now)
            WHERE g.number_index = u.older RETURNING u.now, g.wrong_at
        )
        INSERT INTO number_guess AS kept (number_index, wrong_at)
        SELECT g.now, ARRAY(SELECT t FROM gone o, unnest(o.wrong_at) t WHERE o.now = g.now ORDER BY t)
        FROM gone g GROUP BY g.now
        ON CONFLICT (number_index) DO UPDATE SET wrong_at = {_LATEST % "kept.wrong_at || EXCLUDED.wrong_at"}""",
        [one.older for one in anywhere],
        [one.now for one in anywhere],
    )
