"""Two minutes of redeems over a network that loses every tenth request and every tenth answer; then the reckoning."""

import asyncio
import random
import sys
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from drills.line import Line, Tell  # noqa: E402
from tests.client.proxy import Mishap, proxying  # noqa: E402
from tests.serving.rush import Rush  # noqa: E402
from tests.serving.server import Server, serving  # noqa: E402
from tests.serving.till import Till  # noqa: E402

from drills import alone  # noqa: E402

SECONDS: Final = 100
LOST: Final = 0.1
WORKERS: Final = 16
CARDS: Final = 20


def drill(tell: Tell, scale: float) -> list[Line]:
    """About two minutes at scale 1. Raises when a key does not settle or an entry is there twice."""
    seed = random.randint(1, 10**6)
    tell(f"every tenth request and every tenth answer is lost (seed {seed})")
    with serving(processes=2) as server:
        merchant_id = server.merchant("Flower Shop")
        said = asyncio.run(_rush(server, server.key("Flower Shop"), merchant_id, max(3.0, SECONDS * scale), seed, tell))
        tell("kado verify")
        server.books_are_right()
        server.stop()
    return [Line(15, "lost answers: nothing doubled, every key settles", said, held=True)]


async def _rush(server: Server, key: str, merchant_id: str, seconds: float, seed: int, tell: Tell) -> str:
    dice = random.Random(seed)

    def fate() -> Mishap:
        return dice.choices((Mishap.RESET, Mishap.LOSE_ANSWER, Mishap.NONE), (LOST, LOST, 1 - 2 * LOST))[0]

    async with proxying(server.port) as network, Till(server, key, merchant_id) as straight:
        program = await straight.open_program()
        async with Till(server, key, merchant_id, base_url=network.url) as till:
            till.program = program
            cards = [(await straight.card("5000.00"))["id"] for _ in range(CARDS)]
            rush = Rush(till, cards, WORKERS)
            network.usually = fate
            ends = time.monotonic() + seconds
            async with rush.under_way():
                while time.monotonic() < ends:
                    await rush.sold(100, seconds=60)
                    network.seen.clear()
        outcomes = rush.outcomes()
        unknown = {outcome: count for outcome, count in outcomes.items() if outcome not in (200, 400)}
        assert all(isinstance(outcome, str) for outcome in unknown), f"answers that were none: {unknown}"
        lying = sum(not sale.is_settled for sale in rush.sales)
        tell(f"{len(rush.sales)} keys, {sum(outcomes.values())} sent, {sum(unknown.values())} lost; settling {lying}")
        await rush.settle(straight, seconds=60)
        await rush.is_booked_exactly_once(server, program)
    return (
        f"{len(rush.sales)} keys sent {sum(outcomes.values())} times in {seconds:.0f} s, {sum(unknown.values())} lost:"
        " 0 doubled, every key settled"
    )


if __name__ == "__main__":
    alone.main(drill, "lost-answers")
