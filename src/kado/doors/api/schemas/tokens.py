"""Bodies of `/v2/token` and `/v2/appkeys`. The request for a token is a form, declared in the route."""

# ruff: noqa: N815 - attribute names are the names on the wire

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from kado.access.permissions import Permission
from kado.doors.api.schemas import Body
from kado.doors.api.types import Line255, PydanticObjectId, one_line

Secret = Annotated[str, Field(min_length=1, max_length=128, repr=False), one_line]
Password = Annotated[str, Field(min_length=1, max_length=1024, repr=False, json_schema_extra={"format": "password"})]
Shown = Annotated[str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})]
ShopRole = Literal["owner", "manager", "cashier", "read-only"]


class OAuth2Token(Body):
    """A bearer token, or the promise of one after a second factor (`mfaPending`, with a `pendingToken`)."""

    accessToken: Annotated[str | None, Field(repr=False)] = None
    tokenType: str = "bearer"
    mfaPending: bool = False
    pendingToken: Annotated[str | None, Field(repr=False)] = None


class UserRead(Body):
    """The person behind a token."""

    id: PydanticObjectId
    email: str
    name: str | None = None
    emailVerified: bool | None = None
    active: bool = True
    admin: bool = False
    image: str | None = None
    location: str | None = None
    website: str | None = None


class MfaLoginVerifyRequest(Body):
    """The second half of a sign-in. `code` is six digits of the authenticator, or a recovery code."""

    pendingToken: Secret
    code: Secret


class MfaSetupResponse(Body):
    """A seed for an authenticator: to type, and to scan."""

    secret: Annotated[str, Field(repr=False)]
    otpUri: Annotated[str, Field(repr=False)]


class MfaConfirmRequest(Body):
    """The first code of the authenticator, and the password once more."""

    code: Secret
    password: Password


class MfaCodeRequest(Body):
    """A code of the authenticator, or a recovery code."""

    code: Secret


class RecoveryCodesResponse(Body):
    """Shown this once; each is good once."""

    recoveryCodes: Annotated[list[str], Field(repr=False)]


class SessionRead(Body):
    """A sign-in that is not over. `current` is the one whose token asks."""

    id: PydanticObjectId
    kind: Literal["staff", "customer", "till"]
    who: PydanticObjectId
    name: str | None
    startedAt: datetime
    expiresAt: datetime
    address: str | None
    userAgent: str | None
    secondFactor: bool | None
    current: bool


class EndedResponse(Body):
    """How many sessions were ended."""

    ended: int


class AppKeyCreate(Body):
    """What a key may do and for how long. `role` and `scopes` are Kado's own."""

    name: Annotated[Line255, Field(min_length=1)] | None = None
    fullAccess: StrictBool | None = None
    expires: Annotated[StrictInt, Field(ge=1, le=253402300799)] | None = None
    allowedTemplates: Annotated[list[PydanticObjectId], Field(min_length=1, max_length=100)] | None = None
    role: ShopRole | None = None
    scopes: Annotated[list[Permission], Field(min_length=1, max_length=100)] | None = None


class AppKeyRead(Body):
    """A key without its secret."""

    id: PydanticObjectId
    kind: Literal["live", "test", "signing"]
    name: str | None
    role: str | None
    scopes: list[str]
    allowedTemplates: list[PydanticObjectId] | None
    createdAt: datetime
    expires: datetime | None
    revokedAt: datetime | None


class NewAppKey(Body):
    """A key at the only moment that its token is shown."""

    id: PydanticObjectId
    token: Annotated[str, Field(repr=False)]
    expires: datetime | None


class StaffRead(Body):
    """Somebody who works for the merchant."""

    id: PydanticObjectId
    email: str
    name: str | None
    role: str
    active: bool
    secondFactor: bool
    createdAt: datetime


class StaffCreate(Body):
    """Somebody new.

    `confirmation` is of the owner who asks: a code of their second factor, or their password where they have none. An
    owner or a manager is made with it only.
    """

    email: Annotated[str, Field(min_length=3, max_length=254), one_line]
    password: Annotated[Password, Field(min_length=12, max_length=256)]
    role: ShopRole
    name: Annotated[Line255, Field(min_length=1)] | None = None
    confirmation: Annotated[Shown | None, Field(repr=False)] = None


class StaffUpdate(Body):
    """Only what is sent changes. `confirmation` is as in `StaffCreate`."""

    role: ShopRole | None = None
    active: StrictBool | None = None
    confirmation: Annotated[Shown | None, Field(repr=False)] = None


class MerchantRead(Body):
    """A merchant of this server, as the network administrator sees it."""

    id: PydanticObjectId
    name: str
    createdAt: datetime
