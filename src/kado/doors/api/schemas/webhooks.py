"""Bodies of webhooks."""

# ruff: noqa: N815 - attribute names are the names on the wire

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from kado.doors.api.schemas import Body
from kado.doors.api.types import PydanticObjectId, one_line

Url = Annotated[str, Field(min_length=1, max_length=2083, json_schema_extra={"format": "uri"}), one_line]
SharedSecret = Annotated[str, Field(min_length=8, max_length=255), one_line]
WebhookEventType = Annotated[str, Field(min_length=1, max_length=100), one_line]

DeliveryState = Literal["queued", "delivered", "failed"]


class CreateWebhookPayload(Body):
    """An endpoint: where it is, what it hears, and what its events are signed with."""

    url: Url
    sharedSecret: Annotated[SharedSecret | None, Field(repr=False)] = None
    allPassTemplates: StrictBool | None = None
    allEventTypes: StrictBool | None = None
    allowedTemplates: Annotated[list[PydanticObjectId], Field(max_length=250)] | None = None
    allowedEvents: Annotated[list[WebhookEventType], Field(max_length=250)] | None = None
