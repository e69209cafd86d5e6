"""The five operations as route declarations without anything behind them, until the real routes stand."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, FastAPI, Header, Path, Query, Request

from kado.doors.api import answers, openapi
from kado.doors.api.openapi import PUBLIC
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.balance import BalanceCheckRequest, BalanceCheckResponse
from kado.doors.api.schemas.cards import (
    GiftCardResponse,
    RedeemGiftCardRequest,
    RedeemResponse,
    ReloadByCardNumberRequest,
    ResendSecurityCodeRequest,
)
from kado.doors.api.types import IdempotencyKey, Line, PydanticObjectId
from kado.errors import Forbidden, Unauthenticated

PROGRAM = "/v2/giftcards/programs/{programId}"
CARD = PROGRAM + "/cards/{cardId}"

ProgramId = Annotated[PydanticObjectId | None, Path()]
CardId = Annotated[PydanticObjectId | None, Path()]
StrayCardId = Annotated[PydanticObjectId | None, Query()]
Key = Annotated[IdempotencyKey | None, Header(alias="idempotency-key")]
CustomerToken = Annotated[str | None, Header(alias="X-Eposn-Customer-Token")]
MerchantToken = Annotated[str | None, Header(alias="X-Eposn-Merchant-Token")]


async def authenticated(request: Request) -> None:
    """Stands for the real check: takes the request only, so it runs before anything is validated."""
    if request.headers.get("authorization") != "Bearer let-me-in":
        raise Unauthenticated


async def for_this_program(request: Request) -> None:
    """Stands for the real check of the program in the path."""
    if request.path_params["programId"] == "f" * 24:
        raise Forbidden("program_forbidden", "This program is not yours.")


CALLER = [Depends(authenticated)]
IN_PROGRAM = [*CALLER, Depends(for_this_program)]

router = APIRouter(tags=["Gift Cards"], route_class=StrictRoute)


@router.post(CARD + "/resend-code", name="resendGiftCardSecurityCode", response_model=None, dependencies=IN_PROGRAM)
async def resend_security_code(
    programId: ProgramId,
    cardId: CardId,
    data: Annotated[ResendSecurityCodeRequest | None, Body()] = None,
    customer_token: CustomerToken = None,
    merchant_token: MerchantToken = None,
) -> Any:
    return {"programId": programId, "cardId": cardId, "given": data is not None}


@router.post(
    PROGRAM + "/cards/reload-by-number",
    name="reloadGiftCardByNumber",
    response_model=GiftCardResponse,
    dependencies=IN_PROGRAM,
)
async def reload_by_number(
    programId: ProgramId,
    data: ReloadByCardNumberRequest,
    cardId: StrayCardId = None,
    idempotency_key: Key = None,
    customer_token: CustomerToken = None,
    merchant_token: MerchantToken = None,
) -> Any:
    raise NotImplementedError


@router.post(
    PROGRAM + "/balance-check",
    name="checkGiftCardBalance",
    response_model=BalanceCheckResponse,
    openapi_extra=PUBLIC,
)
async def check_balance(
    programId: ProgramId,
    data: BalanceCheckRequest,
    cardId: StrayCardId = None,
    customer_token: CustomerToken = None,
    merchant_token: MerchantToken = None,
) -> Any:
    raise NotImplementedError


@router.post(CARD + "/redeem", name="redeemGiftCard", response_model=RedeemResponse, dependencies=IN_PROGRAM)
async def redeem(
    programId: ProgramId,
    cardId: CardId,
    data: RedeemGiftCardRequest,
    idempotency_key: Key = None,
    customer_token: CustomerToken = None,
    merchant_token: MerchantToken = None,
) -> Any:
    return {
        "transactionId": programId,
        "giftCardId": cardId,
        "amountRedeemed": str(data.amount),
        "remainingBalance": "0.00",
        "success": True,
        "message": "",
    }


@router.get("/v2/giftcards/passes/{passSid}", name="getGiftCardByPassSid", response_model=None, dependencies=CALLER)
async def get_by_pass(passSid: Annotated[Line, Path()]) -> Any:
    return {"passSid": passSid}


def reference_app() -> FastAPI:
    """An app with the five operations, wired the way the real one is."""
    app = FastAPI(redirect_slashes=False, docs_url=None, redoc_url=None)
    answers.install(app)
    openapi.install(app)
    app.include_router(router)
    return app


def application_document() -> dict[str, Any]:
    """The document that the five declarations yield."""
    return reference_app().openapi()
