"""Requests with idempotency keys, and how their repetitions are told from the first."""

import httpx2
from tests.api.operations import OPERATIONS
from tests.api.shop import Body, Superuser, card_path, cards_path, good

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
        case "activate" | "resend-code" | "unsuspend":
            return card_path(card, action), {}
        case _:
            return OPERATIONS[action].path(card), OPERATIONS[action].body(card) or {}


OTHER: dict[str, Body] = {
    "create": {"initialValue": "5.01"},
    "activate": {"customerName": "Ada"},
    "redeem": {"amount": "5.01"},
    "reload": {"amount": "5.01"},
    "reload-by-number": {"amount": "5.01"},
    "resend-code": {"senderName": "Ada"},
    "suspend": {"reason": "stolen"},
    "void": {"reason": "stolen"},
    "refund": {"amount": "0.50"},
    "reverse": {"posTransactionId": "POS-2"},
    "transfer": {"amount": "0.50"},
    "consolidate": {"description": "Two in one"},
    "replace": {"reason": "stolen"},
    "transfer-ownership": {"newOwnerName": "Eva"},
    "process-expired": {"action": "void"},
    "hold": {"orderReference": "order-2"},
    "capture": {"keepRest": True},
}
"""For each operation a change that makes it another request (unsuspend and release have nothing to change)."""

ACTIONS = [*OTHER, "unsuspend", "release"]


def status_of(action: str) -> int:
    """What a good request is answered with."""
    return OPERATIONS[action].status


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
