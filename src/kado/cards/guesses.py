"""The counters behind balance checks: locked, read and written for a whole list at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

from kado.cards.card import Card
from kado.cards.find import Found
from kado.cards.store import CARD_COLUMNS, CARD_WIDTH
from kado.clock import EPOCH
from kado.money import Currency, currency
from kado.programs.find import list_all
from kado.storage.batches import in_batches
from kado.storage.database import Connection, Database

_KEPT_WRONG: Final = 20
_KEPT_FAILED: Final = 100
_RECENT_MINUTES: Final = 5
_USUAL_MINUTES: Final = 24 * 60
_ATTACK_FACTOR: Final = 10
_ATTACK_FLOOR: Final = 20
"""Failures a minute below which nothing counts as an attack, however quiet the program usually is."""

_FLOOD_FACTOR: Final = 10
"""How many times what counts as an attack a minute may have at most, where no captcha can be asked for."""

ANYWHERE: Final = ""
"""Stands for all programs together, where a check names none."""


@dataclass(frozen=True, slots=True)
class Proved(Found):
    """A card whose code was shown, and the currency of its program."""

    currency: Currency


Place: TypeAlias = tuple[str, bytes]
"""A program's id and a number's index: where a card may be."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim about a card is held against. Of a number that no card has it is as much, and fits nothing."""

    program_id: str
    number_index: bytes
    exists: bool
    has_code: bool
    card_id: str
    code_hash: bytes
    code_version: bytes
    renewed_at: datetime
    """When the present code was asked for; long ago for the first one."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many checks fail a minute: lately, usually, and how many there were in this very minute."""

    recent: float = 0.0
    usual: float = 0.0
    this_minute: int = 0

    @property
    def attack(self) -> float:
        """What more than that is an attack."""
        return max(_ATTACK_FLOOR, _ATTACK_FACTOR * self.usual)


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
    guesses: dict[Place, Guesses]
    anywhere: dict[bytes, list[datetime]]
    claimed: dict[Place, Claimed]
    programs: dict[str, bool]
    """Those that exist, and whether a captcha is always asked for."""
    rates: dict[str, Rate]
    failed_addresses: set[bytes] = field(default_factory=set)
    failed_numbers: set[Place] = field(default_factory=set)
    failed_anywhere: set[bytes] = field(default_factory=set)
    failed: dict[str, int] = field(default_factory=dict)
    """How many checks failed, by program or `ANYWHERE`."""
    locked: int = 0
    """How many numbers have become locked by that."""

    def count_address(self, address: bytes) -> None:
        """One more failed check from this address."""
        self.failures.setdefault(address, []).append(self.now)
        self.failed_addresses.add(address)

    def count_anywhere(self, index: bytes) -> None:
        """One more wrong guess at this number that named no program."""
        self.anywhere.setdefault(index, []).append(self.now)
        self.failed_anywhere.add(index)
        self._count(ANYWHERE)

    def count_in_program(self, program_id: str, index: bytes) -> None:
        """One more wrong guess at this number in the program. An unknown program has no counters of its own."""
        if program_id in self.programs:
            guess = self.guesses.setdefault((program_id, index), Guesses())
            guess.wrong_at.append(self.now)
            guess.wrong_ever += 1
            self.failed_numbers.add((program_id, index))
            self._count(program_id)

    def is_attacked(self, where: str) -> bool:
        """Whether far more checks fail in this program than usual, from however many addresses."""
        rate = self.rates.get(where, Rate())
        return rate.recent > rate.attack

    def flood_ends_in(self, where: str) -> int | None:
        """In how many seconds this minute is over, if more checks have failed in it than may; otherwise None."""
        rate = self.rates.get(where, Rate())
        if rate.this_minute + self.failed.get(where, 0) < _FLOOD_FACTOR * rate.attack:
            return None
        return 60 - self.now.second

    def _count(self, where: str) -> None:
        self.failed[where] = self.failed.get(where, 0) + 1


async def lock(connection: Connection, subjects: Iterable[bytes]) -> None:
    """Hold these counters until the transaction ends, in one order for everyone.

    Advisory locks: a counter that does not exist yet can be held too, and a check that succeeds writes nothing.
    """
    keys = sorted({int.from_bytes(subject[:8], "big", signed=True) for subject in subjects})
    await connection.execute("SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS k", keys)


async def read(connection: Connection, addresses: set[bytes], places: set[Place], anywhere: set[bytes]) -> Situation:
    """The counters, and what there is in these places. Run after `lock`.

    `anywhere` are the indexes of the same numbers without a program. The same statements run and give as many rows
    whether or not there are such cards, so that how long it takes tells nothing.
    """
    ordered = sorted(places)
    programs, indexes = [program for program, _ in ordered], [index for _, index in ordered]
    known = sorted(set(programs))
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
    claimed = await connection.fetch(_CLAIMED, programs, indexes, "0" * 24, bytes(32), bytes(4), EPOCH)
    rules = await connection.fetch("SELECT id, captcha_always FROM program WHERE id = ANY($1::text[])", known)
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return Situation(
        now=now,
        failures={row["subject"]: list(row["failed_at"]) for row in failed},
        guesses={
            (row["program_id"], row["number_index"]): Guesses(list(row["wrong_at"]), row["wrong_ever"]) for row in wrong
        },
        anywhere={row["number_index"]: list(row["wrong_at"]) for row in elsewhere},
        claimed={(row["program_id"], row["number_index"]): Claimed(*row) for row in claimed},
        programs={row["id"]: row["captcha_always"] for row in rules},
        rates=await _rates(connection, known, now),
    )


