"""A million cards beside ten thousand: redeem, lists and searches, verification, and what a sweep costs the tills."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import asyncpg
from bench import bulk, grown, hot
from bench.grown import Grown, Size
from bench.proof import Cost, verify

from kado.app.measure import load, scratch
from kado.app.measure.scratch import Scratch
from kado.cards.sweep import sweep
from kado.storage.database import Database

LARGE: Final = Size(1_000_000, 5_000_000)
_FEW: Final = 10_000
_OF_THEM: Final = 50_000
_BULK: Final = 5_000
_ANSWER_DAYS: Final = 30
_SWEEP_SECONDS: Final = 90


@dataclass
class Growth:
    """What was measured, round by round."""

    size: Size
    large: dict[str, list[float]] = field(default_factory=dict)
    small: dict[str, list[float]] = field(default_factory=dict)
    """Of what is done, by its name: how much of it a second, round by round."""
    swept: int = 0
    before_ms: dict[str, float] = field(default_factory=dict)
    during_ms: dict[str, float] = field(default_factory=dict)
    sweep_seconds: float = 0.0
    memory_mb: int = 0
    verified: Cost | None = None


def measure(size: Size, *, rounds: int, seconds: int, old_keys: int, fresh: bool) -> Growth:
    """Both servers, in turns; then the large one alone, with so many old answers that have to go."""
    found = Growth(size)
    large = grown.kept(size, fresh=fresh)
    with scratch.folder(None) as root:
        with _serving(grown.server(large)) as server, _serving(Scratch(root)) as small:
            shop, cards = asyncio.run(hot.stocked(small, min(_FEW, size.cards)))
            few = Grown(root, small.secret, shop.merchant_id, shop.program_id, shop.token)
            one = {"port": small.port, "program": shop.program_id, "token": shop.token, "cards": cards.ids}
            many = _about(server, large)
            load.measure({**_REDEEM, **many, "seconds": 2 * seconds})  # what is often used is in memory afterwards
            for _ in range(rounds):
                _round(one, seconds, found.small)
                _round(many, seconds, found.large)
            small.stop()
            if old_keys:
                _sweep(server, large, {**_REDEEM, **many}, seconds, old_keys, found)
            found.memory_mb = server.memory_mb() or 0
        for of, turned in ((few, found.small), (large, found.large)):
            with grown.database(of) as url:
                data_dir, ids = of.root / "data", (of.merchant_id, of.program_id)
                turned["bulk issue"] = [asyncio.run(bulk.among(url, data_dir, of.secret, *ids, _BULK))]
    found.verified = verify(large)
    return found


_REDEEM: Final[dict[str, Any]] = {"kind": "redeem", "connections": 32}
_LOOK: Final[dict[str, Any]] = {"kind": "look", "connections": 32}


def _round(about: dict[str, Any], seconds: int, found: dict[str, list[float]]) -> None:
    for job in (_REDEEM, _LOOK):
        told = load.measure({**job, **about, "seconds": seconds})
        found.setdefault(job["kind"], []).append(told["rate"])
    print(".", end="", file=sys.stderr, flush=True)


def _about(server: Scratch, of: Grown) -> dict[str, Any]:
    ids = asyncio.run(_some_cards(server.database_url(), of.program_id))
    return {"port": server.port, "program": of.program_id, "token": of.token, "cards": ids}


async def _some_cards(url: str, program_id: str) -> list[str]:
    """Active cards from all over the table."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT id FROM card TABLESAMPLE BERNOULLI (20) WHERE program_id = $1 AND status = 'active'"
            " AND balance > 100000 LIMIT $2",
            program_id,
            _OF_THEM,
        )
    finally:
        await connection.close()
    return [row["id"] for row in rows]


@contextmanager
def _serving(server: Scratch) -> Iterator[Scratch]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


# ── old answers leave ──────────────────────────────────────────────────────────────────────────────────────────────

_OLD: Final = """
    INSERT INTO idempotency_key (program_id, key_hash, request_hash, status, answer, created_at)
    SELECT $1, sha256(int8send(n) || convert_to(clock_timestamp()::text, 'UTF8')), sha256(int8send(n)), 200,
           sha512(int8send(n)) || sha512(int8send(-n)) || sha512(int8send(n + 1)) || sha512(int8send(n + 2)),
           clock_timestamp() - $3::interval + n * interval '1 millisecond'
    FROM generate_series(1::bigint, $2::bigint) AS n"""


def _sweep(server: Scratch, of: Grown, job: dict[str, Any], seconds: int, keys: int, found: Growth) -> None:
    """What a redeem takes while nothing is swept, and while so many old answers go."""
    percentiles = [f"p{share}_ms" for share in load.PERCENTILES]
    told = load.measure({**job, "seconds": seconds})
    found.before_ms = {name: told[name] for name in percentiles}
    asyncio.run(_put_old(server.database_url(), of.program_id, keys))
    found.swept = keys
    done = threading.Event()
    sweeping = threading.Thread(target=_swept, args=(server, of.program_id, found, done))
    sweeping.start()
    told = load.measure({**job, "seconds": 3 * seconds})
    found.during_ms = {name: told[name] for name in percentiles}
    if not done.wait(_SWEEP_SECONDS):
        print("\nthe sweep goes on for longer than it was looked at", file=sys.stderr)
    sweeping.join()


async def _put_old(url: str, program_id: str, keys: int) -> None:
    connection: asyncpg.Connection[Any] = await asyncpg.connect(url)
    try:
        await connection.execute(_OLD, program_id, keys, timedelta(days=_ANSWER_DAYS + 2), timeout=600)
    finally:
        await connection.close()


def _swept(server: Scratch, program_id: str, found: Growth, done: threading.Event) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        database = await Database.open(server.database_url())
        try:
            began = loop.time()
            # The server's own worker may take its share, and leave us less than a batch: then there is another round.
            while not await _is_swept(database, program_id):
                await sweep(database, answer_days=_ANSWER_DAYS)
            found.sweep_seconds = loop.time() - began
        finally:
            await database.close()

    try:
        asyncio.run(run())
    finally:
        done.set()


async def _is_swept(database: Database, program_id: str) -> bool:
    async with database.read() as connection:
        return not await connection.fetchval(
            "SELECT EXISTS (SELECT FROM idempotency_key WHERE program_id = $1"
            " AND created_at < statement_timestamp() - $2::interval)",
            program_id,
            timedelta(days=_ANSWER_DAYS + 1),
        )
