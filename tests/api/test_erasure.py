"""Somebody is forgotten: nothing names them any more, and no cent, number, code or history is missing."""

import asyncio

import pytest
from tests.api import fraud
from tests.api.bulk import a_task, work
from tests.api.people import Somebody, answers_naming, balances, erased, exported, traces
from tests.api.people_operations import GDPR
from tests.api.shop import UNKNOWN, Body, Fits, Shop, Superuser, card_path, good
from tests.api.sign_in import SEND, an_email, on_behalf, signed_in

from kado.cards.accept import accept
from kado.people.erase import Erasure, erase, go_on_with_erasures
from kado.people.known import _TO_THE_PERSON
from kado.people.person import Asked, Controller


async def lived(shop: Shop, who: Somebody) -> tuple[list[Body], list[tuple[str, str, Body]]]:
    """Cards of somebody in every state, and requests under keys whose answers name them: key, path, body."""
    described = {"description": f"for {who.name}"}
    card = await shop.active("100.00", **who.contacts)
    wishes: list[tuple[str, str, Body]] = [
        ("k-redeem", card_path(card, "redeem"), {"amount": "10.00", **described}),
        ("k-reload", card_path(card, "reload"), {"amount": "5.00", **described}),
        ("k-hold", card_path(card, "holds"), {"amount": "3.00", "orderReference": "order 7", **described}),
        ("k-suspend", card_path(card, "suspend"), {"reason": f"{who.name} called"}),
        ("k-unsuspend", card_path(card, "unsuspend"), {}),
        ("k-resend", card_path(card, "resend-code"), {}),
    ]
    keyed = [(f"{key} {who.phone}".replace(" ", ""), path, body) for key, path, body in wishes]
    for key, path, body in keyed:
        assert (await shop.post(path, body, key=key)).is_success
    ended = await shop.hold(card, "1.00", **described)
    good(await shop.post(card_path(card, f"holds/{ended['id']}/release"), {}))
    elsewhere = await shop.active("20.00", program_id=await shop.program(), customerPhone=who.phone)
    created = {"initialValue": "7.00", "merchantId": shop.merchant_id, **who.contacts}
    keyed.append((f"k-create{who.phone}", card_path(card).rpartition("/")[0], created))
    pending = good(await shop.post(keyed[-1][1], created, key=keyed[-1][0]), 201)
    suspended = await shop.card_in("suspended", **who.contacts)
    voided = await shop.card_in("voided", **who.contacts)
    return [card, elsewhere, pending, suspended, voided], keyed


async def erased_by_phone(shop: Shop, phone: str, seconds: int = 5) -> Erasure:
    """As the command does it: the API knows people by id and email."""
    services = shop.api.services
    controller = Controller(shop.merchant_id, is_test=False, actor="operator:test")
    return await erase(
        services.database, services.keyring, controller, Asked(phone=phone), "asked in the shop", seconds=seconds
    )


async def test_nothing_is_left_of_somebody_who_is_forgotten(shop: Shop, fits: Fits, thief: Superuser) -> None:
    who = Somebody.new()
    await signed_in(shop, who.email.lower())
    cards, keyed = await lived(shop, who)
    elsewhere = cards[1]
    # A card that was theirs, and one whose code was once sent to them.
    given = await shop.active("9.00", **who.contacts)
    new_owner = {"newOwnerName": "Ida", "newOwnerEmail": "ida@example.com"}
    good(await shop.post(card_path(given, "transfer-ownership"), new_owner, key=f"k-own{who.phone}"))
    other = await shop.active("8.00", customerEmail="ada@example.com")
    good(await shop.post(card_path(other, "resend-code"), {"customerEmail": who.email}))
    people = [{**who.contacts}] + [{"customerEmail": f"many{at}@example.com"} for at in range(50)]
    await a_task(shop, count=None, recipients=people)
    good(await shop.post(SEND, {"target": who.phone}))
    good(await shop.post(f"{GDPR}/consent", {"customerEmail": who.email, "purposes": ["news"], "ipAddress": "::1"}))
    tables = {found.partition(":")[0] for found in await traces(thief, who)}
    assert tables >= {"card", "card_word", "card_transaction", "message", "hold", "customer", "customer_otp"}
    assert tables >= {"bulk_batch", "consent"}
    assert await answers_naming(shop, who) >= 5
    before = await balances(thief)

    answer = fits("EraseCustomerDataResponse", await erased(shop, customerEmail=who.email))
    assert answer["status"] == "completed"
    assert answer["completedAt"] is not None
    assert sorted(answer["affectedCards"]) == sorted(card["id"] for card in cards if card is not elsewhere)
    # A number on cards that bear the address too may be another person's: it is asked for by itself.
    by_phone = await erased_by_phone(shop, who.phone)
    assert by_phone.card_ids == [elsewhere["id"]]

    assert await traces(thief, who) == []
    assert await answers_naming(shop, who) == 0
    assert await balances(thief) == before
    await shop.verified()
    assert await work(shop) == 1
    assert await traces(thief, who) == []
    assert (await shop.look(other))["customerEmail"] == "ada@example.com"
    assert (await shop.look(given))["customerEmail"] == "ida@example.com"
    # A repetition gets its answer all the same, and moves nothing.
    money = await balances(thief)
    for key, path, body in keyed:
        again = await shop.post(path, body, key=key)
        assert again.is_success, again.text
        assert again.headers["Idempotent-Replayed"] == "true"
        assert not any(word in again.text.lower() for word in who.words)
    assert await balances(thief) == money


