"""Reports in the console: the figures of the API, each a link to entries that come to it; files and mails of them."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape

import httpx2
import pytest
from tests.api.shop import UNKNOWN, Shop, Superuser, good
from tests.api.test_reports import a_program, all_summed, reports
from tests.console.person import Person, forms_of, hired, signed_in

from kado.access.permissions import Role
from kado.programs.find import get
from kado.reports.aml.watch import watch_program

MEASURES = ("issued", "activated", "reloaded", "sold", "redeemed", "refunded", "voided", "forfeited", "liability")


def links(page: httpx2.Response) -> dict[str, str]:
    """The addresses of entries on a page, with the figure that each stands under."""
    found = re.findall(r'<a class="figure[^"]*" href="([^"]*/entries\?[^"]*)">([^<]*)</a>', page.text)
    return {unescape(address): text for address, text in found}


def on_top(page: httpx2.Response) -> str:
    found = re.search(r'<p class="big money">([^<]*)</p>', page.text)
    assert found is not None, page.text
    return found[1]


def amounts(page: httpx2.Response) -> list[Decimal]:
    """What the entries on a page come to, one by one."""
    found = re.findall(r'<td data-label="Amount" class="number"><span class="money">([^<]*)</span>', page.text)
    return [major(one) for one in found]


def major(text: str) -> Decimal:
    return Decimal(text.replace("$", "").replace("US", "").replace("€", "").replace(",", ""))


@pytest.mark.parametrize("is_summed", [False, True])
async def test_each_number_leads_to_entries_that_come_to_it(owner: Person, shop: Shop, is_summed: bool) -> None:
    program_id = await a_program(shop)
    if is_summed:
        await all_summed(shop, program_id)
    told = good(await shop.get(reports(program_id, "business")))
    overview = await owner.get(f"/console/{program_id}")
    report = await owner.get(f"/console/{program_id}/reports")
    seen = links(overview) | links(report)
    assert len(seen) > 20
    for address, text in seen.items():
        page = await owner.get(address)
        assert (page.status_code, on_top(page)) == (200, text), address
        assert sum(amounts(page)) == major(text), address
    for page in (overview, report):
        owed = {text for address, text in links(page).items() if "measure=liability" in address}
        assert told["totalBalance"] in {str(major(text)) for text in owed}
        assert f"US${told['totalSold']}" in links(page).values()
        assert f"US${told['totalRedeemed']}" in links(page).values()


async def test_entries_are_turned_page_by_page_to_the_cent(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    card = await shop.active("500.00", program_id=program_id)
    for _ in range(53):
        await shop.sold(card, "1.01")
    address = f"/console/{program_id}/entries?measure=redeemed"
    pages = []
    while address:
        pages.append(await owner.get(address))
        further = re.search(r'rel="next" href="([^"]*)"', pages[-1].text)
        address = unescape(further[1]) if further else ""
    assert [len(amounts(page)) for page in pages] == [50, 3]
    assert sum(sum(amounts(page)) for page in pages) == Decimal("53.53")
    assert [on_top(page) for page in pages] == ["US$53.53", "US$53.53"]


async def test_every_measure_says_what_the_api_says(owner: Person, shop: Shop) -> None:
    program_id = await a_program(shop)
    whole = good(await shop.get(reports(program_id, "figures")))["total"]
    for measure in MEASURES:
        page = await owner.get(f"/console/{program_id}/entries?measure={measure}&to={whole['to']}")
        said = whole["liability"] if measure == "liability" else whole[measure]["amount"]
        assert (str(major(on_top(page))), sum(amounts(page))) == (said, Decimal(said)), measure


async def test_figures_are_told_apart_by_shop_and_design(owner: Person, shop: Shop) -> None:
    program_id = await a_program(shop)
    page = await owner.get(f"/console/{program_id}/reports")
    by_design = {address: text for address, text in links(page).items() if "by=design" in address}
    assert {"US$120.00", "US$57.00"} <= set(by_design.values())
    (name,) = await shop.rows("SELECT name FROM merchant WHERE id = $1", shop.merchant_id)
    shops = page.text.split("<h2>By shop</h2>")[1].split("</section>")[0]
    assert unescape(re.findall(r'<th scope="row"><bdi>([^<]*)', shops)[0]) == name["name"]
    for address, text in by_design.items():
        assert on_top(await owner.get(address)) == text
    assert (await owner.get(f"/console/{program_id}/entries?by=card&value=x")).status_code == 422
    assert (await owner.get(f"/console/{program_id}/entries?measure=luck")).status_code == 422


async def test_a_report_is_of_any_time_and_as_of_any_moment(owner: Person, shop: Shop) -> None:
    program_id = await a_program(shop)
    base = f"/console/{program_id}/reports"
    today = datetime.now(UTC).date()
    before = await owner.get(f"{base}?period=7d&asOf={today - timedelta(days=1)}T00:00")
    assert (before.status_code, "Nothing happened in this time." in before.text) == (200, True)
    own = await owner.get(f"{base}?period=custom&from={today - timedelta(days=2)}&to={today + timedelta(days=1)}")
    assert "US$177.00" in links(own).values()
    for asked, step in (("daily", "monthly"), ("weekly", "weekly"), ("monthly", "monthly")):
        year = await owner.get(f"{base}?period=12m&granularity={asked}")
        chosen = re.search(r'<option value="(\w+)" selected', year.text.split('id="granularity"')[1])
        # A year of days would be a heavy page: the next that fits is shown.
        assert chosen is not None
        assert chosen[1] == ("weekly" if asked == "daily" else step), asked
    for wrong in ("period=x", "period=custom", "period=custom&from=2026-02-30", "asOf=9999-12-31T23:59", "asOf=x"):
        answer = await owner.get(f"{base}?{wrong}")
        assert (answer.status_code, 'class="problem"' in answer.text) == (422, True), wrong
    answer = await owner.get(f"{base}?period=custom&from=2026-05-02&to=2026-05-01")
    assert "The time ends before it begins" in answer.text


async def test_what_is_shown_is_fetched_in_four_formats(owner: Person, shop: Shop) -> None:
    program_id = await a_program(shop)
    base = f"/console/{program_id}/reports"
    page = await owner.get(f"{base}?period=30d")
    begins = {"csv": b"", "excel": b"PK", "json": b"{", "pdf": b"%PDF"}
    for one, start in begins.items():
        file = await owner.send(page, f"{base}/file", format=one)
        assert file.status_code == 200, one
        assert file.content.startswith(start)
        assert "attachment" in file.headers["content-disposition"]
        if one == "json":
            total = json.loads(file.content)["total"]
            assert (total["sold"]["amount"], total["liability"]) == ("177.00", "106.95")
    assert (await owner.send(page, f"{base}/file", format="doc")).status_code == 422


async def test_reports_are_sent_again_and_again_until_somebody_ends_them(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    here = f"/console/{program_id}/reports/schedules"
    typed = {"name": "Books", "frequency": "weekly", "dayOfWeek": "2", "dayOfMonth": "3", "hourUtc": "6"}
    typed |= {"format": "excel", "recipients": "books@example.com\r\nowner@example.com, books@example.com"}
    made = await owner.follow(await owner.fill(here, **typed))
    assert "The report is sent from now on." in made.text
    (item,) = good(await shop.get(reports(program_id, "scheduled")))["items"]
    assert (item["name"], item["frequency"], item["dayOfWeek"], item["dayOfMonth"]) == ("Books", "weekly", 2, None)
    assert item["recipients"] == ["books@example.com", "owner@example.com"]
    file = await owner.get(f"{here}/{item['id']}/file")
    assert (file.status_code, file.content[:2]) == (200, b"PK")
    wrong = {"name": " ", "recipients": "x@", "hourUtc": "24", "frequency": "yearly", "format": "doc"}
    for name, value in wrong.items():
        answer = await owner.fill(here, **(typed | {name: value}))
        assert (answer.status_code, f'id="{name}-problem"' in answer.text) == (422, True), name
    many = "\n".join(f"a{number}@example.com" for number in range(21))
    assert "At most 20 addresses." in (await owner.fill(here, **(typed | {"recipients": many}))).text
    assert len(good(await shop.get(reports(program_id, "scheduled")))["items"]) == 1
    ended = await owner.follow(await owner.fill(here, f"{here}/{item['id']}/end"))
    assert "The report is not sent any more." in ended.text
    assert good(await shop.get(reports(program_id, "scheduled")))["items"] == []
    assert (await owner.get(f"{here}/{item['id']}/file")).status_code == 404


async def test_what_ends_soon_and_what_lies_untouched(owner: Person, shop: Shop, thief: Superuser) -> None:
    program_id = await shop.program()
    soon = (datetime.now(UTC) + timedelta(days=10, hours=1)).isoformat()
    card = await shop.active("20.00", program_id=program_id, expiresAt=soon)
    page = await owner.get(f"/console/{program_id}/reports/expiring")
    assert (f"/cards/{card['id']}" in page.text, "10 days left" in page.text) == (True, True)
    assert "US$20.00 on 1 cards within 30 days" in (await owner.get(f"/console/{program_id}")).text
    dormant = f"/console/{program_id}/reports/dormant"
    assert "No money has lain untouched for so long." in (await owner.get(dormant)).text
    for wrong in ("0", "3651", "x"):
        assert (await owner.get(f"{dormant}?days={wrong}")).status_code == 422
    old = "UPDATE {} SET created_at = created_at - interval '4 years' WHERE {} = $1"
    await thief.execute("SET session_replication_role = replica")
    await thief.execute(old.format("card_transaction", "card_id"), card["id"])
    await thief.execute(old.format("card", "id"), card["id"])
    await thief.execute("SET session_replication_role = origin")
    page = await owner.get(f"{dormant}?days=1095")
    (summed,) = re.findall(r'<noscript>.*?href="([^"]+)"', page.text)
    assert (f"/cards/{card['id']}" in page.text, "US$20.00" in page.text.partition("<table")[0]) == (True, False)
    page = await owner.get(unescape(summed))
    assert (on_top(page), f"/cards/{card['id']}" in page.text) == ("US$20.00", True)


async def test_who_knows_of_an_alert_says_so_once(owner: Person, shop: Shop) -> None:
    program_id = await shop.program(maxBalance="10000.00", maxInitialValue="10000.00")
    card = await shop.active("5000.00", program_id=program_id)
    await all_summed(shop, program_id)
    await watch_all(shop, program_id)
    here = f"/console/{program_id}/reports/laundering"
    page = await owner.get(here)
    assert f"/cards/{card['id']}" in page.text
    now = await shop.now()
    today, tomorrow = f"{now:%Y-%m-%d}", f"{now + timedelta(days=1):%Y-%m-%d}"
    for asked, is_there in ((f"from={today}&to={tomorrow}", True), (f"to={today}", True), (f"from={tomorrow}", False)):
        assert (f"/cards/{card['id']}" in (await owner.get(f"{here}?{asked}")).text) is is_there, asked
    wrong = await owner.get(f"{here}?from=soon")
    assert (wrong.status_code, 'id="from-problem"' in wrong.text) == (422, True)
    (action,) = [one for one in forms_of(page) if one.endswith("/acknowledge")]
    assert "Money laundering: 1 to look at" in (await owner.get(f"/console/{program_id}")).text
    reader = await signed_in(shop, await hired(shop, Role.READ_ONLY))
    assert not [one for one in forms_of(await reader.get(here)) if one.endswith("/acknowledge")]
    done = await owner.follow(await owner.send(page, action, notes="A wedding"))
    assert ("A wedding" in done.text, "It is noted that you know of it." in done.text) == (True, True)
    again = await owner.follow(await owner.send(page, action, notes="Something else"))
    assert ("A wedding" in again.text, "Something else" in again.text) == (True, False)
    assert (await owner.post(f"{here}/{UNKNOWN}/acknowledge")).status_code == 403


async def watch_all(shop: Shop, program_id: str) -> None:
    """As the worker does once entries are final."""
    services = shop.api.services
    program = await get(services.database, program_id)
    assert program is not None
    while await watch_program(services.database, services.keyring, program):
        pass


async def test_a_wrong_balance_is_found_and_named(owner: Person, shop: Shop, thief: Superuser) -> None:
    program_id = await shop.program()
    card = await shop.active("20.00", program_id=program_id)
    here = f"/console/{program_id}/reports/soundness"
    assert "Everything agrees." in (await owner.fill(here)).text
    await thief.execute("SET session_replication_role = replica")
    await thief.execute("UPDATE card SET balance = balance + 1 WHERE id = $1", card["id"])
    page = await owner.fill(here)
    assert "The balance of the card is not that after its last entry." in page.text
    assert f"/cards/{card['id']}" in page.text
    await thief.execute("UPDATE card SET balance = balance - 1 WHERE id = $1", card["id"])
    await thief.execute("SET session_replication_role = origin")
    wrong = {"from": "2026-05-02", "to": "2026-05-01"}
    assert "The time ends before it begins" in (await owner.fill(here, **wrong)).text


async def test_every_page_is_there_in_five_languages(owner: Person, shop: Shop) -> None:
    program_id = await a_program(shop)
    own = await signed_in(shop, owner.email)
    for language, word in (("de", "Berichte"), ("fr", "Rapports"), ("es", "Informes"), ("nl", "Rapporten")):
        for path in ("", "/reports", "/reports/expiring", "/reports/dormant", "/reports/laundering"):
            page = await own.get(f"/console/{program_id}{path}", Accept_Language=language)
            assert (page.status_code, word in page.text) == (200, True), (language, path)
        for path in ("/reports/soundness", "/reports/schedules", "/entries?measure=liability"):
            assert (await own.get(f"/console/{program_id}{path}", Accept_Language=language)).status_code == 200


async def test_a_page_is_light_over_many_days(owner: Person, shop: Shop) -> None:
    program_id = await a_program(shop)
    page = await owner.get(f"/console/{program_id}/reports?period=90d&granularity=daily")
    assert len(page.content) < 60_000
