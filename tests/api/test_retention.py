"""What is forgotten by itself: the people on cards that ended, and what was kept long enough."""

import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from tests.api.bulk import a_task
from tests.api.people import Somebody, answers_naming, balances, erased, traces
from tests.api.people_operations import GDPR
from tests.api.shop import Body, Shop, Superuser, card_path, good
from tests.api.sign_in import an_email

from kado.ids import new_id
from kado.people import retention
from kado.people.retention import Forgotten, Kept, forget_what_is_over
from kado.storage.migrate import migrate

KEPT = Kept(message_days=90, proof_days=1095, audit_address_days=365)


async def round_of(shop: Shop, kept: Kept = KEPT) -> Forgotten:
    services = shop.api.services
    return await forget_what_is_over(services.database, services.keyring, kept)


async def a_program(shop: Shop, days: int | None) -> str:
    return await shop.program(retention_period_days=days)


async def ended(shop: Shop, how: str, program: str, who: Somebody, days: float) -> Body:
    """A card that ended so many days ago."""
    card = await shop.card_in(how, program_id=program, **who.contacts)
    then = await shop.now() - timedelta(days=days)
    facts: dict[str, Any] = {"voided": {"voided_at": then}, "expired": {"expires_at": then}}.get(how, {})
    await shop.shift(card, **facts, updated_at=then)
    return card


async def is_forgotten(shop: Shop, card: Body) -> bool:
    seen = await shop.look(card)
    kept = {name for name in ("customerEmail", "customerPhone", "customerName", "senderName") if seen[name]}
    assert len(kept) in (0, 4)
    return not kept


async def test_people_on_cards_that_ended_are_forgotten_after_the_programs_days(shop: Shop, thief: Superuser) -> None:
    program, who = await a_program(shop, 30), Somebody.new()
    over = [await ended(shop, how, program, who, 31) for how in ("voided", "expired", "depleted")]
    recent = [await ended(shop, how, program, who, 29) for how in ("voided", "expired", "depleted")]
    alive = [await ended(shop, how, program, who, 400) for how in ("pending", "active", "suspended")]
    before = await balances(thief)
    assert (await round_of(shop)).cards == 3
    assert [await is_forgotten(shop, card) for card in (*over, *recent, *alive)] == [True] * 3 + [False] * 6
    assert await balances(thief) == before
    await shop.verified()
    assert (await round_of(shop)).cards == 0
    (row,) = await shop.rows("SELECT actor, details FROM audit_log WHERE action = 'people:forgotten'")
    assert row["actor"] == "system:retention"
    assert json.loads(row["details"]) == {"cards": 3, "days": 30}


