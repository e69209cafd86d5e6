"""Bodies of signing customers in and out, and of what they see of all their cards."""

# ruff: noqa: N815 - attribute names are the names on the wire

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from kado.doors.api.schemas import Body
from kado.doors.api.types import Line255, PydanticObjectId, one_line

_SIX: Final = re.compile(r"[0-9]{6}")


def _ascii_digits(text: str) -> str:
    # The published pattern alone would let the digits of other scripts through.
    if not _SIX.fullmatch(text):
        raise PydanticCustomError("otp_code", "A code is six digits")
    return text


OtpTarget = Annotated[str, Field(min_length=1, max_length=255, repr=False), one_line]
OtpCode = Annotated[
    str, Field(min_length=6, max_length=6, pattern=r"^\d{6}$", repr=False), AfterValidator(_ascii_digits)
]
SessionToken = Annotated[str, Field(min_length=1, max_length=128, repr=False), one_line]


class SendOTPRequest(Body):
    """Where the code goes: an email address, or a phone number in international form."""

    target: OtpTarget


class SendOTPResponse(Body):
    """That a code is on its way. In test mode it is not sent but shown as `mockCode`."""

    success: bool
    message: str | None = None
    error: str | None = None
    otpType: str | None = None
    mockCode: Annotated[str | None, Field(repr=False)] = None


class VerifyOTPRequest(Body):
    """The code that came, and at the first sign-in what the person is called."""

    target: OtpTarget
    code: OtpCode
    name: Line255 | None = None


class CustomerIdentityResponse(Body):
    """Who is signed in."""

    id: PydanticObjectId
    email: str | None
    phone: str | None
    name: str | None
    verified: bool
    verifiedAt: str | None
    trustLevel: str


class VerifyOTPResponse(Body):
    """A session, for a day."""

    success: bool
    error: str | None = None
    verifiedTarget: str | None = None
    otpType: str | None = None
    sessionToken: Annotated[str | None, Field(repr=False)] = None
    identity: CustomerIdentityResponse | None = None


class SessionTokenRequest(Body):
    """The session that is meant."""

    sessionToken: SessionToken


class LogoutResponse(Body):
    """The session is over, whether or not there was one."""

    success: bool
    message: str | None = None


class SessionResponse(Body):
    """Whether the session is good, and whose it is."""

    valid: bool
    identity: CustomerIdentityResponse | None = None


class CustomerReportsResponse(Body):
    """Counts over all cards; sums over those of the currency that the header `Kado-Currency` names."""

    totalCards: int
    activeCards: int
    expiringSoonCards: int
    totalSpent: str
    totalBalance: str


class ConsolidatableMerchantResponse(Body):
    """Active cards with money on them that one merchant issued in one currency."""

    merchantId: PydanticObjectId
    merchantName: str
    cardCount: int
    totalBalance: str
