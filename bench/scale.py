"""What more processes, a pooler and a copy bring and cost: `python bench/scale.py [--rounds 3] [--seconds 5]`.

One database of its own with a copy, all on this machine; rounds are interleaved, and only ratios within one run mean
something. Where there is no pgbouncer, its lines are left out.
"""

import argparse
import asyncio
import secrets
import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, Final

import asyncpg

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import cards as bench_cards  # noqa: E402
from tests.serving.bouncer import bouncing  # noqa: E402
from tests.serving.nodes import Node, site  # noqa: E402
from tests.serving.server import Server  # noqa: E402

from kado.app.measure import load  # noqa: E402

_CARDS: Final = 5_000

Lines = dict[str, list[dict[str, Any]]]


async def connections(url: str) -> int:
    """How many connections the database has from Kado, or from the pooler for it."""
    connection = await asyncpg.connect(url)
    found = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'kado' AND pid <> pg_backend_pid()"
    )
    await connection.close()
    return int(found)


def measure(server: Server, url: str, job: dict[str, Any]) -> dict[str, Any]:
    """One load on the server as it runs."""
    used, began = server.processor_seconds(), time.perf_counter()
    told = load.measure(job | {"port": server.port})
    told["server_cpu_ms"] = 1000 * (server.processor_seconds() - used) / told["answers"]
    told["server_cpu"] = (server.processor_seconds() - used) / (time.perf_counter() - began)
    told["memory_mb"] = sum(server.memory_by_process().values()) / 1024
    told["connections"] = asyncio.run(connections(url))
    return told


def rounds(server: Server, leader: Node, copy: Node, pooler: str | None, args: argparse.Namespace) -> Lines:
    """Everything, so many times."""
    cards, token = asyncio.run(bench_cards.in_a_shop(server, server.environment["KADO_SECRET_KEY"], count=_CARDS))
    base = {"program": cards.program_id, "cards": cards.ids, "token": token, "seconds": args.seconds}
    lists = [f"/v2/giftcards/programs/{cards.program_id}/cards?limit=20"]
    ways: list[tuple[str, dict[str, str]]] = [("1 process", {})]
    ways += [(f"{count} processes", {"KADO_PROCESSES": str(count)}) for count in (2, 4)]
    if pooler is not None:
        ways.append(("1 process, pooler", {"KADO_DATABASE_POOLED_URL": pooler}))
        ways.append(("2 processes, pooler", {"KADO_PROCESSES": "2", "KADO_DATABASE_POOLED_URL": pooler}))
    ways.append(("1 process, copy", {"KADO_DATABASE_READ_URL": copy.url}))
    lines: Lines = {}
    given = dict(server.environment)
    for _ in range(args.rounds):
        for name, settings in ways:
            server.stop()
            server.environment = given | settings
            server.start()
            for kind, connected in (("redeem", 1), ("redeem", 32), ("redeem", 128), ("get", 1), ("get", 16)):
                job = base | {"kind": kind, "connections": connected, "paths": lists}
                line = f"{'list' if kind == 'get' else kind}, {name}, {connected} connections"
                lines.setdefault(line, []).append(measure(server, leader.url, job))
                print(".", end="", flush=True)
    server.books_are_right()
    server.stop()
    print()
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    args = parser.parse_args()
    with ExitStack() as stack:
        place = stack.enter_context(site())
        leader, copy = Node(place, "n1", fsync=True), Node(place, "n2", fsync=True)
        leader.initialise()
        copy.copy(leader)
        has_pooler = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin") is not None
        pooler = stack.enter_context(bouncing(leader.url, "transaction")).url if has_pooler else None
        server = Server(database_url=leader.url, settings={"KADO_SECRET_KEY": secrets.token_hex(32)})
        stack.callback(server.remove)
        server.start()
        lines = rounds(server, leader, copy, pooler, args)
        leader.kill()
        copy.kill()
    columns = ("rate", "p50_ms", "p99_ms", "server_cpu_ms", "server_cpu", "memory_mb", "connections", "generator_cpu")
    print("".join(column.rjust(14) for column in columns))
    for name, found in lines.items():
        print("".join(f"{median(one[column] for one in found):14.2f}" for column in columns), "", name)


if __name__ == "__main__":
    main()
