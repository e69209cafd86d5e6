"""Webhooks: addresses that hear of events. What a receiver checks is in `kado_client.webhooks`."""

from collections.abc import Sequence

from kado_client._async.resource import AsyncResource
from kado_client.call import Page
from kado_client.records.programs import Delivery, Replay, Webhook
from kado_client.wire import Json, members


class AsyncWebhooks(AsyncResource):
    """The merchant's webhooks."""

    async def create(
        self,
        url: str,
        *,
        shared_secret: str | None = None,
        allowed_events: Sequence[str] | None = None,
        all_event_types: bool | None = None,
    ) -> Webhook:
        """Name an address. Without a secret the server makes one, and shows it in this answer only."""
        body = members(
            url=url, shared_secret=shared_secret, allowed_events=allowed_events, all_event_types=all_event_types
        )
        return await self._write(("webhooks",), Webhook, body)

    async def list(self, *, q: str | None = None, limit: int | None = None, offset: int | None = None) -> Page[Webhook]:
        """All of them."""
        return await self._list(("webhooks",), Webhook, q=q, limit=limit, offset=offset)

    async def get(self, webhook_id: str) -> Webhook:
        """One of them."""
        return await self._get(("webhooks", webhook_id), Webhook)

    async def update(
        self,
        webhook_id: str,
        url: str,
        *,
        shared_secret: str | None = None,
        allowed_events: Sequence[str] | None = None,
        all_event_types: bool | None = None,
    ) -> Webhook:
        """Change what is given; the address is always given."""
        body = members(
            url=url, shared_secret=shared_secret, allowed_events=allowed_events, all_event_types=all_event_types
        )
        return await self._write(("webhooks", webhook_id), Webhook, body, method="PUT", is_safe=True)

    async def enable(self, webhook_id: str) -> Webhook:
        """Send events from now on. The address is sent a token first, which it has to send back."""
        return await self._write(("webhooks", webhook_id, "enable"), Webhook, is_safe=True)

    async def disable(self, webhook_id: str) -> Webhook:
        """Send no more events."""
        return await self._write(("webhooks", webhook_id, "disable"), Webhook, is_safe=True)

    async def delete(self, webhook_id: str) -> Json:
        """Forget the address."""
        return await self._delete(("webhooks", webhook_id))

    async def deliveries(
        self, webhook_id: str, *, state: str | None = None, limit: int | None = None, offset: int | None = None
    ) -> Page[Delivery]:
        """What was sent in the last 30 days, newest first, and what came of it."""
        path = ("webhooks", webhook_id, "deliveries")
        return await self._list(path, Delivery, state=state, limit=limit, offset=offset)

    async def replay(self, webhook_id: str, delivery_id: str) -> Replay:
        """Send an event again, whatever became of it. Receivers know it by its id, so twice does no harm."""
        return await self._write(("webhooks", webhook_id, "deliveries", delivery_id, "replay"), Replay, is_safe=True)