async def test_notes_on_alerts_of_the_persons_cards_go_and_orders_by_name(shop: Shop, thief: Superuser) -> None:
    who, program = Somebody.new(), await fraud.a_program(shop)
    await fraud.a_rule(shop, program, "TRANSACTION_LIMIT", {"maxAmount": "1.00"}, "flag")
    for contacts in (who.contacts, {"customerEmail": "ada@example.com"}):
        card = await shop.active(program_id=program, **contacts)
        good(await shop.redeem(card, "2.00"))
    for alert in await fraud.alerts(shop, program):
        path = fraud.fraud_path(program, f"alerts/{alert['id']}/acknowledge")
        good(await shop.post(path, {"notes": f"{who.name} called"}))
    orders = "/v2/giftcards/audit-logs/export"
    filters: tuple[Body, ...] = ({"subjectName": who.name}, {"subjectId": card["id"]})
    by_name, by_id = [good(await shop.post(orders, one), 202)["taskId"] for one in filters]
    await erased(shop, customerEmail=who.email)
    good(await shop.get(f"{orders}/{by_name}"), 404)
    good(await shop.get(f"{orders}/{by_id}"))
    rows = await shop.rows("SELECT notes, card_ids FROM fraud_alert WHERE program_id = $1", program)
    assert {row["card_ids"] == [card["id"]]: row["notes"] for row in rows} == {True: f"{who.name} called", False: None}


async def test_a_card_is_worth_as_much_as_before_to_whoever_holds_it(shop: Shop) -> None:
    who = Somebody.new()
    card = await shop.active("50.00", **who.contacts)
    code = await shop.code_of(card)
    assert (await erased(shop, customerEmail=who.email.upper()))["affectedCards"] == [card["id"]]
    checked = good(await shop.check(card, code))
    assert (checked["balance"], checked["isActive"]) == ("50.00", True)
    seen = await shop.look(card)
    people = {name for name in seen if name.startswith("customer")} | {"senderName", "customMessage"}
    assert len(people) == 6
    assert seen == card | dict.fromkeys(people) | {"updatedAt": seen["updatedAt"]}
    good(await shop.redeem(card, "20.00"))
    answer = await shop.post(card_path(card, "resend-code"), {})
    assert (answer.status_code, answer.json()["code"]) == (400, "no_recipient")
    good(await shop.post(card_path(card, "resend-code"), {"customerEmail": "heir@example.com"}))
    assert (await shop.look(card))["balance"] == "30.00"
    await shop.verified()


async def test_messages_that_wait_are_not_sent(shop: Shop) -> None:
    who = Somebody.new()
    card = await shop.issue(**who.contacts, deliverAt="2031-01-01T00:00:00Z")
    assert len(await shop.messages(card)) == 1
    await erased(shop, customerEmail=who.email)
    assert await shop.messages(card) == []


