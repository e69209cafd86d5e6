"""The sealer: signs the newest entry of each card, so that a cut or rewritten history contradicts something.

A seal is one row per program: the heads that are new since the seal before it, chained to that seal and signed.

Heads, sorted by card: 12 bytes card id, 8 bytes sequence number (big-endian), 32 bytes hash of that entry.
Hash: SHA-256 over 12 bytes program id, 8 bytes number of the seal, 8 bytes time (microseconds since 1970; both
big-endian), 32 bytes hash of the seal before it (zeros for the first), the heads. Signature: Ed25519 over the hash.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from kado import clock
from kado.cards.chain import GENESIS
from kado.crypto import Keyring
from kado.storage.database import Connection, Database

HEAD_BYTES: Final = 52
HEADS_MAX: Final = 20_000
"""How many heads one seal holds at most (a megabyte); more become several seals."""

_LOCK: Final = 0x6B61646F7365616C  # "kadoseal"
_MARGIN: Final = timedelta(seconds=10)
_LOOK_BACK: Final = timedelta(days=1)
_READERS_PATIENCE: Final = timedelta(seconds=60)
_IDLE_STEP: Final = timedelta(seconds=60)
_LONG_SECONDS: Final = 600
_REMEMBERED: Final = 100_000
_FETCH: Final = 5000


class Head(NamedTuple):
    """The newest entry of a card."""

    program_id: str
    card_id: str
    seq: int
    hash: bytes

    def packed(self) -> bytes:
        """As it stands in a seal."""
        return bytes.fromhex(self.card_id) + self.seq.to_bytes(8, "big") + self.hash


def seal_hash(program_id: str, number: int, sealed_at: datetime, previous_hash: bytes, heads: bytes) -> bytes:
    """What is signed; the bytes are in the first lines of this file. Raises `ValueError` for what cannot be a seal."""
    try:
        numbers = number.to_bytes(8, "big") + clock.micros(sealed_at).to_bytes(8, "big", signed=True)
    except OverflowError as error:
        raise ValueError(str(error)) from None
    return hashlib.sha256(bytes.fromhex(program_id) + numbers + previous_hash + heads).digest()


@dataclass(frozen=True, slots=True)
class _Mark:
    """A moment, and the transactions that were under way at it: once they ended, nothing older can still appear."""

    at: datetime
    waits_for: frozenset[str]


class Sealer:
    """Seals what was entered since the last run. One works at a time, in however many processes there are."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._signer = keyring.signer()
        self._public_key = self._signer.public_key().public_bytes_raw()
        # What the last run saw; only spares sealing again what is read again. A head that is sealed twice is no harm.
        self._sealed: dict[tuple[str, str], bytes] = {}
        self._mark: _Mark | None = None

    async def run(self) -> int:
        """Seal every head that is new; how many that were. None where another process is at it.

        Raises `Unavailable` while the database is away.
        """
        seen: dict[tuple[str, str], bytes] = {}
        async with self._database.transaction() as connection:
            # Each statement must see what was committed before it, whatever the database's default is.
            await connection.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                return 0
            count = await self._seal(connection, seen)
        self._sealed = seen
        return count

    async def _seal(self, connection: Connection, seen: dict[tuple[str, str], bytes]) -> int:
        progress = await _progress(connection)
        passed = self._passed(progress.now, await _under_way(connection))
        seals = _Seals(connection, self, progress.now)
        # The entries are read last: in a snapshot that is younger than all that `passed` rests on.
        async for head in _heads(connection, progress.since):
            card = (head.program_id, head.card_id)
            if self._sealed.get(card) != head.hash:
                await seals.add(head)
            if len(seen) < _REMEMBERED:
                seen[card] = head.hash
        await seals.flush()
        if passed is not None:
            await _move(connection, progress, passed - _MARGIN, is_idle=seals.count == 0)
        return seals.count

    def sign(self, digest: bytes) -> tuple[bytes, bytes]:
        """Public key and signature."""
        return self._public_key, self._signer.sign(digest)

    def _passed(self, now: datetime, under_way: Mapping[str, bool]) -> datetime | None:
        """The latest moment known before which nothing can still be committed; None when none is known yet.

        Found by waiting until all that was under way at a moment has ended. `under_way` says of each transaction
        whether it has written. One that has only read is not waited for longer than any of Kado's can take between
        reading the clock and writing (the session's limits end it): that is a backup, or a verification.
        """
        passed = None
        mark = self._mark
        if mark is not None and mark.at <= now:
            is_patient = now - mark.at < _READERS_PATIENCE
            if any(has_written or is_patient for one, has_written in under_way.items() if one in mark.waits_for):
                return None
            passed = mark.at
        self._mark = _Mark(now, frozenset(under_way)) if under_way else None
        return passed if under_way else now


