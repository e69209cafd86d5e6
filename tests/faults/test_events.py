"""SIGKILL while an event is on its way: it arrives again under its id, and nothing else does."""

import asyncio
from collections.abc import Iterator

import pytest
from tests.faults.conftest import Shop
from tests.serving.receiver import HANG, Receiver, receiving
from tests.serving.server import serving
from tests.serving.till import Till


@pytest.fixture
def listened() -> Iterator[Shop]:
    """A server whose merchants may have endpoints on this machine."""
    with serving(settings={"KADO_WEBHOOK_ALLOW": "127.0.0.0/8"}) as server:
        merchant_id = server.merchant("Book Shop")
        yield Shop(server, merchant_id, server.key("Book Shop"))


async def test_an_event_that_was_on_its_way_when_everything_was_killed_arrives(listened: Shop) -> None:
    async with receiving() as receiver, listened.till() as till:
        await _listen(till, receiver)
        await till.open_program()
        card = await till.card("10.00")
        await receiver.until(2)
        receiver.answers = [HANG]
        assert (await till.redeem(card["id"], "1.00")).status_code == 200
        before = (await receiver.until(3))[2]
        await asyncio.to_thread(listened.server.kill)
        receiver.hanging = False
        await asyncio.to_thread(listened.server.start)
        superuser = await listened.server.superuser()
        # What the dead worker held comes back when its lease ends. Nobody need wait for that here.
        await superuser.execute("UPDATE webhook_delivery SET next_attempt_at = now() WHERE state = 'queued'")
        again = (await receiver.until(4, 30))[3]
        assert (again.headers["webhook-id"], again.body) == (before.headers["webhook-id"], before.body)
        async with asyncio.timeout(20):
            while await superuser.fetchval("SELECT count(*) FROM webhook_delivery WHERE state <> 'delivered'"):
                await asyncio.sleep(0.02)
        await superuser.close()
        assert len(receiver.received) == 4
    listened.server.stop()


async def _listen(till: Till, receiver: Receiver) -> None:
    events = [f"giftcard.{word}" for word in ("issued", "activated", "redeemed")]
    made = await till.post("/v2/webhooks", {"url": receiver.url, "allowedEvents": events})
    enabled = await till.post(f"/v2/webhooks/{made.json()['id']}/enable")
    assert enabled.status_code == 200, enabled.text
