"""Brings events to endpoints: a lane for each endpoint, so that a slow one holds up nobody but itself.

A lane sends at most a few events at a time and ends when nothing is due. The jobs of the queue only wake lanes up and
are done at once, so that no endpoint ever keeps the worker from its mails. What is due stands in the database, and a
look at it from time to time finds what no job told of: after a crash, for example.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from kado.crypto import Keyring
from kado.errors import Unavailable
from kado.observability import tracing
from kado.observability.meters import EVENTS_SENT
from kado.programs import find
from kado.storage.database import Database
from kado.webhooks import deliveries, history, store
from kado.webhooks.deliveries import Claimed
from kado.webhooks.endpoints import secrets_of
from kado.webhooks.post import NotReached, Poster
from kado.webhooks.webhook import Webhook

WAITS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 21_600, 36_000)
)
"""How long after each failed try the next one comes: eleven tries in about 24 hours."""

AT_ONCE: Final = 4
"""Requests to one endpoint at the same time."""

LANES: Final = 32
"""Endpoints that are called at the same time."""

_GONE: Final = 410
_JITTER: Final = 0.2
_LOOK_SECONDS: Final = 10.0
_SETTLE_SECONDS: Final = 15
_PAUSE: Final = 0.2
_log: Final = structlog.get_logger("kado.webhooks")


class Courier:
    """Delivers what is due. One per worker; several workers may share the work."""

    def __init__(
        self, database: Database, keyring: Keyring, poster: Poster, waits: Sequence[timedelta] = WAITS
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._poster = poster
        self._waits = waits
        self._room = asyncio.Semaphore(LANES)
        self._due: dict[str, set[str]] = {}
        """By endpoint: the programs in which something may be due for it."""
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    async def hand_out(self, payload: Mapping[str, str]) -> None:
        """The job of new events: settle who hears them, and send them. Raises `Unavailable`."""
        program_id = payload["program"]
        while True:
            events, webhook_ids = await deliveries.hand_out(self._database, program_id)
            for webhook_id in webhook_ids:
                self._wake(program_id, webhook_id)
            if not events:
                return

    async def deliver(self, payload: Mapping[str, str]) -> None:
        """The job of an endpoint for which something is due: send it, beside whatever else goes on."""
        self._wake(payload["program"], payload["webhook"])

    async def run(self, stop: asyncio.Event) -> None:
        """Look for what no job told of until `stop` is set; then finish what has begun."""
        try:
            while not stop.is_set():
                await self._look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
            self._stopping = True
            self._due.clear()
            if self._lanes:
                await asyncio.wait(self._lanes.values())
        finally:
            for lane in self._lanes.values():
                lane.cancel()

    async def forget(self, days: int) -> None:
        """Delete events of more than so many days ago, and secrets that were replaced long enough ago."""
        async with self._database.read() as connection:
            await store.forget_previous_secrets(connection)
        for program in await find.list_all(self._database):
            while await history.forget(self._database, program.id, days) == history.FORGOTTEN_AT_ONCE:
                pass

    async def _look(self) -> None:
        try:
            programs, due = await deliveries.waiting(self._database)
            for program_id in programs:
                await self.hand_out({"program": program_id})
        except Unavailable:
            return  # the next look comes soon
        except Exception as error:  # noqa: BLE001 - one look's failure must not end the next ones
            _log.error("webhooks.look_failed", error=type(error).__name__)
            return
        for program_id, webhook_id in due:
            self._wake(program_id, webhook_id)

    # ── lanes ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _wake(self, program_id: str, webhook_id: str) -> None:
        if self._stopping:
            return  # what is due stands in the database
        self._due.setdefault(webhook_id, set()).add(program_id)
        if webhook_id not in self._lanes:
            lane = asyncio.create_task(self._lane(webhook_id), name=f"webhook {webhook_id}")
            self._lanes[webhook_id] = lane
            lane.add_done_callback(lambda _: self._lane_ended(webhook_id))

    def _lane_ended(self, webhook_id: str) -> None:
        del self._lanes[webhook_id]
        for program_id in self._due.pop(webhook_id, ()):
            self._wake(program_id, webhook_id)  # it became due after the lane had looked for the last time

    async def _lane(self, webhook_id: str) -> None:
        """Send what is due for one endpoint, program by program, until nothing is."""
        while self._due.get(webhook_id):
            program_id = self._due[webhook_id].pop()
            try:
                async with self._room:
                    sent = await self._send_some(program_id, webhook_id)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look or the lease brings the events back
                _log.warning("webhooks.lane_ended", webhook=webhook_id, error=type(error).__name__)
                break
            if sent == AT_ONCE and webhook_id in self._due:
                self._due[webhook_id].add(program_id)
        self._due.pop(webhook_id, None)

    async def _send_some(self, program_id: str, webhook_id: str) -> int:
        async with self._database.read() as connection:
            webhook = await store.find(connection, webhook_id)
        if webhook is None or not webhook.enabled:
            reason = "the webhook was deleted" if webhook is None else "the webhook is disabled"
            await deliveries.fail_all(self._database, program_id, webhook_id, reason)
            return 0
        claimed = await deliveries.claim(self._database, program_id, webhook_id, AT_ONCE)
        await asyncio.gather(*(self._send(webhook, one) for one in claimed))
        return len(claimed)

    # ── one event ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _send(self, webhook: Webhook, delivery: Claimed) -> None:
        """Send one event and write down what came of it."""
        status: int | None = None
        try:
            secrets = secrets_of(self._keyring, webhook)
            with tracing.call("webhook"):
                status = (await self._poster.post(webhook.url, secrets, delivery.event_id, delivery.body)).status
            reason = f"answered {status}"
        except NotReached as failure:
            reason = failure.reason
        await self._settle(lambda: self._note(delivery, status, reason))

    async def _note(self, delivery: Claimed, status: int | None, reason: str) -> None:
        """Taken, to be tried again, or given up. With an endpoint that takes nothing any more, all of it."""
        if status is not None and 200 <= status <= 299:
            await deliveries.mark_delivered(self._database, delivery, status)
            EVENTS_SENT.add(("delivered",))
            return
        is_gone = status == _GONE
        if not is_gone and delivery.attempts <= len(self._waits):
            jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - jitter, not a secret
            wait = self._waits[delivery.attempts - 1] * jitter
            await deliveries.put_off(self._database, delivery, status, reason, wait)
            EVENTS_SENT.add(("put_off",))
            return
        EVENTS_SENT.add(("failed",))
        why = "the endpoint answered 410 Gone" if is_gone else f"nothing was taken for 24 hours; last: {reason}"
        if await deliveries.give_up(self._database, delivery, status, reason, why, at_once=is_gone):
            _log.warning("webhooks.disabled", webhook=delivery.webhook_id, reason=why)

    async def _settle(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write, also when the database is away for a moment. When it stays away, the lease brings the event back."""
        deadline = asyncio.get_running_loop().time() + _SETTLE_SECONDS
        while True:
            try:
                await write()
            except Unavailable:
                if asyncio.get_running_loop().time() > deadline:
                    _log.warning("webhooks.not_settled")
                    return
                await asyncio.sleep(_PAUSE)
            else:
                return
