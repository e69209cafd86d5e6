"""Looking without touching: details, entries, balance, pass, programs, people and health, member by member."""

import pytest
from tests.api.shop import PEOPLE, Body, Fits, Shop, card_path, good, pass_path

from kado.access import staff

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
        "requireCaptcha": False,
        "remindExpiry": True,
        "tellChanges": False,
        "balancePageWithoutScript": True,
        "offlineHours": 12,
        "maxOfflineTake": None,
        "maxOfflineTotal": None,
        "cashierIssueLimit": "500.00",
        "cardNumberPrefix": "4000",
        **dict.fromkeys(("description", "language", "timeZone", "country", "company", "address", "phone", "terms")),
        "website": None,
        "email": None,
        "retention_period_days": None,
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
    card = await shop.issue()
    path = path.format(program=shop.program_id, card=card["id"])
    plain, prefixed = await shop.get(path), await shop.get(f"/api{path}")
    assert (plain.status_code, plain.content) == (prefixed.status_code, prefixed.content)
