"""The receipt of what was done: to print, or by mail. It has the last four digits of the card and no way to it."""

from typing import Any

from starlette.responses import Response

from kado.cards.receipts import mail_receipt
from kado.doors.pos.card import entry_at, told_of
from kado.doors.pos.respond import Screen
from kado.doors.pos.stand import Stand
from kado.errors import Refusal, Unavailable
from kado.languages import tell
from kado.web import forms, typed


async def show_receipt(stand: Stand) -> Response:
    """The receipt."""
    return await _receipt(stand)


async def send_receipt(stand: Stand) -> Response:
    """Mail it. Sent twice, the form sends it once."""
    fields = await forms.fields_of(stand.request)
    found, entry = await entry_at(stand)
    token = fields.get("form", "")
    try:
        if not forms.is_own(stand.rooms.keyring, stand.address("receipt", f"{found.card.id}/{entry.id}"), token):
            raise Refusal("stale", "This page had been open for a long time.")
        recipient = typed.needed(typed.email(fields, "email"), "email")
        await mail_receipt(stand.rooms.database, stand.caller, entry, recipient, stand.language, token)
    except Unavailable:
        raise
    except Refusal as refusal:
        return await _receipt(stand, refusal, fields.get("email", ""))
    return await _receipt(stand, is_sent=True)


async def _receipt(stand: Stand, problem: Refusal | None = None, email: str = "", *, is_sent: bool = False) -> Response:
    found, entry = await entry_at(stand)
    currency, language = stand.program.currency, stand.language
    facts: dict[str, Any] = {
        **told_of(stand, found),
        "kind": entry.type.value.lower(),
        "entry_id": entry.id,
        "amount": tell.money(abs(entry.amount), currency, language),
        "left": tell.money(entry.balance_after, currency, language),
        "when": tell.time_of(entry.created_at, language, stand.program.zone),
        "problem": problem,
        "email": email,
        "is_sent": is_sent,
        "token": forms.token_for(stand.rooms.keyring, stand.address("receipt", f"{found.card.id}/{entry.id}")),
    }
    status = problem.status if problem else 200
    return stand.shown(Screen("receipt", facts, status, headers=problem.headers if problem else {}))
