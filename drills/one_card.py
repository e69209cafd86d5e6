"""Ten thousand redeems on one card from 500 connections: not a cent too many, one order, nobody left waiting."""

import asyncio
import secrets
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import asyncpg
import uvloop

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from drills.line import Line, Tell  # noqa: E402
from drills.wire import Reply, Wire  # noqa: E402
from tests.serving.server import Server, serving  # noqa: E402
from tests.serving.till import Till  # noqa: E402

from drills import alone  # noqa: E402

REDEEMS: Final = 10_000
CONNECTIONS: Final = 500
WAIT_SECONDS: Final = 5.0
RATIO: Final = 0.9
"""How fast a hot card must be, against many cards under the same load."""

_SHARE_THAT_FITS: Final = 0.7
_REST: Final = 50
"""Cents that are left on the card and are too few for one more redemption of 1.00."""


@dataclass(frozen=True)
class Told:
    """What the callers were told."""

    replies: list[Reply]
    seconds: float

    def statuses(self) -> Counter[int | str]:
        return Counter(reply.outcome for reply in self.replies)

    def balances(self) -> dict[str, int]:
        """Entry → remaining balance in cents, as the successes said it."""
        passed = [reply.json() for reply in self.replies if reply.outcome == 200]
        return {one["transactionId"]: int(one["remainingBalance"].replace(".", "")) for one in passed}

    @property
    def longest_wait(self) -> float:
        return max(reply.seconds for reply in self.replies)

    @property
    def rate(self) -> float:
        return len(self.replies) / self.seconds


async def rush(server: Server, token: str, paths: Sequence[str], redeems: int, connections: int) -> Told:
    """That many redeems of 1.00, each connection sending one after another."""
    left, run = iter(range(redeems)), secrets.token_hex(6)
    replies: list[Reply] = []

    async def work(wire: Wire) -> None:
        for number in left:
            reply = await wire.post(paths[number % len(paths)], {"amount": "1.00"}, f"{run}-{number}")
            replies.append(reply)  # at once: whoever breaks off still has what was told

    wires = [Wire(server.port, token) for _ in range(connections)]
    for wire in wires:
        await wire.connect()
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(work(wire) for wire in wires))
    took = asyncio.get_running_loop().time() - began
    for wire in wires:
        wire.close()
    return Told(replies, took)


async def entries_of(server: Server, program: str, card: str) -> "list[asyncpg.Record]":
    """What the database has of the card, in the order of the sequence numbers: told by SQL and not by Kado."""
    connection = await server.superuser()
    try:
        return await connection.fetch(
            "SELECT id, seq, type, amount, balance_before, balance_after FROM card_transaction"
            " WHERE program_id = $1 AND card_id = $2 ORDER BY seq",
            program,
            card,
        )
    finally:
        await connection.close()


def judge(told: Told, rows: "Sequence[asyncpg.Record]", fits: int) -> list[Line]:
    """The lines about the one card."""
    redeems, statuses = len(told.replies), told.statuses()
    redemptions = [row for row in rows if row["type"] == "REDEMPTION"]
    falling = [row["balance_after"] for row in redemptions]
    in_order = (
        [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        and all(one["balance_after"] == other["balance_before"] for one, other in pairwise(rows))
        and all(one > other for one, other in pairwise(falling))
    )
    said_what_is_written = told.balances() == {row["id"]: row["balance_after"] for row in redemptions}
    exact = statuses == {200: fits, 400: redeems - fits} and len(redemptions) == fits
    passed, refused = statuses[200], statuses[400]
    others = redeems - passed - refused
    return [
        Line(
            1,
            f"of {redeems} redeems of 1.00 at once exactly {fits} fit on the card",
            f"{passed} passed, {refused} refused, {others} others, {falling[-1] if falling else '?'} cents left",
            exact and falling[-1] == _REST,
        ),
        Line(
            4,
            "remaining balances fall strictly, sequence numbers have no gap, answers say what is written",
            f"{len(falling)} values, {len(rows)} entries",
            in_order and said_what_is_written,
        ),
        Line(
            24,
            f"no client waits longer than {WAIT_SECONDS:.0f} s",
            f"longest wait {told.longest_wait:.2f} s",
            told.longest_wait < WAIT_SECONDS,
        ),
    ]


async def _drill(server: Server, tell: Tell, scale: float) -> list[Line]:
    redeems = max(100, int(REDEEMS * scale))
    connections = max(10, min(CONNECTIONS, redeems // 20))
    fits = int(redeems * _SHARE_THAT_FITS)
    merchant = await asyncio.to_thread(server.merchant, "Hot Shop")
    token = await asyncio.to_thread(server.key, "Hot Shop")
    async with Till(server, token, merchant) as till:
        await till.open_program()
        hot = (await till.card(f"{fits}.{_REST}"))["id"]
        many = [(await till.card("1000.00"))["id"] for _ in range(min(200, redeems // 10))]
        path = till.cards_path("{}", "redeem")
        spread = [path.format(card) for card in many]
        tell(f"{redeems} redeems on one card from {connections} connections; before and after it on {len(many)} cards")
        before = await rush(server, token, spread, redeems // 2, connections)
        told = await rush(server, token, [path.format(hot)], redeems, connections)
        after = await rush(server, token, spread, redeems // 2, connections)
        rows = await entries_of(server, till.program, hot)
    many_rate = (len(before.replies) + len(after.replies)) / (before.seconds + after.seconds)
    ratio = told.rate / many_rate
    is_clean = (before.statuses() + after.statuses()).keys() == {200}
    return [
        *judge(told, rows, fits),
        Line(
            24,
            "a hot card is no slower than many cards",
            f"{told.rate:.0f} a second against {many_rate:.0f}: {ratio:.2f} (goal {RATIO})",
            ratio >= RATIO and is_clean,
        ),
    ]


def drill(tell: Tell, scale: float) -> list[Line]:
    with serving(processes=2) as server:
        lines = uvloop.run(_drill(server, tell, scale))
        server.books_are_right()
        server.stop()
    return lines


if __name__ == "__main__":
    alone.main(drill, "one-card")
