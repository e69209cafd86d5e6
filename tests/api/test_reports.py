"""Reports over the API: to the cent, as of any moment, each figure with the entries behind it, and nothing of tests."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote

import pytest
from tests.api.shop import Body, Fits, Shop, Superuser, card_path, good

from kado import clock
from kado.access.permissions import Role
from kado.cards.turnover.summarise import summarise
from kado.cards.verify import verify


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
    # Entries that happened earlier than what was sealed contradict the chain: leave no damage to other tests.
    await thief.execute("SET session_replication_role = replica")
    await thief.execute("DELETE FROM card_transaction WHERE program_id = $1", program_id)
    await thief.execute("DELETE FROM turnover WHERE program_id = $1", program_id)
    await thief.execute("DELETE FROM card WHERE program_id = $1", program_id)
    await thief.execute("SET session_replication_role = origin")


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
    ],
)
async def test_what_makes_no_sense_is_refused_with_its_name(shop: Shop, query: str, loc: str) -> None:
    answer = await shop.get(reports(shop.program_id, query))
    assert answer.status_code == 422, answer.text
    assert [one["loc"][-1] for one in answer.json()["detail"]] == [loc]


READS = ("business", "figures", "entries")


@pytest.mark.parametrize("path", READS)
async def test_who_may_read_reports(shop: Shop, path: str) -> None:
    asked = reports(shop.program_id, path)
    for role, status in ((Role.OWNER, 200), (Role.MANAGER, 200), (Role.READ_ONLY, 200), (Role.CASHIER, 403)):
        assert (await shop.get(asked, token=await shop.key(role))).status_code == status, role
    assert (await shop.get(asked, token=None)).status_code == 401
    assert (await shop.get(asked, token=(await shop.stranger())[1])).status_code == 403
    assert (await shop.get(asked, token=(await shop.admitted())[1])).status_code == 403
    assert (await shop.get(asked, token=await shop.key(is_test=True))).status_code == 403
