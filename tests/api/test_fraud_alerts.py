"""Alerts: listed, narrowed down, acknowledged, with their card suspended in the same moment; figures about them."""

import asyncio
from typing import Any

import pytest
from tests.api.fraud import a_program, a_rule, alerts, fraud_path, refused, sent_from, worked
from tests.api.shop import UNKNOWN, Body, Fits, Shop, check_path, good

from kado.access.permissions import Permission, Role
from kado.cards.sweep import sweep as sweep_cards
from kado.fraud.sweep import sweep


async def an_alert(shop: Shop, program: str = "", **more: Any) -> tuple[Body, Body]:
    """A card with an alert about a large redemption."""
    program = program or await a_program(shop)
    await a_rule(shop, program, "TRANSACTION_LIMIT", {"maxAmount": "5.00", **more}, "flag")
    card = await shop.active(program_id=program)
    good(await shop.redeem(card, "6.00"))
    (alert,) = [one for one in await alerts(shop, program) if one["cardId"] == card["id"]]
    return card, alert


def acknowledge_path(alert: Body) -> str:
    return fraud_path(alert["programId"], f"alerts/{alert['id']}/acknowledge")


# ── acknowledge ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_alert_is_acknowledged_once(shop: Shop, fits: Fits) -> None:
    _, alert = await an_alert(shop)
    fits("FraudAlertResponse", alert)
    said = good(await shop.post(acknowledge_path(alert), {"notes": "It was\nme."}))
    assert said | {"status": "open", "notes": None, "acknowledgedBy": None, "acknowledgedAt": None} == alert
    assert (said["status"], said["notes"], said["cardSuspended"]) == ("acknowledged", "It was\nme.", False)
    assert said["acknowledgedBy"].startswith("key:")
    assert good(await shop.post(acknowledge_path(alert), {"notes": "It was\nme."})) == said
    for other in ({}, {"notes": "x"}, {"notes": "It was\nme.", "isFalsePositive": True}):
        body = good(await shop.post(acknowledge_path(alert), other), 400)
        assert (body["code"], body["status"]) == ("alert_not_open", "acknowledged")
    assert good(await shop.post(acknowledge_path(alert), {"suspendCard": True}), 400)["code"] == "alert_not_open"


async def test_more_of_the_same_after_that_is_another_alert(shop: Shop) -> None:
    card, alert = await an_alert(shop)
    good(await shop.redeem(card, "6.00"))
    (same,) = await alerts(shop, alert["programId"])
    assert (same["id"], same["occurrences"], len(same["transactionIds"])) == (alert["id"], 2, 2)
    good(await shop.post(acknowledge_path(alert), {}))
    good(await shop.redeem(card, "6.00"))
    new, old = await alerts(shop, alert["programId"])
    assert (new["occurrences"], new["status"], old["id"], old["occurrences"]) == (1, "open", alert["id"], 2)


async def test_its_card_is_suspended_with_it(shop: Shop) -> None:
    card, alert = await an_alert(shop)
    until = "2093-01-01T00:00:00Z"
    body = {"suspendCard": True, "suspendReason": "Looks stolen", "suspendExpiresAt": until, "notes": "n"}
    said = good(await shop.post(acknowledge_path(alert), body))
    assert (said["status"], said["cardSuspended"]) == ("acknowledged", True)
    seen = await shop.look(card)
    assert (seen["status"], seen["suspendedReason"], seen["suspendedUntil"]) == ("suspended", "Looks stolen", until)
    assert good(await shop.post(acknowledge_path(alert), body)) == said
    actions = await shop.rows("SELECT action FROM audit_log WHERE subject = ANY ($1)", [card["id"], alert["id"]])
    assert {"card:suspended", "fraud-alert:acknowledged"} <= {row["action"] for row in actions}
    await shop.verified()


