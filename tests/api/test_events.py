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

from kado.app import compose
from kado.cards.event_schemas import schema_of
from kado.cards.events import EventType
from kado.settings import Settings
from kado.storage.database import Database


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {"KADO_TRUSTED_PROXIES": "127.0.0.1", "KADO_WEBHOOK_ALLOW": "127.0.0.0/8"}


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def worker(app_settings: Settings, shared_database_url: str) -> AsyncIterator[None]:
    """The worker at work, as the server runs it."""
    database = await Database.open(shared_database_url)
    stop = asyncio.Event()
    working = asyncio.create_task(compose.worker(app_settings, database).run(stop))
    yield
    stop.set()
    await asyncio.wait_for(working, 20)
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
