"""A card's first day: what issue and activation answer, member by member, and the entries that they leave behind."""

import re
from datetime import datetime, timedelta

import pytest
from tests.api.entries import entry, newest, said
from tests.api.shop import PEOPLE, Body, Fits, Shop, card_path, cards_path, good

from kado import clock
from kado.cards.numbers import luhn_digit

ID = re.compile(r"[0-9a-f]{24}")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# ── issue ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_issued_card_is_pending_and_worth_nothing(shop: Shop, fits: Fits) -> None:
    card = fits("GiftCardResponse", await shop.issue("100.00"))
    number = card["cardNumber"]
    assert ID.fullmatch(card["id"])
    assert re.fullmatch(r"4000[0-9]{12}", number)
    assert luhn_digit(number[:-1]) == number[-1]
    sid = card["card"]["serialNumber"]
    assert re.fullmatch(shop.program_id + "[0-9a-f]{32}", sid)
    assert card["card"] == {
        "serialNumber": sid,
        "passTypeIdentifier": "pass.kado.giftcard",
        "url": f"https://cards.flowers.example/cards/{sid}",
    }
    known = ("id", "cardNumber", "card", "createdAt", "updatedAt", "expiresAt")
    assert {name: value for name, value in card.items() if name not in known} == {
        "balance": "0.00",
        "initialValue": "100.00",
        "status": "pending",
        "activatedAt": None,
        "suspendedReason": None,
        "suspendedUntil": None,
        "suspendedAt": None,
        "customerId": None,
        "customerEmail": None,
        "customerPhone": None,
        "customerName": None,
        "senderName": None,
        "merchantId": shop.merchant_id,
        "merchantName": shop.merchant_name,
        "isPhysical": False,
        "designTemplate": None,
        "customMessage": None,
        "lastFourDigits": number[-4:],
        "programId": shop.program_id,
        "deliverAt": None,
        "delivered": False,
    }
    assert card["updatedAt"] == card["createdAt"]
    assert await shop.look(card) == card


async def test_an_issued_card_carries_what_was_said_about_its_people(shop: Shop, fits: Fits) -> None:
    card = fits("GiftCardResponse", await shop.issue(isPhysical=True, **PEOPLE))
    assert {name: card[name] for name in PEOPLE} == PEOPLE | {
        "customerEmail": "Ada.Lovelace@example.com",
        "customerPhone": "+4930901820",
    }
    assert card["isPhysical"] is True


async def test_an_issue_is_an_entry_of_nothing(shop: Shop, fits: Fits) -> None:
    card = await shop.issue("100.00")
    (listed,) = await shop.entries(card)
    fits("TransactionResponse", listed)
    assert said(listed) == entry(transactionType="PURCHASE", description="Gift card issued")
    assert listed["merchantId"] == shop.merchant_id
    assert listed["createdAt"] == listed["processedAt"] == card["createdAt"]


async def test_a_card_is_good_for_one_calendar_year_unless_said_otherwise(shop: Shop) -> None:
    card = await shop.issue()
    assert moment(card["expiresAt"]) == clock.add_months(moment(card["createdAt"]), 12)


async def test_null_means_not_said(shop: Shop) -> None:
    nothing: Body = dict.fromkeys([*PEOPLE, "expiresAt", "deliverAt"])
    card = await shop.issue(**nothing)
    assert moment(card["expiresAt"]) == clock.add_months(moment(card["createdAt"]), 12)
    assert all(card[name] is None for name in PEOPLE)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("+02:00", "2027-05-04T10:00:00Z"),
        ("Z", "2027-05-04T12:00:00Z"),
        ("", "2027-05-04T12:00:00Z"),
        (".123456Z", "2027-05-04T12:00:00.123456Z"),
    ],
)
async def test_times_are_read_with_their_offset_and_shown_in_utc(shop: Shop, sent: str, shown: str) -> None:
    card = await shop.issue(deliverAt=f"2027-05-04T12:00:00{sent}")
    assert card["deliverAt"] == shown


async def test_a_card_may_expire_within_seconds_and_does(shop: Shop, fits: Fits) -> None:
    ends = await shop.now() + timedelta(seconds=1)
    card = good(await shop.post(card_path(await shop.issue(expiresAt=clock.text(ends)), "activate"), {}))
    assert card["expiresAt"] == clock.text(ends)
    while (await shop.now()) < ends:
        seen = fits("GiftCardResponse", await shop.look(card))
        assert seen["status"] == "active" or await shop.now() >= ends
    assert (await shop.look(card))["status"] == "expired"
    answer = await shop.redeem(card)
    assert (answer.status_code, answer.json()["code"]) == (400, "card_expired")
    assert answer.json()["expiresAt"] == clock.text(ends)


async def test_expiry_reaches_five_calendar_years_ahead_and_no_further(shop: Shop) -> None:
    now = await shop.now()
    last = clock.add_months(now, 60)
    card = await shop.issue(expiresAt=clock.text(last))
    assert card["expiresAt"] == clock.text(last)
    for moment_asked, code in ((last + timedelta(minutes=5), "expiry_too_far"), (now, "expiry_in_the_past")):
        body = {"initialValue": "1.00", "merchantId": shop.merchant_id, "expiresAt": clock.text(moment_asked)}
        answer = await shop.post(cards_path(shop.program_id), body)
        refused = good(answer, 422)
        assert (refused["code"], refused["detail"][0]["loc"]) == (code, ["body", "expiresAt"])


# ── activate ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_activation_puts_the_value_on_the_card(shop: Shop, fits: Fits) -> None:
    issued = await shop.issue("25.50")
    answer = await shop.post(card_path(issued, "activate"), {})
    card = fits("GiftCardResponse", good(answer))
    assert card == issued | {
        "status": "active",
        "balance": "25.50",
        "activatedAt": card["activatedAt"],
        "updatedAt": card["updatedAt"],
    }
    assert moment(card["activatedAt"]) == moment(card["updatedAt"]) > moment(card["createdAt"])
    latest = await newest(shop, fits, card)
    assert said(latest) == entry(
        transactionType="ACTIVATION", amount="25.50", balanceAfter="25.50", description="Gift card activated"
    )
    assert latest["createdAt"] == card["activatedAt"]


async def test_activation_replaces_the_contacts_that_are_given(shop: Shop, fits: Fits) -> None:
    issued = await shop.issue(**PEOPLE)
    body = {"customerEmail": "bob@example.com", "customerPhone": "extension 12", "customerName": None}
    card = fits("GiftCardResponse", good(await shop.post(card_path(issued, "activate"), body)))
    assert (card["customerEmail"], card["customerPhone"]) == ("bob@example.com", "extension 12")
    assert card["customerName"] == "Ada Lovelace"


async def test_activation_with_the_cards_code_needs_the_right_one(shop: Shop) -> None:
    issued = await shop.issue()
    code = await shop.code_of(issued)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    refused = await shop.post(card_path(issued, "activate"), {"securityCode": wrong})
    assert (refused.status_code, refused.json()["code"]) == (401, "wrong_security_code")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert (await shop.look(issued))["status"] == "pending"
    assert good(await shop.post(card_path(issued, "activate"), {"securityCode": code}))["status"] == "active"
