"""Rules against fraud: each type with each action, on the wire."""

from typing import Any

import httpx2
import pytest
from tests.api.fraud import a_program, a_rule, alerts, fraud_path, refused, rules_of, sent_from
from tests.api.shop import Body, Fits, Shop, an_address, card_path, good


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {"KADO_TRUSTED_PROXIES": "127.0.0.1", "KADO_COUNTRY_HEADER": "CF-IPCountry"}


FROM = an_address()
TODAY = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

# For each type: a config, how a redemption is sent that it speaks against, and how one that passes.
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "card, count": ("VELOCITY_LIMIT", {"scope": "card", "windowMinutes": 60, "maxCount": 1}, {}, {}),
    "cashier, amount": (
        "VELOCITY_LIMIT",
        {"scope": "cashier", "windowMinutes": 60, "maxAmount": "1.50"},
        {"more": {"cashierId": "C-1"}},
        {"more": {"cashierId": "C-2"}},
    ),
    "terminal, count": (
        "VELOCITY_LIMIT",
        {"scope": "terminal", "windowMinutes": 60, "maxCount": 1},
        {"more": {"terminalId": "T-1"}},
        {"more": {"terminalId": "T-2"}},
    ),
    "merchant, count": ("VELOCITY_LIMIT", {"scope": "merchant", "windowMinutes": 1440, "maxCount": 1}, {}, {}),
    "actor, count": ("VELOCITY_LIMIT", {"scope": "actor", "windowMinutes": 1, "maxCount": 1}, {}, {}),
    "program, amount": ("VELOCITY_LIMIT", {"scope": "program", "windowMinutes": 7, "maxAmount": 1.5}, {}, {}),
    "address, count": (
        "VELOCITY_LIMIT",
        {"scope": "address", "windowMinutes": 60, "maxCount": 1},
        {"headers": sent_from(FROM)},
        {"headers": sent_from()},
    ),
    "right after activation": ("VELOCITY_LIMIT", {"counts": "spend_after_activation", "windowMinutes": 5}, {}, {}),
    "amount": ("TRANSACTION_LIMIT", {"maxAmount": "9.99"}, {"amount": "10.00"}, {"amount": "9.99"}),
    "small amount": ("TRANSACTION_LIMIT", {"minAmount": "0.50"}, {"amount": "0.49"}, {"amount": "0.50"}),
    "address": (
        "IP_BLOCK",
        {"addresses": [FROM, "2001:db8:1::/48"]},
        {"headers": sent_from("2001:db8:1:2::3")},
        {"headers": sent_from()},
    ),
    "user agent": (
        "USER_AGENT_BLOCK",
        {"contains": ["CURL"]},
        {"headers": sent_from(agent="curl/8.1")},
        {"headers": sent_from()},
    ),
    "no user agent": (
        "USER_AGENT_BLOCK",
        {"orNone": True},
        {"headers": sent_from(agent="")},
        {"headers": sent_from()},
    ),
    "country": (
        "GEOGRAPHIC_RESTRICTION",
        {"allowedCountries": ["de", "AT"]},
        {"headers": sent_from(**{"CF-IPCountry": "FR"})},
        {"headers": sent_from(**{"CF-IPCountry": "at"})},
    ),
    "no country": (
        "GEOGRAPHIC_RESTRICTION",
        {"blockedCountries": ["FR"], "unknownToo": True},
        {"headers": sent_from()},
        {"headers": sent_from(**{"CF-IPCountry": "DE"})},
    ),
    "closed all week": (
        "TIME_RESTRICTION",
        {"timeZone": "Europe/Berlin", "from": "00:00", "to": "00:01", "weekdays": ["monday"]},
        {},
        {},
    ),
    "two things at once": (
        "CUSTOM",
        {
            "all": [
                {"ruleType": "TRANSACTION_LIMIT", "config": {"maxAmount": "9.99"}},
                {"ruleType": "IP_BLOCK", "config": {"addresses": [FROM]}},
            ]
        },
        {"headers": sent_from(FROM), "amount": "10.00"},
        {"headers": sent_from(FROM), "amount": "9.00"},
    ),
}
COUNTING = [name for name, (_, config, *_) in CASES.items() if "scope" in config]


