"""Sell a card: a new one, on paper or by mail."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from kado.access.permissions import Permission
from kado.cards import counter
from kado.cards.issue import Issue
from kado.designs.look import look_of
from kado.doors.pos.card import card_at
from kado.doors.pos.money import settle
from kado.doors.pos.respond import Screen
from kado.doors.pos.stand import Stand
from kado.languages import tell
from kado.paper.card import Sheet
from kado.paper.drawn import usual_size
from kado.paper.single import paper_of
from kado.web import forms, typed

_PRESETS: Final = (10, 25, 50, 100)
"""Major units; those that the program and a cashier's limit allow are offered."""


async def show_sale(stand: Stand) -> Response:
    """How much, and to whom."""
    await stand.require(Permission.CARDS_ISSUE)
    program = stand.program
    high = min(program.max_initial_value, program.cashier_issue_limit)
    minor = [preset * 10**program.currency.exponent for preset in _PRESETS]
    facts: dict[str, Any] = {
        "token": forms.token_for(stand.rooms.keyring, stand.address("sell", "")),
        "presets": [
            (program.currency.text(one), tell.money(one, program.currency, stand.language))
            for one in minor
            if program.min_initial_value <= one <= high
        ],
        "low": tell.money(program.min_initial_value, program.currency, stand.language),
        "high": tell.money(high, program.currency, stand.language),
        "exponent": program.currency.exponent,
        "look": await look_of(stand.rooms.database, program),
    }
    return stand.shown(Screen("sell", facts))


async def sell(stand: Stand) -> Response:
    """A new card with its value on it."""
    fields = await forms.fields_of(stand.request)
    name = await stand.rooms.reaches.merchant_name(stand.program.id, stand.caller.merchant_id)

    def make(key: str) -> Issue:
        return _issue(stand, fields, key, name)

    return await settle(stand, "sell", "", fields, make)


def _issue(stand: Stand, fields: Mapping[str, str], key: str, merchant_name: str | None) -> Issue:
    by_mail = fields.get("how") == "mail"
    chosen = typed.said(fields, "other") or typed.said(fields, "amount")
    mail: dict[str, Any] = {}
    if by_mail:
        mail = {
            "customer_email": typed.needed(typed.email(fields, "email"), "email"),
            "customer_name": typed.line(fields, "receiver", typed.NAME_MAX),
            "sender_name": typed.line(fields, "giver", typed.NAME_MAX),
            "custom_message": typed.words(fields, "words", typed.WORDS_MAX),
        }
    return Issue(
        program_id=stand.program.id,
        caller=stand.caller,
        key=key,
        render=counter.telling("sell"),
        merchant_id=stand.caller.merchant_id,
        merchant_name=merchant_name,
        initial_value=typed.positive({"amount": chosen}, "amount", stand.program.currency),
        is_physical=not by_mail,
        **mail,
    )


async def paper(stand: Stand) -> Response:
    """The card as PDF to hand over: with its number, without a code."""
    found = await card_at(stand)
    made = await paper_of(
        stand.rooms.database,
        stand.rooms.keyring,
        stand.rooms.public_url,
        stand.program,
        found.card,
        found.now,
        Sheet(usual_size(stand.program), usual_size(stand.program)),
        stand.language,
    )
    stand.rooms.looks.note(stand.caller.subject, stand.caller.merchant_id, [(stand.program.id, found.card.id)])
    name = f'inline; filename="gift-card-{found.card.last_four}.pdf"'
    return Response(
        made, headers={"Content-Disposition": name, "Cache-Control": "no-store"}, media_type="application/pdf"
    )
