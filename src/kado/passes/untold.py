"""What wallets have not been told yet: whose turn it is, and what became of it. Every SQL statement about that.

As with messages and events, a try is claimed by a lease: `next_attempt_at` moves ahead and `turn` is the claim. A
change moves `turn` as well, so a try that began before it settles nothing.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from kado import audit
from kado.storage.database import Connection, Database
from kado.storage.outbox import TELL_WALLETS, enqueue
from kado.storage.undelivered import COUNT_COLUMNS, OVERDUE, Count, Item, by_program, count_of

LEASE: Final = timedelta(seconds=60)
"""Far longer than a try may take, with time to write down what came of it."""

_PROGRAMS_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Claimed:
    """A wallet that is this worker's to tell until the lease ends."""

    program_id: str
    id: str
    card_id: str
    wallet: str
    held_as: str
    attempts: int
    turn: int
    push_token: bytes | None = field(repr=False)


_CLAIM: Final = """
    UPDATE wallet_registration SET attempts = attempts + 1, turn = turn + 1, last_error = NULL,
                                   next_attempt_at = now() + $3::interval
     WHERE program_id = $1 AND id IN (
           SELECT id FROM wallet_registration
            WHERE program_id = $1 AND state = 'queued' AND next_attempt_at <= now() AND ($4::text IS NULL OR (
                  card_id = $4 AND wallet = 'google'))
            ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    RETURNING program_id, id, card_id, wallet, held_as, attempts, turn, push_token"""


async def claim(database: Database, program_id: str, most: int) -> list[Claimed]:
    """What is due in the program, the longest waiting first."""

    async def work(connection: Connection) -> list[Claimed]:
        return [Claimed(**row) for row in await connection.fetch(_CLAIM, program_id, most, LEASE, None)]

    return await database.repeat(work)


async def claim_object(database: Database, program_id: str, card_id: str) -> Claimed | None:
    """The card's object at Google, if it is due and nobody else is at it."""

    async def work(connection: Connection) -> Claimed | None:
        row = await connection.fetchrow(_CLAIM, program_id, 1, LEASE, card_id)
        return None if row is None else Claimed(**row)

    return await database.repeat(work)


async def programs_due(database: Database) -> list[str]:
    """Programs in which somebody is to be told something."""
    async with database.read() as connection:
        rows = await connection.fetch(
            "SELECT DISTINCT program_id FROM wallet_registration WHERE state = 'queued' AND next_attempt_at <= now()"
            " LIMIT $1",
            _PROGRAMS_AT_ONCE,
        )
    return [row["program_id"] for row in rows]


async def mark_told(database: Database, claimed: Claimed) -> None:
    """The wallet knows; unless the card changed meanwhile."""
    async with database.read() as connection:
        await connection.execute(
            "UPDATE wallet_registration SET state = 'told', told_at = now(), next_attempt_at = NULL"
            " WHERE program_id = $1 AND id = $2 AND turn = $3",
            claimed.program_id,
            claimed.id,
            claimed.turn,
        )


async def put_off(database: Database, claimed: Claimed, reason: str, wait: timedelta) -> None:
    """It is tried again after `wait`."""
    async with database.read() as connection:
        await connection.execute(
            "UPDATE wallet_registration SET last_error = $4, next_attempt_at = now() + $5::interval"
            " WHERE program_id = $1 AND id = $2 AND turn = $3",
            claimed.program_id,
            claimed.id,
            claimed.turn,
            reason,
            wait,
        )


async def give_up(database: Database, claimed: Claimed, reason: str) -> None:
    """It is not tried again until the card's next change, or until somebody asks for it."""
    async with database.read() as connection:
        await connection.execute(
            "UPDATE wallet_registration SET state = 'failed', last_error = $4, next_attempt_at = NULL"
            " WHERE program_id = $1 AND id = $2 AND turn = $3",
            claimed.program_id,
            claimed.id,
            claimed.turn,
            reason,
        )


# ── for operators ──────────────────────────────────────────────────────────────────────────────────────────────────

_ITEM: Final = """
    id, 'wallet', program_id, card_id, 'card changed', CASE wallet WHEN 'apple' THEN 'a device with Apple Wallet'
    ELSE 'the object at Google' END, state, attempts, last_error, changed_at, next_attempt_at, told_at"""


async def list_wallets(database: Database, states: list[str], limit: int) -> list[Item]:
    """Wallets of all programs in one of these states, the latest change first."""
    async with database.read_list(in_order=False) as connection:
        rows = await connection.fetch(
            f"SELECT {_ITEM} FROM wallet_registration WHERE state = ANY($1::text[])"
            " ORDER BY changed_at DESC, id DESC LIMIT $2",
            states,
            limit,
        )
    return [Item(*row) for row in rows]


async def find_wallet(database: Database, registration_id: str) -> Item | None:
    """The wallet, in whatever state it is."""
    async with database.read_list(in_order=False) as connection:
        row = await connection.fetchrow(f"SELECT {_ITEM} FROM wallet_registration WHERE id = $1", registration_id)
    return None if row is None else Item(*row)


async def count_wallets(database: Database) -> Count:
    """How many have not been told."""
    async with database.read_list(in_order=False) as connection:
        row = await connection.fetchrow(
            f"SELECT {COUNT_COLUMNS} FROM wallet_registration WHERE state IN ('queued', 'failed')", OVERDUE
        )
    return count_of(row)


async def replay_wallets(database: Database, actor: str, registration_id: str | None = None) -> int:
    """Tell those that were given up, or the one; how many. All their tries begin anew."""
    async with database.read_list(in_order=False) as connection:
        failed = await connection.fetch(
            "SELECT program_id, id FROM wallet_registration WHERE state = 'failed' AND ($1::text IS NULL OR id = $1)",
            registration_id,
        )

    total = 0
    for program_id, ids in by_program(failed):
        total += await _replay(database, actor, program_id, ids)
    return total


async def _replay(database: Database, actor: str, program_id: str, ids: list[str]) -> int:
    async def work(connection: Connection) -> int:
        rows = await connection.fetch(
            """
            UPDATE wallet_registration SET state = 'queued', turn = turn + 1, attempts = 0, next_attempt_at = now()
             WHERE program_id = $1 AND id = ANY($2::text[]) AND state = 'failed' RETURNING id""",
            program_id,
            ids,
        )
        await enqueue(connection, TELL_WALLETS, [({"program": program_id}, timedelta(0))])
        for row in rows:
            await audit.record(
                connection, actor=actor, action="wallet:replayed", program_id=program_id, subject=row["id"]
            )
        return len(rows)

    return await database.repeat(work)
