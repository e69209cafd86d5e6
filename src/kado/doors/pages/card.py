"""The holder's page of a card: what is on it, until when. The address is the secret; no number, no code is shown."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from kado import clock
from kado.audit.origin import origin
from kado.cards.card import CardStatus
from kado.cards.find import Found, card_by_pass
from kado.doors.pages.security import HEADERS, STYLE
from kado.fraud.blocked import Blocks
from kado.programs import find as programs
from kado.programs.program import Program
from kado.storage.database import Database

_SID: Final = re.compile(r"[0-9a-f]{56}", re.ASCII)

_SAYS: Final = {
    CardStatus.PENDING: "This card is not activated yet. Its value is put on it when it is.",
    CardStatus.ACTIVE: "This card can be used.",
    CardStatus.SUSPENDED: "This card is stopped for the moment. Ask the shop.",
    CardStatus.EXPIRED: "This card has expired. Ask the shop what can be done.",
    CardStatus.VOIDED: "This card has been ended and cannot be used.",
    CardStatus.DEPLETED: "This card has been spent.",
}

_templates: Final = Environment(
    loader=PackageLoader("kado.doors.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the page says, all of it text."""

    merchant: str
    program: str
    status: str
    says: str
    amount_label: str
    amount: str
    currency: str
    last_four: str
    expires: str


def card_page(database: Database, blocks: Blocks) -> Callable[[Request], Awaitable[HTMLResponse]]:
    """The page's handler. 404 for an address that leads to no card, whatever is wrong, and for who is blocked."""

    async def is_blocked(program_id: str) -> bool:
        return await blocks.covers(program_id, origin().address or "")

    async def show(request: Request) -> HTMLResponse:
        pass_sid = request.path_params["pass_sid"]
        found = await card_by_pass(database, pass_sid[:24], pass_sid) if _SID.fullmatch(pass_sid) else None
        program = await programs.get(database, found.card.program_id) if found is not None else None
        if found is None or program is None or await is_blocked(program.id):
            return HTMLResponse(_templates.get_template("no_card.html").render(style=STYLE), 404, HEADERS)
        page = _templates.get_template("card.html").render(style=STYLE, card=_shown(found, program))
        return HTMLResponse(page, 200, HEADERS)

    return show


def _shown(found: Found, program: Program) -> _Shown:
    card, currency = found.card, program.currency
    status = card.status_at(found.now)
    is_pending = status is CardStatus.PENDING
    return _Shown(
        merchant=card.merchant_name,
        program=program.name,
        status=status.value,
        says=_SAYS[status],
        amount_label="Value" if is_pending else "Balance",
        amount=currency.text(card.initial_value if is_pending else card.balance),
        currency=currency.code,
        last_four=card.last_four,
        expires="never" if card.expires_at >= clock.NEVER else f"{card.expires_at:%d %B %Y}",
    )