async def before_it_speaks(shop: Shop, card: Body, name: str, hit: dict[str, Any]) -> None:
    """What a rule that counts must have seen already."""
    if name in COUNTING:
        good(await redeemed(shop, card, hit))


async def redeemed(shop: Shop, card: Body, given: dict[str, Any]) -> httpx2.Response:
    return await shop.redeem(card, given.get("amount", "1.00"), **{k: v for k, v in given.items() if k != "amount"})


@pytest.mark.parametrize("name", CASES)
async def test_what_a_rule_blocks_does_not_happen_and_is_told(shop: Shop, name: str) -> None:
    kind, config, hit, _ = CASES[name]
    program = await a_program(shop)
    rule = await a_rule(shop, program, kind, config)
    card = await shop.active(program_id=program)
    await before_it_speaks(shop, card, name, hit)
    before = await shop.look(card)
    answer = refused(await redeemed(shop, card, hit))
    assert answer["ruleId"] == rule["id"]
    assert await shop.look(card) == before
    (alert,) = await alerts(shop, program)
    assert (alert["ruleId"], alert["action"], alert["severity"]) == (rule["id"], "block", "high")
    assert (alert["cardIds"], alert["transactionIds"], alert["status"]) == ([card["id"]], [], "open")


@pytest.mark.parametrize("name", [name for name, (*_, hit, other) in CASES.items() if hit != other])
async def test_what_a_rule_does_not_mean_passes(shop: Shop, name: str) -> None:
    kind, config, hit, other = CASES[name]
    program = await a_program(shop)
    await a_rule(shop, program, kind, config)
    card = await shop.active(program_id=program)
    await before_it_speaks(shop, card, name, hit)
    for _ in range(2 if name == "address, count" else 1):
        good(await redeemed(shop, card, {**other, "headers": sent_from()} if name == "address, count" else other))
    assert await alerts(shop, program) == []


@pytest.mark.parametrize("name", CASES)
async def test_what_a_rule_flags_happens_and_is_told(shop: Shop, name: str) -> None:
    kind, config, hit, _ = CASES[name]
    program = await a_program(shop)
    rule = await a_rule(shop, program, kind, {**config, "severity": "critical"}, "flag")
    card = await shop.active(program_id=program)
    await before_it_speaks(shop, card, name, hit)
    sale = good(await redeemed(shop, card, hit))["transactionId"]
    (alert,) = await alerts(shop, program)
    assert (alert["ruleId"], alert["action"], alert["severity"]) == (rule["id"], "flag", "critical")
    assert (alert["cardIds"], alert["transactionIds"]) == ([card["id"]], [sale])


@pytest.mark.parametrize("name", CASES)
async def test_what_needs_a_review_waits_for_it_and_passes_for_a_while(shop: Shop, name: str) -> None:
    kind, config, hit, _ = CASES[name]
    program = await a_program(shop)
    await a_rule(shop, program, kind, config, "require_review")
    card, other = [await shop.active(program_id=program) for _ in range(2)]
    await before_it_speaks(shop, card, name, hit)
    refused(await redeemed(shop, card, hit), "review_required")
    (alert,) = await alerts(shop, program)
    said = good(await shop.post(fraud_path(program, f"alerts/{alert['id']}/acknowledge"), {"isFalsePositive": True}))
    assert (said["status"], said["isFalsePositive"]) == ("false_positive", True)
    for _ in range(2):
        good(await redeemed(shop, card, hit))
    if name not in COUNTING:
        refused(await redeemed(shop, other, hit), "review_required")


async def test_an_acknowledgement_that_is_no_all_clear_lets_nothing_pass(shop: Shop) -> None:
    program = await a_program(shop)
    await a_rule(shop, program, "TRANSACTION_LIMIT", {"maxAmount": "5.00"}, "require_review")
    card = await shop.active(program_id=program)
    refused(await shop.redeem(card, "6.00"), "review_required")
    (alert,) = await alerts(shop, program)
    good(await shop.post(fraud_path(program, f"alerts/{alert['id']}/acknowledge"), {"notes": "called them"}))
    refused(await shop.redeem(card, "6.00"), "review_required")
    good(await shop.redeem(card, "5.00"))


