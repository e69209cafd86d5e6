"""Everything that can be done with a card, through its pages: once, with its reason, and as the room decides."""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from tests.api.shop import Body, Shop
from tests.console.person import Person, forms_of, hired, signed_in

from kado.access.permissions import Role
from kado.doors.console.cards.actions import ACTIONS

TYPED: Final[Mapping[str, Mapping[str, str]]] = {
    "activate": {"customerName": "Eva"},
    "redeem": {"amount": "12,50", "posTransactionId": "R-1"},
    "reload": {"amount": "10.00"},
    "resend-code": {},
    "hold": {"amount": "5", "orderReference": "order-1"},
    "schedule": {"deliverAt": f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}T10:00"},
    "reverse": {"kind": "posTransactionId", "reference": "R-9", "reason": "twice"},
    "transfer-ownership": {"newOwnerName": "Kim", "newOwnerEmail": "kim@example.com"},
    "suspend": {"reason": "lost", "expiresAt": "2099-01-01"},
    "unsuspend": {},
    "process-expired": {"action": "extend", "extensionDays": "30"},
    "replace": {"reason": "lost"},
    "void": {"reason": "returned", "refundReference": "cash-1"},
}
"""What a person types, by action; those that take another card or an entry are tried by themselves."""

STATE: Final = {"activate": "pending", "unsuspend": "suspended", "process-expired": "expired", "schedule": "pending"}
AFTER: Final = {"activate": "active", "suspend": "suspended", "unsuspend": "active", "void": "voided"}


def path_of(shop: Shop, card: Body, action: str = "") -> str:
    return f"/console/{shop.program_id}/cards/{card['id']}" + (f"/{action}" if action else "")


async def begun(person: Person, path: str, /, **typed: str) -> Any:
    """The page that asks whether it is right."""
    answer = await person.fill(path, **typed)
    assert answer.status_code == 200, answer.text
    return answer


async def done(person: Person, path: str, /, **typed: str) -> Any:
    return await person.send(await begun(person, path, **typed), path)


@pytest.mark.parametrize("name", TYPED)
async def test_it_is_asked_then_done_and_told(shop: Shop, owner: Person, name: str) -> None:
    card = await shop.card_in(STATE.get(name, "active"), customerEmail="ada@example.com")
    path = path_of(shop, card, name)
    before = await shop.snapshot(card)
    asked = await begun(owner, path, **TYPED[name])
    assert "Is this right?" in asked.text
    assert await shop.snapshot(card) == before, "nothing has happened yet"
    answer = await owner.send(asked, path)
    assert answer.status_code == 303, answer.text
    page = await owner.follow(answer)
    assert (page.status_code, 'role="status"' in page.text) == (200, True)
    assert await shop.snapshot(card) != before
    if name in AFTER:
        assert (await shop.look(card))["status"] == AFTER[name]


def test_every_action_is_tried_here() -> None:
    by_themselves = {"refund", "capture", "release", "transfer", "consolidate"}
    assert {action.name for action in ACTIONS} == set(TYPED) | by_themselves


async def test_a_double_click_a_reload_and_the_way_back_do_it_once(shop: Shop, owner: Person) -> None:
    card = await shop.card_in("active", customerEmail="ada@example.com")
    path = path_of(shop, card, "redeem")
    asked = await begun(owner, path, amount="10.00")
    sent = forms_of(asked)[path]
    answers = await asyncio.gather(*(owner.post(path, sent) for _ in range(4)))
    answers.append(await owner.post(path, sent))
    assert {(one.status_code, one.headers["location"]) for one in answers} == {(303, answers[0].headers["location"])}
    assert [entry["amount"] for entry in await shop.entries(card)].count("-10.00") == 1
    changed = await owner.post(path, sent | {"amount": "11.00"})
    assert (changed.status_code, "sent before with something else" in changed.text) == (422, True)