async def test_the_log_says_who_asked_for_it_and_not_who_was_before_them(shop: Shop) -> None:
    """What arrives while a list is under way is settled by whoever began with that one."""
    card, alert = await an_alert(shop)
    sold = await shop.active()
    lock = shop.superuser.transaction()
    await lock.start()
    await shop.superuser.execute("SELECT 1 FROM card WHERE id = $1 FOR UPDATE", sold["id"])
    queue = shop.api.services.ledger._gatherer
    async with asyncio.timeout(4), asyncio.TaskGroup() as group:
        group.create_task(shop.redeem(sold, headers={"X-Request-Id": "till"}))
        while queue._running is None:
            await asyncio.sleep(0.005)
        while queue._waiting:
            await asyncio.sleep(0.005)
        body = {"suspendCard": True}
        group.create_task(shop.post(acknowledge_path(alert), body, headers={"X-Request-Id": "desk"}))
        while not queue._waiting:
            await asyncio.sleep(0.005)
        await lock.rollback()
    rows = await shop.rows(
        "SELECT action, request_id FROM audit_log WHERE subject IN ($1, $2)", card["id"], alert["id"]
    )
    said = {row["action"]: row["request_id"] for row in rows}
    assert (said["card:suspended"], said["fraud-alert:acknowledged"]) == ("desk", "desk")


async def test_neither_happens_where_one_cannot(shop: Shop) -> None:
    card, alert = await an_alert(shop)
    past = good(await shop.post(acknowledge_path(alert), {"suspendCard": True, "suspendExpiresAt": "2001-01-01"}), 422)
    assert past["detail"][0]["loc"] == ["body", "suspendExpiresAt"]
    both = good(await shop.post(acknowledge_path(alert), {"suspendCard": True, "isFalsePositive": True}), 422)
    assert both["detail"][0]["loc"] == ["body", "suspendCard"]
    assert (await shop.look(card))["status"] == "active"
    good(await shop.post(f"/v2/giftcards/programs/{card['programId']}/cards/{card['id']}/void", {"reason": "lost"}))
    assert good(await shop.post(acknowledge_path(alert), {"suspendCard": True}), 400)["code"] == "card_not_active"
    assert (await alerts(shop, card["programId"]))[0]["status"] == "open"


async def test_many_at_once_suspend_once(shop: Shop) -> None:
    card, alert = await an_alert(shop)
    bodies = [{"suspendCard": True, "notes": f"{at % 2}"} for at in range(8)] + [{"notes": "x"}] * 4
    answers = await asyncio.gather(*(shop.post(acknowledge_path(alert), body) for body in bodies))
    assert {answer.status_code for answer in answers} <= {200, 400}
    told = {(good(answer)["notes"], good(answer)["cardSuspended"]) for answer in answers if answer.status_code == 200}
    assert len(told) == 1
    stored = await shop.superuser.fetchrow("SELECT notes, has_suspended FROM fraud_alert WHERE id = $1", alert["id"])
    assert stored is not None
    assert told == {tuple(stored)}
    assert ((await shop.look(card))["status"] == "suspended") is stored["has_suspended"]
    closed = "SELECT count(*) FROM audit_log WHERE subject = $1 AND action = 'fraud-alert:acknowledged'"
    assert await shop.superuser.fetchval(closed, alert["id"]) == 1


async def test_an_alert_about_several_cards_suspends_none_of_them(shop: Shop) -> None:
    program = await a_program(shop)
    await a_rule(shop, program, "USER_AGENT_BLOCK", {"contains": ["bot"]}, "flag")
    cards = [await shop.active(program_id=program) for _ in range(2)]
    headers = sent_from(agent="A Bot")
    for card in cards:
        good(await shop.redeem(card, headers=headers))
    (alert,) = await alerts(shop, program)
    assert alert["cardIds"] == [card["id"] for card in cards]
    assert alert["cardId"] == cards[1]["id"]
    assert alert["subject"] == f"address:{headers['X-Forwarded-For']}"
    body = good(await shop.post(acknowledge_path(alert), {"suspendCard": True}), 400)
    assert (body["code"], body["cardIds"]) == ("alert_names_several_cards", alert["cardIds"])
    assert {(await shop.look(card))["status"] for card in cards} == {"active"}


