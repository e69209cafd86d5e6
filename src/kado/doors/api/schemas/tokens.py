"""Bodies of `/v2/token`. The request is a form, declared in the route."""

# ruff: noqa: N815 - attribute names are the names on the wire

from typing import Annotated

from pydantic import Field

from kado.doors.api.schemas import Body
from kado.doors.api.types import PydanticObjectId


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
