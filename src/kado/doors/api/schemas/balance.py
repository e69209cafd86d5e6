"""Bodies of the public balance check."""

# ruff: noqa: N815 - attribute names are the names on the wire

from typing import Annotated

from pydantic import Field

from kado.doors.api.schemas import Body
from kado.doors.api.schemas.cards import CardNumber, GiftCardStatus, SecurityCode
from kado.doors.api.types import PydanticObjectId, UtcDatetime, one_line

CaptchaToken = Annotated[str, Field(max_length=4096), one_line]


class BalanceCheckRequest(Body):
    """A number and its security code, as printed or mailed; the captcha's answer where one is asked for."""

    cardNumber: Annotated[CardNumber, Field(repr=False)]
    securityCode: Annotated[SecurityCode, Field(repr=False)]
    captchaToken: Annotated[CaptchaToken | None, Field(repr=False)] = None


class BalanceCheckResponse(Body):
    """What a holder may know who has shown both number and code."""

    id: PydanticObjectId
    programId: PydanticObjectId
    cardNumber: Annotated[str, Field(repr=False)]
    lastFourDigits: str
    balance: str
    status: GiftCardStatus
    expiresAt: UtcDatetime
    isActive: bool
