"""Where people take a card into their wallet. As on its page, the address is the secret, and nobody who is blocked in
the program sees that there is a card."""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from kado.audit.origin import origin
from kado.cards.find import Found, card_by_pass
from kado.doors.wallet.rates import Rates
from kado.fraud.blocked import Blocks
from kado.languages.choose import wanted
from kado.languages.say import Say, saying
from kado.passes.apple import MEDIA_TYPE
from kado.passes.failures import NotTold
from kado.passes.shown import AREA
from kado.passes.wallets import Wallets
from kado.storage.database import Database

_SID: Final = re.compile(r"[0-9a-f]{56}", re.ASCII)
_A_MINUTE: Final = 60
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Taking:
    """The two addresses."""

    def __init__(self, database: Database, blocks: Blocks, wallets: Wallets, rates: Rates) -> None:
        self._database = database
        self._blocks = blocks
        self._wallets = wallets
        self._rates = rates

    async def apple(self, request: Request) -> Response:
        """The pass for Apple Wallet, which a browser there opens at once."""
        found = await self._found(request)
        made = None if found is None else await self._wallets.apple_pass(self._database, found)
        if made is None:
            return _nothing(request)
        named = {"Content-Disposition": 'inline; filename="card.pkpass"'}
        return Response(made, 200, {**_HEADERS, **named}, MEDIA_TYPE)

    async def google(self, request: Request) -> Response:
        """On to Google, where the card is saved. Its object is written before."""
        found = await self._found(request)
        try:
            link = None if found is None else await self._wallets.google_link(self._database, found)
        except NotTold:
            headers = {**_HEADERS, "Retry-After": "60"}
            return PlainTextResponse(_say(request)("google_down"), 503, headers)
        if link is None:
            return _nothing(request)
        return RedirectResponse(link, 303, _HEADERS)

    async def _found(self, request: Request) -> Found | None:
        self._rates.count("take", _A_MINUTE)
        sid = request.path_params["pass_sid"]
        found = await card_by_pass(self._database, sid[:24], sid) if _SID.fullmatch(sid) else None
        if found is None or await self._blocks.covers(found.card.program_id, origin().address or ""):
            return None
        return found


def _say(request: Request) -> Say:
    return saying(AREA, wanted(request.headers.get("accept-language", "")))


def _nothing(request: Request) -> Response:
    return PlainTextResponse(_say(request)("no_card"), 404, _HEADERS)