async def test_who_is_forgotten_is_signed_out_and_can_come_again(shop: Shop) -> None:
    email = an_email()
    session = await signed_in(shop, email)
    card = await shop.active(customerEmail=email)
    assert (await exported(shop, headers=on_behalf(session)))["person"]["email"] == email
    done = await erased(shop, customerId=session["identity"]["id"])
    assert done["affectedCards"] == [card["id"]]
    answer = await shop.get(f"{GDPR}/consent/lookup", headers=on_behalf(session))
    assert good(answer, 401)["code"] == "invalid_session_token"
    rows = await shop.rows("SELECT 1 FROM customer_session WHERE customer_id = $1", session["identity"]["id"])
    assert rows == []
    again = await signed_in(shop, email)
    assert again["identity"]["id"] != session["identity"]["id"]
    assert (await exported(shop, headers=on_behalf(again)))["cards"] == []


@pytest.mark.parametrize(
    "asked",
    [
        {"customerEmail": "nobody.ever@example.com"},
        {"customerId": UNKNOWN},
        {"customerId": "no id at all"},
    ],
)
async def test_who_is_not_known_is_forgotten_at_once(shop: Shop, thief: Superuser, asked: Body) -> None:
    before = await balances(thief)
    for _ in range(2):
        done = await erased(shop, **asked)
        assert (done["status"], done["affectedCards"]) == ("completed", [])
        assert done["message"] == "The person was taken off 0 cards and forgotten."
    assert await balances(thief) == before


async def test_somebody_must_be_named_and_be_one_person(shop: Shop) -> None:
    answer = await shop.post(f"{GDPR}/erasure", {})
    assert good(answer, 422)["code"] == "person_required"
    one, other = await signed_in(shop), await signed_in(shop)
    both = {"customerId": one["identity"]["id"], "customerEmail": other["identity"]["email"]}
    for path in ("erasure", "export"):
        answer = await shop.post(f"{GDPR}/{path}", {**both, "format": "json"})
        assert good(answer, 422)["code"] == "more_than_one_person"
        wrong = {"customerId": one["identity"]["id"], "customerEmail": an_email()}
        answer = await shop.post(f"{GDPR}/{path}", {**wrong, "format": "json"})
        assert good(answer, 422)["code"] == "more_than_one_person"


async def test_another_merchants_and_test_modes_people_stay(shop: Shop) -> None:
    who = Somebody.new()
    merchant_id, stranger = await shop.stranger()
    program = good(await shop.post("/v2/programs", {"name": "Books"}, token=stranger), 201)["id"]
    test_key = await shop.key(is_test=True)
    theirs = await shop.issue(program_id=program, token=stranger, **{**who.contacts, "merchantId": merchant_id})
    admitted_id, admitted = await shop.admitted()
    ours = await shop.issue(token=admitted, **{**who.contacts, "merchantId": admitted_id})
    trial = await shop.issue(token=test_key, **who.contacts)
    # The merchant that issued it is not the one whose program it is in.
    assert (await erased(shop, token=admitted, customerEmail=who.email))["affectedCards"] == []
    assert (await erased(shop, token=test_key, customerEmail=who.email))["affectedCards"] == [trial["id"]]
    assert (await shop.look(ours))["customerName"] == who.name
    assert (await erased(shop, customerEmail=who.email))["affectedCards"] == [ours["id"]]
    assert good(await shop.get(card_path(theirs), token=stranger))["customerEmail"] == theirs["customerEmail"]


async def test_a_customer_can_have_themselves_forgotten_and_nobody_else(shop: Shop, thief: Superuser) -> None:
    session, other = await signed_in(shop), await signed_in(shop)
    email = session["identity"]["email"]
    card = await shop.active(customerEmail=email)
    theirs = await shop.active(customerEmail=other["identity"]["email"])
    for asked in ({"customerId": other["identity"]["id"]}, {"customerEmail": other["identity"]["email"]}):
        answer = await shop.post(f"{GDPR}/erasure", asked, headers=on_behalf(session))
        assert good(answer, 404)["code"] == "customer_not_found"
    done = await erased(shop, headers=on_behalf(session))
    assert done["affectedCards"] == [card["id"]]
    assert (await shop.look(theirs))["customerEmail"] == other["identity"]["email"]