async def test_what_a_room_refuses_is_told_in_words_and_the_form_kept(shop: Shop, owner: Person) -> None:
    card = await shop.card_in("active", customerEmail="ada@example.com")
    path = path_of(shop, card, "redeem")
    refused = await done(owner, path, amount="9,999.00", posTransactionId="R-77")
    assert refused.status_code == 400
    assert "There is not enough on the card" in refused.text
    assert 'value="R-77"' in refused.text
    assert (await done(owner, path, amount="1")).status_code == 303
    german = await owner.post(path, forms_of(refused)[path] | {"amount": "x"}, Accept_Language="de")
    assert (german.status_code, "Das ist kein Geldbetrag." in german.text) == (422, True)
    assert 'aria-invalid="true"' in german.text


async def test_what_is_needed_is_asked_for_by_its_field(shop: Shop, owner: Person) -> None:
    card = await shop.card_in("active", customerEmail="ada@example.com")
    for name, field in (("void", "reason"), ("suspend", "reason"), ("redeem", "amount"), ("hold", "orderReference")):
        typed = {"amount": "1"} if field == "orderReference" else {}
        answer = await owner.fill(path_of(shop, card, name), **typed)
        assert answer.status_code == 422, name
        assert f'id="{field}-problem">Please fill this in.' in answer.text, name


async def test_a_refund_and_holds_go_by_what_they_are_about(shop: Shop, owner: Person) -> None:
    card = await shop.card_in("active", customerEmail="ada@example.com")
    await done(owner, path_of(shop, card, "redeem"), amount="20")
    page = await owner.get(path_of(shop, card))
    (refund,) = set(re.findall(r'href="([^"]+/refund)"', page.text))
    assert (await done(owner, refund, amount="5", reason="broken")).status_code == 303
    assert (await done(owner, refund)).status_code == 303  # the rest
    over = await done(owner, refund)
    assert (over.status_code, "can still be given back" in over.text) == (400, True)
    amounts = [entry["amount"] for entry in await shop.entries(card)]
    assert sorted(amounts)[:2] == ["-20.00", "0.00"]
    assert {"5.00", "15.00"} <= set(amounts)

    await done(owner, path_of(shop, card, "hold"), amount="8", orderReference="o-1")
    await done(owner, path_of(shop, card, "hold"), amount="3", orderReference="o-2")
    page = await owner.get(path_of(shop, card))
    captures = re.findall(r'href="([^"]+/capture)"', page.text)
    releases = re.findall(r'href="([^"]+/release)"', page.text)
    assert (len(captures), len(releases)) == (2, 2)
    assert (await done(owner, captures[0])).status_code == 303
    assert (await done(owner, releases[1])).status_code == 303
    assert "/capture" not in (await owner.get(path_of(shop, card))).text


async def test_money_moves_between_cards_for_who_has_the_code(shop: Shop, owner: Person) -> None:
    source, destination = (
        await shop.card_in("active", customerEmail="ada@example.com"),
        await shop.card_in("active", customerEmail="ada@example.com"),
    )
    path, code = path_of(shop, source, "transfer"), await shop.code_of(source)
    typed = {"destinationCardNumber": destination["cardNumber"], "amount": "7.00"}
    wrong = await done(owner, path, **typed, securityCode="x" * 6)
    assert (wrong.status_code, "not the card’s security code" in wrong.text) == (401, True)
    asked = await begun(owner, path, **typed, securityCode=code)
    assert "••••••" in asked.text
    first = await owner.send(asked, path)
    again = await owner.send(asked, path)
    assert (first.status_code, again.headers["location"]) == (303, first.headers["location"])
    assert [entry["amount"] for entry in await shop.entries(destination)].count("7.00") == 1


