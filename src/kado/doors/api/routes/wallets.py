"""The passes of cards in wallets, as merchants' own programs fetch them: by pass type and serial number."""

# ruff: noqa: N803 - parameter names are the names on the wire

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Request, Response

from kado.access.permissions import Permission
from kado.cards.codes import page_url
from kado.cards.find import Found
from kado.doors.api import answers, shown
from kado.doors.api.rights import Rule, held_by
from kado.doors.api.route import StrictRoute
from kado.doors.api.routes.passes import Reader, found_by, pass_reader
from kado.doors.api.services import services_of
from kado.doors.api.types import Line
from kado.doors.api.visit import authenticated
from kado.errors import NotFound, Unavailable
from kado.passes import freshness, registrations
from kado.passes.apple import MEDIA_TYPE
from kado.passes.failures import NotTold

router = APIRouter(prefix="/v2/passes/{passTypeIdentifier}/{serialNumber}", tags=["Passes"], route_class=StrictRoute)

_FILE: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {MEDIA_TYPE: {}}, "description": "A pass"}}
PassType = Annotated[Line, Path()]
Serial = Annotated[Line, Path()]
Reading = Annotated[Reader, Depends(pass_reader)]


@held_by(Rule(Permission.PASSES_PUSH))
async def pass_pusher(request: Request) -> Reader:
    """A bearer that may have wallets told."""
    caller = await authenticated(request)
    caller.require(Permission.PASSES_PUSH)
    return Reader(caller.merchant_id, caller.is_test, caller.programs)


Pushing = Annotated[Reader, Depends(pass_pusher)]


@router.get("", name="getPass", response_model=None, response_class=Response, responses=_FILE)
async def get_pass(request: Request, reader: Reading, passTypeIdentifier: PassType, serialNumber: Serial) -> Response:
    """The pass as a file for Apple Wallet. 404 `wallet_not_offered` where this server has no certificate for it."""
    found = await _found(request, reader, passTypeIdentifier, serialNumber)
    services = services_of(request)
    made = await services.wallets.apple_pass(services.database, found)
    if made is None:
        raise _not_offered("Apple")
    return Response(made, 200, media_type=MEDIA_TYPE)


@router.get("/url", name="getPassUrl", response_model=None)
async def get_url(request: Request, reader: Reading, passTypeIdentifier: PassType, serialNumber: Serial) -> Response:
    """The holder's page of the card, from which it is taken into a wallet."""
    found = await _found(request, reader, passTypeIdentifier, serialNumber)
    return shown.json_response({"url": page_url(services_of(request).settings.public_url, found.card.pass_sid)})


@router.get("/savetowallet", name="getPassSaveToWallet", response_model=None)
async def get_save_link(
    request: Request, reader: Reading, passTypeIdentifier: PassType, serialNumber: Serial
) -> Response:
    """The link by which the card is saved to Google Wallet. Its object is written before."""
    found = await _found(request, reader, passTypeIdentifier, serialNumber)
    services = services_of(request)
    try:
        link = await services.wallets.google_link(services.database, found)
    except NotTold:
        raise Unavailable("wallet_unavailable", "Google Wallet cannot be reached right now.", 60) from None
    if link is None:
        raise _not_offered("Google")
    return shown.json_response({"url": link})


@router.get("/walletobject", name="getPassWalletObject", response_model=None)
async def get_object(request: Request, reader: Reading, passTypeIdentifier: PassType, serialNumber: Serial) -> Response:
    """The card as Google Wallet is told of it."""
    found = await _found(request, reader, passTypeIdentifier, serialNumber)
    services = services_of(request)
    return _said(await services.wallets.google_object(services.database, found), "Google")


@router.get("/passjson", name="getPassJson", response_model=None)
async def get_json(
    request: Request,
    reader: Reading,
    passTypeIdentifier: PassType,
    serialNumber: Serial,
    if_modified_since: Annotated[str | None, Header()] = None,
) -> Response:
    """What the pass for Apple Wallet says, without what only its device may know."""
    found = await _found(request, reader, passTypeIdentifier, serialNumber)
    services = services_of(request)
    changed = await registrations.changed_at(services.database, found)
    told = {"Last-Modified": freshness.last_modified(changed, found.now)}
    if freshness.is_known(changed, if_modified_since):
        return Response(status_code=304, headers=told)
    answer = _said(await services.wallets.pass_json(services.database, found), "Apple")
    answer.headers.update(told)
    return answer


@router.post("/push", name="pushPass", response_model=None)
async def push(request: Request, reader: Pushing, passTypeIdentifier: PassType, serialNumber: Serial) -> Response:
    """Have all wallets that hold the card told anew, as after a change; how many they are."""
    found = await _found(request, reader, passTypeIdentifier, serialNumber)
    told = await registrations.ask_anew(services_of(request).database, found.card, found.now)
    return shown.json_response({"queued": told})


async def _found(request: Request, reader: Reader, pass_type: str, serial: str) -> Found:
    reach, found = await found_by(request, reader, serial)
    if reach.program.pass_type_identifier != pass_type:
        raise NotFound("pass_not_found", "No gift card is linked to this pass.")
    return found


def _said(facts: Mapping[str, object] | None, wallet: str) -> Response:
    if facts is None:
        raise _not_offered(wallet)
    return Response(answers.encode(facts), 200, media_type="application/json")


def _not_offered(wallet: str) -> NotFound:
    return NotFound("wallet_not_offered", f"This server makes no passes of this type for {wallet} Wallet.")
