"""Every operation with a good request: what the tests of rights and tenants send for whoever is asking."""

from collections.abc import Callable
from typing import Any, NamedTuple

import httpx2
from tests.api.shop import NOTHING, Body, Shop, card_path, cards_path, pass_path

from kado.access.permissions import Permission


class Operation(NamedTuple):
    """A request on a card (or beside one), the state the card must be in, and the right that it takes."""

    permission: Permission
    method: str
    path: Callable[[Body], str]
    body: Callable[[Body], Body | None]
    starts_as: str = "active"
    status: int = 200


def _nothing(_: Body) -> None:
    return None


def _on_card(action: str) -> Callable[[Body], str]:
    return lambda card: card_path(card, action)


def _program(card: Body) -> str:
    return f"/v2/loyalty/programs/{card['programId']}"


OPERATIONS = {
    "create": Operation(
        Permission.CARDS_ISSUE,
        "POST",
        lambda card: cards_path(card["programId"]),
        lambda card: {"initialValue": "5.00", "merchantId": card["merchantId"]},
        status=201,
    ),
    "activate": Operation(Permission.CARDS_ACTIVATE, "POST", _on_card("activate"), lambda _: {}, "pending"),
    "redeem": Operation(Permission.CARDS_REDEEM, "POST", _on_card("redeem"), lambda _: {"amount": "1.00"}),
    "reload": Operation(Permission.CARDS_RELOAD, "POST", _on_card("reload"), lambda _: {"amount": "1.00"}),
    "reload-by-number": Operation(
        Permission.CARDS_RELOAD,
        "POST",
        lambda card: cards_path(card["programId"]) + "/reload-by-number",
        lambda card: {"cardNumber": card["cardNumber"], "amount": "1.00"},
    ),
    "resend-code": Operation(Permission.CARDS_RESEND, "POST", _on_card("resend-code"), _nothing),
    "resend-elsewhere": Operation(
        Permission.CARDS_RESEND_ELSEWHERE,
        "POST",
        _on_card("resend-code"),
        lambda _: {"customerEmail": "mallory@example.com"},
    ),
    "suspend": Operation(Permission.CARDS_SUSPEND, "POST", _on_card("suspend"), lambda _: {"reason": "lost"}),
    "unsuspend": Operation(Permission.CARDS_SUSPEND, "POST", _on_card("unsuspend"), lambda _: {}, "suspended"),
    "void": Operation(Permission.CARDS_VOID, "POST", _on_card("void"), lambda _: {"reason": "lost"}),
    "details": Operation(Permission.CARDS_READ, "GET", card_path, _nothing),
    "transactions": Operation(Permission.CARDS_READ, "GET", _on_card("transactions"), _nothing),
    "passes": Operation(Permission.PASSES_READ, "GET", pass_path, _nothing),
    "validate session": Operation(
        Permission.SELF_READ,
        "POST",
        lambda _: "/v2/giftcards/merchants/session/validate",
        lambda _: {"sessionToken": "kado_till_none"},
    ),
    "list programs": Operation(Permission.PROGRAMS_READ, "GET", lambda _: "/v2/loyalty/programs", _nothing),
    "read program": Operation(Permission.PROGRAMS_READ, "GET", _program, _nothing),
    "update program": Operation(Permission.PROGRAMS_WRITE, "PUT", _program, lambda _: {"company": "Kew"}),
    "create program": Operation(
        Permission.PROGRAMS_WRITE, "POST", lambda _: "/v2/programs", lambda _: {"name": "Vouchers"}, status=201
    ),
}

ON_A_CARD = [
    name
    for name in OPERATIONS
    if name
    not in ("create", "passes", "validate session", "list programs", "read program", "update program", "create program")
]
"""Those that name one card, by id or by number."""

IN_A_PROGRAM = [
    name for name in OPERATIONS if name not in ("passes", "validate session", "list programs", "create program")
]
"""Those whose path names a program."""


async def a_card_for(shop: Shop, name: str, **members: Any) -> Body:
    """A card on which the operation is possible."""
    return await shop.card_in(OPERATIONS[name].starts_as, customerEmail="ada@example.com", **members)


async def send(
    shop: Shop, name: str, card: Body, *, token: str | None = "", headers: dict[str, str] | None = None
) -> httpx2.Response:
    """The operation on this card, for whoever has the token."""
    operation = OPERATIONS[name]
    body = operation.body(card)
    sent = NOTHING if body is None else body
    return await shop.call(operation.method, operation.path(card), sent, token=token, headers=headers)
