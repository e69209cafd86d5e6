"""The bounds of the contract, the narrower ones of a program, and currencies with no, two and three decimals."""

from datetime import datetime, timedelta

import httpx2
import pytest
from tests.api.shop import Body, Shop, card_path, cards_path, good

from kado import clock
from kado.access.permissions import Role


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def field_of(answer: httpx2.Response) -> str:
    """The one field that a 422 names."""
    (error,) = good(answer, 422)["detail"]
    return str(error["loc"][-1])


async def asked_to_issue(shop: Shop, program_id: str, value: object, *, token: str = "") -> httpx2.Response:
    body = {"initialValue": value, "merchantId": shop.merchant_id}
    return await shop.post(cards_path(program_id), body, token=token)


@pytest.mark.parametrize(
    ("currency", "below", "least", "most", "above", "most_reloaded", "above_reload", "too_fine", "together"),
    [
        ("USD", "0.009", "0.01", "10000.00", "10000.01", "5000.00", "5000.01", "1.001", "5000.01"),
        ("JPY", "0", "1", "10000", "10001", "5000", "5001", "1.0", "5001"),
        ("KWD", "0.009", "0.010", "10000.000", "10000.001", "5000.000", "5000.001", "1.0001", "5000.010"),
    ],
)
async def test_the_bounds_are_major_units_in_every_currency(
    shop: Shop,
    currency: str,
    below: str,
    least: str,
    most: str,
    above: str,
    most_reloaded: str,
    above_reload: str,
    too_fine: str,
    together: str,
) -> None:
    program = await shop.program(currency=currency)
    low = await shop.active(least, program_id=program)
    assert (low["initialValue"], low["balance"]) == (least, least)
    assert (await shop.active(most, program_id=program))["balance"] == most
    for value in (below, above, too_fine):
        assert field_of(await asked_to_issue(shop, program, value)) == "initialValue"
    for action, value in [
        ("reload", below),
        ("reload", above_reload),
        ("reload", too_fine),
        ("redeem", below),
        ("redeem", too_fine),
    ]:
        assert field_of(await shop.post(card_path(low, action), {"amount": value})) == "amount"
    assert good(await shop.reload(low, most_reloaded))["balance"] == together


@pytest.mark.parametrize(
    ("currency", "value", "amount", "left"),
    [
        ("USD", "1.00", "0.07", "0.93"),
        ("JPY", "1000", "7", "993"),
        ("KWD", "1.000", "0.070", "0.930"),
        ("KWD", "1.234", "0.019", "1.215"),
    ],
)
async def test_amounts_have_exactly_the_currencys_decimals(
    shop: Shop, currency: str, value: str, amount: str, left: str
) -> None:
    program = await shop.program(currency=currency)
    card = await shop.active(value, program_id=program)
    answer = good(await shop.redeem(card, amount))
    assert (answer["amountRedeemed"], answer["remainingBalance"]) == (amount, left)
    assert answer["message"] == f"Redeemed {amount} {currency}; {left} {currency} left."
    latest = (await shop.entries(card))[0]
    assert (latest["amount"], latest["balanceBefore"], latest["balanceAfter"]) == (f"-{amount}", value, left)
    refused = (await shop.redeem(card, value)).json()
    assert refused["availableBalance"] == left


async def test_a_reload_over_the_maximum_writes_its_numbers_with_the_currencys_decimals(shop: Shop) -> None:
    for currency, numbers in {
        "JPY": ("9500", "1000", "10000", "500"),
        "KWD": ("9500.000", "1000.000", "10000.000", "500.000"),
    }.items():
        card = await shop.active("9500", program_id=await shop.program(currency=currency))
        answer = await shop.reload(card, "1000")
        assert answer.status_code == 400
        names = ("currentBalance", "reloadAmount", "maxBalance", "availableReloadAmount")
        assert ",".join(f'"{name}":{number}' for name, number in zip(names, numbers, strict=True)) in answer.text


async def test_a_reload_may_fill_the_card_to_the_last_cent(shop: Shop) -> None:
    card = await shop.active("9999.99")
    assert (await shop.reload(card, "0.02")).json()["code"] == "max_balance_exceeded"
    assert good(await shop.reload(card, "0.01"))["balance"] == "10000.00"
    full = (await shop.reload(card, "0.01")).text
    assert '"availableReloadAmount":0.00' in full


# ── narrower by program ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_program_narrows_the_value_of_new_cards(shop: Shop) -> None:
    program = await shop.program(minInitialValue="10.00", maxInitialValue="50.00")
    for value in ("9.99", "50.01"):
        answer = await asked_to_issue(shop, program, value)
        assert field_of(answer) == "initialValue"
        assert "10.00 to 50.00 USD" in answer.text
    for value in ("10.00", "50.00"):
        await shop.issue(value, program_id=program)


async def test_a_program_narrows_reloads_and_redemptions(shop: Shop) -> None:
    program = await shop.program(maxReload="20.00", maxRedeem="5.00")
    card = await shop.active("50.00", program_id=program)
    before = await shop.snapshot(card)
    for answer, most in ((await shop.reload(card, "20.01"), "20.00"), (await shop.redeem(card, "5.01"), "5.00")):
        refused = good(answer, 400)
        assert (refused["code"], refused["maxAmount"]) == ("amount_over_limit", most)
    assert await shop.snapshot(card) == before
    good(await shop.reload(card, "20.00"))
    good(await shop.redeem(card, "5.00"))


