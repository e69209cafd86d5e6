"""A migration in two parts while an older server sells: no request fails, and no table is locked for long."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import asyncpg  # noqa: E402
from bench import cards as bench_cards  # noqa: E402
from drills.entries import add_entries  # noqa: E402
from drills.line import Line, Tell  # noqa: E402
from tests.recovery.pace import Locks, Paced, paced, watched_locks  # noqa: E402
from tests.recovery.steps import next_version  # noqa: E402
from tests.serving.server import Server, serving  # noqa: E402
from tests.serving.till import Till  # noqa: E402

from drills import alone  # noqa: E402
from kado.crypto import Keyring  # noqa: E402
from kado.storage.migrate import migrate  # noqa: E402

ENTRIES: Final = 300_000
CARDS: Final = 200
PER_SECOND: Final = 50
LOCKED_MAX: Final = 0.2
SECRET: Final = "a-secret-for-the-drill-of-migrations-0123456789"


def drill(tell: Tell, scale: float) -> list[Line]:
    """A column and an index on the great tables, with readers in the way, under 50 redeems a second."""
    with serving(settings={"KADO_SECRET_KEY": SECRET}) as server, tempfile.TemporaryDirectory() as folder:
        redeems, locks, took = asyncio.run(_live(server, Path(folder), tell, max(CARDS * 10, int(ENTRIES * scale))))
        server.books_are_right()
    failed = redeems.outcomes.total() - redeems.outcomes[200]
    rate = redeems.outcomes.total() / took
    return [
        Line(
            21,
            "an older server works beside a migration, at 50 redeems a second",
            f"{redeems.outcomes.total()} redeems ({rate:.0f} a second), {failed} failed, slowest "
            f"{max(redeems.seconds) * 1000:.0f} ms",
            held=failed == 0,
        ),
        Line(
            21,
            "no statement holds or waits for a table alone for more than 200 ms",
            f"held {locks.held * 1000:.0f} ms, waited {locks.waited * 1000:.0f} ms at most ({locks.seen} times seen)",
            held=locks.held <= LOCKED_MAX and locks.waited <= LOCKED_MAX,
        ),
    ]


async def _live(server: Server, folder: Path, tell: Tell, entries: int) -> tuple[Paced, Locks, float]:
    merchant_id, token = server.merchant("Drill"), server.key("Drill")
    chain = next_version(folder)
    async with Till(server, token, merchant_id) as till:
        program = await till.open_program()
        url = server.database_url()
        tell(f"making {entries:,} entries")
        cards = await bench_cards.make(url, SECRET, merchant_id, program, count=CARDS, with_codes=0)
        await add_entries(url, Keyring([SECRET]), program, entries)
        tell("migrating under load")
        began = time.monotonic()
        async with watched_locks(url) as locks, paced(till, cards.ids, PER_SECOND) as redeems:
            await redeems.more(100)
            async with _reading(url):
                migrating = asyncio.create_task(migrate(url, phase="pre", chain=chain))
                await redeems.more(200)
            await migrating
            await redeems.more(100)
        return redeems, locks, time.monotonic() - began


@asynccontextmanager
async def _reading(url: str) -> AsyncIterator[None]:
    """Inside the block somebody has looked at the cards and not yet ended the transaction."""
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN; SELECT count(*) FROM card")
        yield
    finally:
        await connection.close()


if __name__ == "__main__":
    alone.main(drill, "upgrade")
