"""What happens to a card reaches whoever listens: signed, complete, once it is true, and never with a secret in it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest
import pytest_asyncio
from standardwebhooks.webhooks import Webhook as Verifier
from tests.api.serving import Served
from tests.api.shop import Body, Shop, Superuser, card_path, good
from tests.serving.receiver import Received, Receiver, receiving
from tests.serving.working import working

from kado.access.permissions import Role
from kado.app import background
from kado.cards.event_schemas import schema_of
from kado.cards.events import EventType
from kado.cards.sweep import sweep
from kado.settings import Settings
from kado.storage.database import Database


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {"KADO_TRUSTED_PROXIES": "127.0.0.1", "KADO_WEBHOOK_ALLOW": "127.0.0.0/8"}


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def worker(app_settings: Settings, shared_database_url: str) -> AsyncIterator[None]:
    """The worker at work, as the server runs it."""
    database = await Database.open(shared_database_url)
    async with working(background.worker(app_settings, database)):
        yield
    await database.close()


async def listen(shop: Shop, receiver: Receiver, *, token: str = "", **members: Any) -> Body:
    """An endpoint of the shop that is enabled; as it was shown when it was made."""
    made = good(await shop.post("/v2/webhooks", {"url": receiver.url, **members}, token=token))
    good(await shop.post(f"/v2/webhooks/{made['id']}/enable", token=token))
    return made


def genuine(received: Received, secret: str) -> Body:
    """The event, verified by the package that receivers use, and against the published schema of its type."""
    event: Body = Verifier(secret).verify(received.body, received.headers)
    assert received.headers["webhook-id"] == event["id"]
    assert (received.method, received.headers["content-type"]) == ("POST", "application/json")
    validator = jsonschema.Draft202012Validator(
        schema_of(EventType(event["type"])), format_checker=jsonschema.FormatChecker()
    )
    assert [error.message for error in validator.iter_errors(event)] == []
    return event


@pytest_asyncio.fixture(loop_scope="module")
async def own(api: Served, thief: Superuser) -> Shop:
    """A shop that no other test has endpoints for."""
    return await Shop.open(api, thief, f"Shop {await thief.fetchval('SELECT count(*) FROM merchant')}")


async def test_the_life_of_a_card_is_heard(own: Shop) -> None:
    async with receiving() as receiver:
        made = await listen(own, receiver)
        card = await own.active("100.00", customerName="Ada Lovelace", customerPhone="+4930901820")
        facts = {"posTransactionId": "POS-1", "cashierId": "C-7", "terminalId": "T-2", "description": "For Ada"}
        good(await own.redeem(card, "25.00", more=facts))
        good(await own.reload(card, "5.00"))
        good(await own.post(card_path(card, "suspend"), {"reason": "Ada lost it"}))
        good(await own.post(card_path(card, "unsuspend"), {}))
        code = await own.code_of(card)
        good(await own.post(card_path(card, "resend-code"), {}))
        good(await own.post(card_path(card, "void"), {"reason": "Paid out", "refundReference": "cash-9"}))
        received = await receiver.until(8)
        events = {event["type"]: event["data"] for event in (genuine(one, made["sharedSecret"]) for one in received)}
    entries = {entry["id"]: entry for entry in await own.entries(card)}
    assert events.pop("giftcard.delivered")["transaction"] is None
    told = {
        kind: (data["status"], data["balance"], data["transaction"] and data["transaction"]["transactionType"])
        for kind, data in events.items()
    }
    assert told == {
        "giftcard.issued": ("pending", "0.00", "PURCHASE"),
        "giftcard.activated": ("active", "100.00", "ACTIVATION"),
        "giftcard.redeemed": ("active", "75.00", "REDEMPTION"),
        "giftcard.reloaded": ("active", "80.00", "RELOAD"),
        "giftcard.suspended": ("suspended", "80.00", None),
        "giftcard.unsuspended": ("active", "80.00", None),
        "giftcard.voided": ("voided", "0.00", "VOID"),
    }
    for data in events.values():
        assert (data["cardId"], data["programId"], data["merchantId"]) == (
            card["id"],
            card["programId"],
            own.merchant_id,
        )
        assert (data["currency"], data["lastFourDigits"], data["isTest"]) == ("USD", card["lastFourDigits"], False)
        if data["transaction"] is not None:
            entry = entries[data["transaction"]["id"]]
            assert data["transaction"] == {name: value for name, value in entry.items() if name != "description"}
    said = b"".join(one.body for one in received).decode() + str([one.headers for one in received])
    for secret in (card["cardNumber"], code, "Ada", "Lovelace", "901820", made["sharedSecret"]):
        assert secret not in said


async def test_a_refusal_and_a_repetition_are_not_heard(own: Shop) -> None:
    async with receiving() as receiver:
        await listen(own, receiver)
        card = await own.active("10.00")
        assert (await own.redeem(card, "10.01")).status_code == 400
        for _ in range(3):
            good(await own.redeem(card, "1.00", key="once"))
        good(await own.redeem(card, "2.00"))
        received = await receiver.until(4)
        told = [one.event["data"]["transaction"]["amount"] for one in received if "redeemed" in one.event["type"]]
        assert sorted(told) == ["-1.00", "-2.00"]


async def test_where_nobody_listens_nothing_is_kept(own: Shop, thief: Superuser) -> None:
    async with receiving() as receiver:
        made = await listen(own, receiver)
        good(await own.post(f"/v2/webhooks/{made['id']}/disable"))
        await own.active()
        program = await own.program()
        kept = "SELECT count(*) FROM gift_card_event WHERE program_id = ANY ($1::text[])"
        assert await thief.fetchval(kept, [own.program_id, program]) == 0
        good(await own.post(f"/v2/webhooks/{made['id']}/enable"))
        await own.issue(program_id=program)
        assert await thief.fetchval(kept, [own.program_id, program]) == 1
        await receiver.until(1)


async def test_an_endpoint_hears_of_its_own_merchants_programs_only(own: Shop) -> None:
    async with receiving() as receiver, receiving() as admitted:
        await listen(own, receiver)
        merchant_id, token = await own.admitted()
        good(await own.post("/v2/webhooks", {"url": admitted.url}, token=token))
        (webhook,) = (await own.get("/v2/webhooks", token=token)).json()
        good(await own.post(f"/v2/webhooks/{webhook['id']}/enable", token=token))
        card = await own.active()
        good(await own.redeem(card, token=token))
        received = await receiver.until(3)
        assert {one.event["data"]["transaction"]["merchantId"] for one in received} == {own.merchant_id, merchant_id}
        assert admitted.received == []


async def test_test_cards_are_heard_of_by_test_endpoints_and_live_cards_by_live_ones(own: Shop) -> None:
    test_key = await own.key(Role.OWNER, is_test=True)
    async with receiving() as live, receiving() as test:
        await listen(own, live)
        await listen(own, test, token=test_key)
        live_card, test_card = await own.issue(), await own.issue(token=test_key)
        for receiver, card, is_test in ((live, live_card, False), (test, test_card, True)):
            (received,) = await receiver.until(1)
            data = received.event["data"]
            assert (data["cardId"], data["isTest"]) == (card["id"], is_test)
        assert len(live.received) == len(test.received) == 1


async def test_a_card_whose_time_is_over_is_heard_of_once(own: Shop, api: Served) -> None:
    async with receiving() as receiver:
        made = await listen(own, receiver, allowedEvents=["giftcard.expired"])
        card = await own.active("5.00")
        await own.shift(card, expires_at=await own.now())
        await own.superuser.execute("UPDATE card SET status = 'active' WHERE id = $1", card["id"])
        await sweep(api.services.database, answer_days=35)
        await sweep(api.services.database, answer_days=35)
        event = genuine((await receiver.until(1))[0], made["sharedSecret"])
        assert (event["data"]["cardId"], event["data"]["status"]) == (card["id"], "expired")
        assert (event["data"]["balance"], event["data"]["transaction"]) == ("5.00", None)
        assert len(receiver.received) == 1


async def test_deliveries_are_listed_and_sent_again_on_demand(own: Shop) -> None:
    async with receiving(usual="500 Oops") as receiver:
        made = await listen(own, receiver)
        path = f"/v2/webhooks/{made['id']}/deliveries"
        card = await own.issue()
        (first,) = await receiver.until(1)
        waiting = await until_error(own, path)
        assert waiting == {
            "id": waiting["id"],
            "eventId": first.event["id"],
            "eventType": "giftcard.issued",
            "programId": own.program_id,
            "cardId": card["id"],
            "state": "queued",
            "attempts": 1,
            "lastStatus": 500,
            "lastError": "answered 500",
            "createdAt": waiting["createdAt"],
            "nextAttemptAt": waiting["nextAttemptAt"],
            "deliveredAt": None,
        }
        assert good(await own.get(f"/v2/webhooks/{made['id']}"))["lastError"] == "answered 500"
        receiver.usual = "200 OK"
        for count in (2, 3):
            assert good(await own.post(f"{path}/{waiting['id']}/replay"))["state"] == "queued"
            await receiver.until(count)
            await until_state(own, path, "delivered")
        assert {one.headers["webhook-id"] for one in receiver.received} == {first.event["id"]}
        webhook = good(await own.get(f"/v2/webhooks/{made['id']}"))
        assert (webhook["lastError"], webhook["lastDeliveredAt"] is None) == (None, False)
        assert (await own.get(path + "?state=failed")).json() == []
        answer = await own.get(path + "?state=delivered&limit=1&page=2")
        assert (answer.json(), answer.headers["x-total-count"]) == ([], "1")
        assert (await own.get(path + "?state=lost")).status_code == 422


async def until_error(shop: Shop, path: str) -> Body:
    async with asyncio.timeout(10):
        while not (delivery := (await shop.get(path)).json()[0])["lastError"]:
            await asyncio.sleep(0.02)
    return dict(delivery)


async def until_state(shop: Shop, path: str, state: str) -> None:
    async with asyncio.timeout(10):
        while [one["state"] for one in (await shop.get(path)).json()] != [state]:
            await asyncio.sleep(0.02)
