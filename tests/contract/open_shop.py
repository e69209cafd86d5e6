"""A server in a thread of its own with an open shop in it, for tests that are not asynchronous."""

import asyncio
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self, TypeVar

import asyncpg
import structlog
from tests.api.alerts import an_alert
from tests.api.audit import AUDIT_EXPORT, audit_file
from tests.api.bulk import work
from tests.api.design_operations import with_pictures, with_run
from tests.api.fraud_operations import RULE, an_alert_about
from tests.api.report_operations import SCHEDULE, an_aml_alert
from tests.api.serving import PUBLIC_URL, serving, settings_for
from tests.api.shop import UNKNOWN, Body, Shop, card_path, cards_path, good
from tests.contract.callers import Callers
from tests.serving.wallet_files import apple_settings

from kado.access import keys
from kado.access.permissions import Role
from kado.cards.codes import make_code

Result = TypeVar("Result")

STATES = ("active", "active", "active", "active", "pending", "pending", "suspended", "depleted", "expired", "voided")
FRESH_AFTER = 60
PUBLIC_HOOK = "https://93.184.215.14/hook"
"""An address that may be an endpoint. Nothing is sent there: no worker runs, and nobody enables it."""
TOGETHER = {"customerEmail": "ada@example.com"}


class OpenShop:
    """A shop whose cards, codes and other things a generated request can name. Use it as a context manager."""

    def __init__(self, data_dir: Path, database_url: str) -> None:
        self._settings = settings_for(data_dir, KADO_TRUSTED_PROXIES="127.0.0.1", **apple_settings(data_dir))
        self._database_url = database_url
        self._opened: Future[Shop] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="open shop")
        self.shop: Shop
        self.address: str
        self.callers: Callers
        self._cards: list[Body] = []
        self._used = 0
        self._operation = ""
        self.ids: dict[str, str] = {}
        """By the names that path parameters have."""

    def __enter__(self) -> Self:
        # Its lines would come between the dots of pytest, one for every refused request; faults are still told.
        self._logging = structlog.get_config()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        self._thread.start()
        self.shop = self._opened.result()
        self.address = f"http://127.0.0.1:{self.shop.api.port}"
        self.callers = self.run(Callers.of(self.shop))
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()
        structlog.configure(**self._logging)

    async def _serve(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with serving(self._settings, self._database_url) as served:
                superuser = await asyncpg.connect(self._database_url)
                self._opened.set_result(await Shop.open(served, superuser))
                await self._closing.wait()
                await superuser.close()
        except BaseException as error:
            if not self._opened.done():
                self._opened.set_exception(error)
            raise

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of what is to be done in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    # ── stock ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def stock(self, operation: str) -> list[Body]:
        """Cards in every state: fresh ones for each operation, and whenever requests have used them up."""
        self._used = self._used + 1 if operation == self._operation else 0
        self._operation = operation
        if self._used % FRESH_AFTER == 0:
            self.run(self._restock())
        return self._cards

    def in_state(self, state: str) -> list[Body]:
        """Those that were in this state when they came."""
        return [one for one in self._cards if one["status"] == state]

    def active(self, but: Body | None = None) -> list[Body]:
        """Two cards of the same customer that were active when they came."""
        return [one for one in self.in_state("active") if one is not but][:2]

    async def _restock(self) -> None:
        shop = self.shop
        # A program of its own each time: requests change the rules of programs too.
        shop.program_id = await shop.program()
        self._cards = [await shop.card_in(state, "50.00", **TOGETHER) for state in STATES]
        # Apart from those that others are to be made of: an open hold forbids much.
        used = self.in_state("active")[-1]
        redeemed = good(await shop.redeem(used, "3.00"))
        self.ids |= {
            "programId": shop.program_id,
            "cardId of transactionId": used["id"],
            "transactionId": redeemed["transactionId"],
            "cardId of holdId": used["id"],
            "passSid": used["card"]["serialNumber"],
            "serialNumber": used["card"]["serialNumber"],
            "passTypeIdentifier": used["card"]["passTypeIdentifier"],
            "anomalyAlertId": await an_alert(shop.superuser, shop.program_id),
        }
        self.ids["alert_id"] = str(await an_alert_about(shop, used))
        fraud = f"/v2/giftcards/programs/{shop.program_id}/fraud"
        await self._make("rule_id", f"{fraud}/rules", RULE, "id")
        await self._make("ip", f"{fraud}/block-ip", {"ipAddress": "203.0.113.9"}, "ipAddress")
        # A merchant can have only so many.
        if not (await shop.get(f"/v2/webhooks/{self.ids.get('webhookId', UNKNOWN)}")).is_success:
            await self._make("webhookId", "/v2/webhooks", {"url": PUBLIC_HOOK}, "id")
        colleague, _ = await shop.somebody(Role.CASHIER)
        (staff_id,) = await shop.rows("SELECT id FROM staff WHERE email = $1", colleague)
        made = await keys.create_key(shop.api.services.database, shop.merchant_id, "operator:test")
        self.ids |= {"staffId": staff_id["id"], "keyId": made.key_id}
        # The earlier ones are finished first: a merchant can have only so many of these too.
        await work(shop)
        await self._make(
            "taskId", f"{cards_path(shop.program_id)}/bulk", {"count": 60, "initialValue": "1.00"}, "taskId"
        )
        await self._make("exportId", "/v2/giftcards/gdpr/export", {**TOGETHER, "format": "json"}, "exportId")
        reports = f"/v2/giftcards/programs/{shop.program_id}"
        await self._make("scheduleId", f"{reports}/reports/schedule", SCHEDULE, "id")
        await self._make("fileId", f"{reports}/analytics/export", {}, "exportId")
        self.ids["alertId"] = await an_aml_alert(shop, used)
        await self._make("customerId", "/v2/giftcards/gdpr/consent", {**TOGETHER, "purposes": ["news"]}, "customerId")
        if "/loyalty/" in self._operation:
            await with_pictures(shop, used, "")
            self.ids |= {"type": "logo", "slug": "own"}
        if "/paper" in self._operation:
            run = await with_run(shop, used, "")
            self.ids |= {f"{name} of paper": run[name] for name in ("taskId", "token")}
        if "task_id" not in self.ids:
            await self._make("task_id", AUDIT_EXPORT, {"format": "json"}, "taskId")
            # The other file's address is no more than made up: no worker runs, so it never comes about.
            self.ids["token"] = (await audit_file(shop, self.ids["task_id"])).rpartition("/")[2]
        await self._make("holdId", card_path(used, "holds"), {"amount": "2.00", "orderReference": "order 1"}, "id")

    async def _make(self, name: str, path: str, body: Body, member: str) -> None:
        """Something by its own operation. Where that is not offered or refuses, what was there before is named."""
        answer = await self.shop.post(path, body)
        if answer.is_success:
            self.ids[name] = str(answer.json()[member])

    def code_of(self, card: Body) -> str:
        """A code that is right for the card from now on; a wrong one where the card can have none."""
        services = self.shop.api.services
        made = self.run(make_code(services.database, services.keyring, PUBLIC_URL, card["programId"], card["id"]))
        return made.code if made else "000000"