async def test_the_audit_log_says_that_it_was_done_and_to_nobody(shop: Shop) -> None:
    who = Somebody.new()
    await shop.active(**who.contacts)
    reasons = ["The account was closed", f"{who.name.upper()} wrote", f"write to {who.email}", f"call {who.phone[3:]}"]
    said = []
    for reason in reasons:
        done = await erased(shop, customerEmail=who.email, reason=reason)
        rows = await shop.rows(
            "SELECT action, details FROM audit_log WHERE subject = $1 ORDER BY at", done["requestId"]
        )
        assert [row["action"] for row in rows] == ["person:erasure-requested", "person:erased"]
        said.append([row["details"] for row in rows])
        await shop.active(**who.contacts)
    assert said[0] == [f'{{"reason": "{reasons[0]}"}}', '{"cards": 1}']
    assert [one[0] for one in said[1:]] == ['{"reason": null}'] * 3


async def test_what_a_stop_breaks_off_the_worker_finishes(shop: Shop, thief: Superuser) -> None:
    who = Somebody.new()
    services = shop.api.services
    cards = [await shop.issue("1.00", customerPhone=who.phone) for _ in range(25)]
    begun = await erased_by_phone(shop, who.phone, seconds=-1)
    assert (begun.completed_at, begun.card_ids) == (None, [])
    row = await thief.fetchrow("SELECT * FROM person_erasure WHERE id = $1", begun.id)
    assert row is not None
    assert who.phone.encode() not in row["person"]
    assert not await go_on_with_erasures(services.database, services.keyring)  # whoever began may still be at it
    await thief.execute("UPDATE person_erasure SET touched_at = touched_at - interval '1 minute'")
    assert await go_on_with_erasures(services.database, services.keyring)
    assert not await go_on_with_erasures(services.database, services.keyring)
    row = await thief.fetchrow("SELECT cards, person FROM person_erasure WHERE id = $1", begun.id)
    assert row is not None
    assert tuple(row) == (25, None)
    assert await traces(thief, who) == []
    assert (await shop.look(cards[-1]))["customerPhone"] is None


async def test_a_till_that_sells_at_the_same_moment_is_not_disturbed(shop: Shop) -> None:
    who = Somebody.new()
    cards = [await shop.active("20.00", **who.contacts) for _ in range(12)]

    async def sell(card: Body) -> list[int]:
        return [(await shop.redeem(card, "1.00")).status_code for _ in range(10)]

    selling = [asyncio.create_task(sell(card)) for card in cards]
    done = await asyncio.gather(*(erased(shop, customerEmail=who.email) for _ in range(3)))
    assert {status for sold in await asyncio.gather(*selling) for status in sold} == {200}
    assert sorted(card for one in done for card in one["affectedCards"]) == sorted(card["id"] for card in cards)
    assert {(await shop.look(card))["balance"] for card in cards} == {"10.00"}
    await shop.verified()


async def test_a_broken_seal_is_not_mended_by_forgetting(shop: Shop, thief: Superuser) -> None:
    who = Somebody.new()
    card = await shop.active("20.00", **who.contacts)
    await thief.execute("UPDATE card SET expires_at = expires_at + interval '1 day' WHERE id = $1", card["id"])
    await erased(shop, customerEmail=who.email)
    with pytest.raises(AssertionError):
        await shop.verified()
    services = shop.api.services
    await accept(
        services.database, services.keyring, card["programId"], card["id"], actor="operator:test", reason="mended"
    )
    await shop.verified()


async def test_messages_to_somebody_are_found_without_a_look_at_all_others(shop: Shop, thief: Superuser) -> None:
    """Of ninety days there are millions, and a statement has ten seconds: an erasure would never come to its end."""
    many = thief.transaction()
    await many.start()
    await thief.execute("SET LOCAL session_replication_role = replica")
    await thief.execute(
        "INSERT INTO message (program_id, id, card_id, kind, channel, recipient, state, created_at)"
        " SELECT $1, left(md5('m' || i), 24), left(md5('c' || i), 24), 'security_code', 'email', i || '@mail.example',"
        " 'sent', now() FROM generate_series(1, 5000) AS i",
        shop.program_id,
    )
    await thief.execute("ANALYZE message")
    of_live_cards = (shop.program_id, False, [an_email()])
    rows = await thief.fetch(f"EXPLAIN {_TO_THE_PERSON}", *of_live_cards)
    await many.rollback()
    plan = "\n".join(row[0] for row in rows)
    assert "message_recipient" in plan, plan
