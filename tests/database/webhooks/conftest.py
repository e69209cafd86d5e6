"""A shop whose events are listened to, and what brings them there."""

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from tests.database.delivery.shop import ACard
from tests.database.delivery.shop import Shop as CardShop
from tests.serving.receiver import Receiver

from kado.crypto import Keyring
from kado.ids import new_id
from kado.storage.database import Database
from kado.storage.outbox import Event, enqueue_events
from kado.webhooks import history, store
from kado.webhooks.courier import WAITS, Courier
from kado.webhooks.post import Poster
from kado.webhooks.webhook import Delivery, Webhook

LOOPBACK = (ip_network("127.0.0.0/8"),)
SOON = tuple(timedelta(seconds=0.05) for _ in WAITS)


@dataclass
class Shop(CardShop):
    """A merchant with a program and endpoints; makes events in it."""

    secrets: dict[str, str] = field(default_factory=dict)

    async def listen(self, url: str, *, is_test: bool = False, events: list[str] | None = None) -> str:
        """The id of an enabled endpoint."""
        webhook_id, secret = new_id(), secrets.token_hex(16)
        sealed = self.keyring.encrypt("stored-secret", secret.encode(), webhook_id.encode())
        async with self.database.transaction() as connection:
            await store.insert(
                connection, webhook_id, self.merchant_id, is_test, url, sealed, events is None, events or [], {}
            )
            await connection.execute("UPDATE webhook SET enabled = true WHERE id = $1", webhook_id)
        self.secrets[webhook_id] = secret
        return webhook_id

    async def an_event(self, card: ACard, event_type: str = "giftcard.redeemed", *, is_test: bool = False) -> Event:
        event_id = new_id()
        body = json.dumps({"id": event_id, "type": event_type})
        return Event(card.program_id, event_id, card.id, event_type, is_test, body, await self.now())

    async def happens(self, count: int = 1, event_type: str = "giftcard.redeemed", **facts: Any) -> list[str]:
        """Events of a card, committed; their ids."""
        card = await self.card()
        events = [await self.an_event(card, event_type, **facts) for _ in range(count)]
        async with self.database.transaction() as connection:
            await enqueue_events(connection, events)
        return [event.id for event in events]

    async def webhook(self, webhook_id: str) -> Webhook:
        async with self.database.read() as connection:
            found = await store.find(connection, webhook_id)
        assert found is not None
        return found

    async def deliveries(self, webhook_id: str) -> list[Delivery]:
        page = await history.list_deliveries(
            self.database, self.merchant_id, webhook_id, state=None, limit=1000, offset=0
        )
        return page.found

    async def states(self, webhook_id: str) -> list[str]:
        return sorted(one.state for one in await self.deliveries(webhook_id))

    async def set_all(self, assignments: str) -> None:
        """Rewrite all deliveries."""
        async with self.database.read() as connection:
            await connection.execute(f"UPDATE webhook_delivery SET {assignments} WHERE program_id IS NOT NULL")


@pytest.fixture
async def shop(database: Database, keyring: Keyring) -> Shop:
    shop = Shop(database, keyring)
    await shop.open()
    return shop


MakeCourier = Callable[..., Courier]


@pytest.fixture
def make_courier(database: Database, keyring: Keyring) -> MakeCourier:
    def build(seconds: float = 5, waits: tuple[timedelta, ...] = SOON, of: Database | None = None) -> Courier:
        return Courier(of or database, keyring, Poster(LOOPBACK, seconds=seconds), waits)

    return build


def all_are(shop: Shop, webhook_id: str, state: str, count: int) -> Callable[[], Awaitable[bool]]:
    async def they_are() -> bool:
        return await shop.states(webhook_id) == [state] * count

    return they_are


def ids(receiver: Receiver) -> list[str]:
    return [one.headers["webhook-id"] for one in receiver.received]
