"""Apple's web service for passes: devices say that they hold one, ask what became different, and fetch it.

Whoever shows no token, a wrong one, or asks for a pass that does not exist gets 401 and not a word more. The identifier
of a device is its secret: by the protocol, it asks for its changes with nothing else.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kado.cards.find import Found, card_by_pass
from kado.doors.wallet.rates import Rates
from kado.errors import Refusal
from kado.passes import freshness, registrations, tokens
from kado.passes.apple import MEDIA_TYPE
from kado.passes.registrations import Device
from kado.passes.wallets import Wallets
from kado.programs import find
from kado.storage.database import Database

_SID: Final = re.compile(r"[0-9a-f]{56}", re.ASCII)
_DEVICE: Final = re.compile(r"[A-Za-z0-9._-]{8,128}", re.ASCII)
_PUSH_TOKEN: Final = re.compile(r"[0-9a-fA-F]{32,400}", re.ASCII)
_A_MINUTE: Final = {"ask": 600, "refused": 60, "log": 30}
_LINES_MAX: Final = 10
_LINE_MAX: Final = 300
_SECRETIVE: Final = re.compile(r"[0-9A-Fa-f]{16,}")
_log: Final = structlog.get_logger("kado.wallets")


class Service:
    """The five endpoints."""

    def __init__(self, database: Database, wallets: Wallets, rates: Rates) -> None:
        self._database = database
        self._wallets = wallets
        self._rates = rates

    async def register(self, request: Request) -> Response:
        """A device wants to hear of a pass: 201 for the first time, then 200."""
        return await self._of_pass(request, self._register)

    async def unregister(self, request: Request) -> Response:
        """A device has removed a pass."""
        return await self._of_pass(request, self._unregister)

    async def latest(self, request: Request) -> Response:
        """The pass as it is now; 304 where the device has that already."""
        return await self._of_pass(request, self._latest)

    async def changed(self, request: Request) -> Response:
        """Which passes of a device became different since its last question; 204 for none."""
        self._rates.count("ask", _A_MINUTE["ask"])
        device, pass_type = request.path_params["device"], request.path_params["pass_type"]
        tag = request.query_params.get("passesUpdatedSince")
        found = None
        if _DEVICE.fullmatch(device):
            found = await registrations.changed(self._database, device, pass_type, tag)
        if found is None:
            return Response(status_code=204)
        return JSONResponse({"serialNumbers": found.serial_numbers, "lastUpdated": found.tag})

    async def log(self, request: Request) -> Response:
        """What devices complain of goes into our log, without what could be a secret."""
        self._rates.count("log", _A_MINUTE["log"])
        said = request.scope["state"]["json"]
        lines = said.get("logs") if isinstance(said, dict) else None
        for line in lines[:_LINES_MAX] if isinstance(lines, list) else ():
            if isinstance(line, str):
                _log.warning("wallets.device_says", said=_harmless(line))
        return Response(status_code=200)

    # ── with a pass and its token ──────────────────────────────────────────────────────────────────────────────────

    async def _of_pass(self, request: Request, do: Callable[[Request, Found, str], Awaitable[Response]]) -> Response:
        self._rates.count("ask", _A_MINUTE["ask"])
        token = tokens.shown_in(request.headers.get("authorization"))
        found = await self._found(request, token)
        if found is None or token is None:
            self._rates.count("refused", _A_MINUTE["refused"])
            return Response(status_code=401)
        return await do(request, found, token)

    async def _found(self, request: Request, token: str | None) -> Found | None:
        """The card whose pass the path names and the token belongs to."""
        sid, pass_type = request.path_params["serial"], request.path_params["pass_type"]
        if token is None or not _SID.fullmatch(sid):
            return None
        found = await card_by_pass(self._database, sid[:24], sid)
        if found is None:
            return None
        registered = await registrations.tokens_of(self._database, found.card)
        if not tokens.fits(self._wallets.keyring, found.card, token, registered):
            return None
        program = await find.get(self._database, found.card.program_id)
        # What was handed out under an earlier pass type stays where it is, and is told of no more.
        return found if program is not None and program.pass_type_identifier == pass_type else None

    async def _register(self, request: Request, found: Found, token: str) -> Response:
        said = request.scope["state"]["json"]
        push_token = said.get("pushToken") if isinstance(said, dict) else None
        device, pass_type = request.path_params["device"], request.path_params["pass_type"]
        if not (isinstance(push_token, str) and _PUSH_TOKEN.fullmatch(push_token) and _DEVICE.fullmatch(device)):
            return Response(status_code=400)
        try:
            is_new = await registrations.register(
                self._database, self._wallets.keyring, found.card, pass_type, Device(device, push_token), token
            )
        except Refusal as refusal:
            if refusal.code != "too_many_devices":
                raise
            return Response(status_code=403)
        return Response(status_code=201 if is_new else 200)

    async def _unregister(self, request: Request, found: Found, token: str) -> Response:  # noqa: ARG002 - as the others
        await registrations.unregister(self._database, found.card, request.path_params["device"])
        return Response(status_code=200)

    async def _latest(self, request: Request, found: Found, token: str) -> Response:
        changed = await registrations.changed_at(self._database, found)
        headers = {"Last-Modified": freshness.last_modified(changed, found.now)}
        if freshness.is_known(changed, request.headers.get("if-modified-since")):
            return Response(status_code=304, headers=headers)
        made = await self._wallets.apple_pass(self._database, found, token)
        if made is None:
            return Response(status_code=503, headers={"Retry-After": "3600"})
        return Response(made, 200, headers, MEDIA_TYPE)


def _harmless(line: str) -> str:
    shown = "".join(one if one.isprintable() else " " for one in line[:_LINE_MAX])
    return _SECRETIVE.sub("*", shown)
