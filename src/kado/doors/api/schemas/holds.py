"""Bodies of holds: money set aside for an order."""

# ruff: noqa: N815 - attribute names are the names on the wire

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictBool, StrictInt

from kado.doors.api.schemas import Body
from kado.doors.api.types import Line50, Line100, PydanticObjectId, RedeemMoney, Text500, UtcDatetime, one_line

Seconds = Annotated[StrictInt, Field(ge=60, le=2_592_000)]


class HoldState(StrEnum):
    """Where a hold stands."""

    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


class PlaceHoldRequest(Body):
    """An amount to set aside for an order, and for how long (a minute to thirty days; a week if left out)."""

    amount: RedeemMoney
    orderReference: Annotated[str, Field(min_length=1, max_length=100), one_line]
    expiresInSeconds: Seconds = 604_800
    posTransactionId: Line100 | None = None
    cashierId: Line50 | None = None
    terminalId: Line50 | None = None
    description: Text500 | None = None


class CaptureHoldRequest(Body):
    """How much of a hold to take (all, if left out), and whether the rest stays set aside."""

    amount: RedeemMoney | None = None
    keepRest: StrictBool = False
    posTransactionId: Line100 | None = None
    cashierId: Line50 | None = None
    terminalId: Line50 | None = None
    description: Text500 | None = None


class ReleaseHoldRequest(Body):
    """An object without members."""


class HoldResponse(Body):
    """A hold. `availableBalance` is what can be spent of the card beside all that is held."""

    id: PydanticObjectId
    giftCardId: PydanticObjectId
    programId: PydanticObjectId
    merchantId: PydanticObjectId
    status: HoldState
    amount: str
    capturedAmount: str
    orderReference: str
    posTransactionId: str | None
    cashierId: str | None
    terminalId: str | None
    description: str | None
    createdAt: UtcDatetime
    expiresAt: UtcDatetime
    endedAt: UtcDatetime | None
    availableBalance: str


class CaptureResponse(Body):
    """A redemption of held money."""

    success: bool
    message: str
    transactionId: PydanticObjectId
    giftCardId: PydanticObjectId
    amountRedeemed: str
    remainingBalance: str
    availableBalance: str
    hold: HoldResponse