async def test_cards_of_one_person_are_put_together_on_a_new_one(shop: Shop, owner: Person) -> None:
    one, other = (
        await shop.card_in("active", customerEmail="ada@example.com"),
        await shop.card_in("active", customerEmail="ada@example.com"),
    )
    path = path_of(shop, one, "consolidate")
    twice = await owner.fill(path, cardNumbers=f"{other['cardNumber']}\n{other['cardNumber']}")
    assert (twice.status_code, "named twice" in twice.text) == (422, True)
    answer = await done(owner, path, cardNumbers=f" {other['cardNumber']} \n\n")
    assert answer.status_code == 303
    assert one["id"] not in answer.headers["location"]
    page = await owner.follow(answer)
    assert "This is the new card" in page.text
    old = await owner.get(path_of(shop, one))
    assert "is on another one now" in old.text


async def test_a_code_goes_elsewhere_only_for_who_may_send_it(shop: Shop) -> None:
    cashier = await signed_in(shop, await hired(shop, Role.CASHIER))
    card = await shop.card_in("active", customerEmail="ada@example.com")
    path = path_of(shop, card, "resend-code")
    refused = await cashier.fill(path, customerEmail="thief@example.com")
    assert (refused.status_code, "Your role does not allow this." in refused.text) == (403, True)
    assert (await done(cashier, path)).status_code == 303


async def test_the_number_is_shown_when_asked_for_and_the_look_is_noted(shop: Shop, owner: Person) -> None:
    card = await shop.card_in("active", customerEmail="ada@example.com")
    grouped = " ".join(re.findall("....", card["cardNumber"]))
    page = await owner.get(path_of(shop, card))
    assert grouped not in page.text
    assert card["cardNumber"] not in page.text
    shown = await owner.send(page, path_of(shop, card, "number"))
    assert grouped in shown.text
    await shop.api.services.looks.written()
    async with shop.api.services.database.read() as connection:
        rows = await connection.fetchval(
            "SELECT count(*) FROM audit_log WHERE action = 'pii_access' AND subject = $1 AND actor LIKE 'staff:%'",
            card["id"],
        )
    assert rows == 1
    assert (await owner.get(path_of(shop, card, "number"))).status_code in (404, 405)


async def test_a_card_is_issued_activated_and_sent_once(shop: Shop, owner: Person) -> None:
    path = f"/console/{shop.program_id}/issue"
    page = await owner.get(path)
    typed = {"initialValue": "30", "customerName": "Ada", "customerEmail": "ada@example.com", "activate": "yes"}
    asked = await owner.send(page, path, **typed, customMessage="<b>Hi</b>", designTemplate="birthday")
    assert (asked.status_code, "Is this right?" in asked.text) == (200, True)
    assert "&lt;b&gt;Hi&lt;/b&gt;" in asked.text
    answers = [await owner.send(asked, path) for _ in range(3)]
    assert len({answer.headers["location"] for answer in answers}) == 1
    card = await owner.follow(answers[0])
    assert "$30.00" in card.text
    assert re.search(r'status active">.*Active', card.text)
    wrong = await done(owner, path, initialValue="99999")
    assert (wrong.status_code, "does not allow cards of this value" in wrong.text) == (422, True)


async def test_a_cashier_finds_a_card_by_its_number(shop: Shop) -> None:
    cashier = await signed_in(shop, await hired(shop, Role.CASHIER))
    card, path = await shop.card_in("active", customerEmail="ada@example.com"), f"/console/{shop.program_id}/find"
    answer = await cashier.fill(path, cardNumber=" ".join(re.findall("....", card["cardNumber"])))
    assert (answer.status_code, answer.headers["location"]) == (303, path_of(shop, card))
    nothing = await cashier.fill(path, cardNumber="4000123412341234")
    assert (nothing.status_code, "There is no such card in this program." in nothing.text) == (404, True)


async def test_cards_of_another_program_and_test_cards_are_not_there(shop: Shop, owner: Person) -> None:
    other = await shop.card_in("active", customerEmail="ada@example.com", program_id=await shop.program())
    test = await shop.card_in("active", customerEmail="ada@example.com", token=await shop.key(is_test=True))
    for card in (other, test):
        for action in ("", "redeem", "void"):
            assert (await owner.get(path_of(shop, card, action))).status_code == 404