async def test_who_may_not_suspend_does_not_suspend_this_way_either(shop: Shop) -> None:
    card, alert = await an_alert(shop)
    token = await shop.key(scopes=[Permission.FRAUD_WRITE])
    answer = await shop.post(acknowledge_path(alert), {"suspendCard": True}, token=token)
    assert good(answer, 403)["permission"] == "cards:suspend"
    good(await shop.post(acknowledge_path(alert), {}, token=token))
    assert (await shop.look(card))["status"] == "active"


@pytest.mark.parametrize("body", [{}, {"suspendCard": True}])
@pytest.mark.parametrize("alert_id", [UNKNOWN, "x", "0" * 500])
async def test_an_unknown_alert_is_not_found(shop: Shop, body: Body, alert_id: str) -> None:
    answer = await shop.post(fraud_path(shop.program_id, f"alerts/{alert_id}/acknowledge"), body)
    assert good(answer, 404)["code"] == "alert_not_found"


# ── lists ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_alerts_are_narrowed_down(shop: Shop, fits: Fits) -> None:
    program = await a_program(shop)
    _, low = await an_alert(shop, program, severity="low")
    rule = await a_rule(shop, program, "USER_AGENT_BLOCK", {"contains": ["bot"]})
    card = await shop.active(program_id=program)
    refused(await shop.redeem(card, headers=sent_from(agent="bot")))
    high, _ = await alerts(shop, program)
    good(await shop.post(acknowledge_path(low), {"isFalsePositive": True}))

    async def ids(query: str) -> list[str]:
        page = fits("FraudAlertPage", good(await shop.get(fraud_path(program, f"alerts?{query}"))))
        return [one["id"] for one in page["items"]]

    assert high["ruleId"] == rule["id"]
    assert await ids("") == [high["id"], low["id"]]
    assert await ids("severity=low") == await ids("status=false_positive") == [low["id"]]
    assert await ids("severity=low&severity=high") == [high["id"], low["id"]]
    assert await ids("patternType=USER_AGENT_BLOCK&status=open") == [high["id"]]
    assert await ids(f"from={high['detectedAt']}") == [high["id"]]
    assert await ids(f"to={high['detectedAt']}") == [low["id"]]
    assert await ids("limit=1&page=2") == [low["id"]]
    assert await ids("page=99999999999999999999") == []
    page = good(await shop.get(fraud_path(program, "alerts?limit=1")))
    assert (page["total"], page["page"], page["pages"], page["limit"]) == (2, 1, 2, 1)


@pytest.mark.parametrize(
    ("query", "name"),
    [("severity=bad", "severity"), ("status=closed", "status"), ("patternType=X", "patternType"), ("from=x", "from"),
     ("to=12", "to"), ("limit=101", "limit"), ("limit=0", "limit"), ("page=0", "page")],
)  # fmt: skip
async def test_what_no_alert_can_be_is_named(shop: Shop, query: str, name: str) -> None:
    detail = good(await shop.get(fraud_path(shop.program_id, f"alerts?{query}")), 422)["detail"]
    assert detail[0]["loc"][:2] == ["query", name]


async def test_figures_say_what_there_is(shop: Shop, fits: Fits) -> None:
    program = await a_program(shop)
    card, alert = await an_alert(shop, program, severity="low")
    await a_rule(shop, program, "TRANSACTION_LIMIT", {"maxAmount": "50.00"})
    for _ in range(2):
        refused(await shop.redeem(card, "51.00"))
    await worked(shop)
    good(await shop.post(acknowledge_path(alert), {"isFalsePositive": True}))
    good(await shop.post(fraud_path(program, "block-ip"), {"ipAddress": "203.0.113.9"}), 201)
    seen = fits("FraudMetricsResponse", good(await shop.get(fraud_path(program, "metrics"))))
    assert seen == {
        "programId": program,
        "alerts": {
            "open": 1,
            "acknowledged": 0,
            "falsePositive": 1,
            "openBySeverity": {"low": 0, "medium": 0, "high": 1, "critical": 0},
            "last24Hours": 2,
            "last30Days": 2,
            "occurrencesLast30Days": 3,
        },
        "refusalsLast30Days": 2,
        "rules": {"active": 2, "refusing": 1},
        "blockedAddresses": 1,
        "clearedCards": 0,
    }
    patterns = fits("FraudPatternList", good(await shop.get(fraud_path(program, "patterns"))))
    first, second = patterns["items"][:2]
    assert first | {"lastDetectedAt": None} == {
        "patternType": "TRANSACTION_LIMIT",
        "alerts": 2,
        "open": 1,
        "falsePositives": 1,
        "occurrences": 3,
        "cards": 1,
        "lastDetectedAt": None,
    }
    assert (second["alerts"], patterns["total"]) == (0, 10)


