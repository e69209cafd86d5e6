"""The look-up behind a wallet pass's page."""

# ruff: noqa: N803 - parameter names are the names on the wire

import re
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request, Response

from kado.access.permissions import Permission
from kado.cards.find import Found, card_by_pass
from kado.doors.api import shown
from kado.doors.api.rights import Rule, held_by
from kado.doors.api.route import StrictRoute
from kado.doors.api.services import services_of
from kado.doors.api.types import Line
from kado.doors.api.visit import authenticated, came_from, signing_merchant
from kado.errors import Forbidden, NotFound, Unauthenticated
from kado.programs.reach import Reach

router = APIRouter(prefix="/v2/giftcards", tags=["Gift Cards"], route_class=StrictRoute)

_SID: Final = re.compile(r"[0-9a-f]{56}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks about a pass. A key sees live cards or test cards; a trusted front end shows its visitors both."""

    merchant_id: str
    is_test: bool | None
    programs: frozenset[str] | None = None


@held_by(Rule(Permission.PASSES_READ, signature=True))
async def pass_reader(request: Request) -> Reader:
    """The merchant that asks: its trusted front end by a signature, or a bearer of `passes:read`."""
    merchant_id = await signing_merchant(request)
    if merchant_id is not None:
        return Reader(merchant_id, None)
    caller = await authenticated(request)
    if Permission.PASSES_READ not in caller.permissions:
        # Not 403: here a bearer without the right is no proof at all, like a signature that is not valid.
        raise Unauthenticated("permission_denied", f"This needs the permission {Permission.PASSES_READ}.")
    return Reader(caller.merchant_id, caller.is_test, caller.programs)


@router.get("/passes/{passSid}", name="getGiftCardByPassSid", response_model=None)
async def get_by_pass(
    request: Request, reader: Annotated[Reader, Depends(pass_reader)], passSid: Annotated[Line, Path()]
) -> Response:
    """Eight facts about the card of this pass; no number, no person."""
    reach, found = await found_by(request, reader, passSid)
    return shown.json_response(shown.pass_info(found.card, reach.program.currency, found.now))


async def found_by(request: Request, reader: Reader, pass_sid: str) -> tuple[Reach, Found]:
    """The card of this pass and the reader's reach into its program. Raises `NotFound`, whatever is wrong."""
    services = services_of(request)
    if not _SID.fullmatch(pass_sid) or (reader.programs is not None and pass_sid[:24] not in reader.programs):
        raise _no_pass()
    reach = await _reach(request, pass_sid[:24], reader.merchant_id)
    await services.blocks.require_free(reach.program.id, came_from())
    found = await card_by_pass(services.database, reach.program.id, pass_sid)
    if found is None or reader.is_test not in (None, found.card.is_test):
        raise _no_pass()
    return reach, found


async def _reach(request: Request, program_id: str, merchant_id: str) -> Reach:
    """The owner's reach. Another merchant's pass and one that does not exist get the same answer."""
    try:
        reach = await services_of(request).reaches.reach(program_id, merchant_id)
    except Forbidden:
        raise _no_pass() from None
    if not reach.is_owner:
        raise _no_pass()
    return reach


def _no_pass() -> NotFound:
    return NotFound("pass_not_found", "No gift card is linked to this pass.")
