"""What a holder may ask without a token: the balance, with number and code."""

# ruff: noqa: N803 - parameter names are the names on the wire

import re
from typing import Final

from fastapi import APIRouter, Request, Response

from kado.cards.posting import Answer
from kado.doors.api import shown
from kado.doors.api.openapi import PUBLIC
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.balance import BalanceCheckRequest, BalanceCheckResponse
from kado.doors.api.services import Services, services_of
from kado.doors.api.visit import SESSION_HEADERS, ProgramId, StrayCardId, StrayProgramId, came_from
from kado.errors import NotFound

router = APIRouter(prefix="/v2/giftcards", tags=["Gift Cards"], route_class=StrictRoute, dependencies=SESSION_HEADERS)

PATHS: Final = re.compile("/v2/giftcards/(programs/[^/]+|customer)/balance-check")
"""What anybody may ask, and a guesser asks a thousand times a second."""


@router.post(
    "/programs/{programId}/balance-check",
    name="checkGiftCardBalance",
    response_model=BalanceCheckResponse,
    openapi_extra=PUBLIC,
)
async def check_balance(
    request: Request,
    programId: ProgramId,
    data: BalanceCheckRequest,
    cardId: StrayCardId = None,
) -> Response:
    """The balance of the card with this number and code. Whatever is wrong, the answer is the same 404."""
    return shown.response(await balance_of(services_of(request), programId, data))


async def balance_of(services: Services, program_id: str, data: BalanceCheckRequest) -> Answer:
    """What `check_balance` does. Raises the same for everything that is wrong."""
    found = await services.checks.check(
        program_id,
        data.cardNumber,
        data.securityCode,
        address=came_from(),
        captcha_token=data.captchaToken,
    )
    return shown.answer(shown.balance(services, found.card, found.currency, found.now))


@router.post(
    "/customer/balance-check",
    name="customerCheckGiftCardBalance",
    response_model=BalanceCheckResponse,
    openapi_extra=PUBLIC,
)
async def check_balance_anywhere(
    request: Request, data: BalanceCheckRequest, programId: StrayProgramId = None, cardId: StrayCardId = None
) -> Response:
    """The same for whoever does not know the program; five times a minute at most."""
    services = services_of(request)
    found = await services.checks.check_anywhere(
        data.cardNumber, data.securityCode, address=came_from(), captcha_token=data.captchaToken
    )
    return shown.json_response(shown.balance(services, found.card, found.currency, found.now))


@router.get("/captcha", name="getCaptchaChallenge", response_model=None, openapi_extra=PUBLIC)
async def captcha_challenge(request: Request) -> Response:
    """A challenge whose solution a balance check can bring as `captchaToken`. Ours; 404 where none is configured."""
    challenge = services_of(request).captcha.challenge()
    if challenge is None:
        raise NotFound("captcha_off", "This server asks for no captcha.")
    return shown.json_response(challenge)
