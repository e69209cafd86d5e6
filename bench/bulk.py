"""Measure bulk issue: `python bench/bulk.py [--cards 100000] [--alone]`.

First on a running server, for what a redeem beside it costs, then in one process of its own, for what a card costs.
"""

import argparse
import asyncio
import json
import os
import resource
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.serving.server import Server, serving  # noqa: E402
from tests.serving.till import Till  # noqa: E402

from kado.access import store  # noqa: E402
from kado.access.caller import Caller  # noqa: E402
from kado.access.permissions import Permission, Role  # noqa: E402
from kado.app.measure import load  # noqa: E402
from kado.cards.bulk import download, progress  # noqa: E402
from kado.cards.bulk.order import place_order  # noqa: E402
from kado.cards.bulk.task import Order, Ordered  # noqa: E402
from kado.cards.bulk.work import issue_next_batch  # noqa: E402
from kado.cards.posting import Answer  # noqa: E402
from kado.crypto import Keyring  # noqa: E402
from kado.ids import new_id  # noqa: E402
from kado.programs import create  # noqa: E402
from kado.programs.program import NewProgram  # noqa: E402
from kado.storage import embedded  # noqa: E402
from kado.storage.database import Database  # noqa: E402
from kado.storage.migrate import migrate  # noqa: E402

_LOAD_SECONDS: Final = 6
_EARLY_BATCHES: Final = 20
"""Of 500 cards: by then everything that is kept in memory has been met."""

_BESIDE: Final = 1_000_000
"""More than can be issued while the load lasts."""


def _task_id(ordered: Ordered) -> Answer:
    return Answer(202, ordered.task.id.encode())


def _order(program_id: str, merchant_id: str, count: int) -> Order:
    return Order(
        program_id=program_id,
        caller=Caller(merchant_id, "key:bench", Role.OWNER, frozenset(Permission), is_test=False),
        key=None,
        render=_task_id,
        initial_value=2500,
        expires_at=None,
        is_physical=True,
        design_template=None,
        count=count,
        recipients=None,
    )


@contextmanager
def database_alone() -> Iterator[tuple[str, Path]]:
    """A PostgreSQL without a server of ours, whose worker would take a share of the work."""
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="kado-bench-"))
        directory.chmod(0o711)
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        server = embedded.start(directory / "data", role="server")
        stack.callback(server.stop)
        yield asyncio.run(migrate(server.url)), directory / "data"


async def alone(url: str, data_dir: Path, secret: str, count: int) -> dict[str, Any]:
    """All cards and then their file, by this process and nothing beside it."""
    database, keyring = await Database.open(url), Keyring([secret])
    merchant_id = new_id()
    async with database.read() as connection:
        await store.insert_merchant(connection, merchant_id, "Bench")
    program = await create.create(database, merchant_id, "operator:bench", NewProgram(name="Bench"))
    order = _order(program.id, merchant_id, count)
    task_id = (await place_order(database, keyring, order, sync_max=0)).body.decode()
    before = _megabytes()
    began, worked, served = time.perf_counter(), time.process_time(), _postgres_seconds(data_dir)
    batches = early = 0
    while await issue_next_batch(database, keyring):
        batches += 1
        if batches == _EARLY_BATCHES:
            early = _megabytes()
    issued = {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - worked,
        "postgres_cpu": _postgres_seconds(data_dir) - served,
        "memory": _megabytes(),
    }
    seen = await progress.look(database, keyring, program.id, task_id, is_test=False)
    assert (seen.task.issued, seen.task.state) == (count, "completed")
    began, worked, size = time.perf_counter(), time.process_time(), 0
    begun = await download.begin(database, keyring, program, task_id, seen.token or "", order.caller)
    async for part in download.lines(database, keyring, begun):
        size += len(part)
    await database.close()
    return {
        "cards": count,
        "seconds": round(issued["seconds"], 2),
        "cards_per_second": round(count / issued["seconds"]),
        "cards_per_cpu_second": round(count / issued["cpu"]),
        "postgres_cpu_seconds": round(issued["postgres_cpu"], 2),
        "memory_before_mb": before,
        "memory_early_mb": early or _megabytes(),
        "memory_peak_mb": issued["memory"],
        "file_mb": round(size / 1e6, 1),
        "file_seconds": round(time.perf_counter() - began, 2),
        "file_cards_per_cpu_second": round(count / (time.process_time() - worked)),
    }


