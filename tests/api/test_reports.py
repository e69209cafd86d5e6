"""Reports over the API: to the cent, as of any moment, each figure with the entries behind it, and nothing of tests."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from unittest.mock import ANY
from urllib.parse import quote

import pytest
from tests.api.shop import Body, Fits, Shop, Superuser, card_path, good

from kado import clock
from kado.access.permissions import Role
from kado.cards.card import CardStatus
from kado.cards.turnover.summarise import summarise
from kado.cards.verify import verify
from kado.reports.states import Cards, count_many


def reports(program_id: str, rest: str) -> str:
    return f"/v2/giftcards/programs/{program_id}/reports/{rest}"


async def a_program(shop: Shop, **rules: object) -> str:
    """A program of its own with a small history: 100 + 50 activated, 20 reloaded, 30.05 spent, 10 of it refunded, 50
    voided; one card pending, one expired with 7 on it."""
    program_id = await shop.program(**rules)
    first = await shop.active("100.00", program_id=program_id, designTemplate="birthday")
    good(await shop.reload(first, "20.00"))
    sale = await shop.sold(first, "30.05")
    good(await shop.refund(first, sale, {"amount": "10.00"}))
    second = await shop.active("50.00", program_id=program_id)
    good(await shop.post(card_path(second, "void"), {"reason": "lost"}))
    await shop.issue("33.00", program_id=program_id)
    third = await shop.active("7.00", program_id=program_id)
    await shop.expire(third)
    return program_id


async def all_summed(shop: Shop, program_id: str) -> None:
    """As the worker does a minute later."""
    await shop.superuser.execute("UPDATE seal_progress SET sealed_until = clock_timestamp()")
    database = shop.api.services.database
    await summarise(database, program_id, grace=timedelta(0))
    while await summarise(database, program_id, grace=timedelta(0)):
        pass


@pytest.mark.parametrize("is_summed", [False, True])
async def test_the_figures_of_a_business(shop: Shop, fits: Fits, is_summed: bool) -> None:
    program_id = await a_program(shop)
    tester = await shop.key(is_test=True)
    await shop.active("1000.00", program_id=program_id, token=tester)
    if is_summed:
        await all_summed(shop, program_id)
    body = fits("BusinessReportsResponse", good(await shop.get(reports(program_id, "business"))))
    assert body == {
        "totalCards": 4,
        "activeCards": 1,
        "pendingCards": 1,
        "depletedCards": 0,
        "expiredCards": 1,
        "voidedCards": 1,
        "totalSold": "177.00",
        "totalRedeemed": "30.05",
        "totalBalance": "106.95",
        "cardsSoldThisMonth": 3,
        "salesThisMonth": "177.00",
    }


async def test_what_is_owed_is_the_sum_that_verify_proves(shop: Shop) -> None:
    program_id = await a_program(shop)
    await all_summed(shop, program_id)
    more = await shop.active("5.00", program_id=program_id)
    await shop.sold(more, "0.01")
    report = await verify(shop.api.services.database, shop.api.services.keyring, program_id=program_id)
    owed = good(await shop.get(reports(program_id, "business")))["totalBalance"]
    assert owed == "111.94"
    assert report.owed[program_id] == Decimal(owed) * 100


async def test_figures_are_of_the_moment_that_is_asked_for(shop: Shop) -> None:
    program_id = await shop.program()
    card = await shop.active("100.00", program_id=program_id)
    moments = []
    for amount in ("1.00", "2.00", "4.00"):
        moments.append(await shop.now())
        await shop.sold(card, amount)
    for is_summed in (False, True):
        if is_summed:
            await all_summed(shop, program_id)
        owed = [
            good(await shop.get(reports(program_id, f"business?asOf={quote(clock.text(at))}")))["totalBalance"]
            for at in moments
        ]
        assert owed == ["100.00", "99.00", "97.00"]


async def every_page(shop: Shop, url: str) -> list[Body]:
    found: list[Body] = []
    while True:
        answer = await shop.get(f"{url}&limit=2&offset={len(found)}")
        assert answer.status_code == 200, answer.text
        found += answer.json()
        if len(answer.json()) < 2:
            assert answer.headers["X-Total-Count"] == str(len(found))
            return found


@pytest.mark.parametrize("by", [None, "day", "week", "month", "shop", "merchant", "design"])
@pytest.mark.parametrize("is_summed", [False, True])
async def test_behind_each_figure_are_its_entries(shop: Shop, by: str | None, is_summed: bool) -> None:
    program_id = await a_program(shop)
    if is_summed:
        await all_summed(shop, program_id)
    since = quote(clock.text(await shop.now() - timedelta(hours=1)))
    body = good(await shop.get(reports(program_id, f"figures?from={since}" + (f"&by={by}" if by else ""))))
    lines = [body["total"], *body["lines"]]
    assert len(lines) >= (2 if by else 1)
    for line in lines:
        for measure in ("issued", "activated", "reloaded", "sold", "redeemed", "refunded", "voided", "forfeited"):
            figure = line[measure]
            behind = await every_page(shop, figure["entries"])
            assert len(behind) == figure["count"]
            if measure != "issued":  # those move nothing yet
                assert abs(sum(Decimal(one["amount"]) for one in behind)) == Decimal(figure["amount"])
            times = [one["createdAt"] for one in behind]
            assert times == sorted(times, reverse=True)
    total = body["total"]
    assert total["liability"] == "106.95"
    assert total["issued"]["amount"] == "190.00"
    assert total["redeemed"] == {"count": 1, "amount": "30.05", "entries": total["redeemed"]["entries"]}
    if by == "design":
        assert {one["label"]: one["sold"]["amount"] for one in body["lines"]} == {"": "57.00", "birthday": "120.00"}


async def test_days_begin_at_midnight_where_the_program_is(shop: Shop, thief: Superuser) -> None:
    program_id = await shop.program(timeZone="Asia/Kathmandu")
    card = await shop.active("100.00", program_id=program_id)
    # 18:15 in UTC is midnight there.
    for seconds, amount in ((-1, "1.00"), (0, "2.00")):
        sale = await shop.sold(card, amount)
        moment = clock.EPOCH.replace(year=2026, month=5, day=4, hour=18, minute=15) + timedelta(seconds=seconds)
        await thief.execute("SET session_replication_role = replica")
        await thief.execute("UPDATE card_transaction SET created_at = $2 WHERE id = $1", sale, moment)
        await thief.execute("SET session_replication_role = origin")
    await thief.execute("SET session_replication_role = replica")
    await thief.execute(
        "UPDATE card_transaction SET created_at = '2026-05-01' WHERE program_id = $1 AND created_at > '2026-05-05'",
        program_id,
    )
    await thief.execute("SET session_replication_role = origin")
    for is_summed in (False, True):
        if is_summed:
            await all_summed(shop, program_id)
        path = "figures?by=day&from=2026-05-04T00:00:00&to=2026-05-06T00:00:00"
        body = good(await shop.get(reports(program_id, path)))
        days = {line["label"]: line["redeemed"]["amount"] for line in body["lines"]}
        assert days == {"2026-05-04": "1.00", "2026-05-05": "2.00"}
        assert body["lines"][1]["from"] == "2026-05-04T18:15:00Z"


@pytest.mark.parametrize(
    ("query", "loc"),
    [
        ("figures?asOf=yesterday", "asOf"),
        ("figures?asOf=2026-01-01T00:00:00Z&from=2025-01-01T00:00:00Z", "asOf"),
        ("figures?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to"),
        ("figures?from=0001-01-02T00:00:00Z", "to"),
        ("figures?to=9999-12-31T23:59:59Z", "to"),
        ("figures?by=hour", "by"),
        ("figures?by=day", "granularity"),
        ("figures?by=design&design=birthday", "by"),
        ("figures?merchantId=7", "merchantId"),
        ("entries?measure=everything", "measure"),
        ("entries?limit=0", "limit"),
        ("business?asOf=1767225600", "asOf"),
        ("business?asOf=9999-12-31T23:59:59Z", "asOf"),
        ("business?asOf=0001-01-01T00:00:00", "asOf"),
        ("figures?asOf=9999-12-31T23:59:59%2B00:00", "asOf"),
        ("escheatment?dormancy_days=0", "dormancy_days"),
        ("escheatment?dormancy_days=3651", "dormancy_days"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_its_name(shop: Shop, query: str, loc: str) -> None:
    answer = await shop.get(reports(shop.program_id, query))
    assert answer.status_code == 422, answer.text
    assert [one["loc"][-1] for one in answer.json()["detail"]] == [loc]


READS = ("business", "figures", "entries", "expiration-warnings", "escheatment")


@pytest.mark.parametrize("path", READS)
async def test_who_may_read_reports(shop: Shop, path: str) -> None:
    asked = reports(shop.program_id, path)
    for role, status in ((Role.OWNER, 200), (Role.MANAGER, 200), (Role.READ_ONLY, 200), (Role.CASHIER, 403)):
        assert (await shop.get(asked, token=await shop.key(role))).status_code == status, role
    assert (await shop.get(asked, token=None)).status_code == 401
    assert (await shop.get(asked, token=(await shop.stranger())[1])).status_code == 403
    assert (await shop.get(asked, token=(await shop.admitted())[1])).status_code == 403
    assert (await shop.get(asked, token=await shop.key(is_test=True))).status_code == 403


async def test_what_ends_soon_is_listed_and_counted(shop: Shop, fits: Fits) -> None:
    program_id = await shop.program()
    now = await shop.now()
    days = {"10.00": 7, "20.00": 31, "30.00": 75, "40.00": 120}
    for value, left in days.items():
        ends = clock.text(now + timedelta(days=left, hours=1))
        await shop.active(value, program_id=program_id, expiresAt=ends, customerEmail="ada@example.com")
    soon = clock.text(now + timedelta(days=2))
    await shop.card_in("depleted", "5.00", program_id=program_id, expiresAt=soon)
    await shop.card_in("suspended", "5.00", program_id=program_id, expiresAt=soon)
    await shop.issue("5.00", program_id=program_id, expiresAt=soon)
    body = fits("ExpirationWarningsResponse", good(await shop.get(reports(program_id, "expiration-warnings"))))
    assert [body["count30d"], body["count60d"], body["count90d"]] == [1, 2, 3]
    shown = [(one["balance"], one["daysUntilExpiry"], one["warningLevel"]) for one in body["warnings"]]
    assert shown == [("10.00", 7, "critical"), ("20.00", 31, "warning"), ("30.00", 75, "notice")]
    assert body["warnings"][0]["customerEmail"] == "ada@example.com"
    second = good(await shop.get(reports(program_id, "expiration-warnings?limit=1&page=2")))
    assert [one["balance"] for one in second["warnings"]] == ["20.00"]


async def test_money_that_nobody_touched_is_listed(shop: Shop, fits: Fits, thief: Superuser) -> None:
    program_id = await shop.program(country="DE")
    for value in ("10.00", "20.00", "30.00"):
        card = await shop.active(value, program_id=program_id)
    await shop.active("5.00", program_id=program_id, token=await shop.key(is_test=True))
    await thief.execute("SET session_replication_role = replica")
    for table in ("card", "card_transaction"):
        await thief.execute(
            f"UPDATE {table} SET created_at = created_at - interval '4 years' WHERE program_id = $1", program_id
        )
    await thief.execute("SET session_replication_role = origin")
    await shop.sold(card, "1.00")
    body = fits("EscheatmentReportResponse", good(await shop.get(reports(program_id, "escheatment"))))
    assert [one["balance"] for one in body["entries"]] == ["10.00", "20.00"]
    assert (body["entriesCount"], body["totalLiability"], body["dormancyThresholdDays"]) == (2, "30.00", 1095)
    assert {one["jurisdiction"] for one in body["entries"]} == {"DE"} == {body["jurisdiction"]}
    assert body["entries"][0]["dormancyDays"] >= 1460
    path = "escheatment?dormancy_days=3650&jurisdiction=US-DE&limit=1"
    other = good(await shop.get(reports(program_id, path)))
    assert (other["entries"], other["totalLiability"], other["jurisdiction"]) == ([], "0.00", "US-DE")


def analytics(program_id: str, rest: str) -> str:
    return f"/v2/giftcards/programs/{program_id}/analytics/{rest}"


@pytest.mark.parametrize("is_summed", [False, True])
async def test_a_window_beside_the_one_before(shop: Shop, thief: Superuser, is_summed: bool) -> None:
    program_id = await shop.program()
    card = await shop.active("100.00", program_id=program_id)
    sales = [await shop.sold(card, amount) for amount in ("4.00", "10.00", "20.01")]
    good(await shop.refund(card, sales[1], {"amount": "3.00"}))
    # Two windows of ten days: 4 was spent in the first, the rest in the second; all of it in the past.
    begin = clock.EPOCH.replace(year=2026, month=3, day=20)
    moments = {sales[0]: begin + timedelta(days=2), sales[1]: begin + timedelta(days=11)}
    await thief.execute("SET session_replication_role = replica")
    await thief.execute(
        "UPDATE card_transaction SET created_at = $2 WHERE program_id = $1", program_id, begin + timedelta(days=12)
    )
    for sale, moment in moments.items():
        await thief.execute("UPDATE card_transaction SET created_at = $2 WHERE id = $1", sale, moment)
    await thief.execute(
        "UPDATE card_transaction SET created_at = $2 WHERE program_id = $1 AND type IN ('PURCHASE', 'ACTIVATION')",
        program_id,
        begin + timedelta(days=1),
    )
    await thief.execute("SET session_replication_role = origin")
    if is_summed:
        await all_summed(shop, program_id)
    window = "from=2026-03-30T00:00:00Z&to=2026-04-09T00:00:00Z"
    body = good(await shop.get(analytics(program_id, f"overview?period=custom&{window}")))
    assert body["previousPeriod"] == {"from": "2026-03-20T00:00:00Z", "to": "2026-03-30T00:00:00Z"}
    redeemed = body["metrics"]["redeemed"]
    assert (redeemed["count"], redeemed["amount"]) == (2, "30.01")
    assert (redeemed["previousCount"], redeemed["previousAmount"]) == (1, "4.00")
    assert (redeemed["countChange"], redeemed["amountChange"]) == ("100.0", "650.3")
    assert body["metrics"]["refunded"]["amount"] == "3.00"
    assert body["metrics"]["refunded"]["amountChange"] is None
    assert body["metrics"]["activated"]["amountChange"] == "-100.0"
    assert body["averages"]["redeemed"] == {"amount": "15.01", "previous": "4.00"}
    assert body["redemptionRate"] == {"percent": None, "previous": "4.0"}
    assert body["liability"]["amount"] == "68.99"
    assert body["liability"]["previousAmount"] == "96.00"
    assert len(await every_page(shop, redeemed["entries"])) == 2
    trends = good(await shop.get(analytics(program_id, f"trends?granularity=week&{window}")))
    found = [(one["label"], one["redeemed"]["amount"], one["liability"]) for one in trends["buckets"]]
    assert found == [("2026-03-30", "30.01", "68.99"), ("2026-04-06", "0.00", "68.99")]
    days = good(await shop.get(analytics(program_id, f"trends?{window}")))["buckets"]
    assert [one["label"] for one in days if one["redeemed"]["count"]] == ["2026-03-31", "2026-04-01"]


@pytest.mark.parametrize("period", ["7d", "30d", "90d", "12m"])
async def test_a_period_ends_now(shop: Shop, period: str) -> None:
    program_id = await shop.program(timeZone="America/New_York")
    await shop.active("10.00", program_id=program_id)
    body = good(await shop.get(analytics(program_id, f"trends?period={period}&granularity=monthly")))
    assert body["total"]["activated"]["amount"] == "10.00"
    assert sum(Decimal(one["activated"]["amount"]) for one in body["buckets"]) == 10
    assert body["buckets"][-1]["liability"] == "10.00"


@pytest.mark.parametrize(
    ("query", "loc"),
    [
        ("overview?period=8d", "period"),
        ("overview?period=7d&from=2026-01-01T00:00:00Z", "period"),
        ("overview?period=custom", "from"),
        ("overview?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to"),
        ("overview?from=2001-01-02T00:00:00Z", "from"),
        ("overview?from=noon", "from"),
        ("trends?granularity=hourly", "granularity"),
        ("trends?from=2020-01-01T00:00:00Z&granularity=day", "granularity"),
    ],
)
async def test_a_window_that_makes_no_sense_is_refused(shop: Shop, query: str, loc: str) -> None:
    answer = await shop.get(analytics(shop.program_id, query))
    assert answer.status_code == 422, answer.text
    assert [one["loc"][-1] for one in answer.json()["detail"]] == [loc]


async def test_the_network_is_for_its_administrators(shop: Shop, fits: Fits) -> None:
    await a_program(shop)
    path = "/v2/giftcards/network/overview"
    assert (await shop.get(path)).status_code == 403
    before = good(await shop.get(path, token=await shop.person(Role.NETWORK_ADMINISTRATOR)))
    card = await shop.active("11.00")
    await shop.sold(card, "1.00")
    answer = await shop.get(path, token=await shop.person(Role.NETWORK_ADMINISTRATOR))
    body = fits("NetworkOverviewResponse", good(answer))
    assert Decimal(body["totalTransactionVolume"]) - Decimal(before["totalTransactionVolume"]) == 12
    assert body["totalTransactions"] - before["totalTransactions"] == 2
    assert body["totalCards"] - before["totalCards"] == 1
    assert answer.headers["Kado-Currency"] == "USD"
    assert (body["txFeeRevenue"], body["ltvUplift"], body["healthSupportTickets"]) == (None, None, None)
    own = next(one for one in body["merchantBreakdowns"] if one["merchantId"] == shop.merchant_id)
    assert own["transactionVolume"] == body["totalTransactionVolume"]
    assert len(body["adoptionData"]) == 12
    assert 0 < body["adoptionData"][-1]["value"] <= body["totalCards"]


async def test_cards_of_a_large_program_are_counted_by_a_worker_and_looked_up(shop: Shop) -> None:
    program_id = await shop.program()
    services, few_until = shop.api.services, dict[str, float]()
    for value in ("10.00", "20.00"):
        await shop.active(value, program_id=program_id)
    counted = await services.reports.states.of(program_id)
    await count_many(services.database, few_until, many=3)
    assert program_id in few_until
    await count_many(services.database, {}, many=2)
    assert await services.reports.states.of(program_id) == replace(counted, at=ANY)
    await shop.active("30.00", program_id=program_id)
    assert (await services.reports.states.of(program_id)).total == 2, "the last count serves"
    await shop.superuser.execute("UPDATE card_count SET due_at = now() WHERE program_id = $1", program_id)
    await count_many(services.database, {}, many=2)
    assert (await services.reports.states.of(program_id)).of(CardStatus.ACTIVE) == Cards(3, 6000)
    await shop.active("5.00", program_id=program_id)
    await shop.superuser.execute("UPDATE card_count SET due_at = now() - interval '1 hour'")
    assert (await services.reports.states.of(program_id)).total == 4, "no worker runs"
    await shop.superuser.execute("DELETE FROM card_count")
