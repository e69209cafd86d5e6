"""A network that loses every tenth request and every tenth answer: nothing doubles, and every key settles."""

import random

from tests.client.proxy import Mishap, Proxy, proxying
from tests.faults.conftest import Behind
from tests.serving.rush import Rush

LOST = 0.1


def lossy(network: Proxy, seed: int) -> None:
    """From now on it loses requests and answers, by the dice."""
    dice = random.Random(seed)
    network.usually = lambda: dice.choices((Mishap.RESET, Mishap.LOSE_ANSWER, Mishap.NONE), (LOST, LOST, 1 - 2 * LOST))[
        0
    ]


async def test_a_rush_over_a_network_that_loses_every_fifth_settles_without_a_double(behind: Behind) -> None:
    shop = behind.shop
    async with proxying(shop.server.port) as network, shop.till() as straight:
        program = await straight.open_program()
        async with shop.till(base_url=network.url) as till:
            till.program = program
            cards = [(await straight.card("1000.00"))["id"] for _ in range(4)]
            rush = Rush(till, cards, workers=8)
            lossy(network, seed=random.randint(1, 10**6))
            async with rush.under_way():
                await rush.sold(300)
        outcomes = rush.outcomes()
        assert outcomes.keys() <= {200, 400, "ReadError", "RemoteProtocolError", "WriteError"}, outcomes
        lost = sum(count for outcome, count in outcomes.items() if isinstance(outcome, str))
        assert lost > sum(outcomes.values()) * LOST, "too little was lost"
        await shop.reckon(rush, straight)
