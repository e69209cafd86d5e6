"""The leader of three PostgreSQL nodes dies, again and again, under load: nothing acknowledged is lost or doubled.

    python drills/failover.py

The nodes run under Patroni with the configuration in `deploy/ha/`. Where Patroni or etcd cannot be had, plain streaming
replication takes their place and the drill itself promotes a standby; the lines then say so.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from drills.line import Line, Tell  # noqa: E402
from drills.replicas import Replicas, replicas  # noqa: E402
from tests.serving.nodes import site  # noqa: E402
from tests.serving.rush import Rush  # noqa: E402
from tests.serving.server import Server, serving  # noqa: E402
from tests.serving.till import Till  # noqa: E402

from drills import alone, patroni  # noqa: E402

_KILLS: Final = 3
_BEFORE, _AFTER = 60, 60
_BACK_SECONDS: Final = 180.0
_LIMIT_SECONDS: Final = 45.0
"""The longest time without a write that is accepted: Patroni's `ttl` of 20 s, the election, and a busy machine."""


class Drilled:
    """A rush at the tills while things happen to the database; how long nothing was sold each time."""

    def __init__(self, server: Server, till: Till, rush: Rush, tell: Tell) -> None:
        self.server = server
        self.till = till
        self.rush = rush
        self._tell = tell

    async def through(self, what: str, happen: Callable[[], Awaitable[object]]) -> float:
        """Sell, let it happen, and sell again; the longest time in between without a sale, in seconds."""
        async with self.rush.under_way():
            await self.rush.sold(_BEFORE, _BACK_SECONDS)
            await happen()
            await self.rush.sold(_AFTER, _BACK_SECONDS)
        gap = max(later - earlier for earlier, later in pairwise(self.rush.settled_at))
        self._tell(f"{what}: {gap:.1f} s without a sale")
        self.rush = Rush.going_on(self.rush)
        return gap

    async def reckon(self) -> str:
        """Every key is settled, every acknowledged sale is there once, and the books are right; how many that were."""
        outcomes = self.rush.outcomes()
        assert outcomes.keys() <= {200, 400, 503}, outcomes
        assert all(attempt.retry_after for attempt in self.rush.attempts() if attempt.outcome == 503)
        acknowledged, slowest = outcomes[200], max(attempt.seconds for attempt in self.rush.attempts())
        await self.rush.settle(self.till)
        await self.rush.is_booked_exactly_once(self.server, self.till.program)
        self.server.books_are_right()
        said = f"{acknowledged} acknowledged, 0 lost, 0 doubled, {len(self.rush.sales)} keys settled"
        return f"{said}; 503 {outcomes[503]} times, slowest answer {slowest:.1f} s"


def drill(tell: Tell, scale: float) -> list[Line]:
    """Kills, a standstill, a standby lost, and a planned change of leader; then every key is settled and counted."""
    with ExitStack() as stack:
        place = stack.enter_context(site())
        try:
            cluster = stack.enter_context(patroni.cluster(place, tell))
        except patroni.Missing as missing:
            tell(f"without Patroni: {missing}")
            nodes = stack.enter_context(replicas(place, tell))
            not_run = Line(14, "leader killed under Patroni", f"not run: {missing}", held=False)
            return [not_run, *asyncio.run(_without_patroni(nodes, tell, scale))]
        return asyncio.run(_with_patroni(cluster, tell, scale))


async def _with_patroni(cluster: patroni.Cluster, tell: Tell, scale: float) -> list[Line]:
    await cluster.whole()
    async with _selling(cluster.url, tell) as drilled:
        kills = [await _killed(cluster, drilled) for _ in range(max(1, round(_KILLS * scale)))]
        frozen = await _frozen_leader(cluster, drilled)
        alone = await _frozen_standby(cluster, drilled)
        planned = await drilled.through("a planned change of leader", cluster.switch_over)
        counted = await drilled.reckon()
    return [
        _line(f"leader and its agent killed {len(kills)} times ({cluster.how})", kills, counted),
        _line(
            "leader frozen until another one led, then let go",
            [frozen],
            "sales counted together with those of the kills",
        ),
        _line("synchronous standby frozen", [alone], "sales counted together with those of the kills"),
        _line("planned change of leader", [planned], "sales counted together with those of the kills"),
    ]


async def _killed(cluster: patroni.Cluster, drilled: Drilled) -> float:
    victim = await cluster.leader()

    async def happen() -> None:
        victim.kill()
        await cluster.leader(besides=victim)

    gap = await drilled.through(f"{victim.name}, the leader, was killed with its agent", happen)
    victim.start()
    await cluster.whole()
    return gap


async def _frozen_leader(cluster: patroni.Cluster, drilled: Drilled) -> float:
    """It wakes up while everybody works on another one, and still believes that it leads."""
    victim = await cluster.leader()

    async def happen() -> None:
        victim.freeze()
        await cluster.leader(besides=victim)
        await drilled.rush.sold(_AFTER, _BACK_SECONDS)
        victim.thaw()

    gap = await drilled.through(f"{victim.name}, the leader, was frozen and woke up", happen)
    await cluster.whole()
    return gap


async def _frozen_standby(cluster: patroni.Cluster, drilled: Drilled) -> float:
    victim = await cluster.synchronous()

    async def happen() -> None:
        victim.freeze()

    gap = await drilled.through(f"{victim.name}, the synchronous standby, was frozen", happen)
    victim.thaw()
    await cluster.whole()
    return gap


async def _without_patroni(nodes: Replicas, tell: Tell, scale: float) -> list[Line]:
    await nodes.whole()
    gaps = []
    async with _selling(nodes.url, tell) as drilled:
        for _ in range(max(1, round(_KILLS * scale))):
            gaps.append(await drilled.through(f"{nodes.leader.name}, the leader, was killed", nodes.fail_over))
            await nodes.whole()
        counted = await drilled.reckon()
    return [_line(f"leader killed {len(gaps)} times ({nodes.how})", gaps, counted)]


@asynccontextmanager
async def _selling(url: str, tell: Tell) -> AsyncIterator[Drilled]:
    """A server with two processes on that database, and a rush that is ready to begin."""
    with serving(processes=2, database_url=url) as server:
        merchant_id = server.merchant("Drill")
        async with Till(server, server.key("Drill"), merchant_id) as till:
            await till.open_program()
            cards = [(await till.card("10000"))["id"] for _ in range(6)]
            yield Drilled(server, till, Rush(till, cards, workers=8), tell)
        server.stop()


def _line(what: str, gaps: list[float], counted: str) -> Line:
    figure = f"no sale for {median(gaps):.1f} s (p50), {max(gaps):.1f} s (longest); {counted}"
    return Line(14, what, figure, held=max(gaps) < _LIMIT_SECONDS)


if __name__ == "__main__":
    alone.main(drill, "failover")
