"""The database takes its time, or its pool is used up: queues are bounded, and who cannot be served hears it soon."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from statistics import median

import httpx2
from tests.faults.conftest import PLACES, Behind
from tests.serving.database_faults import Slow
from tests.serving.liveness import watched
from tests.serving.till import Till

COMERS = 200
LATE_SECONDS = 0.5
SOON_SECONDS = 2.0  # for the median; under a second where nothing else runs
PATIENCE_SECONDS = 4.5
ALIVE_SECONDS = 0.5  # for the median; a tenth of a second where nothing else runs


async def crowd(behind: Behind, call: Callable[[int], Awaitable[httpx2.Response]]) -> list[httpx2.Response]:
    """So many within a second, while somebody asks again and again whether the server lives."""

    async def come(at: int) -> httpx2.Response:
        await asyncio.sleep(at / COMERS)
        return await call(at)

    with watched(behind.shop.server.port) as alive:
        answers = await asyncio.gather(*(come(at) for at in range(COMERS)))
    assert median(alive) < ALIVE_SECONDS
    return list(answers)


def look_at(behind: Behind, answers: list[httpx2.Response]) -> None:
    """Those who had a place were served or waited; the others were told soon, and when to come back."""
    refused = [answer for answer in answers if answer.status_code == 503]
    assert {answer.status_code for answer in answers} == {200, 503}
    assert all(answer.headers["Retry-After"].isdigit() for answer in refused)
    turned_away = {answer.headers["X-Request-Id"] for answer in refused if "are waiting" in answer.json()["detail"]}
    # On a busy machine they arrive more slowly than within the second, and some places are free again by then.
    assert len(turned_away) >= PLACES / 4, "the queue has no bound"
    # By the server's own clock: how long the client takes to write down 450 answers says nothing.
    said = [json.loads(line) for line in behind.shop.server.said().splitlines() if '"milliseconds"' in line]
    took = [line["milliseconds"] / 1000 for line in said if line["request_id"] in turned_away]
    assert len(took) == len(turned_away)
    assert median(took) < SOON_SECONDS
    assert max(took) < PATIENCE_SECONDS


async def test_more_redeems_than_may_wait_are_turned_away_at_once_while_the_database_is_slow(
    behind: Behind, lone_till: Till
) -> None:
    card = (await lone_till.card("500.00"))["id"]
    with behind.hit_by(Slow(LATE_SECONDS)):
        answers = await crowd(behind, lambda at: lone_till.redeem(card, "0.10", f"key-{at}"))
    look_at(behind, answers)
    await behind.works_again(lone_till)
    for at in range(COMERS):
        while (settled := await lone_till.redeem(card, "0.10", f"key-{at}")).status_code == 503:
            pass
        assert settled.status_code == 200
    assert (await lone_till.details(card))["balance"] == "480.00"


async def test_more_readers_than_there_are_connections_wait_in_a_bounded_queue(behind: Behind, lone_till: Till) -> None:
    card = (await lone_till.card("5.00"))["id"]
    with behind.hit_by(Slow(LATE_SECONDS)):
        answers = await crowd(behind, lambda _: lone_till.http.get(lone_till.cards_path(card, "transactions")))
    look_at(behind, answers)
    await behind.works_again(lone_till)


async def test_as_many_at_once_are_all_served_while_the_database_is_quick(lone_till: Till) -> None:
    """A queue that gets shorter may be longer for a moment: nobody is turned away without need."""
    card = (await lone_till.card("500.00"))["id"]
    answers = await asyncio.gather(*(lone_till.redeem(card, "0.10", f"key-{at}") for at in range(COMERS)))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert sum(answer.status_code == 200 for answer in answers) > PLACES + 50
