"""Six states and every operation: what is allowed in which, and that what is refused leaves no trace on the card."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from tests.api.shop import STATUSES, Body, Shop, card_path, cards_path, good, pass_path

NOT_ACTIVE, EXPIRED = (400, "card_not_active"), (400, "card_expired")
NOT_PENDING, NOT_SUSPENDED = (400, "card_not_pending"), (400, "card_not_suspended")
NOT_EXPIRED, NO_DESTINATION = (400, "card_not_expired"), (400, "destination_not_active")
OK, CREATED = (200, None), (201, None)
IMPOSSIBLE = None
"""A pending card has nothing that could be refunded or held, and no card is depleted or voided with a hold on it."""

# One line an operation; the columns are STATUSES: pending, active, depleted, suspended, expired, voided.
MATRIX = {
    "activate": (OK, NOT_PENDING, NOT_PENDING, NOT_PENDING, EXPIRED, NOT_PENDING),
    "redeem": (NOT_ACTIVE, OK, NOT_ACTIVE, NOT_ACTIVE, EXPIRED, NOT_ACTIVE),
    "reload": (NOT_ACTIVE, OK, NOT_ACTIVE, NOT_ACTIVE, EXPIRED, NOT_ACTIVE),
    "reload-by-number": (NOT_ACTIVE, OK, NOT_ACTIVE, NOT_ACTIVE, EXPIRED, NOT_ACTIVE),
    "resend-code": (OK, OK, OK, OK, NOT_ACTIVE, NOT_ACTIVE),
    "suspend": (OK, OK, OK, NOT_ACTIVE, EXPIRED, NOT_ACTIVE),
    "unsuspend": (NOT_SUSPENDED, NOT_SUSPENDED, NOT_SUSPENDED, OK, EXPIRED, NOT_SUSPENDED),
    "void": (OK, OK, OK, OK, OK, NOT_ACTIVE),
    "refund": (IMPOSSIBLE, OK, OK, OK, EXPIRED, NOT_ACTIVE),
    "reverse": (OK,) * 6,  # nothing came under the reference; it is spent
    "transfer out": (NOT_ACTIVE, OK, NOT_ACTIVE, NOT_ACTIVE, EXPIRED, NOT_ACTIVE),
    "transfer in": (NO_DESTINATION, OK, *[NO_DESTINATION] * 4),
    "consolidate": (NOT_ACTIVE, OK, *[NOT_ACTIVE] * 4),
    "replace": (CREATED, CREATED, NOT_ACTIVE, CREATED, EXPIRED, NOT_ACTIVE),
    "transfer-ownership": (NOT_ACTIVE, OK, NOT_ACTIVE, NOT_ACTIVE, EXPIRED, NOT_ACTIVE),
    "schedule": (OK, OK, OK, OK, NOT_ACTIVE, NOT_ACTIVE),
    "extend": (*[NOT_EXPIRED] * 4, OK, NOT_ACTIVE),
    "pay out": (*[NOT_EXPIRED] * 4, OK, NOT_ACTIVE),
    "write off": (*[NOT_EXPIRED] * 4, OK, NOT_ACTIVE),
    "hold": (NOT_ACTIVE, CREATED, NOT_ACTIVE, NOT_ACTIVE, EXPIRED, NOT_ACTIVE),
    "capture": (IMPOSSIBLE, OK, IMPOSSIBLE, NOT_ACTIVE, OK, IMPOSSIBLE),
    "release": (IMPOSSIBLE, OK, IMPOSSIBLE, OK, OK, IMPOSSIBLE),
    "lineage": (OK,) * 6,
    "holds": (OK,) * 6,
    "details": (OK,) * 6,
    "transactions": (OK,) * 6,
    "balance-check": (OK,) * 6,
    "passes": (OK,) * 6,
}

# What a card becomes by what is allowed; a state that is not named stays as it is.
BECOMES = {
    "activate": {"pending": "active"},
    "suspend": {"pending": "suspended", "active": "suspended", "depleted": "suspended"},
    "unsuspend": {"suspended": "active"},
    "void": dict.fromkeys(STATUSES, "voided"),
    "refund": {"depleted": "active"},
    "consolidate": {"active": "voided"},
    "replace": dict.fromkeys(STATUSES, "voided"),
    "extend": {"expired": "active"},
    "pay out": {"expired": "voided"},
    "write off": {"expired": "voided"},
}
READING = frozenset({"details", "transactions", "balance-check", "passes", "lineage", "holds"})

Call = Callable[[Shop, Body, str], Awaitable[httpx2.Response]]


async def refund(shop: Shop, card: Body, _: str) -> httpx2.Response:
    sale = next(one["id"] for one in await shop.entries(card) if one["transactionType"] == "REDEMPTION")
    return await shop.refund(card, sale)


async def transfer_out(shop: Shop, card: Body, code: str) -> httpx2.Response:
    return await shop.transfer(card, await shop.active("1.00"), code=code)


async def transfer_in(shop: Shop, card: Body, _: str) -> httpx2.Response:
    return await shop.transfer(await shop.active(), card)


async def consolidate(shop: Shop, card: Body, _: str) -> httpx2.Response:
    other = await shop.active("1.00", customerEmail=card["customerEmail"])
    body = {"cardNumbers": [other["cardNumber"], card["cardNumber"]], "merchantId": shop.merchant_id}
    return await shop.post(f"/v2/giftcards/programs/{card['programId']}/consolidate", body)


async def on_its_hold(shop: Shop, card: Body, action: str) -> httpx2.Response:
    hold: Body = (await shop.get(card_path(card, "holds"))).json()[0]
    return await shop.post(f"{card_path(card, 'holds')}/{hold['id']}/{action}", {})


def processing(action: str) -> Call:
    return lambda shop, card, _: shop.post(card_path(card, "process-expired"), {"action": action})


CALLS: dict[str, Call] = {
    "activate": lambda shop, card, _: shop.post(card_path(card, "activate"), {}),
    "redeem": lambda shop, card, _: shop.redeem(card),
    "reload": lambda shop, card, _: shop.reload(card),
    "reload-by-number": lambda shop, card, _: shop.post(
        cards_path(card["programId"]) + "/reload-by-number", {"cardNumber": card["cardNumber"], "amount": "1.00"}
    ),
    "resend-code": lambda shop, card, _: shop.post(card_path(card, "resend-code")),
    "suspend": lambda shop, card, _: shop.post(card_path(card, "suspend"), {"reason": "lost"}),
    "unsuspend": lambda shop, card, _: shop.post(card_path(card, "unsuspend"), {}),
    "void": lambda shop, card, _: shop.post(card_path(card, "void"), {"reason": "misprinted"}),
    "refund": refund,
    "reverse": lambda shop, card, _: shop.reverse(card, posTransactionId="POS-1"),
    "transfer out": transfer_out,
    "transfer in": transfer_in,
    "consolidate": consolidate,
    "replace": lambda shop, card, _: shop.post(card_path(card, "replace"), {"reason": "lost"}),
    "transfer-ownership": lambda shop, card, _: shop.post(
        card_path(card, "transfer-ownership"), {"newOwnerName": "Ida", "newOwnerEmail": "ida@example.com"}
    ),
    "schedule": lambda shop, card, _: shop.call("PATCH", card_path(card, "schedule"), {"deliverAt": None}),
    "extend": processing("extend"),
    "pay out": processing("refund"),
    "write off": processing("void"),
    "hold": lambda shop, card, _: shop.post(card_path(card, "holds"), {"amount": "1.00", "orderReference": "order-1"}),
    "capture": lambda shop, card, _: on_its_hold(shop, card, "capture"),
    "release": lambda shop, card, _: on_its_hold(shop, card, "release"),
    "lineage": lambda shop, card, _: shop.get(card_path(card, "lineage")),
    "holds": lambda shop, card, _: shop.get(card_path(card, "holds")),
    "details": lambda shop, card, _: shop.get(card_path(card) + "?include_transactions=true"),
    "transactions": lambda shop, card, _: shop.get(card_path(card, "transactions")),
    "balance-check": lambda shop, card, code: shop.check(card, code),
    "passes": lambda shop, card, _: shop.get(pass_path(card)),
}

CELLS = [
    pytest.param(operation, status, expected, id=f"{operation} of a card that is {status}")
    for operation, row in MATRIX.items()
    for status, expected in zip(STATUSES, row, strict=True)
    if expected is not IMPOSSIBLE
]


async def a_card_and_its_code(shop: Shop, status: str, *, has_hold: bool = False) -> tuple[Body, str]:
    """The code is made before the card reaches a state in which none is made any more, and so is a hold."""
    card = await shop.issue(customerEmail="ada@example.com")
    code = await shop.code_of(card)
    if status != "pending":
        good(await shop.post(card_path(card, "activate"), {}))
        good(await shop.redeem(card, "1.00"))
    if has_hold:
        await shop.hold(card, "2.00")
    match status:
        case "depleted":
            good(await shop.redeem(card, "99.00"))
        case "suspended":
            good(await shop.post(card_path(card, "suspend"), {"reason": "lost"}))
        case "expired":
            await shop.expire(card)
        case "voided":
            good(await shop.post(card_path(card, "void"), {"reason": "misprinted"}))
    return card, code


@pytest.mark.parametrize(("operation", "status", "expected"), CELLS)
async def test_the_matrix_holds(shop: Shop, operation: str, status: str, expected: tuple[int, str | None]) -> None:
    card, code = await a_card_and_its_code(shop, status, has_hold=operation in ("capture", "release"))
    before = await shop.snapshot(card)
    answer = await CALLS[operation](shop, card, code)
    body: Any = answer.json()
    assert (answer.status_code, body.get("code") if isinstance(body, dict) else None) == expected, answer.text
    passed = expected in (OK, CREATED)
    if not passed:
        # A refusal to act on a state says which state that was.
        assert body["status"] == status
    if passed and operation not in READING:
        assert await shop.snapshot(card) != before
    else:
        assert await shop.snapshot(card) == before
    after = BECOMES.get(operation, {}).get(status, status) if passed else status
    assert (await shop.look(card))["status"] == after


@pytest.mark.parametrize("status", STATUSES)
async def test_every_look_at_a_card_tells_the_same_state(shop: Shop, status: str) -> None:
    card, code = await a_card_and_its_code(shop, status)
    details, check, by_pass = [
        good(await CALLS[name](shop, card, code)) for name in ("details", "balance-check", "passes")
    ]
    assert {details["status"], check["status"], by_pass["status"]} == {status}
    assert {details["balance"], check["balance"], by_pass["balance"]} == {details["balance"]}
    assert check["isActive"] is (status == "active")
