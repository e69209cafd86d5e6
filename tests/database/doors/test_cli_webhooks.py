"""`kado webhook`: what an operator sees of endpoints, and what is sent again."""

import json
from typing import Any

import pytest
from tests.database.delivery.shop import Shop
from tests.database.doors.conftest import SECRET_KEY, Kado

from kado.crypto import Keyring
from kado.ids import new_id
from kado.storage.database import Database
from kado.storage.outbox import Event, enqueue_events
from kado.webhooks import deliveries, store

URL = "https://hooks.example/in?token=path-secret"
SECRET = "a shared secret of ours"


@pytest.fixture
async def webhook_id(database: Database, flower_shop: dict[str, str]) -> str:
    """An enabled endpoint of the Flower Shop, with one delivery that was given up and one that waits."""
    keyring, webhook_id = Keyring([SECRET_KEY]), new_id()
    shop = Shop(database, keyring)
    await shop.open()
    async with database.transaction() as connection:
        await connection.execute("UPDATE program SET merchant_id = $1 WHERE true", flower_shop["merchantId"])
        sealed = keyring.encrypt("stored-secret", SECRET.encode(), webhook_id.encode())
        await store.insert(connection, webhook_id, flower_shop["merchantId"], False, URL, sealed, True, [], {})
        await connection.execute("UPDATE webhook SET enabled = true WHERE true")
    card, now = await shop.card(), await shop.now()
    events = [
        Event(card.program_id, new_id(), card.id, "giftcard.issued", is_test=False, body="{}", created_at=now),
        Event(card.program_id, new_id(), card.id, "giftcard.voided", is_test=False, body="{}", created_at=now),
    ]
    async with database.transaction() as connection:
        await enqueue_events(connection, events)
    await deliveries.hand_out(database, card.program_id)
    async with database.read() as connection:
        await connection.execute(
            "UPDATE webhook_delivery SET state = 'failed', last_error = 'answered 500' WHERE program_id = $1"
            " AND event_id = $2",
            card.program_id,
            events[0].id,
        )
    return webhook_id


async def test_a_merchants_webhooks_are_listed_without_their_secrets(kado: Kado, webhook_id: str) -> None:
    listed = await kado("webhook", "list", "--merchant", "Flower Shop")
    assert (listed.code, webhook_id in listed.out, URL in listed.out, "live" in listed.out) == (0, True, True, True)
    (found,) = (await kado("webhook", "list", "--merchant", "Flower Shop", "--json")).json
    assert (found["id"], found["enabled"], found["isTest"]) == (webhook_id, True, False)
    assert SECRET not in listed.out + json.dumps(found)


async def test_deliveries_are_listed_and_sent_again(kado: Kado, webhook_id: str, superuser: Any) -> None:
    every = (await kado("webhook", "deliveries", webhook_id, "--json")).json
    assert sorted((one["type"], one["state"]) for one in every) == [
        ("giftcard.issued", "failed"),
        ("giftcard.voided", "queued"),
    ]
    table = await kado("webhook", "deliveries", webhook_id, "--failed")
    assert ("answered 500" in table.out, "giftcard.voided" in table.out) == (True, False)
    assert (await kado("webhook", "replay", webhook_id, "--failed", "--json")).json == {"queued": 1}
    assert (await kado("webhook", "replay", webhook_id, every[0]["id"])).out == "1 queued.\n"
    assert (await kado("webhook", "replay", webhook_id, "--failed")).out == "0 queued.\n"
    assert await superuser.fetchval("SELECT count(*) FROM webhook_delivery WHERE state = 'queued'") == 2
    assert await superuser.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'deliver_events'") == 2
    replayed = await superuser.fetch("SELECT subject, actor FROM audit_log WHERE action = 'event:replayed'")
    assert [row["actor"] for row in replayed] == ["operator:cli"] * 2
    assert every[0]["id"] in {row["subject"] for row in replayed}


async def test_what_makes_no_sense_is_refused_in_one_sentence(kado: Kado, webhook_id: str, superuser: Any) -> None:
    unknown = "0123456789abcdef01234567"
    for arguments, code, said in (
        (("list", "--merchant", "Nobody"), 1, "no merchant"),
        (("deliveries", unknown), 1, "There is no such webhook."),
        (("deliveries", "x"), 1, "There is no such webhook."),
        (("replay", unknown, "--failed"), 1, "There is no such webhook."),
        (("replay", webhook_id, unknown), 1, "There is no such delivery."),
        (("replay", webhook_id), 2, "Name one delivery, or give --failed."),
        (("replay", webhook_id, unknown, "--failed"), 2, "Name one delivery, or give --failed."),
    ):
        ran = await kado("webhook", *arguments)
        assert (ran.code, said in ran.err, ran.out) == (code, True, ""), ran
    await superuser.execute("UPDATE webhook SET enabled = false")
    refused = await kado("webhook", "replay", webhook_id, "--failed")
    assert (refused.code, "disabled" in refused.err) == (1, True)