async def test_velocity_checks_are_the_latest_counts(shop: Shop, fits: Fits) -> None:
    program = await a_program(shop)
    config = {"scope": "cashier", "windowMinutes": 60, "maxCount": 2, "maxAmount": "9.00"}
    rules = [await a_rule(shop, program, "VELOCITY_LIMIT", config, action) for action in ("block", "flag")]
    card = await shop.active(program_id=program)
    for cashier in ("A", "B", "B"):
        good(await shop.redeem(card, "1.25", more={"cashierId": cashier}))
    await worked(shop)
    path = fraud_path(program, "velocity-checks")
    seen = fits("VelocityCheckList", good(await shop.get(path)))["items"]
    assert {(one["ruleId"], one["subject"], one["count"], one["amount"]) for one in seen} == {
        (rule["id"], f"cashier:{shop.merchant_id}/{cashier}", count, amount)
        for rule in rules
        for cashier, count, amount in (("A", 1, "1.25"), ("B", 2, "2.50"))
    }
    assert len(good(await shop.get(f"{path}?limit=3"))["items"]) == 3
    assert [one["checkedAt"] for one in seen] == sorted((one["checkedAt"] for one in seen), reverse=True)


# ── balance checks of cards that are not sold yet ──────────────────────────────────────────────────────────────────


async def test_who_waits_for_a_card_to_be_sold_is_noticed(shop: Shop) -> None:
    program = await shop.program()
    card = await shop.issue(program_id=program)
    code = await shop.code_of(card)
    for _ in range(4):
        good(await shop.check(card, code))
    (alert,) = await alerts(shop, program)
    assert (alert["patternType"], alert["severity"]) == ("PENDING_BALANCE_CHECKS", "high")
    assert (alert["subject"], alert["cardIds"]) == (f"card:{card['id']}", [card["id"]])
    assert alert["details"] == {"checks": 4, "maxCount": 3, "windowMinutes": 1440}


async def test_checks_of_many_cards_from_one_address_are_refused_where_a_rule_says_so(shop: Shop) -> None:
    program = await a_program(shop)
    config = {"counts": "pending_balance_checks", "scope": "address", "windowMinutes": 60, "maxCount": 2}
    await a_rule(shop, program, "VELOCITY_LIMIT", config)
    pending = [await shop.issue(program_id=program) for _ in range(3)]
    codes = [await shop.code_of(card) for card in pending]
    active = await shop.active(program_id=program)
    mine = sent_from()["X-Forwarded-For"]
    checks = [shop.check(card, code, address=mine) for card, code in zip(pending * 2, codes * 2, strict=True)]
    answers = await asyncio.gather(*checks)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429, 429]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 429} == {"too_many_checks"}
    good(await shop.check(active, await shop.code_of(active), address=mine))
    good(await shop.check(pending[0], codes[0]))
    (alert,) = await alerts(shop, program)
    assert (alert["subject"], alert["action"], alert["occurrences"]) == (f"address:{mine}", "block", 4)


