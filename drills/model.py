"""A hundred thousand steps of random lives of cards, four actors at the same moment, every money operation, compared
with a reference that is written down a second time and knows neither database nor locks.

What happened at the same time must have an order in which the reference says the same to everyone; what is repeated
must be answered as before, byte for byte; every few rounds all cards must be what the reference says, and after each
batch `kado verify` must have nothing to say. It works on the ledger itself, without HTTP: that is where races are
decided, and so there is time for more of them. Each of the four actors has a ledger with a connection of its own, as
four processes would. A seed draws the same wishes again; who wins a race is up to the machine.
"""

import asyncio
import multiprocessing
import os
import random
import secrets
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import uvloop

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from drills.line import Line, Tell  # noqa: E402
from tests.conftest import url_of  # noqa: E402
from tests.property.shelf_life import Life  # noqa: E402
from tests.property.shelf_world import World  # noqa: E402

from drills import alone  # noqa: E402
from kado.crypto import Keyring  # noqa: E402
from kado.storage import embedded  # noqa: E402
from kado.storage.migrate import migrate  # noqa: E402

STEPS: Final = 100_000
ACTORS: Final = 4
BATCH_STEPS: Final = 2_500

_ROUNDS_TO_A_LIFE: Final = 40
_TEMPLATE: Final = "kado_template"


@dataclass(frozen=True, slots=True)
class Lived:
    """What came of one batch."""

    batch: int
    steps: int
    lives: int
    difference: str | None
    """What Kado and the reference did not agree on, and all that was asked before."""


def live(server_url: str, seed: int, batch: int, steps: int) -> Lived:
    """One batch of lives in a database of its own, with the same wishes for the same seed."""
    name = f"kado_batch_{batch}"
    asyncio.run(on_server(server_url, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}"))
    done = lives = 0
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        world = World(runner, url_of(server_url, name), Keyring([secrets.token_hex(32)]), processes=ACTORS)
        chance = random.Random(f"{seed}-{batch}")
        try:
            while done < steps:
                life = Life(world)
                lives += 1
                try:
                    life.whole(chance, min(_ROUNDS_TO_A_LIFE, steps - done), ACTORS)
                finally:
                    done += life.steps
            runner.run(world.assert_verified())
            difference = None
        except Exception:  # noqa: BLE001 - the database's own "no" is a difference too
            difference = f"seed {seed}, batch {batch}, life {lives}:\n{traceback.format_exc()}"
        runner.run(world.close())
    asyncio.run(on_server(server_url, f"DROP DATABASE {name} WITH (FORCE)"))
    return Lived(batch, done, lives, difference)


@contextmanager
def database_server() -> Iterator[str]:
    """A PostgreSQL of the drill's own with a migrated template, removed afterwards. Nobody pulls its plug."""
    directory = Path(tempfile.mkdtemp(prefix="kado-model-"))
    directory.chmod(0o711)
    try:
        server = embedded.start(directory / "data", role="server")
        try:
            asyncio.run(on_server(server.url, "ALTER SYSTEM SET fsync = off"))
            asyncio.run(on_server(server.url, "SELECT pg_reload_conf()"))
            asyncio.run(on_server(server.url, f"CREATE DATABASE {_TEMPLATE}"))
            asyncio.run(migrate(url_of(server.url, _TEMPLATE)))
            yield server.url
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def on_server(server_url: str, statement: str) -> None:
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def drill(tell: Tell, scale: float, seed: int | None = None) -> list[Line]:
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    wanted = max(500, int(STEPS * scale))
    batch_steps = min(BATCH_STEPS, wanted // 2)
    batches = -(-wanted // batch_steps)
    workers = max(2, min(os.cpu_count() or 2, 8))
    tell(f"seed {seed}; {wanted} steps in {batches} batches, {workers} at a time")
    done: list[Lived] = []
    with (
        database_server() as url,
        ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        for one in as_completed([pool.submit(live, url, seed, batch, batch_steps) for batch in range(batches)]):
            done.append(one.result())
            if done[-1].difference:
                tell(done[-1].difference)
            if len(done) % max(1, batches // 10) == 0:
                tell(f"{sum(lived.steps for lived in done)} steps")
    return [judge(done, seed, wanted)]


def judge(done: list[Lived], seed: int, wanted: int) -> Line:
    steps, lives = sum(lived.steps for lived in done), sum(lived.lives for lived in done)
    differing = sorted(lived.batch for lived in done if lived.difference)
    where = f" in batches {differing}" if differing else ""
    return Line(
        10,
        f"{ACTORS} actors at once through every money operation: always what the reference says",
        f"{len(differing)} differences{where} in {steps} steps of {lives} lives (seed {seed})",
        not differing and steps >= wanted,
    )


def again(seed: int, batch: int) -> int:
    """Live one batch of a seed again, to look at a difference."""
    with database_server() as url:
        lived = live(url, seed, batch, BATCH_STEPS)
    print(lived.difference or f"no difference in {lived.steps} steps; who wins a race differs from run to run")
    return 1 if lived.difference else 0


def main() -> None:
    parser = alone.arguments("model")
    parser.add_argument("--seed", type=int, help="draw the wishes of an earlier run again")
    parser.add_argument("--batch", type=int, help="only this batch of the seed, to look at a difference")
    asked = parser.parse_args()
    if asked.batch is not None:
        sys.exit(again(asked.seed or 0, asked.batch))
    alone.show(lambda tell: drill(tell, asked.scale, asked.seed))


if __name__ == "__main__":
    main()
