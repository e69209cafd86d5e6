"""Requests with idempotency keys, and how their repetitions are told from the first."""

import httpx2
from tests.api.shop import Body, Shop, Superuser, card_path, cards_path, good

REPLAYED = "idempotent-replayed"


def by_number(card: Body) -> str:
    return cards_path(card["programId"]) + "/reload-by-number"


def request_for(action: str, card: Body) -> tuple[str, Body]:
    """Path and body of an operation on the card (or, for `create`, in its program)."""
    match action:
        case "create":
            return cards_path(card["programId"]), {"initialValue": "5.00", "merchantId": card["merchantId"]}
        case "reload-by-number":
            return by_number(card), {"cardNumber": card["cardNumber"], "amount": "5.00"}
        case "reload" | "redeem":
            return card_path(card, action), {"amount": "5.00"}
        case "suspend" | "void":
            return card_path(card, action), {"reason": "lost"}
        case _:
            return card_path(card, action), {}


OTHER = {
    "create": {"initialValue": "5.01"},
    "activate": {"customerName": "Ada"},
    "redeem": {"amount": "5.01"},
    "reload": {"amount": "5.01"},
    "reload-by-number": {"amount": "5.01"},
    "resend-code": {"senderName": "Ada"},
    "suspend": {"reason": "stolen"},
    "void": {"reason": "stolen"},
}
"""For each operation a change that makes it another request (unsuspend has nothing to change)."""

STARTS_AS = {"activate": "pending", "unsuspend": "suspended"}
ACTIONS = [*OTHER, "unsuspend"]


async def a_card_for(shop: Shop, action: str) -> Body:
    return await shop.card_in(STARTS_AS.get(action, "active"), customerEmail="ada@example.com")


async def totals(thief: Superuser) -> list[object]:
    """How many cards, entries and messages there are, and what all cards are worth."""
    row = await thief.fetchrow(
        "SELECT (SELECT count(*) FROM card), (SELECT count(*) FROM card_transaction), (SELECT count(*) FROM message),"
        " (SELECT sum(balance) FROM card)"
    )
    assert row is not None
    return list(row)


def is_replay(answer: httpx2.Response, first: httpx2.Response) -> bool:
    same = (answer.status_code, answer.content) == (first.status_code, first.content)
    return same and answer.headers.get(REPLAYED) == "true" and REPLAYED not in first.headers


def refused(answer: httpx2.Response, code: str) -> None:
    body = good(answer, 422)
    assert body["code"] == code
    (error,) = body["detail"]
    assert (error["loc"], error["type"]) == (["header", "idempotency-key"], code)
