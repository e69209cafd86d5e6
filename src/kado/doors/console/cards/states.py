"""Actions on a card beside its money: its code, its times, its owner, its end, and what is done between cards."""

from functools import partial
from typing import Final, cast

from kado.access.permissions import Permission
from kado.cards import refusals
from kado.cards.card import CardStatus
from kado.cards.consolidate import Consolidate, once_each
from kado.cards.destinations import destination_by_number
from kado.cards.elsewhere import require_for_consolidation, require_for_new_code, require_for_replacement
from kado.cards.find import Found, card_by_number
from kado.cards.posting import Answer, Posting
from kado.cards.process_expired import Action as Ending
from kado.cards.process_expired import ProcessExpired
from kado.cards.replace import Replace
from kado.cards.resend_code import ResendCode
from kado.cards.schedule import Schedule
from kado.cards.suspend import Suspend, Unsuspend
from kado.cards.transfer import Transfer, by_code
from kado.cards.transfer_ownership import TransferOwnership
from kado.cards.void import Void
from kado.doors.console.cards.action import Action, Field
from kado.doors.console.cards.money import common
from kado.doors.console.cards.outcome import render
from kado.doors.console.visit import Visit
from kado.errors import Invalid, NotFound
from kado.web import typed

_PROGRAM: Final = "/v2/giftcards/programs/{programId}"
_CARD: Final = f"{_PROGRAM}/cards/{{cardId}}"
_USABLE: Final = frozenset({CardStatus.PENDING, CardStatus.ACTIVE, CardStatus.DEPLETED, CardStatus.SUSPENDED})
_ACTIVE: Final = frozenset({CardStatus.ACTIVE})
_DAYS_MAX: Final = 730
_TOGETHER_MAX: Final = 10
_CODE_MAX: Final = 6
_VOID_REASON_MAX: Final = 1000
_NOTE: Final = Field("description", "words", longest=typed.WORDS_MAX)
_REFERENCE: Final = Field("referenceId", "line", longest=typed.REFERENCE_MAX)
_REASON: Final = Field("reason", "words", is_needed=True, longest=typed.REASON_MAX, hint="hint_reason")
_EMAIL: Final = Field("customerEmail", "email", longest=254, hint="hint_elsewhere")
_PHONE: Final = Field("customerPhone", "phone", longest=50, hint="hint_phone")


async def _resend(visit: Visit, found: Found) -> Posting:
    posting = ResendCode(
        **common(visit, found),
        customer_email=typed.email(visit.fields, "customerEmail"),
        customer_phone=typed.phone(visit.fields, "customerPhone"),
        custom_message=typed.words(visit.fields, "customMessage", typed.WORDS_MAX),
    )
    require_for_new_code(posting, is_owner=visit.reach is not None and visit.reach.is_owner)
    return posting


async def _schedule(visit: Visit, found: Found) -> Posting:
    return Schedule(**common(visit, found), deliver_at=typed.moment(visit.fields, "deliverAt"))


async def _suspend(visit: Visit, found: Found) -> Posting:
    return Suspend(
        **common(visit, found),
        reason=typed.needed(typed.words(visit.fields, "reason", typed.REASON_MAX), "reason"),
        until=typed.end_of_day(visit.fields, "expiresAt", visit.program.zone),
    )


async def _unsuspend(visit: Visit, found: Found) -> Posting:
    return Unsuspend(**common(visit, found))


async def _void(visit: Visit, found: Found) -> Posting:
    return Void(
        **common(visit, found),
        reason=typed.needed(typed.words(visit.fields, "reason", _VOID_REASON_MAX), "reason"),
        refund_reference=typed.line(visit.fields, "refundReference", typed.REFERENCE_MAX),
    )


async def _process(visit: Visit, found: Found) -> Posting:
    wish = typed.said(visit.fields, "action")
    if wish not in ("extend", "refund", "void"):
        raise Invalid(("body", "action"), "This is needed.", "missing")
    return ProcessExpired(
        **common(visit, found),
        wish=cast("Ending", wish),
        extension_days=typed.whole(visit.fields, "extensionDays", 1, _DAYS_MAX),
        refund_reference=typed.line(visit.fields, "refundReference", typed.REFERENCE_MAX),
    )


async def _own(visit: Visit, found: Found) -> Posting:
    return TransferOwnership(
        **common(visit, found),
        new_owner_name=typed.needed(typed.line(visit.fields, "newOwnerName", typed.NAME_MAX), "newOwnerName"),
        new_owner_email=typed.needed(typed.email(visit.fields, "newOwnerEmail"), "newOwnerEmail"),
        reference_id=typed.line(visit.fields, "referenceId", typed.REFERENCE_MAX),
    )


async def _replace(visit: Visit, found: Found) -> Posting:
    posting = Replace(
        **common(visit, found),
        reason=typed.needed(typed.words(visit.fields, "reason", typed.REASON_MAX), "reason"),
        customer_email=typed.email(visit.fields, "customerEmail"),
        customer_phone=typed.phone(visit.fields, "customerPhone"),
    )
    require_for_replacement(posting)
    return posting


async def _transfer(visit: Visit, found: Found) -> Posting:
    rooms = visit.rooms
    typed.needed(typed.line(visit.fields, "securityCode", _CODE_MAX), "securityCode")
    number = typed.line(visit.fields, "destinationCardNumber", typed.NUMBER_MAX)
    destination = await destination_by_number(
        rooms.database,
        rooms.keyring,
        visit.program.id,
        typed.needed(number, "destinationCardNumber"),
        visit.caller,
    )
    return _transferred(visit, found, destination.card.id, None)