class _Seals:
    """Gathers heads, which come sorted by program and card, and writes a seal whenever one is full."""

    def __init__(self, connection: Connection, sealer: Sealer, now: datetime) -> None:
        self.count = 0
        self._connection = connection
        self._sealer = sealer
        self._now = now
        self._program_id = ""
        self._last = (0, GENESIS)
        self._heads: list[bytes] = []

    async def add(self, head: Head) -> None:
        if head.program_id != self._program_id:
            await self.flush()
            self._program_id = head.program_id
            self._last = await _last_seal(self._connection, head.program_id)
        self._heads.append(head.packed())
        if len(self._heads) == HEADS_MAX:
            await self.flush()

    async def flush(self) -> None:
        if not self._heads:
            return
        number, previous = self._last[0] + 1, self._last[1]
        heads = b"".join(self._heads)
        digest = seal_hash(self._program_id, number, self._now, previous, heads)
        await self._connection.execute(
            "INSERT INTO ledger_seal (program_id, number, sealed_at, heads, previous_hash, hash, public_key, signature)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            self._program_id,
            number,
            self._now,
            heads,
            previous,
            digest,
            *self._sealer.sign(digest),
        )
        self.count += len(self._heads)
        self._last = (number, digest)
        self._heads = []


class _Progress(NamedTuple):
    """How far sealing has come, what the database's clock says, and from where on entries are to be looked at."""

    now: datetime
    until: datetime
    since: datetime
    clock_was_set_back: bool


async def _progress(connection: Connection) -> _Progress:
    # The time of the statement, not of its evaluation: it must lie before the look at what is under way.
    row = await connection.fetchrow(
        "SELECT statement_timestamp() AS now, greatest(sealed_until, '0001-01-01 00:00:00+00') AS until"
        " FROM seal_progress"
    )
    assert row is not None, "the migration makes the row"
    now, until = row["now"], row["until"]
    # It was set to a margin before a moment that had come; so this means that the clock now shows an earlier one.
    was_set_back = until > now - _MARGIN
    return _Progress(now, until, now - _LOOK_BACK if was_set_back else until, was_set_back)


async def _under_way(connection: Connection) -> dict[str, bool]:
    """Transactions that may still add entries decided at an earlier moment, and whether they have written.

    An entry's time is read from the clock by a statement that also reads `program`, and the lock that this takes on the
    table is held to the end. Locks are visible to everyone, while pg_stat_activity hides when others began.
    """
    rows = await connection.fetch(
        """
        SELECT virtualtransaction AS one, bool_or(mode <> 'AccessShareLock') AS has_written
        FROM pg_locks
        WHERE locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND relation IN ('program'::regclass, 'card'::regclass, 'card_transaction'::regclass,
                           'idempotency_key'::regclass)
          AND mode IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock') AND pid <> pg_backend_pid()
        GROUP BY virtualtransaction"""
    )
    return {row["one"]: row["has_written"] for row in rows}


async def _heads(connection: Connection, since: datetime) -> AsyncIterator[Head]:
    """The newest entry of each card that has one since then, sorted by program and card.

    Rows that no seal can hold (only someone who took the constraints away could make them) are left to `kado verify`.
    """
    await connection.execute(f"SET LOCAL statement_timeout = '{_LONG_SECONDS}s'")  # the first run may read everything
    cursor = await connection.cursor(
        """
        SELECT DISTINCT ON (program_id, card_id) program_id, card_id, seq, hash
        FROM card_transaction
        WHERE created_at >= $1 AND program_id IN (SELECT id FROM program WHERE id ~ '^[0-9a-f]{24}$')
          AND card_id ~ '^[0-9a-f]{24}$' AND seq > 0 AND octet_length(hash) = 32
        ORDER BY program_id, card_id, seq DESC""",
        since,
        timeout=_LONG_SECONDS,
    )
    while rows := await cursor.fetch(_FETCH, timeout=_LONG_SECONDS):
        for row in rows:
            yield Head(*row)


async def _last_seal(connection: Connection, program_id: str) -> tuple[int, bytes]:
    row = await connection.fetchrow(
        "SELECT number, hash FROM ledger_seal WHERE program_id = $1 ORDER BY number DESC LIMIT 1", program_id
    )
    return (0, GENESIS) if row is None else (row["number"], row["hash"])


async def _move(connection: Connection, progress: _Progress, until: datetime, *, is_idle: bool) -> None:
    """Write down how far sealing has come. On a server where nothing happens, not at every run."""
    ahead = until - progress.until
    if progress.clock_was_set_back or ahead >= (_IDLE_STEP if is_idle else timedelta(0)):
        await connection.execute("UPDATE seal_progress SET sealed_until = $1", until)
