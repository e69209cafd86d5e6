"""Actions that move money on a card: activate, redeem, reload, refund, reverse, holds."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from kado.access.permissions import Permission
from kado.cards.activate import Activate
from kado.cards.capture import Capture
from kado.cards.card import CardStatus
from kado.cards.find import Found
from kado.cards.hold import LONGEST, USUAL, PlaceHold
from kado.cards.posting import Posting, ReferenceKind
from kado.cards.redeem import Redeem
from kado.cards.refund import Refund
from kado.cards.release import Release
from kado.cards.reload import Reload
from kado.cards.reverse import Reverse
from kado.doors.console.cards.action import Action, Field
from kado.doors.console.cards.outcome import render
from kado.doors.console.visit import Visit
from kado.errors import Invalid
from kado.web import typed

_CARD: Final = "/v2/giftcards/programs/{programId}/cards/{cardId}"
_HOUR_SECONDS: Final = 3600
_PENDING: Final = frozenset({CardStatus.PENDING})
_ACTIVE: Final = frozenset({CardStatus.ACTIVE})
_FILLABLE: Final = frozenset({CardStatus.ACTIVE, CardStatus.DEPLETED})

_NOTE: Final = Field("description", "words", longest=typed.WORDS_MAX)
_KINDS: Final[Mapping[str, ReferenceKind]] = {
    "posTransactionId": "pos_transaction_id",
    "referenceId": "reference_id",
}
_RECEIPT: Final = Field("posTransactionId", "line", longest=typed.REFERENCE_MAX, hint="hint_receipt")
_REFERENCE: Final = Field("referenceId", "line", longest=typed.REFERENCE_MAX)


def common(visit: Visit, found: Found) -> dict[str, Any]:
    """What every posting says."""
    return {
        "program_id": visit.program.id,
        "card_id": found.card.id,
        "caller": visit.caller,
        "key": visit.key,
        "render": render,
    }


async def _activate(visit: Visit, found: Found) -> Posting:
    return Activate(
        **common(visit, found),
        customer_email=typed.email(visit.fields, "customerEmail"),
        customer_phone=typed.phone(visit.fields, "customerPhone"),
        customer_name=typed.line(visit.fields, "customerName", typed.NAME_MAX),
    )


async def _redeem(visit: Visit, found: Found) -> Posting:
    return Redeem(
        **common(visit, found),
        amount=typed.positive(visit.fields, "amount", visit.program.currency),
        pos_transaction_id=typed.line(visit.fields, "posTransactionId", typed.REFERENCE_MAX),
        description=typed.words(visit.fields, "description", typed.WORDS_MAX),
    )


async def _reload(visit: Visit, found: Found) -> Posting:
    return Reload(
        **common(visit, found),
        amount=typed.positive(visit.fields, "amount", visit.program.currency),
        reference_id=typed.line(visit.fields, "referenceId", typed.REFERENCE_MAX),
        description=typed.words(visit.fields, "description", typed.WORDS_MAX),
    )


async def _refund(visit: Visit, found: Found) -> Posting:
    return Refund(
        **common(visit, found),
        transaction_id=str(visit.request.path_params["entry_id"]),
        amount=typed.amount(visit.fields, "amount", visit.program.currency),
        reason=typed.words(visit.fields, "reason", typed.REASON_MAX),
        pos_transaction_id=typed.line(visit.fields, "posTransactionId", typed.REFERENCE_MAX),
    )


async def _reverse(visit: Visit, found: Found) -> Posting:
    said = typed.said(visit.fields, "kind")
    if said not in _KINDS:
        raise Invalid(("body", "kind"), "This is needed.", "missing")
    return Reverse(
        **common(visit, found),
        kind=_KINDS[said],
        own_reference=typed.needed(typed.line(visit.fields, "reference", typed.REFERENCE_MAX), "reference"),
        reason=typed.words(visit.fields, "reason", typed.REASON_MAX),
    )


async def _hold(visit: Visit, found: Found) -> Posting:
    hours = typed.whole(visit.fields, "hours", 1, LONGEST // timedelta(hours=1))
    return PlaceHold(
        **common(visit, found),
        amount=typed.positive(visit.fields, "amount", visit.program.currency),
        order_reference=typed.needed(typed.line(visit.fields, "orderReference", typed.REFERENCE_MAX), "orderReference"),
        lasts=USUAL if hours is None else timedelta(hours=hours),
        description=typed.words(visit.fields, "description", typed.WORDS_MAX),
    )


async def _capture(visit: Visit, found: Found) -> Posting:
    return Capture(
        **common(visit, found),
        hold=str(visit.request.path_params["hold_id"]),
        amount=typed.amount(visit.fields, "amount", visit.program.currency),
        keep_rest=typed.is_ticked(visit.fields, "keepRest"),
        pos_transaction_id=typed.line(visit.fields, "posTransactionId", typed.REFERENCE_MAX),
        description=typed.words(visit.fields, "description", typed.WORDS_MAX),
    )


async def _release(visit: Visit, found: Found) -> Posting:
    return Release(**common(visit, found), hold=str(visit.request.path_params["hold_id"]))


def _receiver(name: str) -> Any:  # noqa: ANN401 - a function that reads one field of the card
    def value(_: Visit, found: Found) -> str:
        return getattr(found.card, name) or ""

    return value


MONEY: Final = (
    Action(
        "activate",
        Permission.CARDS_ACTIVATE,
        f"POST {_CARD}/activate",
        _activate,
        (
            Field("customerName", "line", value=_receiver("customer_name")),
            Field("customerEmail", "email", longest=254, value=_receiver("customer_email")),
            Field("customerPhone", "phone", longest=50, value=_receiver("customer_phone"), hint="hint_phone"),
        ),
        _PENDING,
    ),
    Action(
        "redeem",
        Permission.CARDS_REDEEM,
        f"POST {_CARD}/redeem",
        _redeem,
        (Field("amount", "amount", is_needed=True), _RECEIPT, _NOTE),
        _ACTIVE,
    ),
    Action(
        "reload",
        Permission.CARDS_RELOAD,
        f"POST {_CARD}/reload",
        _reload,
        (Field("amount", "amount", is_needed=True), _REFERENCE, _NOTE),
        _FILLABLE,
    ),
    Action(
        "refund",
        Permission.CARDS_REFUND,
        f"POST {_CARD}/transactions/{{transactionId}}/refund",
        _refund,
        (
            Field("amount", "amount", hint="hint_all"),
            Field("reason", "words", longest=typed.REASON_MAX),
            _RECEIPT,
        ),
        path="entries/{entry_id}/refund",
    ),
    Action(
        "reverse",
        Permission.CARDS_REFUND,
        "POST /v2/giftcards/programs/{programId}/reversals",
        _reverse,
        (
            Field("kind", "choice", choices=tuple(_KINDS)),
            Field("reference", "line", is_needed=True, longest=typed.REFERENCE_MAX),
            Field("reason", "words", longest=typed.REASON_MAX),
        ),
        _FILLABLE | {CardStatus.SUSPENDED},
    ),
    Action(
        "hold",
        Permission.CARDS_HOLD,
        f"POST {_CARD}/holds",
        _hold,
        (
            Field("amount", "amount", is_needed=True),
            Field("orderReference", "line", is_needed=True, longest=typed.REFERENCE_MAX),
            Field("hours", "number", longest=3, hint="hint_hours"),
            _NOTE,
        ),
        _ACTIVE,
    ),
    Action(
        "capture",
        Permission.CARDS_HOLD,
        f"POST {_CARD}/holds/{{holdId}}/capture",
        _capture,
        (Field("amount", "amount", hint="hint_all"), Field("keepRest", "tick"), _RECEIPT, _NOTE),
        path="holds/{hold_id}/capture",
    ),
    Action(
        "release",
        Permission.CARDS_HOLD,
        f"POST {_CARD}/holds/{{holdId}}/release",
        _release,
        path="holds/{hold_id}/release",
    ),
)
