"""The counter itself: find a card, see what is on it, and say what is to be done with it."""

from typing import Any, Final, NamedTuple

from starlette.responses import Response

from kado import clock
from kado.access.permissions import Permission
from kado.cards import counter
from kado.cards.card import Card, CardStatus, Entry, TransactionType
from kado.cards.find import Found, card_by_id, entries_of
from kado.cards.scanned import card_scanned
from kado.doors.pos.outcome import undo_facts
from kado.doors.pos.respond import Screen, onward
from kado.doors.pos.stand import Stand
from kado.errors import NotFound, Refusal
from kado.ids import is_id
from kado.languages import tell
from kado.web import forms

_ENTRIES: Final = 6
_KINDS: Final = {
    TransactionType.ACTIVATION: "activation",
    TransactionType.RELOAD: "reload",
    TransactionType.REDEMPTION: "redemption",
    TransactionType.REFUND: "refund",
    TransactionType.TRANSFER_IN: "transfer_in",
    TransactionType.TRANSFER_OUT: "transfer_out",
}


class ShownEntry(NamedTuple):
    """An entry as text; `kind` is the key of its words."""

    id: str
    kind: str
    when: str
    amount: str
    size: str
    """The amount without its sign."""
    is_gain: bool
    can_refund: bool


async def home(stand: Stand) -> Response:
    """Where every customer begins: scan, type, or sell."""
    return _home(stand)


def _home(stand: Stand, problem: Refusal | None = None, typed: str = "") -> Response:
    last = stand.standing.last
    facts: dict[str, Any] = {
        "problem": problem,
        "typed": typed,
        "may_sell": stand.may(Permission.CARDS_ISSUE) and stand.may(Permission.CARDS_ACTIVATE),
        "undo": None if last is None else undo_facts(stand, last),
    }
    status = 200 if problem is None else problem.status
    return stand.shown(Screen("home", facts, status))


async def find(stand: Stand) -> Response:
    """From what was scanned or typed to the card's own address, which does not hold it."""
    fields = await forms.fields_of(stand.request)
    await stand.require(Permission.CARDS_READ)
    try:
        found = await card_scanned(
            stand.rooms.database, stand.rooms.keyring, stand.program.id, fields.get("number", "")
        )
    except NotFound as refusal:
        return _home(stand, refusal, fields.get("number", "")[:64])
    return onward(f"/pos/cards/{found.card.id}")


async def show_card(stand: Stand) -> Response:
    """What is on the card, and what can be done with it now."""
    found = await card_at(stand)
    card, currency = found.card, stand.program.currency
    status = card.status_at(found.now)
    entries, _ = await entries_of(stand.rooms.database, stand.program.id, card.id, limit=_ENTRIES, offset=0)
    adds = stand.request.query_params.get("do") == "add"
    available = max(card.available, 0)
    most = available if stand.program.max_redeem is None else min(available, stand.program.max_redeem)
    facts: dict[str, Any] = {
        **told_of(stand, found),
        "adds": adds and status is CardStatus.ACTIVE,
        "everything": currency.text(most),
        "everything_text": tell.money(most, currency, stand.language),
        "exponent": currency.exponent,
        "may": {
            "redeem": status is CardStatus.ACTIVE and most > 0 and stand.may(Permission.CARDS_REDEEM),
            "reload": status is CardStatus.ACTIVE and stand.may(Permission.CARDS_RELOAD),
            "activate": status is CardStatus.PENDING and stand.may(Permission.CARDS_ACTIVATE),
        },
        "tokens": {
            deed: forms.token_for(stand.rooms.keyring, stand.address(deed, card.id))
            for deed in ("redeem", "reload", "activate")
        },
        "entries": [_shown(stand, entry) for entry in entries if entry.amount],
    }
    return stand.shown(Screen("card", facts))


async def show_refund(stand: Stand) -> Response:
    """How much of what was taken goes back."""
    await stand.require(Permission.CARDS_REFUND)
    found, entry = await entry_at(stand)
    facts = {
        **told_of(stand, found),
        "entry": _shown(stand, entry),
        "exponent": stand.program.currency.exponent,
        "token": forms.token_for(stand.rooms.keyring, stand.address("refund", f"{found.card.id}/{entry.id}")),
    }
    return stand.shown(Screen("refund", facts))


async def card_at(stand: Stand) -> Found:
    """The card that the address names. Raises `NotFound`."""
    await stand.require(Permission.CARDS_READ)
    card_id = stand.request.path_params["card_id"]
    if not is_id(card_id):
        raise NotFound("card_not_found", "There is no such card in this program.")
    return await card_by_id(stand.rooms.database, stand.program.id, card_id, is_test=False)


async def entry_at(stand: Stand) -> tuple[Found, Entry]:
    """The card and its entry that the address names. Raises `NotFound`, for entries that another shop wrote too."""
    found, entry_id = await card_at(stand), stand.request.path_params["entry_id"]
    entry = await counter.own_entry(stand.rooms.database, found.card, entry_id, stand.caller.merchant_id)
    return found, entry


def told_of(stand: Stand, found: Found) -> dict[str, Any]:
    """What every screen about a card says of it."""
    card: Card = found.card
    status, currency, language = card.status_at(found.now), stand.program.currency, stand.language
    shown = card.initial_value if status is CardStatus.PENDING else card.balance
    return {
        "card_id": card.id,
        "status": status.value,
        "balance": tell.money(shown, currency, language),
        "held": tell.money(card.held, currency, language) if card.held else "",
        "last_four": card.last_four,
        "expires": "" if card.expires_at >= clock.NEVER else tell.day(card.expires_at, language, stand.program.zone),
    }


def _shown(stand: Stand, entry: Entry) -> ShownEntry:
    is_own = stand.caller.merchant_id in (entry.merchant_id, stand.program.merchant_id)
    takes = entry.type is TransactionType.REDEMPTION and entry.counterpart_id is None
    return ShownEntry(
        entry.id,
        _KINDS.get(entry.type, "other"),
        tell.time_of(entry.created_at, stand.language, stand.program.zone),
        tell.money(entry.amount, stand.program.currency, stand.language),
        tell.money(abs(entry.amount), stand.program.currency, stand.language),
        entry.amount > 0,
        takes and is_own and stand.may(Permission.CARDS_REFUND),
    )