async def test_wrong_codes_are_no_such_checks(shop: Shop) -> None:
    program = await a_program(shop)
    config = {"counts": "pending_balance_checks", "scope": "card", "windowMinutes": 60, "maxCount": 1}
    await a_rule(shop, program, "VELOCITY_LIMIT", config)
    card = await shop.issue(program_id=program)
    code = await shop.code_of(card)
    for _ in range(3):
        good(await shop.check(card, f"{(int(code) + 1) % 1_000_000:06}"), 404)
    body = {"cardNumber": card["cardNumber"], "securityCode": code}
    good(await shop.post("/v2/giftcards/customer/balance-check", body, token=None, headers=sent_from()))
    good(await shop.post(check_path(program), body, token=None, headers=sent_from()), 429)


# ── what is over ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_over_is_swept(shop: Shop) -> None:
    program = await a_program(shop)
    _, alert = await an_alert(shop, program)
    await a_rule(shop, program, "VELOCITY_LIMIT", {"scope": "card", "windowMinutes": 60, "maxCount": 9})
    good(await shop.redeem(await shop.active(program_id=program)))
    good(await shop.post(fraud_path(program, "block-ip"), {"ipAddress": "203.0.113.8"}), 201)
    good(await shop.post(acknowledge_path(alert), {}))
    database = shop.api.services.database
    await sweep(database)
    kept = {}
    for table, column in (
        ("fraud_tally", "touched_at"),
        ("fraud_blocked_address", "expires_at"),
        ("fraud_alert", "acknowledged_at"),
    ):
        kept[table] = await shop.superuser.fetchval(f"SELECT count(*) FROM {table} WHERE program_id = $1", program)
        await shop.superuser.execute(f"UPDATE {table} SET {column} = {column} - interval '401 days'")
    assert set(kept.values()) == {1}
    assert await sweep(database) >= 3
    for table in kept:
        assert await shop.superuser.fetchval(f"SELECT count(*) FROM {table} WHERE program_id = $1", program) == 0
    await sweep_cards(database, answer_days=35)


async def test_an_alert_that_nobody_looks_at_ends_and_is_known_to_have(shop: Shop) -> None:
    program, database = await a_program(shop), shop.api.services.database
    card, alert = await an_alert(shop, program)
    other = await shop.active(program_id=program)
    good(await shop.redeem(other, "6.00"))
    old, young = [{"id": alert["id"], "days": 91}, {"id": (await alerts(shop, program))[0]["id"], "days": 89}]
    for one in (old, young):
        await shop.superuser.execute(
            "UPDATE fraud_alert SET last_at = last_at - make_interval(days => $2) WHERE id = $1", one["id"], one["days"]
        )
    await sweep(database)
    await sweep(database)
    (ended,) = await alerts(shop, program, "?status=expired")
    (left,) = await alerts(shop, program, "?status=open")
    assert (ended["id"], ended["acknowledgedBy"], left["id"]) == (old["id"], "system:time", young["id"])
    rows = await shop.rows("SELECT actor, action, merchant_id FROM audit_log WHERE subject = $1", old["id"])
    assert [tuple(row.values()) for row in rows] == [("system:time", "fraud-alert:expired", shop.merchant_id)]
    body = good(await shop.post(acknowledge_path(ended), {"suspendCard": True}), 400)
    assert (body["code"], body["status"]) == ("alert_not_open", "expired")
    good(await shop.redeem(card, "6.00"))
    assert [one["cardId"] for one in await alerts(shop, program, "?status=open")] == [card["id"], other["id"]]
    await shop.superuser.execute(
        "UPDATE fraud_alert SET acknowledged_at = acknowledged_at - interval '401 days' WHERE id = $1", old["id"]
    )
    await sweep(database)
    assert old["id"] not in [one["id"] for one in await alerts(shop, program)]


async def test_a_manager_writes_and_who_only_reads_reads(shop: Shop) -> None:
    _, alert = await an_alert(shop)
    reader, manager = await shop.key(Role.READ_ONLY), await shop.key(Role.MANAGER)
    good(await shop.get(fraud_path(alert["programId"], "alerts"), token=reader))
    good(await shop.post(acknowledge_path(alert), {}, token=reader), 403)
    good(await shop.post(acknowledge_path(alert), {}, token=manager))
