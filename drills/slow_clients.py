"""Five hundred clients that are slow on purpose, a hundred bodies that are too large, and no files left to open.

What a sale feels of it, what memory it takes, and when the slow ones are shown out. By itself:
`python drills/slow_clients.py --scale 0.1`.
"""

import asyncio
import itertools
import os
import resource
import secrets
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import cards as bench_cards  # noqa: E402
from drills.line import Line, Tell  # noqa: E402
from tests.serving import slow  # noqa: E402
from tests.serving.server import Server, serving, until  # noqa: E402

from drills import alone, nginx  # noqa: E402
from kado.app.measure import load  # noqa: E402
from kado.app.measure.cards import Cards  # noqa: E402

HEADS: Final = 500
OTHERS: Final = 50
"""Slow bodies, and as many who do not take their answers."""
EVERY: Final = 10.0
SECONDS: Final = 15.0
TILLS: Final = 4
P99_MS: Final = 200.0
CUT_SECONDS: Final = 30.0
BODIES: Final = 100
MEGABYTES: Final = 10
GROWTH_KB: Final = 5 * 1024
CARDS: Final = 300


def drill(tell: Tell, scale: float) -> list[Line]:
    """About three minutes at scale 1. Sizes and figures stay as they are; with less, there are fewer clients."""
    secret = secrets.token_hex(32)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    try:
        with serving(settings={"KADO_SECRET_KEY": secret}) as server:
            cards, token = asyncio.run(bench_cards.in_a_shop(server, secret, count=CARDS))
            lines = [
                *asyncio.run(_slow(server.port, cards, token, tell, scale)),
                *_behind_nginx(server, cards, token, tell, scale),
                *asyncio.run(_large(server, tell, max(5, round(BODIES * scale)))),
                *asyncio.run(_no_files(server, tell)),
            ]
            server.books_are_right()
            server.stop()
        return lines
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# ── slow ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _slow(port: int, cards: Cards, token: str, tell: Tell, scale: float, where: str = "") -> list[Line]:
    heads, others = max(10, round(HEADS * scale)), max(3, round(OTHERS * scale))
    job = {"kind": "redeem", "program": cards.program_id, "cards": cards.ids, "token": token, "port": port}
    job |= {"connections": TILLS, "seconds": SECONDS * min(1, scale * 2)}
    tell(f"redeems alone, {TILLS} tills{where}")
    alone = await asyncio.to_thread(load.measure, job)
    tell(f"the same beside {heads} slow heads, {others} slow bodies and {others} who do not take their answers")
    # From a dozen addresses that are not the tills': a proxy lets one address have only so many connections.
    sources = itertools.cycle(f"127.0.1.{at}" for at in range(1, 13))
    clients = [
        *(slow.trickle_head(port, EVERY, next(sources)) for _ in range(heads)),
        *(slow.trickle_body(port, EVERY, token, next(sources)) for _ in range(others)),
        *(slow.take_little(port, EVERY, next(sources)) for _ in range(others)),
    ]
    async with slow.at_once(*clients) as tasks:
        beside = await asyncio.to_thread(load.measure, job)
        done, held = await asyncio.wait(tasks, timeout=2 * CUT_SECONDS)
        longest = max(task.result() for task in done) if done else 0.0
    figure = f"p99 {beside['p99_ms']:.0f} ms beside them, {alone['p99_ms']:.0f} ms alone"
    return [
        Line(
            30,
            f"redeem beside {heads} slowloris connections, {others} slow bodies, {others} slow readers{where}",
            f"{figure}; {beside['failures']} failed of {beside['answers']}",
            beside["p99_ms"] <= P99_MS and not beside["failures"],
        ),
        Line(
            30,
            f"slow clients are cut{where}",
            f"{len(done)} of {len(tasks)}, the last one after {longest:.0f} s",
            not held and longest <= CUT_SECONDS,
        ),
    ]


def _behind_nginx(server: Server, cards: Cards, token: str, tell: Tell, scale: float) -> list[Line]:
    """The proxy's own limits, which its clients meet first."""
    if nginx.PROGRAM is None:
        tell("nginx is not installed: the settings of docs/operate.md are not put to the test")
        return []
    with nginx.before(server.port) as port:
        return asyncio.run(_slow(port, cards, token, tell, scale, ", behind nginx"))


# ── large ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _large(server: Server, tell: Tell, bodies: int) -> list[Line]:
    # What the first few leave behind (buffers, arenas) is there for good and belongs to no body.
    await asyncio.gather(*[slow.flood(server.port, 1, chunked=at % 2 == 0) for at in range(10)])
    lines = []
    for chunked in (False, True):
        how = "in pieces, without a length" if chunked else "with a length"
        tell(f"{bodies} bodies of {MEGABYTES} MB at once, {how}")
        before = server.memory_kilobytes()
        watching = asyncio.create_task(_peak(server))
        said: Counter[bytes] = Counter(
            await asyncio.gather(*[slow.flood(server.port, MEGABYTES, chunked=chunked) for _ in range(bodies)])
        )
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        grown = max(PEAK[-1], server.memory_kilobytes()) - before
        told = sum(count for line, count in said.items() if line.startswith(b"HTTP/1.1 413 "))
        refused = told + said[b""]
        lines.append(
            Line(
                29,
                f"{bodies} bodies of {MEGABYTES} MB at once, {how}",
                f"{grown / 1024:.1f} MB more memory; {told} got 413",
                grown <= GROWTH_KB and refused == bodies,
            )
        )
    return lines


PEAK: Final = [0]


async def _peak(server: Server) -> None:
    PEAK.append(0)
    while True:
        PEAK[-1] = max(PEAK[-1], server.memory_kilobytes())
        await asyncio.sleep(0.01)


# ── no files ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _no_files(server: Server, tell: Tell) -> list[Line]:
    """Somebody takes the last file away from the server while clients come in."""
    tell("no files left to open")
    pid = server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")) + 20, before[1]))
    clients = []
    for _ in range(200):
        with suppress(OSError):
            clients.append(await asyncio.wait_for(asyncio.open_connection("127.0.0.1", server.port), 5))
    used, began = server.processor_seconds(), time.monotonic()
    await asyncio.sleep(5)
    share = (server.processor_seconds() - used) / (time.monotonic() - began)
    for _, writer in clients:
        writer.transport.abort()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    freed = time.monotonic()
    await asyncio.to_thread(until, server.is_ready, 30, "it does not answer again")
    back = time.monotonic() - freed
    return [
        Line(
            30,
            "no files left for connections",
            f"{share:.0%} of a processor meanwhile, answers again after {back:.1f} s",
            share < 0.5 and back < 10,
        )
    ]


if __name__ == "__main__":
    alone.main(drill, "slow-clients")
