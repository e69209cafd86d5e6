"""Rules against fraud in the console: each kind is made, told, changed and deleted as the API has it."""

from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.api.fraud import alerts
from tests.api.shop import Shop, good
from tests.console.person import Person, as_shown, forms_of, hired, signed_in

from kado.access.permissions import Role

SPENDING = ["REDEMPTION", "TRANSFER_OUT"]

KINDS: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "often": (
        {"scope": "cashier", "windowMinutes": "2", "windowUnit": "hours", "maxCount": "3", "maxAmount": "1.234,50"},
        {
            "counts": "transactions",
            "windowMinutes": 120,
            "scope": "cashier",
            "maxCount": 3,
            "maxAmount": "1234.50",
            "transactionTypes": SPENDING,
        },
        "more than 3 times within 2 hours, counted for each cashier.",
    ),
    "checks": (
        {"scope": "address", "windowMinutes": "1", "windowUnit": "days", "maxCount": "4"},
        {"counts": "pending_balance_checks", "windowMinutes": 1440, "scope": "address", "maxCount": 4},
        "More than 4 balance checks of cards not yet sold within 1 day, counted for each IP address.",
    ),
    "soon": (
        {"windowMinutes": "5", "windowUnit": "minutes"},
        {"counts": "spend_after_activation", "windowMinutes": 5, "transactionTypes": SPENDING},
        "within 5 minutes of the card’s activation.",
    ),
    "amount": (
        {"maxAmount": "500", "minAmount": "0.01", "severity": "critical"},
        {"maxAmount": "500.00", "minAmount": "0.01", "transactionTypes": SPENDING, "severity": "critical"},
        "more than US$500.00 at once.",
    ),
    "hours": (
        {"timeZone": "Europe/Berlin", "from": "08:00", "to": "20:00", "day:monday": "yes", "day:saturday": "yes"},
        {
            "timeZone": "Europe/Berlin",
            "weekdays": ["monday", "saturday"],
            "from": "08:00",
            "to": "20:00",
            "transactionTypes": SPENDING,
        },
        "at any time but from 08:00 to 20:00 on Monday, Saturday, by the clock of Europe/Berlin.",
    ),
    "addresses": (
        {"addresses": "203.0.113.7, 198.51.100.0/24\n"},
        {"addresses": ["203.0.113.7/32", "198.51.100.0/24"], "transactionTypes": SPENDING},
        "from 203.0.113.7/32, 198.51.100.0/24.",
    ),
    "programs": (
        {"contains": "curl\nHeadless Browser", "orNone": "yes"},
        {"contains": ["curl", "Headless Browser"], "orNone": True, "transactionTypes": SPENDING},
        "by software whose name contains curl, headless browser.",
    ),
    "together": (
        {"amount.maxAmount": "100", "hours.from": "09:00", "hours.to": "18:00", "hours.timeZone": "UTC"},
        {
            "all": [
                {"ruleType": "TRANSACTION_LIMIT", "config": {"maxAmount": "100.00", "transactionTypes": SPENDING}},
                {
                    "ruleType": "TIME_RESTRICTION",
                    "config": {
                        "timeZone": "UTC",
                        "weekdays": [
                            *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
                        ],
                        "from": "09:00",
                        "to": "18:00",
                        "transactionTypes": SPENDING,
                    },
                },
            ]
        },
        "All of this at once:",
    ),
}


def at(program_id: str) -> str:
    return f"/console/{program_id}/fraud/rules"


async def rules_of(shop: Shop, program_id: str) -> list[dict[str, Any]]:
    return list(good(await shop.call("GET", f"/v2/giftcards/programs/{program_id}/fraud/rules"))["items"])


async def form(owner: Person, program_id: str, kind: str) -> dict[str, str]:
    """What the empty form of a kind sends by itself."""
    page = await owner.get(f"{at(program_id)}/new?kind={kind}")
    return as_shown(page, at(program_id))


