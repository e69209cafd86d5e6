"""What became of what was asked, to be understood at a glance: by sign, words, sound and colour."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from starlette.responses import Response

from kado.access.till_store import LastAction
from kado.cards import counter
from kado.cards.counter import Deed, Told
from kado.doors.pos.respond import Screen
from kado.doors.pos.stand import Stand
from kado.errors import Refusal
from kado.languages import tell
from kado.web import forms

_KEPT_OUT: Final = frozenset({"again"})
_AMOUNTS: Final = ("availableBalance", "maxAmount", "maxBalance", "refundableAmount")
"""Members of refusals that say how much it could have been, as text of the program's currency."""


async def outcome_screen(stand: Stand, told: Told, status: int, key: str) -> Response:
    """The outcome, with what can be done next: the next card, a receipt, taking it back."""
    currency, language = stand.program.currency, stand.language
    most = next((told.members[name] for name in _AMOUNTS if name in told.members), None)
    reference = counter.undone_by(told, key) if key else ""
    last = LastAction(stand.program.id, told.card_id, told.deed, reference) if reference else None
    facts = {
        "told": told,
        "amount": tell.money(told.amount, currency, language),
        "balance": tell.money(told.balance, currency, language),
        "hint": "" if most is None else tell.money(currency.minor(Decimal(most)), currency, language),
        "card_id": told.card_id or stand.request.path_params.get("card_id", ""),
        "undo": None if last is None else undo_facts(stand, last),
    }
    return stand.shown(Screen("outcome", facts, status, "settled"))


def undo_facts(stand: Stand, last: LastAction) -> dict[str, str]:
    """What a form sends that takes this back."""
    return {
        "form": forms.token_for(stand.rooms.keyring, stand.address("undo", undo_part(last))),
        "card": last.card_id,
        "deed": last.action,
        "reference": last.reference,
    }


def undo_part(last: LastAction) -> str:
    """For what a form is made that undoes this action."""
    return f"{last.card_id}/{last.action}/{last.reference}"


def unknown_screen(stand: Stand, deed: Deed, fields: Mapping[str, str], refusal: Refusal) -> Response:
    """Nobody knows yet: for browsers without our script, a form that asks the same again."""
    facts = {
        "deed": deed,
        "address": stand.request.url.path,
        "fields": {name: value for name, value in fields.items() if name not in _KEPT_OUT},
    }
    headers = {"Retry-After": refusal.headers.get("Retry-After", "1")}
    return stand.shown(Screen("unknown", facts, 503, "unknown", headers))