async def test_a_refusal_belongs_to_its_key(shop: Shop) -> None:
    program = await a_program(shop)
    rule = await a_rule(shop, program, "TRANSACTION_LIMIT", {"maxAmount": "5.00"})
    card = await shop.active(program_id=program)
    first = await shop.redeem(card, "6.00", key="k1")
    refused(first)
    good(await shop.call("PUT", fraud_path(program, f"rules/{rule['id']}"), {"isActive": False}))
    again = await shop.redeem(card, "6.00", key="k1")
    assert (again.status_code, again.content) == (400, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    good(await shop.redeem(card, "6.00", key="k2"))
    (alert,) = await alerts(shop, program)
    assert alert["occurrences"] == 1


async def test_what_the_card_forbids_comes_before_what_a_rule_forbids(shop: Shop) -> None:
    program = await a_program(shop)
    await a_rule(shop, program, "TRANSACTION_LIMIT", {"maxAmount": "5.00"})
    card = await shop.active("10.00", program_id=program)
    assert good(await shop.redeem(card, "11.00"), 400)["code"] == "insufficient_balance"
    assert await alerts(shop, program) == []


async def test_what_is_refused_is_not_counted(shop: Shop) -> None:
    program = await a_program(shop)
    await a_rule(shop, program, "VELOCITY_LIMIT", {"scope": "card", "windowMinutes": 60, "maxAmount": "10.00"})
    card = await shop.active(program_id=program)
    for amount, passes in (("6.00", True), ("5.00", False), ("4.00", True), ("0.01", False)):
        answer = await shop.redeem(card, amount)
        good(answer) if passes else refused(answer)
    (seen,) = good(await shop.get(fraud_path(program, "velocity-checks")))["items"]
    assert (seen["count"], seen["amount"], seen["hits"], seen["maxAmount"]) == (2, "10.00", 2, "10.00")
    assert seen["subject"] == f"card:{card['id']}"


@pytest.mark.parametrize("action", ["block", "flag"])
async def test_a_till_takes_back_what_it_sent_whatever_the_rules_say(shop: Shop, action: str) -> None:
    program = await a_program(shop)
    config = {"maxAmount": "5.00", "transactionTypes": ["REFUND", "REDEMPTION"]}
    card = await shop.active(program_id=program)
    good(await shop.redeem(card, "9.00", more={"posTransactionId": "POS-9"}))
    good(await shop.reload(card, "9.00", more={"referenceId": "R-9"}))
    await a_rule(shop, program, "TRANSACTION_LIMIT", config, action)
    assert good(await shop.reverse(card, posTransactionId="POS-9"))
    assert good(await shop.reverse(card, referenceId="R-9"))
    assert (await shop.look(card))["balance"] == "100.00"
    (alert,) = await alerts(shop, program)
    assert (alert["action"], alert["details"]["transactionType"]) == ("flag", "REFUND")


@pytest.mark.parametrize(
    ("kind", "send"),
    [
        ("ACTIVATION", lambda shop, card, _: shop.post(card_path(card, "activate"), {})),
        ("RELOAD", lambda shop, card, _: shop.reload(card, "2.00")),
        ("TRANSFER_OUT", lambda shop, card, other: shop.transfer(card, other, "2.00")),
    ],
)
async def test_rules_look_at_the_transactions_that_they_name(shop: Shop, kind: str, send: Any) -> None:
    program = await a_program(shop)
    await a_rule(shop, program, "TRANSACTION_LIMIT", {"maxAmount": "1.00", "transactionTypes": [kind]})
    other = await shop.active("0.50", program_id=program) if kind == "ACTIVATION" else None
    card = await shop.issue("20.00", program_id=program)
    if kind != "ACTIVATION":
        card = good(await shop.post(card_path(card, "activate"), {}))
        other = await shop.active(program_id=program)
    good(await shop.redeem(card, "10.00")) if kind != "ACTIVATION" else None
    refused(await send(shop, card, other))


async def test_a_capture_is_a_redemption(shop: Shop) -> None:
    program = await a_program(shop)
    card = await shop.active(program_id=program)
    hold = await shop.hold(card, "20.00", cashierId="C-5")
    await a_rule(shop, program, "VELOCITY_LIMIT", {"scope": "cashier", "windowMinutes": 60, "maxCount": 1})
    good(await shop.redeem(card, "1.00", more={"cashierId": "C-5"}))
    refused(await shop.post(card_path(card, f"holds/{hold['id']}/capture"), {}))
    good(await shop.post(card_path(card, f"holds/{hold['id']}/capture"), {"cashierId": "C-6"}))


async def test_test_cards_are_counted_by_themselves(shop: Shop) -> None:
    program = await a_program(shop)
    await a_rule(shop, program, "VELOCITY_LIMIT", {"scope": "program", "windowMinutes": 60, "maxCount": 1})
    test_key = await shop.key(is_test=True)
    test_card = await shop.active(program_id=program, token=test_key)
    good(await shop.redeem(test_card, token=test_key))
    refused(await shop.redeem(test_card, token=test_key))
    good(await shop.redeem(await shop.active(program_id=program)))
    assert await alerts(shop, program) == []
    (alert,) = await alerts(shop, program, token=test_key)
    assert alert["cardIds"] == [test_card["id"]]
    path = fraud_path(program, f"alerts/{alert['id']}/acknowledge")
    assert good(await shop.post(path, {}), 404)["code"] == "alert_not_found"


async def test_a_program_begins_with_rules_that_tell_and_refuse_nothing(shop: Shop) -> None:
    rules = await rules_of(shop, await shop.program())
    assert len(rules) == 6
    assert {rule["action"] for rule in rules} == {"flag"}
    assert all(rule["isActive"] and rule["description"] for rule in rules)


async def test_many_redemptions_are_one_alert(shop: Shop) -> None:
    program = await shop.program()
    card = await shop.active(program_id=program)
    sales = [await shop.sold(card, "1.00") for _ in range(6)]
    kinds = {alert["patternType"]: alert for alert in await alerts(shop, program)}
    assert kinds.keys() == {"SPEND_AFTER_ACTIVATION"}
    sales += [await shop.sold(card, "1.00") for _ in range(6)]
    await alerts(shop, program)
    kinds = {alert["patternType"]: alert for alert in await alerts(shop, program)}
    assert kinds.keys() == {"SPEND_AFTER_ACTIVATION", "VELOCITY_LIMIT"}
    assert kinds["SPEND_AFTER_ACTIVATION"]["occurrences"] == 12
    assert kinds["VELOCITY_LIMIT"]["transactionIds"] == sales[10:]
    assert kinds["VELOCITY_LIMIT"]["details"]["count"] == 12


async def test_a_repeated_reference_is_an_alert(shop: Shop) -> None:
    program = await a_program(shop)
    card = await shop.active(program_id=program)
    good(await shop.reload(card, "1.00", more={"referenceId": "R-1"}))
    first = (await shop.entries(card))[0]["id"]
    again = await shop.reload(card, "1.00", more={"referenceId": "R-1"})
    assert again.headers["Kado-Possible-Duplicate"] == first
    (alert,) = await alerts(shop, program)
    assert (alert["patternType"], alert["severity"], alert["ruleId"]) == ("POSSIBLE_DUPLICATE", "low", None)
    assert alert["transactionIds"] == [(await shop.entries(card))[0]["id"]]
    assert alert["details"] == {"earlierTransactionId": first}
    for _ in range(2):
        good(await shop.reload(card, "1.00", more={"referenceId": "R-2"}, key="one-key"))
    assert len(await alerts(shop, program)) == 1


# ── make, change, delete ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_rule_is_what_its_owner_said(shop: Shop, fits: Fits) -> None:
    program = await a_program(shop, currency="KWD")
    body = {
        "name": "Much at once",
        "ruleType": "TRANSACTION_LIMIT",
        "description": "more than\nusual",
        "config": {"maxAmount": 12.5},
        "expiresAt": "2093-01-01T00:00:00Z",
    }
    rule = fits("FraudRuleResponse", good(await shop.post(fraud_path(program, "rules"), body), 201))
    assert rule == body | {
        "id": rule["id"],
        "programId": program,
        "action": "block",
        "severity": "high",
        "isActive": True,
        "config": {"maxAmount": "12.500", "transactionTypes": ["REDEMPTION", "TRANSFER_OUT"]},
        "countsSince": rule["createdAt"],
        "createdAt": rule["createdAt"],
        "updatedAt": None,
    }
    assert await rules_of(shop, program) == [rule]


async def test_only_what_was_sent_changes(shop: Shop) -> None:
    program = await a_program(shop)
    rule = await a_rule(shop, program, "TRANSACTION_LIMIT", {"maxAmount": "5.00"})
    path = fraud_path(program, f"rules/{rule['id']}")
    same = good(await shop.call("PUT", path, {"name": None, "description": None}))
    assert same == rule
    renamed = good(await shop.call("PUT", path, {"name": "Another"}))
    assert renamed | {"name": rule["name"], "updatedAt": None} == rule
    other = good(await shop.call("PUT", path, {"config": {"maxAmount": "7.00"}, "action": "flag"}))
    assert (other["config"]["maxAmount"], other["action"], other["name"]) == ("7.00", "flag", "Another")
    assert other["countsSince"] > rule["countsSince"]


async def test_another_config_counts_anew(shop: Shop) -> None:
    program = await a_program(shop)
    config = {"scope": "card", "windowMinutes": 60, "maxCount": 1}
    rule = await a_rule(shop, program, "VELOCITY_LIMIT", config)
    card = await shop.active(program_id=program)
    good(await shop.redeem(card))
    refused(await shop.redeem(card))
    good(await shop.call("PUT", fraud_path(program, f"rules/{rule['id']}"), {"config": {**config, "maxCount": 2}}))
    for passes in (True, True, False):
        answer = await shop.redeem(card)
        good(answer) if passes else refused(answer)


async def test_a_rule_that_is_gone_or_over_refuses_nothing(shop: Shop) -> None:
    program = await a_program(shop)
    rule = await a_rule(shop, program, "TRANSACTION_LIMIT", {"maxAmount": "5.00"})
    card = await shop.active(program_id=program)
    refused(await shop.redeem(card, "6.00"))
    path = fraud_path(program, f"rules/{rule['id']}")
    good(await shop.call("PUT", path, {"isActive": False}))
    good(await shop.redeem(card, "6.00"))
    good(await shop.call("PUT", path, {"isActive": True}))
    refused(await shop.redeem(card, "6.00"))
    over = "UPDATE program SET fraud_rules = jsonb_set(fraud_rules, '{0,expires_at}', '\"2001-01-01T00:00:00Z\"')"
    await shop.superuser.execute(f"{over} WHERE id = $1", program)
    good(await shop.redeem(card, "6.00"))
    assert good(await shop.call("DELETE", path)) == {"success": True, "id": rule["id"]}
    assert good(await shop.call("DELETE", path), 404)["code"] == "rule_not_found"
    assert good(await shop.call("PUT", path, {"name": "x"}), 404)["code"] == "rule_not_found"


async def test_fifty_rules_are_enough(shop: Shop) -> None:
    program = await a_program(shop)
    for _ in range(50):
        await a_rule(shop, program, "TRANSACTION_LIMIT", {"maxAmount": "5.00"}, "flag")
    body = {"name": "x", "ruleType": "TRANSACTION_LIMIT", "config": {"maxAmount": "5.00"}}
    assert good(await shop.post(fraud_path(program, "rules"), body), 400)["code"] == "too_many_rules"
    assert await shop.superuser.fetchval("SELECT fraud_rules FROM program WHERE id = $1", program) is None