_CLAIMED: Final = """
    SELECT u.program_id, u.number_index, c.id IS NOT NULL AS exists, c.code_hash IS NOT NULL AS has_code,
           coalesce(c.id, $3) AS card_id, coalesce(c.code_hash, $4) AS code_hash,
           coalesce(c.code_version, $5) AS code_version,
           coalesce(c.codes_sent_at[cardinality(c.codes_sent_at)], $6) AS renewed_at
      FROM unnest($1::text[], $2::bytea[]) AS u (program_id, number_index)
      LEFT JOIN card c ON c.program_id = u.program_id AND c.number_index = u.number_index"""


async def read_cards(connection: Connection, places: Iterable[Place], now: datetime) -> dict[Place, Proved]:
    """The cards in these places, whole, for whoever has proved to know them."""
    ordered = sorted(set(places))
    rows = await connection.fetch(
        f"SELECT {CARD_COLUMNS}, p.currency FROM unnest($1::text[], $2::bytea[]) AS u (program_id, number_index)"
        " JOIN card c ON c.program_id = u.program_id AND c.number_index = u.number_index"
        " JOIN merchant cm ON cm.id = c.merchant_id JOIN program p ON p.id = c.program_id",
        [program for program, _ in ordered],
        [index for _, index in ordered],
    )
    proved = [Proved(Card(*row[:CARD_WIDTH]), now, currency(row["currency"])) for row in rows]
    return {(one.card.program_id, one.card.number_index): one for one in proved}


async def _rates(connection: Connection, programs: list[str], now: datetime) -> dict[str, Rate]:
    """For each program, and for all together: failed checks a minute lately, and in the day before that."""
    rows = await connection.fetch(
        """
        SELECT place, coalesce(sum(failed) FILTER (WHERE minute > $2), 0) AS recent,
               coalesce(sum(failed) FILTER (WHERE minute <= $2), 0) AS usual,
               coalesce(sum(failed) FILTER (WHERE minute = date_trunc('minute', $4::timestamptz)), 0) AS this_minute
          FROM (SELECT program_id AS place, minute, failed FROM check_rate
                 WHERE program_id = ANY($1::text[]) AND minute > $3
                UNION ALL SELECT '', minute, failed FROM anywhere_rate WHERE minute > $3) AS counted
         GROUP BY place
        """,
        programs,
        now - timedelta(minutes=_RECENT_MINUTES),
        now - timedelta(minutes=_USUAL_MINUTES),
        now,
    )
    return {
        row["place"]: Rate(
            float(row["recent"]) / _RECENT_MINUTES, float(row["usual"]) / _USUAL_MINUTES, int(row["this_minute"])
        )
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
    in_programs = sorted((where, count) for where, count in situation.failed.items() if where != ANYWHERE)
    if in_programs:
        await connection.executemany(
            "INSERT INTO check_rate (program_id, minute, failed) VALUES ($1, date_trunc('minute', $2::timestamptz), $3)"
            " ON CONFLICT (program_id, minute) DO UPDATE SET failed = check_rate.failed + EXCLUDED.failed",
            [(program_id, situation.now, count) for program_id, count in in_programs],
        )
    if ANYWHERE in situation.failed:
        await connection.execute(
            "INSERT INTO anywhere_rate (minute, failed) VALUES (date_trunc('minute', $1::timestamptz), $2)"
            " ON CONFLICT (minute) DO UPDATE SET failed = anywhere_rate.failed + EXCLUDED.failed",
            situation.now,
            situation.failed[ANYWHERE],
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


# ── counts that end ────────────────────────────────────────────────────────────────────────────────────────────────

CARDLESS_KEPT: Final = timedelta(days=30)
"""Counts against numbers that no card has: a bot makes one with each guess, and there is nothing behind them."""

ANYWHERE_KEPT: Final = timedelta(days=400)
"""Counts of guesses that named no program: of these nobody can tell whether there is a card."""

_BATCH: Final = 5000

_CARDLESS: Final = """
    DELETE FROM code_guess WHERE program_id = $1 AND number_index IN (
        SELECT g.number_index FROM code_guess g
        WHERE g.program_id = $1 AND g.wrong_at[cardinality(g.wrong_at)] < statement_timestamp() - $2::interval
          AND NOT EXISTS (SELECT FROM card c WHERE c.program_id = $1 AND c.number_index = g.number_index) LIMIT $3)"""

_ANYWHERE: Final = """
    DELETE FROM number_guess WHERE number_index IN (
        SELECT number_index FROM number_guess
        WHERE wrong_at[cardinality(wrong_at)] < statement_timestamp() - $1::interval LIMIT $2)"""


async def sweep(database: Database) -> int:
    """Forget guesses so long ago that nobody's card is less safe for it; how many counts. Raises `Unavailable`."""
    total = await in_batches(database, _BATCH, _ANYWHERE, ANYWHERE_KEPT, _BATCH)
    for program in await list_all(database):
        total += await in_batches(database, _BATCH, _CARDLESS, program.id, CARDLESS_KEPT, _BATCH)
    return total