async def test_nothing_is_left_of_whoever_was_on_it(shop: Shop, thief: Superuser) -> None:
    program, who = await a_program(shop, 0), Somebody.new()
    card = await shop.active("10.00", program_id=program, **who.contacts)
    key = f"void {who.phone}".replace(" ", "")
    good(await shop.redeem(card, "1.00", more={"description": f"for {who.name}"}))
    good(await shop.post(card_path(card, "void"), {"reason": f"{who.name} died"}, key=key))
    assert await traces(thief, who) != []
    assert (await round_of(shop)).cards == 1
    assert await traces(thief, who) == []
    assert await answers_naming(shop, who) == 0
    again = await shop.post(card_path(card, "void"), {"reason": f"{who.name} died"}, key=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    await shop.verified()


async def test_without_days_nobody_is_forgotten(shop: Shop) -> None:
    who = Somebody.new()
    card = await ended(shop, "voided", await a_program(shop, None), who, 3000)
    assert (await round_of(shop)).cards == 0
    assert not await is_forgotten(shop, card)


async def test_a_program_says_for_how_long(shop: Shop) -> None:
    program = await shop.program()
    path = f"/v2/loyalty/programs/{program}"
    assert good(await shop.get(path))["retention_period_days"] is None
    for days in (0, 365, None, 7):
        assert good(await shop.call("PUT", path, {"retention_period_days": days}))["retention_period_days"] == days
    assert good(await shop.call("PUT", path, {"company": "Kew"}))["retention_period_days"] == 7
    for wrong in (-1, 366, "7", 1.5, True):
        answer = await shop.call("PUT", path, {"retention_period_days": wrong})
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", "retention_period_days"]


async def test_more_cards_than_one_batch(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    program = await a_program(shop, 1)
    cards = [await shop.issue("1.00", program_id=program, customerEmail=an_email()) for _ in range(5)]
    for card in cards:
        good(await shop.post(card_path(card, "void"), {"reason": "misprinted"}))
        await shop.shift(card, voided_at=await shop.now() - timedelta(days=2))
    monkeypatch.setattr(retention, "_ENDED", retention._ENDED.replace("LIMIT 20", "LIMIT 2"))
    assert (await round_of(shop)).cards == 5


async def test_messages_go_when_they_are_old_and_not_while_they_wait(shop: Shop, thief: Superuser) -> None:
    states = {"sent": False, "failed": False, "superseded": False, "queued": True}
    cards = {state: await shop.issue(customerEmail=an_email()) for state in states}
    fresh = await shop.issue(customerEmail=an_email())
    for state, card in cards.items():
        await thief.execute(
            "UPDATE message SET state = $2, created_at = created_at - interval '91 days',"
            " sent_at = CASE $2 WHEN 'sent' THEN clock_timestamp() - interval '91 days' END WHERE card_id = $1",
            card["id"],
            state,
        )
    late = await shop.issue(customerEmail=an_email())  # planned long ago, sent a moment ago
    await thief.execute(
        "UPDATE message SET state = 'sent', created_at = created_at - interval '91 days', sent_at = clock_timestamp()"
        " WHERE card_id = $1",
        late["id"],
    )
    assert (await round_of(shop)).messages == 3
    assert {state: bool(await shop.messages(card)) for state, card in cards.items()} == states
    assert await shop.messages(fresh)
    assert await shop.messages(late)


async def test_recipients_of_a_task_that_failed_go(shop: Shop, thief: Superuser) -> None:
    who = Somebody.new()
    recipients = [{"customerEmail": who.email}, *({"customerEmail": an_email()} for _ in range(50))]
    task = await a_task(shop, count=None, recipients=recipients)
    assert (await round_of(shop)).recipients == 0
    await thief.execute("UPDATE bulk_task SET state = 'failed', ended_at = clock_timestamp() WHERE id = $1", task)
    assert (await round_of(shop)).recipients == 1
    assert await traces(thief, who) == []


async def test_exports_and_proofs_go_when_their_time_is_over(shop: Shop, thief: Superuser) -> None:
    email = an_email()
    for purposes in (["news"], []):
        good(await shop.post(f"{GDPR}/consent", {"customerEmail": email, "purposes": purposes}))
    made = good(await shop.post(f"{GDPR}/export", {"customerEmail": email, "format": "csv"}))
    done = await erased(shop, customerEmail=email)
    first = await round_of(shop)
    assert (first.exports, first.proofs) == (0, 0)
    await thief.execute("UPDATE person_export SET expires_at = clock_timestamp() WHERE id = $1", made["exportId"])
    await thief.execute(
        "UPDATE person_erasure SET completed_at = completed_at - interval '1096 days' WHERE id = $1",
        done["requestId"],
    )
    second = await round_of(shop)
    assert (second.exports, second.proofs) == (1, 3)  # two consents, and the request that they were kept under


async def test_the_audit_log_forgets_where_its_rows_came_from_and_nothing_else(shop: Shop, thief: Superuser) -> None:
    ages = {"old": 366, "older": 4000, "young": 364}
    for name, days in ages.items():
        await thief.execute(
            "INSERT INTO audit_log (id, at, merchant_id, actor, action, address, user_agent)"
            " VALUES ($1, clock_timestamp() - make_interval(days => $2), $3, 'key:x', $4, '192.0.2.7', 'curl')",
            new_id(),
            days,
            shop.merchant_id,
            f"row:{name}",
        )
    await thief.execute("UPDATE retention_progress SET addresses_until = addresses_until - interval '4001 days'")
    assert (await round_of(shop)).addresses == 2
    assert (await round_of(shop)).addresses == 0
    rows = await shop.rows(
        "SELECT action, address, user_agent FROM audit_log WHERE action LIKE 'row:%' ORDER BY action"
    )
    assert [(row["address"], row["user_agent"]) for row in rows] == [(None, None), (None, None), ("192.0.2.7", "curl")]


async def test_addresses_in_alerts_end_with_those_of_the_log(shop: Shop, thief: Superuser) -> None:
    """The alerts stay, one by one: two that are open are not taken for the same."""
    program, card = await shop.program(), await shop.active()
    counted = json.dumps({"countedBy": "address:192.0.2.7", "count": 3})
    alerts = [
        ("address:192.0.2.7", "{}", 366),
        ("address:192.0.2.8", "{}", 366),
        (f"card:{card['id']}", counted, 366),
        ("address:192.0.2.9", counted, 364),
    ]
    for number, (subject, facts, days) in enumerate(alerts, 1):
        await thief.execute(
            "INSERT INTO fraud_alert (program_id, id, action, pattern_type, severity, status, subject, card_ids,"
            " entry_ids, is_test, occurrences, facts, detected_at, last_at) SELECT $1, $2, 'flag', 'IP_BLOCK', 'low',"
            " 'open', $3, ARRAY[$4], '{}', false, $7, $5, at, at FROM (SELECT now() - make_interval(days => $6) AS at)",
            *(program, new_id(), subject, card["id"], facts, days, number),
        )
    assert (await round_of(shop)).addresses == 3
    query = "SELECT id, subject, facts FROM fraud_alert WHERE program_id = $1 ORDER BY occurrences"
    rows = await shop.rows(query, program)
    first, second, third, young = [(row["subject"], json.loads(row["facts"])) for row in rows]
    assert [first, second] == [(f"address:forgotten-{row['id']}", {}) for row in rows[:2]]
    assert third == (f"card:{card['id']}", {"count": 3})
    assert young == ("address:192.0.2.9", json.loads(counted))
    assert (await round_of(shop)).addresses == 0


async def test_the_audit_log_forgets_which_addresses_were_blocked(shop: Shop, thief: Superuser) -> None:
    said = json.dumps({"ipAddress": "192.0.2.7", "cidrRange": "192.0.2.0/24", "reason": "r"})
    for days, action in ((366, "address:blocked"), (364, "address:blocked"), (366, "row:other")):
        await thief.execute(
            "INSERT INTO audit_log (id, at, merchant_id, actor, action, subject, before, after)"
            " VALUES ($1, now() - make_interval(days => $2), $3, 'key:x', $4, 'place', $5, $5)",
            *(new_id(), days, shop.merchant_id, action, said),
        )
    await thief.execute("UPDATE retention_progress SET addresses_until = now() - interval '400 days'")
    assert (await round_of(shop)).addresses == 1
    rows = await shop.rows("SELECT before, after FROM audit_log WHERE subject = 'place' ORDER BY at, id")
    assert [(json.loads(row["before"]), json.loads(row["after"])) for row in rows] == [
        ({"reason": "r"}, {"reason": "r"}),
        *[(json.loads(said), json.loads(said))] * 2,
    ]
    for change in ("after = NULL", "before = before - 'reason'", "after = after - 'ipAddress'", "actor = 'key:y'"):
        with pytest.raises(asyncpg.PostgresError, match="never changed"):
            await thief.execute(f"UPDATE audit_log SET {change} WHERE subject = 'place' AND action = 'address:blocked'")


async def test_a_young_audit_log_is_not_read_through(empty_database_url: str) -> None:
    """In its first year nothing of it is due, however much it holds: where to begin is known from the start."""
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    begins = await connection.fetchval("SELECT addresses_until > now() - interval '1 hour' FROM retention_progress")
    await connection.close()
    assert begins


async def test_what_somebody_looked_for_in_the_audit_log_is_no_record_of_its_own(shop: Shop, thief: Superuser) -> None:
    """An order of an export has the filters, which may be somebody's name; that there was one, says the log."""
    orders = "/v2/giftcards/audit-logs/export"
    old, young = [good(await shop.post(orders, {"subjectName": "Ada"}), 202)["taskId"] for _ in range(2)]
    await thief.execute("UPDATE audit_export SET ordered_at = ordered_at - interval '7 days' WHERE id = $1", old)
    assert (await round_of(shop)).exports == 1
    assert good(await shop.get(f"{orders}/{old}"), 404)["code"] == "export_not_found"
    assert good(await shop.get(f"{orders}/{young}"))["status"] in ("pending", "success")
    assert len(await shop.rows("SELECT 1 FROM audit_log WHERE action = 'audit:exported'")) >= 2