def _transferred(visit: Visit, found: Found, destination_id: str, proved: bytes | None) -> Transfer:
    return Transfer(
        **common(visit, found),
        destination_id=destination_id,
        amount=typed.positive(visit.fields, "amount", visit.program.currency),
        proved=proved,
        reference_id=typed.line(visit.fields, "referenceId", typed.REFERENCE_MAX),
        description=typed.words(visit.fields, "description", typed.WORDS_MAX),
    )


async def _settle_transfer(visit: Visit, found: Found, posting: Posting) -> Answer:
    assert isinstance(posting, Transfer), "made above"

    async def prove() -> None:
        try:
            await visit.rooms.checks.prove(found, typed.said(visit.fields, "securityCode"))
        except NotFound:
            raise refusals.wrong_security_code() from None

    return await by_code(visit.rooms.ledger, found, partial(_transferred, visit, found, posting.destination_id), prove)


async def _consolidate(visit: Visit, found: Found) -> Posting:
    rooms, program, caller = visit.rooms, visit.program, visit.caller
    numbers = visit.fields.get("cardNumbers", "").split("\n")
    others = [number.strip() for number in numbers if number.strip()]
    if not 1 <= len(others) < _TOGETHER_MAX:
        raise Invalid(("body", "cardNumbers"), "One to nine other cards.", "missing")
    cards = [found.card] + [
        (
            await card_by_number(rooms.database, rooms.keyring, program.id, number[: typed.NUMBER_MAX], is_test=False)
        ).card
        for number in others
    ]
    email = typed.email(visit.fields, "customerEmail")
    require_for_consolidation(caller, email, cards)
    first, further = once_each([card.id for card in cards])
    return Consolidate(
        program_id=program.id,
        card_id=first,
        caller=caller,
        key=visit.key,
        render=render,
        further_ids=further,
        merchant_id=caller.merchant_id,
        merchant_name=await rooms.reaches.merchant_name(program.id, caller.merchant_id),
        customer_email=email,
        reference_id=typed.line(visit.fields, "referenceId", typed.REFERENCE_MAX),
        description=typed.words(visit.fields, "description", typed.WORDS_MAX),
    )


def _is_to_be_delivered(found: Found) -> bool:
    return found.card.delivered_at is None and bool(found.card.customer_email or found.card.customer_phone)


STATES: Final = (
    Action(
        "resend-code",
        Permission.CARDS_RESEND,
        f"POST {_CARD}/resend-code",
        _resend,
        (_EMAIL, _PHONE, Field("customMessage", "words", longest=typed.WORDS_MAX)),
        _USABLE,
    ),
    Action(
        "schedule",
        Permission.CARDS_SCHEDULE,
        f"PATCH {_CARD}/schedule",
        _schedule,
        (Field("deliverAt", "moment", hint="hint_deliver_at"),),
        _USABLE,
        offered=_is_to_be_delivered,
    ),
    Action(
        "transfer",
        Permission.CARDS_TRANSFER,
        f"POST {_CARD}/transfer",
        _transfer,
        (
            Field("destinationCardNumber", "line", is_needed=True, longest=typed.NUMBER_MAX),
            Field("amount", "amount", is_needed=True),
            Field("securityCode", "code", is_needed=True, longest=_CODE_MAX, hint="hint_code"),
            _REFERENCE,
            _NOTE,
        ),
        _ACTIVE,
        settle=_settle_transfer,
    ),
    Action(
        "consolidate",
        Permission.CARDS_CONSOLIDATE,
        f"POST {_PROGRAM}/consolidate",
        _consolidate,
        (
            Field("cardNumbers", "cards", is_needed=True, longest=500, hint="hint_cards"),
            _EMAIL,
            _REFERENCE,
            _NOTE,
        ),
        _ACTIVE,
        is_grave=True,
    ),
    Action(
        "transfer-ownership",
        Permission.CARDS_OWN,
        f"POST {_CARD}/transfer-ownership",
        _own,
        (
            Field("newOwnerName", "line", is_needed=True),
            Field("newOwnerEmail", "email", is_needed=True, longest=254),
            _REFERENCE,
        ),
        _ACTIVE,
    ),
    Action(
        "replace",
        Permission.CARDS_REPLACE,
        f"POST {_CARD}/replace",
        _replace,
        (_REASON, _EMAIL, _PHONE),
        frozenset({CardStatus.PENDING, CardStatus.ACTIVE, CardStatus.SUSPENDED}),
        is_grave=True,
    ),
    Action(
        "suspend",
        Permission.CARDS_SUSPEND,
        f"POST {_CARD}/suspend",
        _suspend,
        (_REASON, Field("expiresAt", "day", hint="hint_until")),
        frozenset({CardStatus.PENDING, CardStatus.ACTIVE, CardStatus.DEPLETED}),
    ),
    Action(
        "unsuspend",
        Permission.CARDS_SUSPEND,
        f"POST {_CARD}/unsuspend",
        _unsuspend,
        statuses=frozenset({CardStatus.SUSPENDED}),
    ),
    Action(
        "process-expired",
        Permission.CARDS_EXPIRED,
        f"POST {_CARD}/process-expired",
        _process,
        (
            Field("action", "choice", is_needed=True, choices=("extend", "refund", "void")),
            Field("extensionDays", "number", longest=3, hint="hint_days"),
            Field("refundReference", "line", longest=typed.REFERENCE_MAX),
        ),
        frozenset({CardStatus.EXPIRED}),
    ),
    Action(
        "void",
        Permission.CARDS_VOID,
        f"POST {_CARD}/void",
        _void,
        (
            Field("reason", "words", is_needed=True, longest=_VOID_REASON_MAX, hint="hint_reason"),
            Field("refundReference", "line", longest=typed.REFERENCE_MAX, hint="hint_refund_reference"),
        ),
        _USABLE,
        is_grave=True,
    ),
)