def plain(text: str) -> str:
    return unescape(text).replace("<bdi>", "").replace("</bdi>", "")


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_is_made_told_and_stays_what_it_is_when_it_is_saved_again(
    kind: str, owner: Person, shop: Shop
) -> None:
    program_id = await shop.program()
    typed, config, sentence = KINDS[kind]
    filled = await form(owner, program_id, kind) | typed | {"name": f"Rule {kind}", "action": "block"}
    meaning = await owner.get(f"{at(program_id)}/meaning?{urlencode(filled)}")
    assert sentence in plain(meaning.text)
    page = await owner.follow(await owner.post(at(program_id), filled))
    assert (sentence in plain(page.text), "The rule holds from now on." in page.text) == (True, True)
    before = (await rules_of(shop, program_id))[-1]
    assert (before["config"], before["action"], before["name"]) == (config, "block", f"Rule {kind}")
    here = f"{at(program_id)}/{before['id']}"
    assert (await owner.post(here, as_shown(page, here))).status_code == 303
    assert (await rules_of(shop, program_id))[-1] == before, "it would count anew"
    assert sentence in plain((await owner.get(at(program_id))).text)


async def test_the_usual_rules_stay_what_they_are_when_they_are_saved(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    before = await rules_of(shop, program_id)
    assert before
    for rule in before:
        here = f"{at(program_id)}/{rule['id']}"
        assert (await owner.post(here, as_shown(await owner.get(here), here))).status_code == 303
    assert await rules_of(shop, program_id) == before


async def test_what_is_wrong_is_said_at_its_field_and_makes_no_rule(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    before = await rules_of(shop, program_id)
    for kind, wrong, field in (
        ("often", {"windowMinutes": "", "maxCount": "1"}, "windowMinutes"),
        ("often", {"windowMinutes": "8", "windowUnit": "days", "maxCount": "1"}, "windowMinutes"),
        ("often", {"windowMinutes": "8"}, "maxCount"),
        ("often", {"windowMinutes": "8", "maxAmount": "x"}, "maxAmount"),
        ("often", {"windowMinutes": "8", "maxCount": "1", "scope": "nobody"}, "scope"),
        ("checks", {"windowMinutes": "8", "maxCount": "1", "scope": "cashier"}, "scope"),
        ("amount", {}, "maxAmount"),
        ("amount", {"maxAmount": "1", "minAmount": "2"}, "minAmount"),
        ("hours", {"timeZone": "Mars/Olympus", "from": "08:00", "to": "09:00"}, "timeZone"),
        ("hours", {"timeZone": "UTC", "from": "08:00"}, "to"),
        ("hours", {"timeZone": "UTC"}, "from"),
        ("addresses", {"addresses": "not an address"}, "addresses"),
        ("addresses", {"addresses": owner.address}, "addresses"),
        ("programs", {"contains": "x" * 101}, "contains"),
        ("programs", {}, "contains"),
        ("countries", {"countries": "DE"}, "countries"),
        ("together", {"amount.maxAmount": "5"}, ""),
        ("together", {"amount.maxAmount": "5", "soon.windowMinutes": "x"}, "soon.windowMinutes"),
        ("together", {"amount.maxAmount": "5", "addresses.addresses": "x"}, "addresses.addresses"),
        ("amount", {"maxAmount": "1", "name": ""}, "name"),
        ("amount", {"maxAmount": "1", "expiresAt": "2001-01-01T00:00"}, "expiresAt"),
    ):
        filled = await form(owner, program_id, kind) | {"name": "Wrong"} | wrong
        answer = await owner.post(at(program_id), filled)
        assert answer.status_code == 422, (kind, wrong, answer.status_code)
        assert (f'id="{field}-problem"' in answer.text or not field) is True, (kind, wrong)
        assert 'class="problem"' in answer.text, (kind, wrong)
        if wrong.get("maxAmount") == "x":
            assert 'value="x"' in answer.text, "what was typed stays"
    assert await rules_of(shop, program_id) == before


async def test_a_form_that_is_sent_twice_makes_one_rule(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    before = len(await rules_of(shop, program_id))
    filled = await form(owner, program_id, "amount") | {"name": "Once", "maxAmount": "1"}
    first, second = [await owner.post(at(program_id), filled) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]
    assert len(await rules_of(shop, program_id)) == before + 1


async def test_conditions_without_a_form_stay_while_all_else_is_changed(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    part = {"ruleType": "TRANSACTION_LIMIT", "config": {"maxAmount": "5.00"}}
    other = {"ruleType": "TRANSACTION_LIMIT", "config": {"maxAmount": "7.00"}}
    rule = {"name": "Odd", "description": "x", "ruleType": "CUSTOM", "action": "flag", "config": {"all": [part, other]}}
    made = good(await shop.call("POST", f"/v2/giftcards/programs/{program_id}/fraud/rules", rule), 201)
    here = f"{at(program_id)}/{made['id']}"
    page = await owner.get(here)
    assert "were made over the API" in page.text
    assert (await owner.post(here, as_shown(page, here) | {"name": "Odder"})).status_code == 303
    after = (await rules_of(shop, program_id))[-1]
    assert (after["name"], after["config"], after["countsSince"]) == ("Odder", made["config"], made["countsSince"])


async def test_a_rule_that_could_not_be_made_today_can_still_be_renamed(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    config = {"addresses": [owner.address]}
    rule = {"name": "Here", "description": "x", "ruleType": "IP_BLOCK", "action": "flag", "config": config}
    made = good(await shop.call("POST", f"/v2/giftcards/programs/{program_id}/fraud/rules", rule), 201)
    here = f"{at(program_id)}/{made['id']}"
    assert (await owner.post(here, as_shown(await owner.get(here), here) | {"name": "There"})).status_code == 303
    after = (await rules_of(shop, program_id))[-1]
    assert (after["name"], after["config"]) == ("There", made["config"])


async def test_an_end_is_set_and_taken_away(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    rule = (await rules_of(shop, program_id))[0]
    here = f"{at(program_id)}/{rule['id']}"
    for said, end in (("2030-01-02T03:04", "2030-01-02T03:04:00Z"), ("", None)):
        filled = as_shown(await owner.get(here), here) | {"expiresAt": said}
        assert (await owner.post(here, filled)).status_code == 303
        assert (await rules_of(shop, program_id))[0]["expiresAt"] == end
    async with shop.api.services.database.transaction() as connection:
        await connection.execute(
            "UPDATE fraud_rule SET expires_at = created_at WHERE program_id = $1 AND id = $2", program_id, rule["id"]
        )
    assert "Over</span>" in (await owner.get(here)).text


async def test_how_often_a_rule_spoke_is_counted_and_a_deleted_one_leaves_its_alerts(owner: Person, shop: Shop) -> None:
    program_id = await shop.program()
    typed = {"name": "Any", "maxAmount": "0.50"}
    await owner.post(at(program_id), await form(owner, program_id, "amount") | typed)
    card = await shop.active("10.00", program_id=program_id)
    for _ in range(2):
        await shop.redeem(card)
    assert [one["occurrences"] for one in await alerts(shop, program_id) if one["ruleName"] == "Any"] == [2]
    page = await owner.get(at(program_id))
    assert "Spoke 2 times in 30 days" in plain(page.text)
    rule = (await rules_of(shop, program_id))[-1]
    sure = await owner.get(f"{at(program_id)}/{rule['id']}/delete")
    assert rule in await rules_of(shop, program_id), "nothing is done before it is confirmed"
    gone = await owner.follow(await owner.send(sure, f"{at(program_id)}/{rule['id']}/delete"))
    assert "The rule is deleted." in gone.text
    assert rule not in await rules_of(shop, program_id)
    assert [one["ruleName"] for one in await alerts(shop, program_id)]
    assert (await owner.get(f"{at(program_id)}/{rule['id']}")).status_code == 404


async def test_who_only_looks_reads_what_rules_mean_and_finds_no_form(shop: Shop) -> None:
    reader = await signed_in(shop, await hired(shop, Role.READ_ONLY))
    page = await reader.get(at(shop.program_id))
    assert ("counted for each card" in page.text, len(forms_of(page))) == (True, 1)
    rule = (await rules_of(shop, shop.program_id))[0]
    one = await reader.get(f"{at(shop.program_id)}/{rule['id']}")
    assert ("Then it happens all the same" in one.text, at(shop.program_id) in "".join(forms_of(one))) == (True, False)
