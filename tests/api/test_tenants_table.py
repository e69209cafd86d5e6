"""Every route that names something, with the names of another tenant's things: as if there were nothing.

What is compared is the whole answer, to the same request with ids that exist nowhere. Nothing of the other tenant may
stand in it, and nothing of the database may change. Operations with bodies that are right are in `test_tenants.py`;
here no route can be forgotten.
"""

import re
from dataclasses import dataclass
from typing import Final

import httpx2
import pytest
import pytest_asyncio
from tests.api.alerts import an_alert
from tests.api.bulk import bulk_path
from tests.api.fraud_operations import an_alert_about
from tests.api.operations import PUBLIC_ENDPOINT
from tests.api.pictures import MULTIPART, a_body, a_picture
from tests.api.report_operations import a_schedule, an_aml_alert, an_export
from tests.api.shop import UNKNOWN, Shop, Superuser, fingerprint, good
from tests.api.sign_in import signed_in
from tests.api.tills import TOKEN, FrontEnd

from kado.access import keys
from kado.access.permissions import Role
from kado.access.signatures import HEADER
from kado.doors.api import rights_table
from kado.doors.api.rights import Row

CUSTOMER: Final = "X-Eposn-Customer-Token"
NAMING: Final = [row for row in rights_table() if "{" in row.path and row.rule is not None]
IN_A_PROGRAM: Final = [row for row in NAMING if "{programId}" in row.path and row.path.count("{") > 1]
CALLERS: Final = ("owner", "till", "customer", "front end", "test key", "admitted")


@dataclass
class Tenants:
    """Somebody's things, and somebody else with every sort of proof."""

    shop: Shop
    ids: dict[str, str]
    """Of the shop, by the names that path parameters have."""
    marks: set[str]
    """What nobody else may ever see of it."""
    stranger: dict[str, dict[str, str]]
    front_end: FrontEnd

    def path(self, row: Row, *, real: bool) -> str:
        def fill(match: re.Match[str]) -> str:
            # Of a name that is no id, only its form matters: a pass of the same program that nobody has.
            nothing = {
                "passSid": UNKNOWN + "0" * 32,
                "serialNumber": UNKNOWN + "0" * 32,
                "token": "A" * 43,
                "ip": "198.51.100.9",
                "type": "strip",
            }.get(match[1], UNKNOWN)
            name = "anomaly_id" if "/anomalies/" in row.path and match[1] == "alert_id" else match[1]
            return self.ids[name] if real else nothing

        return re.sub(r"\{([A-Za-z_]+)\}", fill, row.path)

    async def ask(self, who: str, row: Row, *, real: bool) -> httpx2.Response:
        path = self.path(row, real=real)
        content = b"" if row.method == "GET" else b"{}"
        headers = self.stranger.get(who, {})
        if who == "front end":
            headers = {HEADER: self.front_end.header(content, path, method=row.method)}
        return await self.shop.call(row.method, path, token=None, headers=headers, content=content)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tenants(shop: Shop) -> Tenants:
    ids = await _things(shop)
    names = {"Hyacinth House", "hyacinth@example.com", *ids.values()} - {ids["type"]}
    stranger_id, key = await shop.stranger()
    bearer = {"Authorization": f"Bearer {key}"}
    owner = {"Authorization": f"Bearer {await shop.person(merchant_id=stranger_id)}"}
    front_end = await FrontEnd.of(shop, stranger_id)
    customer = (await signed_in(shop, token=key))["sessionToken"]
    test_key = await shop.key(is_test=True, merchant_id=stranger_id)
    # Admitted to another program of the shop's than the one whose things are asked for.
    admitted_id, _ = await shop.admitted(await shop.program())
    return Tenants(
        shop,
        ids,
        names,
        {
            "owner": owner,
            "till": bearer | await front_end.till(),
            "customer": bearer | {CUSTOMER: customer},
            "test key": {"Authorization": f"Bearer {test_key}"},
            "admitted": {"Authorization": f"Bearer {await shop.person(merchant_id=admitted_id)}"},
        },
        front_end,
    )


