"""Money moves once, whatever the network does to the till."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from tests.api.shop import Shop
from tests.client.conftest import Clients
from tests.client.proxy import Answers, Mishap, Proxy

from kado_client import (
    ApiError,
    NetworkError,
    NotAuthenticated,
    NotFound,
    OutcomeUnknown,
    Refused,
    Retries,
    ServerFault,
    TooManyRequests,
    UnexpectedAnswer,
)

IMPATIENT = Retries(
    attempts=3, deadline_seconds=3, attempt_seconds=0.3, first_wait_seconds=0.01, longest_wait_seconds=0.02
)


async def redemptions(shop: Shop, card: dict[str, Any]) -> list[str]:
    return [entry["amount"] for entry in await shop.entries(card) if entry["transactionType"] == "REDEMPTION"]


@contextmanager
def at_least(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began >= seconds


@pytest.mark.parametrize("mishap", [Mishap.LOSE_ANSWER, Mishap.CUT, Mishap.HANG])
async def test_a_redemption_whose_answer_was_lost_is_asked_again_and_deducted_once(
    clients: Clients, network: Proxy, shop: Shop, mishap: Mishap
) -> None:
    card = await shop.active("20.00")
    network.will(mishap, mishap)
    kado = clients.make(network.url, shop.owner, retries=IMPATIENT)
    done = await kado.program(shop.program_id).cards.redeem(card["id"], "5.00")
    assert (done.amount_redeemed, done.remaining_balance, done.is_replay) == (Decimal("5.00"), Decimal("15.00"), True)
    assert len(network.seen) == 3
    assert len(network.used_keys) == 1
    assert None not in network.used_keys
    assert len({request.body for request in network.seen}) == 1
    assert await redemptions(shop, card) == ["-5.00"]


async def test_a_request_that_never_arrived_is_sent_again(program: Any, network: Proxy, shop: Shop) -> None:
    card = await shop.active("20.00")
    network.will(Mishap.RESET)
    done = await program.cards.redeem(card["id"], Decimal("5.00"))
    assert done.is_replay is False
    assert await redemptions(shop, card) == ["-5.00"]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_server_that_is_busy_is_asked_again(program: Any, network: Proxy, shop: Shop, status: int) -> None:
    card = await shop.active("20.00")
    network.will(Answers(status), Answers(status))
    await program.cards.redeem(card["id"], "5.00", idempotency_key=f"sale-{card['id']}")
    assert [request.key for request in network.seen] == [f"sale-{card['id']}"] * 3
    assert await redemptions(shop, card) == ["-5.00"]


async def test_retry_after_is_waited_for(program: Any, network: Proxy, shop: Shop) -> None:
    card = await shop.active("20.00")
    network.will(Answers(503, "Retry-After: 1\r\n"))
    with at_least(seconds=1):
        await program.cards.redeem(card["id"], "5.00")


async def test_nobody_waits_beyond_the_deadline(program: Any, network: Proxy, shop: Shop) -> None:
    card = await shop.active("20.00")
    network.will(Answers(503, "Retry-After: 60\r\n"))
    with pytest.raises(ServerFault) as caught:
        await program.cards.redeem(card["id"], "5.00", idempotency_key="patience")
    assert isinstance(caught.value, OutcomeUnknown)
    assert (caught.value.retry_after, caught.value.idempotency_key) == (60, "patience")
    assert len(network.seen) == 1


async def test_without_an_answer_the_error_has_the_key_that_settles_it_later(
    program: Any, network: Proxy, shop: Shop
) -> None:
    card = await shop.active("20.00")
    network.will(*[Mishap.LOSE_ANSWER] * 4)
    with pytest.raises(NetworkError) as caught:
        await program.cards.redeem(card["id"], "5.00")
    assert len(network.seen) == 4
    key = caught.value.idempotency_key
    assert key is not None
    assert network.used_keys == {key}
    done = await program.cards.redeem(card["id"], "5.00", idempotency_key=key)
    assert done.is_replay
    assert await redemptions(shop, card) == ["-5.00"]


async def test_an_answer_that_trickles_does_not_outlast_the_deadline(
    clients: Clients, network: Proxy, shop: Shop
) -> None:
    card = await shop.active("20.00")
    network.will(Mishap.TRICKLE)
    hasty = Retries(attempts=1, deadline_seconds=0.4, attempt_seconds=0.4)
    with pytest.raises(NetworkError):
        await clients.make(network.url, shop.owner, retries=hasty).program(shop.program_id).cards.get(card["id"])


@pytest.mark.parametrize("status", [401, 403, 413])
async def test_being_turned_away_after_a_lost_answer_leaves_the_outcome_unknown(
    program: Any, network: Proxy, shop: Shop, status: int
) -> None:
    card = await shop.active("20.00")
    network.will(Mishap.LOSE_ANSWER, Answers(status))
    with pytest.raises(OutcomeUnknown) as caught:
        await program.cards.redeem(card["id"], "5.00")
    assert not isinstance(caught.value, ApiError)
    assert isinstance(caught.value.__cause__, ApiError)
    assert caught.value.idempotency_key in network.used_keys


async def test_a_refusal_after_a_lost_answer_is_the_first_ones_and_final(
    program: Any, network: Proxy, shop: Shop
) -> None:
    card = await shop.active("20.00")
    network.will(Mishap.LOSE_ANSWER)
    with pytest.raises(Refused) as caught:
        await program.cards.redeem(card["id"], "20.01")
    assert caught.value.code == "insufficient_balance"
    assert not isinstance(caught.value, OutcomeUnknown)


async def test_a_no_is_not_asked_again(program: Any, network: Proxy, shop: Shop) -> None:
    card = await shop.active("20.00")
    network.will()
    with pytest.raises(Refused):
        await program.cards.redeem(card["id"], "20.01")
    with pytest.raises(NotFound):
        await program.cards.get("0123456789abcdef01234567")
    assert len(network.seen) == 2
    network.will(Answers(401))
    with pytest.raises(NotAuthenticated):
        await program.cards.redeem(card["id"], "1.00")
    network.will(Answers(500))
    with pytest.raises(ServerFault):
        await program.cards.redeem(card["id"], "1.00")
    assert len(network.seen) == 1


async def test_reads_are_asked_again(program: Any, network: Proxy, shop: Shop) -> None:
    card = await shop.active("20.00")
    network.will(Mishap.RESET, Mishap.LOSE_ANSWER, Answers(503))
    assert (await program.cards.get(card["id"])).balance == Decimal("20.00")
    assert network.used_keys == {None}
    assert len(network.seen) == 4


async def test_what_takes_no_key_and_would_happen_twice_is_sent_once(kado: Any, network: Proxy, shop: Shop) -> None:
    network.will(Mishap.LOSE_ANSWER)
    with pytest.raises(NetworkError) as caught:
        await kado.programs.create("Once")
    assert caught.value.idempotency_key is None
    assert len(network.seen) == 1
    network.will(Answers(503))
    with pytest.raises(ServerFault):
        await kado.sign_in("ada@flowers.example", "a password")
    network.will(Answers(429, "Retry-After: 7\r\n"))
    with pytest.raises(TooManyRequests) as slow:
        await kado.program(shop.program_id).cards.check_balance("4000000000000000", "123456")
    assert slow.value.retry_after == 7
    assert len(network.seen) == 1


async def test_one_attempt_means_that_nothing_is_sent_twice(clients: Clients, network: Proxy, shop: Shop) -> None:
    network.will(Mishap.RESET)
    kado = clients.make(network.url, shop.owner, retries=Retries(attempts=1))
    with pytest.raises(NetworkError):
        await kado.programs.list()
    assert len(network.seen) == 1


async def test_a_server_that_is_not_there_is_an_error_of_the_network(clients: Clients, shop: Shop) -> None:
    kado = clients.make("http://127.0.0.1:1", shop.owner)
    with pytest.raises(NetworkError, match="no answer after 4 tries"):
        await kado.programs.list()


@pytest.mark.parametrize(
    "strange",
    [
        Answers(200, body=b"<html>Please sign in to the hotel's network"),
        Answers(200, body=b"[]"),
        Answers(200, body=b"{}"),
        Answers(302, "Location: https://elsewhere.example/\r\n"),
    ],
)
async def test_an_answer_of_somebody_else_is_no_answer(
    program: Any, network: Proxy, shop: Shop, strange: Answers
) -> None:
    network.will(strange)
    with pytest.raises(UnexpectedAnswer) as caught:
        await program.cards.redeem(shop.program_id, "5.00", idempotency_key="sale-78")
    assert caught.value.idempotency_key == "sale-78"
    assert len(network.seen) == 1
