"""What may be money laundering is flagged once, shown, and acknowledged; what reports add up is looked at."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.api.shop import UNKNOWN, Body, Fits, Shop, Superuser, card_path, good
from tests.api.test_reports import all_summed, reports

from kado.access.permissions import Role
from kado.programs.find import get
from kado.reports.aml.watch import watch_program


def aml(program_id: str, rest: str = "") -> str:
    return f"/v2/giftcards/programs/{program_id}/compliance/aml{rest}"


async def looked_at(shop: Shop, program_id: str) -> None:
    """As the worker does, a moment after the entries are final; three workers at once."""
    services = shop.api.services
    await shop.superuser.execute("UPDATE seal_progress SET sealed_until = clock_timestamp()")
    program = await get(services.database, program_id)
    assert program is not None
    await watch_program(services.database, services.keyring, program)
    await asyncio.gather(*(watch_program(services.database, services.keyring, program) for _ in range(3)))


async def many_cards(shop: Shop, program_id: str) -> None:
    for _ in range(10):
        await shop.active("20.00", program_id=program_id, customerEmail="Mallory@example.com")


async def high_value(shop: Shop, program_id: str) -> None:
    card = await shop.active("1600.00", program_id=program_id)
    good(await shop.reload(card, "401.00"))


async def high_value_at_once(shop: Shop, program_id: str) -> None:
    card = await shop.active("2000.00", program_id=program_id)
    good(await shop.reload(card, "1.00"))
    await shop.sold(card, "1200.00")


async def rapid(shop: Shop, program_id: str) -> None:
    card = await shop.active("200.00", program_id=program_id)
    await shop.sold(card, "100.00")
    await shop.sold(card, "95.00")


async def structured(shop: Shop, program_id: str) -> None:
    card = await shop.active("10.00", program_id=program_id)
    for _ in range(3):
        good(await shop.reload(card, "490.00"))


async def cycled(shop: Shop, program_id: str) -> None:
    card = await shop.active("100.00", program_id=program_id)
    for _ in range(3):
        good(await shop.refund(card, await shop.sold(card, "40.00")))


@pytest.mark.parametrize(
    ("does", "flags"),
    [
        (many_cards, [("MANY_CARDS", "medium", "200.00", 10)]),
        (high_value, [("HIGH_VALUE", "medium", "2001.00", 2)]),
        (high_value_at_once, [("HIGH_VALUE", "high", "2001.00", 3)]),
        (rapid, [("RAPID_REDEMPTION", "low", "200.00", 3)]),
        (structured, [("STRUCTURING", "high", "1470.00", 3)]),
        (cycled, [("REFUND_CYCLING", "medium", "120.00", 3)]),
    ],
)
async def test_it_is_flagged_once(shop: Shop, fits: Fits, does: Any, flags: list[tuple[object, ...]]) -> None:
    program_id = await shop.program(maxReload="500.00")
    tester = await shop.key(is_test=True)
    await shop.active("3000.00", program_id=program_id, token=tester)
    await shop.active("30.00", program_id=program_id)
    await does(shop, program_id)
    for _ in range(2):
        await looked_at(shop, program_id)
        body = fits("AMLReportResponse", good(await shop.get(aml(program_id))))
        shown = [
            (one["flagType"], one["severity"], one["amount"], len(one["transactionIds"])) for one in body["alerts"]
        ]
        assert shown == flags
        assert body["unacknowledgedCount"] == len(flags)


async def test_what_goes_on_is_the_same_alert(shop: Shop) -> None:
    program_id = await shop.program(maxReload="500.00")
    card = await shop.active("1500.00", program_id=program_id)
    for _ in range(3):
        good(await shop.reload(card, "300.00"))
        await looked_at(shop, program_id)
    (alert,) = good(await shop.get(aml(program_id)))["alerts"]
    assert (alert["amount"], len(alert["transactionIds"])) == ("2400.00", 4)
    assert alert["cardId"] == card["id"]
    assert alert["cardNumber"] == card["cardNumber"]


async def test_whoever_knows_of_it_first_stays(shop: Shop) -> None:
    program_id = await shop.program()
    await rapid(shop, program_id)
    await looked_at(shop, program_id)
    (alert,) = good(await shop.get(aml(program_id)))["alerts"]
    path = aml(program_id, f"/{alert['alertId']}/acknowledge")
    assert (await shop.post(path, {}, token=await shop.key(Role.READ_ONLY))).status_code == 403
    assert (await shop.post(path, {"notes": "x" * 1001})).status_code == 422
    assert good(await shop.post(path, {"notes": "A regular"})) == {"acknowledged": True}
    assert good(await shop.post(path, {"notes": "me too"}, token=await shop.key(Role.MANAGER))) == {
        "acknowledged": True
    }
    (alert,) = good(await shop.get(aml(program_id)))["alerts"]
    assert (alert["acknowledged"], alert["notes"]) == (True, "A regular")
    assert alert["acknowledgedBy"].startswith("key:")
    rows = await shop.rows(
        "SELECT * FROM audit_log WHERE action = 'aml-alert:acknowledged' AND subject = $1", alert["alertId"]
    )
    assert len(rows) == 1
    for unknown in (UNKNOWN, "not-an-id"):
        assert (await shop.post(aml(program_id, f"/{unknown}/acknowledge"), {})).status_code == 404
    soon = (await shop.now() + timedelta(days=1)).isoformat().replace("+", "%2B")
    assert good(await shop.get(aml(program_id, f"?from_date={soon}")))["alerts"] == []
    assert len(good(await shop.get(aml(program_id, f"?to_date={soon}")))["alerts"]) == 1


async def test_whoever_was_forgotten_stands_on_no_alert(shop: Shop) -> None:
    program_id = await shop.program()
    for _ in range(10):
        await shop.active("20.00", program_id=program_id, customerEmail="forget.me@example.com")
    await looked_at(shop, program_id)
    (alert,) = good(await shop.get(aml(program_id)))["alerts"]
    assert alert["customerEmail"] == "forget.me@example.com"
    assert not await shop.rows("SELECT 1 FROM aml_alert t WHERE t::text LIKE '%forget.me%'")
    good(await shop.post("/v2/giftcards/gdpr/erasure", {"customerEmail": "forget.me@example.com"}))
    (alert,) = good(await shop.get(aml(program_id)))["alerts"]
    assert alert["customerEmail"] is None


# ── validation ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def a_history(shop: Shop) -> tuple[str, Body, str]:
    """A program with one card, and its redemption."""
    program_id = await shop.program()
    card = await shop.active("100.00", program_id=program_id)
    return program_id, card, await shop.sold(card, "30.00")


async def issues(shop: Shop, program_id: str, **said: object) -> list[Body]:
    body = good(await shop.post(reports(program_id, "validate"), said))
    assert body["valid"] is (body["errorCount"] == 0)
    assert body["errorCount"] + body["warningCount"] == len(body["issues"])
    assert body["checks"] == ["balance_consistency", "status_transitions", "future_dated", "revenue_reconciliation"]
    found: list[Body] = body["issues"]
    return found


async def test_sound_data_has_no_issues(shop: Shop) -> None:
    program_id, card, sale = await a_history(shop)
    good(await shop.refund(card, sale))
    other = await shop.active("5.00", program_id=program_id)
    good(await shop.post(card_path(other, "void"), {"reason": "lost"}))
    await shop.expire(await shop.active("6.00", program_id=program_id))
    for _ in range(2):
        assert await issues(shop, program_id) == []
        await all_summed(shop, program_id)


DAMAGE = {
    "balance_consistency": "UPDATE card SET balance = balance + 1 WHERE id = $1",
    "status_transitions": "UPDATE card SET activated_at = clock_timestamp() + interval '1 minute' WHERE id = $1",
    "future_dated": "UPDATE card_transaction SET created_at = now() + interval '1 day' WHERE card_id = $1 AND seq = 3",
    "revenue_reconciliation": "UPDATE turnover SET minor_total = minor_total + 1 WHERE kind = 'REDEMPTION'"
    " AND program_id = (SELECT program_id FROM card WHERE id = $1)",
}


@pytest.mark.parametrize("check", DAMAGE)
async def test_what_does_not_agree_is_named(shop: Shop, thief: Superuser, check: str) -> None:
    program_id, card, _ = await a_history(shop)
    await all_summed(shop, program_id)
    await thief.execute("SET session_replication_role = replica")
    await thief.execute(DAMAGE[check], card["id"])
    await thief.execute("SET session_replication_role = origin")
    found = await issues(shop, program_id)
    assert check in {one["check"] for one in found}
    assert all(one["severity"] == "error" for one in found if one["check"] == check)
    if check != "revenue_reconciliation":
        assert card["id"] in {one["cardId"] for one in found}


@pytest.mark.parametrize(
    ("said", "loc"),
    [
        ({"reportType": "x" * 51}, "reportType"),
        ({"from": "noon"}, "from"),
        ({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "to"),
    ],
)
async def test_a_validation_that_makes_no_sense_is_refused(shop: Shop, said: Body, loc: str) -> None:
    answer = await shop.post(reports(shop.program_id, "validate"), said)
    assert answer.status_code == 422
    assert [one["loc"][-1] for one in answer.json()["detail"]] == [loc]