async def among(url: str, data_dir: Path, secret: str, merchant_id: str, program_id: str, count: int) -> float:
    """Cards a second of a processor, Kado's and PostgreSQL's together, in a program that may have many already."""
    database, keyring = await Database.open(url), Keyring([secret])
    try:
        await place_order(database, keyring, _order(program_id, merchant_id, count), sync_max=0)
        worked, served = time.process_time(), _postgres_seconds(data_dir)
        while await issue_next_batch(database, keyring):
            pass
        return count / (time.process_time() - worked + _postgres_seconds(data_dir) - served)
    finally:
        await database.close()


def _megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _postgres_seconds(data_dir: Path) -> float:
    """What the processes of this PostgreSQL have used so far, those that ended within their parent's."""
    cluster = (data_dir / "postgres").resolve()
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").resolve() == cluster:
                rest = (process / "stat").read_text().rpartition(") ")[2].split()
                ticks += sum(int(field) for field in rest[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


async def beside(server: Server, token: str, merchant_id: str, program_id: str) -> dict[str, Any]:
    """A redeem on a quiet server, one connection, and the same while a task runs."""
    async with Till(server, token, merchant_id) as till:
        till.program = program_id
        cards = [(await till.card("10000"))["id"] for _ in range(50)]
        job = {"port": server.port, "kind": "redeem", "connections": 1, "seconds": _LOAD_SECONDS, "token": token}
        job |= {"program": program_id, "cards": cards}
        quiet = await asyncio.to_thread(load.measure, job)
        body = {"initialValue": "25.00", "count": _BESIDE}
        ordered = await till.post(till.cards_path("bulk"), body, secrets.token_hex(8))
        assert ordered.status_code == 202, ordered.text
        path = till.cards_path("bulk", ordered.json()["taskId"])
        first = (await till.http.get(path)).json()["issuedCount"]
        busy = await asyncio.to_thread(load.measure, job)
        last = (await till.http.get(path)).json()["issuedCount"]
    ratios = {f"{what}_ratio": round(busy[what] / quiet[what], 2) for what in ("p50_ms", "p95_ms")}
    shown = {
        f"{what}_{name}": round(said[what], 2)
        for name, said in (("quiet", quiet), ("busy", busy))
        for what in ("p50_ms", "p95_ms", "p99_ms")
    }
    return shown | ratios | {"cards_per_second_beside": round((last - first) / _LOAD_SECONDS)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure bulk issue.")
    parser.add_argument("--cards", type=int, default=100_000)
    parser.add_argument("--alone", action="store_true", help="only what a card costs")
    wanted = parser.parse_args()
    secret = secrets.token_hex(32)
    if not wanted.alone:
        print(json.dumps(_beside_a_server(secret), indent=1), flush=True)
    with database_alone() as (url, data_dir):
        print(json.dumps(asyncio.run(alone(url, data_dir, secret, wanted.cards)), indent=1))


def _beside_a_server(secret: str) -> dict[str, Any]:
    with serving(settings={"KADO_SECRET_KEY": secret, "KADO_LOG_LEVEL": "info", "KADO_SEAL_SECONDS": "5"}) as server:
        merchant_id, token = server.merchant("Bench"), server.key("Bench")

        async def measure() -> dict[str, Any]:
            async with Till(server, token, merchant_id) as till:
                program_id = await till.open_program()
            return await beside(server, token, merchant_id, program_id)

        return asyncio.run(measure())


if __name__ == "__main__":
    main()
