"""What moves money. Each form has its key from the moment it was rendered; whatever happens to the line, that key is
asked again until its outcome is known, and does nothing twice."""

from collections.abc import Callable, Mapping
from typing import Final

from starlette.responses import Response

from kado.access import till_sessions
from kado.access.permissions import Permission
from kado.access.till_store import LastAction
from kado.cards import counter
from kado.cards.activate import Activate
from kado.cards.counter import Deed, Told
from kado.cards.issue import Issue
from kado.cards.posting import Posting
from kado.cards.redeem import Redeem
from kado.cards.refund import Refund
from kado.cards.reload import Reload
from kado.cards.withdraw import withdrawn
from kado.doors.pos.outcome import outcome_screen, undo_part, unknown_screen
from kado.doors.pos.stand import Stand
from kado.errors import NotFound, Refusal, Unavailable
from kado.ids import is_id
from kado.web import forms, typed

Make = Callable[[str], Posting | Issue]

_NEEDS: Final[Mapping[Deed, Permission]] = {
    "redeem": Permission.CARDS_REDEEM,
    "reload": Permission.CARDS_RELOAD,
    "activate": Permission.CARDS_ACTIVATE,
    "sell": Permission.CARDS_ISSUE,
    "refund": Permission.CARDS_REFUND,
    "undo": Permission.CARDS_REFUND,
}


async def redeem(stand: Stand) -> Response:
    """Take money from the card."""
    fields, card_id = await forms.fields_of(stand.request), _card_id(stand)

    def make(key: str) -> Redeem:
        return Redeem(
            program_id=stand.program.id,
            card_id=card_id,
            caller=stand.caller,
            key=key,
            render=counter.telling("redeem"),
            amount=typed.positive(fields, "amount", stand.program.currency),
            pos_transaction_id=counter.reference_of(key),
        )

    return await settle(stand, "redeem", card_id, fields, make)


async def reload(stand: Stand) -> Response:
    """Put money on the card."""
    fields, card_id = await forms.fields_of(stand.request), _card_id(stand)

    def make(key: str) -> Reload:
        return Reload(
            program_id=stand.program.id,
            card_id=card_id,
            caller=stand.caller,
            key=key,
            render=counter.telling("reload"),
            amount=typed.positive(fields, "amount", stand.program.currency),
            reference_id=counter.reference_of(key),
        )

    return await settle(stand, "reload", card_id, fields, make)


async def activate(stand: Stand) -> Response:
    """Sell a card that lies there: its value is put on it."""
    fields, card_id = await forms.fields_of(stand.request), _card_id(stand)

    def make(key: str) -> Activate:
        return Activate(
            program_id=stand.program.id,
            card_id=card_id,
            caller=stand.caller,
            key=key,
            render=counter.telling("activate"),
        )

    return await settle(stand, "activate", card_id, fields, make)


async def refund(stand: Stand) -> Response:
    """Give back what a redemption took, all that is left of it or a part."""
    fields, card_id = await forms.fields_of(stand.request), _card_id(stand)
    entry_id = stand.request.path_params["entry_id"]
    if not is_id(entry_id):
        raise NotFound("transaction_not_found", "There is no such transaction on this card.")

    def make(key: str) -> Refund:
        return Refund(
            program_id=stand.program.id,
            card_id=card_id,
            caller=stand.caller,
            key=key,
            render=counter.telling("refund"),
            transaction_id=entry_id,
            amount=typed.amount(fields, "amount", stand.program.currency),
        )

    return await settle(stand, "refund", f"{card_id}/{entry_id}", fields, make)


async def undo(stand: Stand) -> Response:
    """Take back the last one: the form names it, and was made for whoever did it, while they are signed in."""
    fields = await forms.fields_of(stand.request)
    last = LastAction(stand.program.id, *(fields.get(name, "") for name in ("card", "deed", "reference")))

    def make(key: str) -> Posting:
        return counter.undoing(stand.program.id, last.card_id, last.action, last.reference, stand.caller, key)

    return await settle(stand, "undo", undo_part(last), fields, make)


async def settle(stand: Stand, deed: Deed, part: str, fields: Mapping[str, str], make: Make) -> Response:
    """Do it once, and show the true outcome. Raises `Invalid` for what was typed wrong, before anything is done."""
    token = fields.get("form", "")
    key, is_own = token.rpartition(".")[0], forms.is_own(stand.rooms.keyring, stand.address(deed, part), token)
    try:
        posting = make(key)
        if is_own:
            told = await _do(stand, deed, posting, asks_again=bool(fields.get("again")))
        else:
            told = await _of_earlier(stand, deed, posting)
    except Unavailable as refusal:
        return unknown_screen(stand, deed, fields, refusal)
    except Refusal as refusal:
        return await outcome_screen(stand, counter.refused(deed, refusal), refusal.status, "")
    await _remember(stand, told, key)
    return await outcome_screen(stand, told, 200 if told.is_done else 409, key)


async def _do(stand: Stand, deed: Deed, posting: Posting | Issue, *, asks_again: bool) -> Told:
    """Whoever asks again hears what was done even where they may not do it any more."""
    if not (asks_again and await stand.rooms.ledger.knows(posting)):
        await stand.require(_NEEDS[deed])
        if deed == "sell":
            await stand.require(Permission.CARDS_ACTIVATE)
    if isinstance(posting, Issue):
        return await counter.sell(stand.rooms.ledger, posting)
    return await counter.do(stand.rooms.ledger, posting)


async def _of_earlier(stand: Stand, deed: Deed, posting: Posting | Issue) -> Told:
    """A form of yesterday, or of whoever stood here before, does nothing new, now or later; what it did, it tells."""
    if posting.key:
        if isinstance(posting, Posting) and await stand.rooms.ledger.knows(posting):
            return await counter.do(stand.rooms.ledger, posting)
        await stand.require(Permission.CARDS_REFUND)
        told = await counter.never_any_more(stand.rooms.ledger, posting, deed)
        if told.is_done:
            return told
    raise withdrawn()


async def _remember(stand: Stand, told: Told, key: str) -> None:
    """What "undo" means from now on."""
    if not told.is_done:
        return
    reference = counter.undone_by(told, key)
    last = LastAction(stand.program.id, told.card_id, told.deed, reference) if reference else None
    await till_sessions.note_last(stand.rooms.database, stand.standing, last)


def _card_id(stand: Stand) -> str:
    card_id: str = stand.request.path_params["card_id"]
    if not is_id(card_id):
        raise NotFound("card_not_found", "There is no such card in this program.")
    return card_id
