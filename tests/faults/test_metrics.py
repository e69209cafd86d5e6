"""What a server with two HTTP processes counts is right, also when one of them is killed, and names nobody."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.faults.conftest import Shop, pytestmark
from tests.serving.server import Server, free_port, send, serving, until
from tests.serving.till import Till

from kado.observability.meters import METERS

__all__ = ["pytestmark"]

DEPLOY = Path(__file__).parents[2] / "deploy" / "observability"
TOKEN = "a-token-for-the-metrics"
REDEEM = "/v2/giftcards/programs/{programId}/cards/{cardId}/redeem"
SALES = 20


@pytest.fixture(scope="module")
def watched_shop() -> Iterator[Shop]:
    port = free_port()
    with serving(processes=2, settings={"KADO_METRICS_PORT": str(port), "KADO_METRICS_TOKEN": TOKEN}) as server:
        merchant = server.merchant("Watched Shop")
        yield Shop(server, merchant, server.key("Watched Shop"))


@pytest.fixture
async def watched_till(watched_shop: Shop) -> AsyncIterator[Till]:
    async with watched_shop.till(keep_alive=False) as till:
        await till.open_program()
        yield till


def exported(server: Server) -> str:
    url = f"http://127.0.0.1:{server.environment['KADO_METRICS_PORT']}/metrics"
    answer = httpx2.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.text


def value(text: str, name: str, **labels: str) -> float:
    """The sum of what is told under this name and these labels."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


async def shows(server: Server, name: str, wanted: float, **labels: str) -> None:
    """Processes say once a second what they have counted."""
    found: list[float] = []

    def is_so() -> bool:
        found.append(value(exported(server), name, **labels))
        return found[-1] == wanted

    await asyncio.to_thread(until, is_so, 20, f"{name} {labels} should be {wanted}")


async def test_two_processes_are_added_up_and_a_killed_one_stays_counted(
    watched_shop: Shop, watched_till: Till
) -> None:
    server, till = watched_shop.server, watched_till
    card = (await till.card("100.00"))["id"]
    for number in range(SALES):
        assert (await till.redeem(card, "1.00", key=f"sale-{number}")).status_code == 200
    assert (await till.redeem(card, "1.00", key="sale-0")).headers["Idempotent-Replayed"] == "true"
    assert (await till.redeem(card, "900.00", key="too-much")).status_code == 400

    await shows(server, "kado_postings_total", SALES, kind="redeem", outcome="done")
    await shows(server, "kado_postings_total", 1, kind="redeem", outcome="repeated")
    await shows(server, "kado_postings_total", 1, kind="redeem", outcome="refused")
    await shows(server, "kado_refusals_total", 1, code="insufficient_balance")
    await shows(server, "kado_http_requests_total", SALES + 1, route=REDEEM, status="200")
    await shows(server, "kado_http_request_seconds_count", SALES + 2, route=REDEEM)
    await shows(server, "kado_processes", 3)

    victim = server.http_processes()[0]
    send(victim, signal.SIGKILL)
    await asyncio.to_thread(until, lambda: len(set(server.http_processes()) - {victim}) == 2, 30, "it is replaced")
    await shows(server, "kado_processes_lost_total", 1)
    await shows(server, "kado_processes", 3)
    assert value(exported(server), "kado_postings_total", kind="redeem", outcome="done") == SALES

    assert (await till.redeem(card, "1.00", key="one-more")).status_code == 200
    await shows(server, "kado_postings_total", SALES + 1, kind="redeem", outcome="done")


async def test_what_is_told_names_nobody_and_nothing(watched_shop: Shop, watched_till: Till) -> None:
    till = watched_till
    card = await till.card("50.00", customerEmail="ada@mail.example")
    assert (await till.http.get(f"/cards/{'0' * 56}")).status_code == 404
    assert (await till.http.get("/made/up/by/a/client")).status_code == 404
    await shows(watched_shop.server, "kado_http_requests_total", 1, route="/cards/{pass_sid}")
    text = exported(watched_shop.server)
    for word in (till.program, till.merchant_id, card["id"], card["cardNumber"], "ada@", "made/up", "Watched"):
        assert word not in text, word
    assert not re.search(r'"[^"]*(?:[0-9a-f]{24}|[0-9]{12})[^"]*"', text), "an id or a number in a label"


def test_a_server_exports_every_metric_there_is(watched_shop: Shop) -> None:
    told = {family.name for family in text_string_to_metric_families(exported(watched_shop.server))}
    assert told == {name.removesuffix("_total") for name in METERS}


def test_the_port_of_the_api_tells_nothing(watched_shop: Shop) -> None:
    assert httpx2.get(f"{watched_shop.server.base_url}/metrics", trust_env=False).status_code == 404
