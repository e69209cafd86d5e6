"""What each operation answers when all is well, member by member, and the entry that it leaves behind."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.api.shop import Body, Fits, Shop, card_path, cards_path, good, pass_path

from kado import clock
from kado.access import staff
from kado.cards.numbers import luhn_digit

ID = re.compile(r"[0-9a-f]{24}")
PEOPLE = {
    "customerEmail": "Ada.Lovelace@EXAMPLE.com",
    "customerPhone": "+49 (30) 901-820",
    "customerName": "Ada Lovelace",
    "senderName": "Charles Babbage",
    "customMessage": "Happy birthday!\n<b>Yours</b> & mine 'always' 🎁",
    "designTemplate": "birthday-2",
}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def newest(shop: Shop, fits: Fits, card: Body) -> Body:
    listed = await shop.entries(card)
    return fits("TransactionResponse", listed[0])


def entry(**members: object) -> Body:
    """What an entry says beside its id and its times."""
    return {
        "amount": "0.00",
        "balanceBefore": "0.00",
        "balanceAfter": "0.00",
        "referenceId": None,
        "description": None,
        "posTransactionId": None,
        "cashierId": None,
        "terminalId": None,
    } | members


def said(listed: Body) -> Body:
    return {name: value for name, value in listed.items() if name not in ("id", "createdAt", "processedAt", "merchantId")}


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
    card = await shop.issue(expiresAt=None, deliverAt=None, **dict.fromkeys(PEOPLE))
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


# ── redeem ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_redemption_takes_the_amount_and_says_what_is_left(shop: Shop, fits: Fits) -> None:
    card = await shop.active("100.00")
    facts = {"posTransactionId": "POS-1", "cashierId": "C-7", "terminalId": "T-2", "description": "Two roses"}
    answer = fits("RedeemResponse", good(await shop.redeem(card, "25.00", more=facts)))
    latest = await newest(shop, fits, card)
    assert answer == {
        "transactionId": latest["id"],
        "giftCardId": card["id"],
        "amountRedeemed": "25.00",
        "remainingBalance": "75.00",
        "success": True,
        "message": "Redeemed 25.00 USD; 75.00 USD left.",
    }
    assert said(latest) == entry(
        transactionType="REDEMPTION", amount="-25.00", balanceBefore="100.00", balanceAfter="75.00", **facts
    )
    assert (await shop.look(card))["balance"] == "75.00"


async def test_redeeming_to_zero_depletes_the_card(shop: Shop) -> None:
    card = await shop.active("0.03")
    assert good(await shop.redeem(card, "0.02"))["remainingBalance"] == "0.01"
    assert (await shop.look(card))["status"] == "active"
    assert good(await shop.redeem(card, "0.01"))["remainingBalance"] == "0.00"
    assert (await shop.look(card))["status"] == "depleted"


async def test_more_than_there_is_is_refused_with_what_there_is(shop: Shop) -> None:
    card = await shop.active("10.00")
    answer = await shop.redeem(card, "10.01")
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "The card does not hold enough.", "code": "insufficient_balance", "availableBalance": "10.00"},
    )
    # The contract sets no upper bound to what may be asked for.
    assert (await shop.redeem(card, "99999999999")).json()["code"] == "insufficient_balance"


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ('"1.00"', "1.00"),
        ('"+1.00"', "1.00"),
        ('"007.5"', "7.50"),
        ('"1."', "1.00"),
        ('".5"', "0.50"),
        ("1", "1.00"),
        ("1.1", "1.10"),
        ("1.10", "1.10"),
        ("0.07", "0.07"),
        ("1e1", "10.00"),
        ("1E+1", "10.00"),
        ("50e-1", "5.00"),
        ('"0000000000000000000001"', "1.00"),
    ],
)
async def test_an_amount_may_be_written_in_many_ways(shop: Shop, written: str, taken: str) -> None:
    card = await shop.active("10.00")
    answer = await shop.post(card_path(card, "redeem"), content=b'{"amount": %s}' % written.encode())
    assert good(answer)["amountRedeemed"] == taken


# ── reload ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reload_adds_the_amount(shop: Shop, fits: Fits) -> None:
    card = await shop.active("100.00")
    more = {"referenceId": "order-17", "description": "Christmas"}
    reloaded = fits("GiftCardResponse", good(await shop.reload(card, "12.34", more=more)))
    assert reloaded == card | {"balance": "112.34", "updatedAt": reloaded["updatedAt"]}
    assert said(await newest(shop, fits, card)) == entry(
        transactionType="RELOAD", amount="12.34", balanceBefore="100.00", balanceAfter="112.34", **more
    )


@pytest.mark.parametrize("said_nothing", [{}, {"description": None}, {"description": ""}])
async def test_a_reload_describes_itself_where_the_caller_does_not(
    shop: Shop, fits: Fits, said_nothing: Body
) -> None:
    card = await shop.active("1.00")
    good(await shop.reload(card, "1.00", more=said_nothing))
    assert (await newest(shop, fits, card))["description"] == "Gift card reload"


@pytest.mark.parametrize("between", ["", " ", "-"])
async def test_a_reload_by_number_finds_the_card_as_it_is_typed(shop: Shop, fits: Fits, between: str) -> None:
    card = await shop.active("1.00")
    shown = between.join(re.findall("....", card["cardNumber"]))
    body = {"cardNumber": shown, "amount": 5, "referenceId": "order-18"}
    answer = await shop.post(cards_path(shop.program_id) + "/reload-by-number", body)
    assert fits("GiftCardResponse", good(answer))["balance"] == "6.00"
    assert said(await newest(shop, fits, card)) == entry(
        transactionType="RELOAD",
        amount="5.00",
        balanceBefore="1.00",
        balanceAfter="6.00",
        referenceId="order-18",
        description="Gift card reload",
    )


async def test_a_stray_card_id_in_the_query_means_nothing(shop: Shop) -> None:
    card, other = await shop.active("1.00"), await shop.active("1.00")
    path = f"{cards_path(shop.program_id)}/reload-by-number?cardId={other['id']}"
    good(await shop.post(path, {"cardNumber": card["cardNumber"], "amount": "1.00"}))
    assert ((await shop.look(card))["balance"], (await shop.look(other))["balance"]) == ("2.00", "1.00")


async def test_a_reload_over_the_maximum_answers_in_the_contracts_words(shop: Shop) -> None:
    card = await shop.active("9500.00")
    answer = await shop.reload(card, "1000.00")
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Reload would exceed maximum card balance"
    # JSON numbers with the currency's decimals, to the letter.
    assert (
        '"currentBalance":9500.00,"reloadAmount":1000.00,"maxBalance":10000.00,"availableReloadAmount":500.00'
        in answer.text
    )
    assert answer.json()["code"] == "max_balance_exceeded"
    assert good(await shop.reload(card, "500.00"))["balance"] == "10000.00"


# ── resend, suspend, void ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_resent_code_is_an_entry_of_nothing_and_its_answer_is_masked(shop: Shop, fits: Fits) -> None:
    card = await shop.active("5.00", customerEmail="ada@example.com")
    answer = good(await shop.post(card_path(card, "resend-code"), {}))
    latest = await newest(shop, fits, card)
    assert answer == {
        "success": True,
        "message": "A new security code is on its way; the old one is no longer valid.",
        "giftCardId": card["id"],
        "transactionId": latest["id"],
        "channel": "email",
        "sentTo": "a***@e***.com",
    }
    assert said(latest) == entry(
        transactionType="RESEND_CODE",
        balanceBefore="5.00",
        balanceAfter="5.00",
        description="New security code sent to a***@e***.com",
    )


@pytest.mark.parametrize("status", ["pending", "active", "depleted"])
async def test_a_suspension_is_shown_while_it_lasts_and_leaves_nothing_behind(
    shop: Shop, fits: Fits, status: str
) -> None:
    card = await shop.card_in(status)
    ends = clock.text(await shop.now() + timedelta(hours=1))
    answer = await shop.post(card_path(card, "suspend"), {"reason": "Lost at sea", "expiresAt": ends})
    suspended = fits("GiftCardResponse", good(answer))
    assert suspended == card | {
        "status": "suspended",
        "suspendedReason": "Lost at sea",
        "suspendedUntil": ends,
        "suspendedAt": suspended["suspendedAt"],
        "updatedAt": suspended["updatedAt"],
    }
    assert suspended["suspendedAt"] == suspended["updatedAt"]
    lifted = fits("GiftCardResponse", good(await shop.post(card_path(card, "unsuspend"), {})))
    assert lifted == card | {"updatedAt": lifted["updatedAt"]}


@pytest.mark.parametrize("status", ["pending", "active", "depleted"])
async def test_a_suspension_ends_by_itself(shop: Shop, fits: Fits, status: str) -> None:
    card = await shop.card_in(status)
    ends = await shop.now() + timedelta(hours=1)
    good(await shop.post(card_path(card, "suspend"), {"reason": "Lost", "expiresAt": clock.text(ends)}))
    await shop.shift(card, suspended_until=await shop.now())
    seen = fits("GiftCardResponse", await shop.look(card))
    assert (seen["status"], seen["suspendedReason"], seen["suspendedUntil"], seen["suspendedAt"]) == (status, *[None] * 3)


async def test_a_suspension_that_would_have_ended_is_refused(shop: Shop) -> None:
    card = await shop.active()
    body = {"reason": "Lost", "expiresAt": clock.text(await shop.now())}
    refused = good(await shop.post(card_path(card, "suspend"), body), 422)
    assert (refused["code"], refused["detail"][0]["loc"]) == ("end_in_the_past", ["body", "expiresAt"])


@pytest.mark.parametrize(
    ("status", "written_off"),
    [("pending", "0.00"), ("active", "100.00"), ("depleted", "0.00"), ("suspended", "100.00"), ("expired", "100.00")],
)
async def test_a_void_writes_off_what_is_on_the_card(shop: Shop, fits: Fits, status: str, written_off: str) -> None:
    card = await shop.card_in(status)
    body = {"reason": "Paid out", "refundReference": "cash-9"}
    answer = fits("ExpiredCardProcessingResponse", good(await shop.post(card_path(card, "void"), body)))
    latest = await newest(shop, fits, card)
    assert answer == {
        "success": True,
        "cardId": card["id"],
        "action": "void",
        "message": f"The card is voided; {written_off} USD were written off.",
        "newExpiresAt": None,
        "transactionId": latest["id"],
    }
    assert said(latest) == entry(
        transactionType="VOID",
        amount="0.00" if written_off == "0.00" else f"-{written_off}",
        balanceBefore=written_off,
        referenceId="cash-9",
        description="Paid out",
    )
    seen = await shop.look(card)
    assert (seen["status"], seen["balance"]) == ("voided", "0.00")


# ── look ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_details_bring_the_entries_when_asked(shop: Shop, fits: Fits) -> None:
    card = await shop.active("10.00")
    good(await shop.redeem(card, "1.00"))
    plain = fits("GiftCardResponse", await shop.look(card))
    detailed = good(await shop.get(card_path(card) + "?include_transactions=true"))
    listed = detailed.pop("transactions")
    assert detailed == plain
    assert listed == await shop.entries(card)
    assert [one["transactionType"] for one in listed] == ["REDEMPTION", "ACTIVATION", "PURCHASE"]
    assert good(await shop.get(card_path(card) + "?include_transactions=false")) == plain


async def test_the_entries_of_a_card_are_a_plain_list_in_pages(shop: Shop, fits: Fits) -> None:
    card = await shop.active("10.00")
    for number in range(5):
        good(await shop.redeem(card, "0.01", more={"posTransactionId": f"sale-{number}", "description": "Rose 100%_"}))
    path = card_path(card, "transactions")

    async def page(query: str) -> tuple[list[str], str]:
        answer = await shop.get(f"{path}?{query}")
        assert answer.status_code == 200
        listed: list[Body] = answer.json()
        for one in listed:
            fits("TransactionResponse", one)
        return [one["posTransactionId"] or one["transactionType"] for one in listed], answer.headers["x-total-count"]

    everything = ["sale-4", "sale-3", "sale-2", "sale-1", "sale-0", "ACTIVATION", "PURCHASE"]
    for query, shown, total in [
        ("", everything, "7"),
        ("limit=2", everything[:2], "7"),
        ("limit=2&page=2", everything[2:4], "7"),
        ("limit=2&page=4", everything[6:], "7"),
        ("limit=2&page=5", [], "7"),
        ("limit=3&offset=1", everything[1:4], "7"),
        ("limit=3&offset=1&page=9", everything[1:4], "7"),
        ("offset=7", [], "7"),
        ("q=sale-3", ["sale-3"], "1"),
        ("q=redemption", everything[:5], "5"),
        ("q=ROSE&limit=1", everything[:1], "5"),
        ("q=100%25_", everything[:5], "5"),
        ("q=0%25X", [], "0"),
        ("q=", everything, "7"),
        (f"cardId={card['id']}", everything, "7"),
    ]:
        assert await page(query) == (shown, total), query


async def test_a_balance_check_answers_eight_members(shop: Shop, fits: Fits) -> None:
    card = await shop.active("42.00")
    answer = await shop.check(card, await shop.code_of(card))
    assert fits("BalanceCheckResponse", good(answer)) == {
        "id": card["id"],
        "programId": shop.program_id,
        "cardNumber": card["cardNumber"],
        "lastFourDigits": card["lastFourDigits"],
        "balance": "42.00",
        "status": "active",
        "expiresAt": card["expiresAt"],
        "isActive": True,
    }


async def test_a_pass_shows_eight_members_and_nothing_to_spend(shop: Shop) -> None:
    card = await shop.active("42.00", **PEOPLE)
    answer = await shop.get(pass_path(card))
    assert good(answer) == {
        "id": card["id"],
        "programId": shop.program_id,
        "status": "active",
        "lastFourDigits": card["lastFourDigits"],
        "initialValue": "42.00",
        "balance": "42.00",
        "expiresAt": card["expiresAt"],
        "merchantName": shop.merchant_name,
    }
    assert answer.headers["cache-control"] == "no-store"


# ── programs, tokens, health ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_program_opens_with_the_apis_own_limits(shop: Shop, fits: Fits) -> None:
    program = fits("ProgramResponse", good(await shop.post("/v2/programs", {"name": "Vouchers"}), 201))
    assert {name: value for name, value in program.items() if name not in ("id", "createdAt")} == {
        "merchantId": shop.merchant_id,
        "name": "Vouchers",
        "programType": "giftcard",
        "passTypeIdentifier": "pass.kado.giftcard",
        "currency": "USD",
        "maxBalance": "10000.00",
        "minInitialValue": "0.01",
        "maxInitialValue": "10000.00",
        "maxReload": "5000.00",
        "maxRedeem": None,
        "expiryMonths": 12,
        "expiryRule": "after_issue",
        "securityCodeFormat": "digits",
        "requireIdempotencyKey": False,
        "cashierIssueLimit": "500.00",
        "cardNumberPrefix": "4000",
        **dict.fromkeys(("description", "language", "country", "company", "address", "phone", "terms")),
        "website": None,
        "email": None,
        "updatedAt": None,
        "shareUrl": None,
    }
    path = f"/v2/loyalty/programs/{program['id']}"
    assert good(await shop.get(path)) == program
    listed = (await shop.get("/v2/loyalty/programs")).json()
    assert fits("ProgramListItem", listed[-1]) == {"id": program["id"], "name": "Vouchers", "shareUrl": None}


async def test_a_program_changes_what_was_sent_and_nothing_else(shop: Shop, fits: Fits) -> None:
    rules = {"name": "Vouchers", "maxRedeem": "50.00", "terms": "Be\nkind", "maxReload": "20.00"}
    program = good(await shop.post("/v2/programs", rules), 201)
    path = f"/v2/loyalty/programs/{program['id']}"
    changed = fits("ProgramResponse", good(await shop.call("PUT", path, {"maxRedeem": None, "company": "Kew"})))
    assert changed == program | {"maxRedeem": None, "company": "Kew", "updatedAt": changed["updatedAt"]}
    assert changed["updatedAt"] is not None
    assert good(await shop.get(path)) == changed
    assert good(await shop.call("PUT", path, {})) == changed


async def test_a_person_signs_in_and_is_told_who_they_are(shop: Shop, fits: Fits) -> None:
    made = await staff.create_merchant(
        shop.api.services.database, "Bakery", "Eve@Bakery.example", "correct horse battery", "operator:test"
    )
    form = {"username": "EVE@bakery.example", "password": "correct horse battery", "grant_type": "password"}
    answer = await shop.api.client.post("/v2/token", data=form)
    token = fits("OAuth2Token", good(answer))
    assert token == {
        "accessToken": token["accessToken"],
        "tokenType": "bearer",
        "mfaPending": False,
        "pendingToken": None,
    }
    assert answer.headers["cache-control"] == "no-store"
    person = fits("UserRead", good(await shop.get("/v2/token", token=token["accessToken"])))
    assert person == {
        "id": made.owner_id,
        "email": "eve@bakery.example",
        "name": None,
        "emailVerified": None,
        "active": True,
        "admin": False,
        "image": None,
        "location": None,
        "website": None,
    }


@pytest.mark.parametrize(
    ("path", "word"), [("/health/live", "alive"), ("/health/ready", "ready"), ("/v2/giftcards/health", "healthy")]
)
async def test_health_answers_anyone(shop: Shop, path: str, word: str) -> None:
    assert good(await shop.get(path, token=None))["status"] == word


@pytest.mark.parametrize("path", ["/v2/giftcards", "/v2/giftcards/programs/{program}/cards/{card}"])
async def test_the_prefix_that_the_guides_put_before_v2_is_accepted(shop: Shop, path: str) -> None:
    card: dict[str, Any] = await shop.issue()
    path = path.format(program=shop.program_id, card=card["id"])
    plain, prefixed = await shop.get(path), await shop.get(f"/api{path}")
    assert (plain.status_code, plain.content) == (prefixed.status_code, prefixed.content)
