"""Programs in the console: opened, changed group by group, and what their rules mean told before they hold."""

import re
from datetime import UTC, datetime
from html import unescape
from zoneinfo import ZoneInfo

import httpx2
from tests.api.shop import Shop, good
from tests.console.person import Person, hired, signed_in

from kado import clock
from kado.access.permissions import Role
from kado.languages import tell
from kado.languages.choose import Language
from kado.languages.say import words
from kado.money import currency


def meant(page: httpx2.Response) -> str:
    """The sentences of a page or a part of one, as they are read."""
    found = re.findall(r'<div class="meaning"[^>]*>(.*?)</div>', page.text, re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", "", one)) for one in found)


async def test_a_program_is_opened_and_its_rules_say_what_they_mean(owner: Person, shop: Shop) -> None:
    fields = {"name": "Summer", "currency": "eur", "language": "de", "timeZone": "Europe/Berlin"}
    fields |= {"expiryRule": "after_issue", "expiryMonths": "36", "maxBalance": "250,00"}
    made = await owner.fill("/console/programs/new", **fields)
    page = await owner.follow(made)
    said = meant(page)
    end = tell.day(clock.add_months(datetime.now(UTC), 36), Language.ENGLISH, ZoneInfo("UTC"))
    assert f"A card bought today expires on {end}." in said
    assert "At most €250.00 can be on a card." in said
    program_id = made.headers["location"].split("/")[2]
    told = good(await shop.call("GET", f"/v2/loyalty/programs/{program_id}"))
    assert (told["currency"], told["maxBalance"], told["expiryMonths"]) == ("EUR", "250.00", 36)
    assert (told["language"], told["timeZone"], told["name"]) == ("de", "Europe/Berlin", "Summer")
    listed = await owner.get("/console/programs")
    assert f'href="/console/{program_id}/rules"' in listed.text


async def test_one_group_is_changed_and_no_other(owner: Person, shop: Shop) -> None:
    program_id = await shop.program(maxBalance="100.00", phone="030", expiryMonths=12)
    rules = f"/console/{program_id}/rules"
    answer = await owner.fill(rules, f"{rules}/life", expiryRule="never", expiryMonths="24")
    page = await owner.follow(answer)
    assert "Cards never expire." in meant(page)
    told = good(await shop.call("GET", f"/v2/loyalty/programs/{program_id}"))
    assert (told["expiryRule"], told["expiryMonths"]) == ("never", 24)
    assert (told["maxBalance"], told["phone"], told["remindExpiry"]) == ("100.00", "030", True)
    await owner.fill(rules, f"{rules}/messages", tellChanges="yes")
    told = good(await shop.call("GET", f"/v2/loyalty/programs/{program_id}"))
    assert (told["remindExpiry"], told["tellChanges"], told["expiryRule"]) == (False, True, "never")
    company = {"company": "Ltd", "address": "Way 1\r\n10115 Berlin", "terms": "None.", "email": "a@b.example"}
    await owner.fill(rules, f"{rules}/company", **company)
    told = good(await shop.call("GET", f"/v2/loyalty/programs/{program_id}"))
    assert (told["address"], told["terms"], told["phone"]) == ("Way 1\n10115 Berlin", "None.", None)


async def test_what_is_wrong_stands_at_its_field_and_nothing_changes(owner: Person, shop: Shop) -> None:
    program_id = await shop.program(maxBalance="100.00")
    rules = f"/console/{program_id}/rules"
    before = good(await shop.call("GET", f"/v2/loyalty/programs/{program_id}"))
    wrong = {
        ("amounts", "maxBalance", "20000"): "This is more or less than any program may allow.",
        ("amounts", "maxReload", "1,234"): "This has more decimals than the currency.",
        ("amounts", "minInitialValue", "x"): "This is not an amount of money.",
        ("life", "expiryMonths", "61"): "This number is too small or too large.",
        ("codes", "cardNumberPrefix", "123456789"): "A card number begins with at most eight digits",
        ("basics", "timeZone", "Europe/Nowhere"): "This is not the name of a time zone",
        ("basics", "name", " "): "Please fill this in.",
        ("company", "website", "javascript:x"): "A website begins with",
        ("company", "email", "x@"): "This is not an email address.",
        ("offline", "maxOfflineTake", "501"): "This is more or less than any program may allow.",
        ("offline", "offlineHours", "25"): "This number is too small or too large.",
        ("people", "retention_period_days", "366"): "This number is too small or too large.",
        ("technical", "passTypeIdentifier", "x"): "A pass type begins with",
    }
    for (group, name, value), why in wrong.items():
        answer = await owner.fill(rules, f"{rules}/{group}", **({"name": "Named"} | {name: value}))
        assert answer.status_code == 422, (group, name)
        problem = re.search(rf'<p class="problem" id="{name}-problem">([^<]*)', answer.text)
        assert why in (problem[1] if problem else ""), (group, name, answer.text)
    assert good(await shop.call("GET", f"/v2/loyalty/programs/{program_id}")) == before


async def test_what_is_typed_is_told_in_the_readers_language_and_changes_nothing(owner: Person, shop: Shop) -> None:
    program_id = await shop.program(currency="EUR", maxBalance="100.00")
    asked = f"/console/{program_id}/rules/amounts/meaning?maxBalance=80&maxInitialValue=80&cashierIssueLimit=0"
    for language in Language:
        said = meant(await owner.get(asked, Accept_Language=language.value))
        known = words("console_programs", language)
        eighty = tell.money(8000, currency("EUR"), language)
        assert known["means_held"].format(most=eighty) in said
        assert known["means_cashier_none"] in said
    wrong = await owner.get(f"/console/{program_id}/rules/amounts/meaning?maxBalance=x")
    assert (wrong.status_code, "This is not an amount of money." in wrong.text) == (200, True)
    assert good(await shop.call("GET", f"/v2/loyalty/programs/{program_id}"))["maxBalance"] == "100.00"
    assert (await owner.get(f"/console/{program_id}/rules/colours/meaning")).status_code == 404


async def test_who_may_only_look_sees_what_the_rules_mean_and_no_form(shop: Shop) -> None:
    program_id = await shop.program()
    cashier = await signed_in(shop, await hired(shop, Role.CASHIER))
    page = await cashier.get(f"/console/{program_id}/rules")
    assert (page.status_code, f'action="/console/{program_id}/rules/life"' in page.text) == (200, False)
    assert "A card bought today expires on" in meant(page)