async def test_a_program_narrows_what_a_card_may_hold(shop: Shop) -> None:
    card = await shop.active("40.00", program_id=await shop.program(maxBalance="50.00"))
    answer = await shop.reload(card, "10.01")
    assert (answer.json()["code"], answer.json()["maxBalance"]) == ("max_balance_exceeded", 50)
    good(await shop.reload(card, "10.00"))


async def test_lowering_a_maximum_leaves_the_cards_that_exist_alone(shop: Shop) -> None:
    program = await shop.program()
    old = await shop.active("900.00", program_id=program)
    good(await shop.call("PUT", f"/v2/loyalty/programs/{program}", {"maxBalance": "100.00"}))
    assert good(await shop.reload(old, "100.00"))["balance"] == "1000.00"
    assert good(await shop.redeem(old, "1.00"))["remainingBalance"] == "999.00"
    new = await shop.active("100.00", program_id=program)
    assert (await shop.reload(new, "0.01")).json()["code"] == "max_balance_exceeded"
    assert field_of(await asked_to_issue(shop, program, "100.01")) == "initialValue"


@pytest.mark.parametrize(
    "rules",
    [
        {"maxBalance": "10000.01"},
        {"maxInitialValue": "10000.01"},
        {"maxReload": "5000.01"},
        {"maxRedeem": "10000.01"},
        {"minInitialValue": "0.00"},
        {"maxBalance": "0"},
        {"cashierIssueLimit": "-0.01"},
        {"expiryMonths": 61},
        {"expiryMonths": 0},
    ],
)
async def test_a_program_never_widens_a_bound(shop: Shop, rules: Body) -> None:
    (name,) = rules
    assert field_of(await shop.post("/v2/programs", {"name": "Wide", **rules})) == name
    assert field_of(await shop.call("PUT", f"/v2/loyalty/programs/{shop.program_id}", rules)) == name


async def test_a_programs_currency_never_changes(shop: Shop) -> None:
    answer = await shop.call("PUT", f"/v2/loyalty/programs/{shop.program_id}", {"currency": "EUR"})
    assert field_of(answer) == "currency"
    good(await shop.call("PUT", f"/v2/loyalty/programs/{shop.program_id}", {"currency": "USD"}))


async def test_a_programs_prefix_begins_its_card_numbers(shop: Shop) -> None:
    for prefix in ("", "7", "12345678"):
        card = await shop.issue(program_id=await shop.program(cardNumberPrefix=prefix))
        assert card["cardNumber"].startswith(prefix)
        assert len(card["cardNumber"]) == 16


# ── expiry ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("months", [1, 6, 60])
async def test_a_program_sets_the_months_of_a_cards_life(shop: Shop, months: int) -> None:
    card = await shop.issue(program_id=await shop.program(expiryMonths=months))
    assert moment(card["expiresAt"]) == clock.add_months(moment(card["createdAt"]), months)


async def test_a_card_that_never_expires_says_the_year_9999(shop: Shop) -> None:
    program = await shop.program(expiryRule="never")
    card = await shop.active(program_id=program)
    assert card["expiresAt"] == "9999-12-31T23:59:59Z"
    assert good(await shop.reload(card))["expiresAt"] == "9999-12-31T23:59:59Z"
    named = clock.text(await shop.now() + timedelta(days=1))
    assert (await shop.issue(program_id=program, expiresAt=named))["expiresAt"] == named


async def test_a_reload_gives_a_new_life_where_the_program_says_so(shop: Shop) -> None:
    program = await shop.program(expiryRule="after_reload", expiryMonths=3)
    soon = clock.text(await shop.now() + timedelta(days=1))
    card = await shop.active(program_id=program, expiresAt=soon)
    assert card["expiresAt"] == soon
    reloaded = good(await shop.reload(card))
    assert moment(reloaded["expiresAt"]) == clock.add_months(moment(reloaded["updatedAt"]), 3)


async def test_a_reload_never_shortens_a_life(shop: Shop) -> None:
    far = clock.text(await shop.now() + timedelta(days=4 * 365))
    program = await shop.program(expiryRule="after_reload", expiryMonths=3)
    card = await shop.active(program_id=program, expiresAt=far)
    assert good(await shop.reload(card))["expiresAt"] == far


async def test_a_reload_leaves_the_expiry_alone_by_default(shop: Shop) -> None:
    card = await shop.active()
    assert good(await shop.reload(card))["expiresAt"] == card["expiresAt"]


# ── cashiers ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_cashier_issues_and_activates_up_to_the_programs_limit(shop: Shop) -> None:
    program = await shop.program(cashierIssueLimit="50.00")
    cashier = await shop.key(Role.CASHIER)
    card = await shop.active("50.00", program_id=program, token=cashier)
    assert card["status"] == "active"
    refused = await asked_to_issue(shop, program, "50.01", token=cashier)
    assert field_of(refused) == "initialValue"
    large = await shop.issue("50.01", program_id=program)
    before = await shop.snapshot(large)
    answer = await shop.post(card_path(large, "activate"), {}, token=cashier)
    assert (answer.status_code, answer.json()["code"]) == (403, "cashier_limit")
    assert await shop.snapshot(large) == before
    good(await shop.post(card_path(large, "activate"), {}, token=await shop.key(Role.MANAGER)))


async def test_a_cashier_of_a_program_with_no_limit_left_issues_nothing(shop: Shop) -> None:
    program = await shop.program(cashierIssueLimit="0")
    cashier = await shop.key(Role.CASHIER)
    assert field_of(await asked_to_issue(shop, program, "0.01", token=cashier)) == "initialValue"