async def _things(shop: Shop) -> dict[str, str]:
    """One of everything that a path can name."""
    card = await shop.active(customerEmail="hyacinth@example.com", customerName="Hyacinth House")
    issued = good(await shop.post(bulk_path(shop.program_id), {"initialValue": "5.00", "count": 1}), 201)
    exported = good(await shop.post("/v2/giftcards/audit-logs/export", {}), 202)
    webhook = good(await shop.post("/v2/webhooks", {"url": PUBLIC_ENDPOINT}))
    _, colleague = await shop.somebody(Role.CASHIER)
    key = await keys.create_key(shop.api.services.database, shop.merchant_id, "operator:test")
    for place in ("images/logo", "designs/hyacinths"):
        path = f"/v2/loyalty/programs/{shop.program_id}/card/{place}"
        good(await shop.call("POST", path, content=a_body(a_picture()), headers=MULTIPART))
    blocked = "203.0.113.7"
    good(await shop.post(f"/v2/giftcards/programs/{shop.program_id}/fraud/block-ip", {"ipAddress": blocked}), 201)
    rules = good(await shop.get(f"/v2/giftcards/programs/{shop.program_id}/fraud/rules"))
    till = await (await FrontEnd.of(shop)).till()
    session = await shop.api.services.merchant_sessions.find(till[TOKEN])
    assert session is not None
    return {
        "programId": shop.program_id,
        "cardId": card["id"],
        "transactionId": await shop.sold(card, "1.00"),
        "holdId": (await shop.hold(card, "1.00"))["id"],
        "taskId": issued["csvDownloadUrl"].split("/")[-3],
        "token": issued["csvDownloadUrl"].split("/")[-1],
        "task_id": exported["taskId"],
        "passSid": card["card"]["serialNumber"],
        "serialNumber": card["card"]["serialNumber"],
        "passTypeIdentifier": card["card"]["passTypeIdentifier"],
        "webhookId": webhook["id"],
        "deliveryId": UNKNOWN,
        "keyId": key.key_id,
        "staffId": good(await shop.get("/v2/token", token=colleague))["id"],
        "sessionId": session.id,
        "customerId": (await signed_in(shop))["identity"]["id"],
        "ip": blocked,
        "type": "logo",
        "slug": "hyacinths",
        "rule_id": rules["items"][0]["id"],
        "alert_id": await an_alert_about(shop, card),
        "scheduleId": await a_schedule(shop, shop.program_id),
        "fileId": await an_export(shop, shop.program_id),
        "alertId": await an_aml_alert(shop, card),
        "anomaly_id": await an_alert(shop.superuser, shop.program_id),
    }


@pytest.mark.parametrize("row", NAMING, ids=lambda row: f"{row.method} {row.path}")
async def test_another_tenants_things_are_as_if_they_were_not_there(
    tenants: Tenants, thief: Superuser, row: Row
) -> None:
    before = await fingerprint(thief)
    for who in CALLERS:
        answer, nowhere = await tenants.ask(who, row, real=True), await tenants.ask(who, row, real=False)
        assert (answer.status_code, answer.content) == (nowhere.status_code, nowhere.content), who
        # Without a word about anybody: nothing is listed, nothing was ended, and what is wrong with `{}` is said first.
        empty = answer.status_code == 422 or (answer.status_code, answer.json()) in ((200, []), (200, {"ended": 0}))
        assert empty or answer.status_code in (401, 403, 404), f"{who}: {answer.status_code} {answer.text}"
        assert not [mark for mark in tenants.marks if mark in answer.text], who
    assert await fingerprint(thief) == before


@pytest.mark.parametrize("row", NAMING, ids=lambda row: f"{row.method} {row.path}")
async def test_without_a_token_there_is_nothing_at_all(tenants: Tenants, row: Row) -> None:
    answer, nowhere = await tenants.ask("nobody", row, real=True), await tenants.ask("nobody", row, real=False)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.content == nowhere.content


@pytest.mark.parametrize("row", IN_A_PROGRAM, ids=lambda row: f"{row.method} {row.path}")
async def test_what_is_in_another_program_is_as_if_it_were_not_there(tenants: Tenants, row: Row) -> None:
    """Of the same merchant, for its owner: a program's things are in that program only."""
    shop, other = tenants.shop, await tenants.shop.program()
    answers = []
    for real in (True, False):
        path = tenants.path(row, real=real).replace(shop.program_id if real else UNKNOWN, other, 1)
        answers.append(await shop.call(row.method, path, content=b"" if row.method == "GET" else b"{}"))
    answer, nowhere = answers
    assert (answer.status_code, answer.content) == (nowhere.status_code, nowhere.content)
    assert answer.status_code in (404, 415, 422)  # `{}` is no picture
    assert not [mark for mark in tenants.marks if mark in answer.text]


def test_how_many_that_is() -> None:
    facts = f"{len(NAMING)} routes that name something, {len(CALLERS)} strangers each"
    print(f"\ntenants: {facts}; {len(IN_A_PROGRAM)} of them from another program")
    assert len(NAMING) > 50
