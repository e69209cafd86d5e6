"""The calls of the fast lane: by their paths, the rights they need, their bodies and what they do.

The functions, models and permissions are those of the routes; a test compares the two tables.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from kado.access.permissions import Permission
from kado.cards.posting import Answer
from kado.doors.api.routes.balance import balance_of
from kado.doors.api.routes.cards import card_details
from kado.doors.api.routes.money import redeem_card, reload_card
from kado.doors.api.schemas import Body
from kado.doors.api.schemas.balance import BalanceCheckRequest
from kado.doors.api.schemas.cards import RedeemGiftCardRequest, ReloadGiftCardRequest
from kado.doors.api.services import Services
from kado.doors.api.visit import Visit

_CARD: Final = re.compile("/v2/giftcards/programs/([0-9a-f]{24})/cards/([0-9a-f]{24})((?:/redeem|/reload)?)")
_CHECK: Final = re.compile("/v2/giftcards/programs/([0-9a-f]{24})/balance-check")
_CARD_ROUTE: Final = "/v2/giftcards/programs/{programId}/cards/{cardId}"


@dataclass(frozen=True, slots=True)
class OnCard:
    """A call about a card, by somebody with a token."""

    permission: Permission
    body: type[Body] | None
    run: Callable[[Visit, str, Any, str | None], Awaitable[Answer]]
    route: str


@dataclass(frozen=True, slots=True)
class InPublic:
    """A call that anybody may make, about a program; it takes its turn with the others of its kind."""

    body: type[Body]
    run: Callable[[Services, str, Any], Awaitable[Answer]]
    route: str


async def _look(visit: Visit, card_id: str, _: object, __: object) -> Answer:
    return await card_details(visit, card_id, with_entries=False)


ON_CARD: Final = {
    (b"POST", "/redeem"): OnCard(Permission.CARDS_REDEEM, RedeemGiftCardRequest, redeem_card, f"{_CARD_ROUTE}/redeem"),
    (b"POST", "/reload"): OnCard(Permission.CARDS_RELOAD, ReloadGiftCardRequest, reload_card, f"{_CARD_ROUTE}/reload"),
    (b"GET", ""): OnCard(Permission.CARDS_READ, None, _look, _CARD_ROUTE),
}
CHECK: Final = InPublic(BalanceCheckRequest, balance_of, "/v2/giftcards/programs/{programId}/balance-check")


def call_for(method: bytes, path: str) -> tuple[OnCard | InPublic, str, str] | None:
    """The call at this address with the program's id and the card's (empty where it names none), if it is one."""
    found = _CARD.fullmatch(path)
    if found is not None:
        call = ON_CARD.get((method, found[3]))
        return None if call is None else (call, found[1], found[2])
    found = _CHECK.fullmatch(path) if method == b"POST" else None
    return None if found is None else (CHECK, found[1], "")
