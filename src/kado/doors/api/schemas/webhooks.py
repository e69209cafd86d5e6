"""Bodies of webhooks."""

# ruff: noqa: N815, S105 - attribute names are the names on the wire; a pass is no password

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StrictBool, WithJsonSchema

from kado.doors.api.schemas import Body
from kado.doors.api.types import PydanticObjectId, bounded_silently, one_line

Url = Annotated[str, Field(min_length=1, max_length=2083, json_schema_extra={"format": "uri"}), one_line]
SharedSecret = Annotated[str, Field(min_length=8, max_length=255), one_line, bounded_silently]
# Events of gift cards are among these: the contract names none of them and takes any text.
OtherEvent = Annotated[str, Field(min_length=1, max_length=100), one_line, WithJsonSchema({"type": "string"})]

DeliveryState = Literal["queued", "delivered", "failed"]


class WebhookEventType(StrEnum):
    """The events that the contract names."""

    PASS_CREATED = "pass.created"
    PASS_UPDATED = "pass.updated"
    PASS_DOWNLOADED = "pass.downloaded"
    PASS_INSTALLED = "pass.installed"
    PASS_DELETED = "pass.deleted"
    REGISTRATION_CREATED = "registration.created"
    REGISTRATION_DELETED = "registration.deleted"
    SCAN_PERFORMED = "scan.performed"
    WEBHOOK_VERIFY = "webhook.verify"
    TRANSACTION_COMPLETED = "transaction.completed"
    LOYALTY_ACTIVITY_PERFORMED = "loyalty.activity.performed"
    LOYALTY_ACTIVITY_REWARD_REDEEMED = "loyalty.activity.reward.redeemed"
    LOYALTY_ACTIVITY_POINTS_REDEEMED = "loyalty.activity.points.redeemed"
    LOYALTY_ACTIVITY_OFFER_RECEIVED = "loyalty.activity.offer.received"
    LOYALTY_ACTIVITY_OFFER_REDEEMED = "loyalty.activity.offer.redeemed"
    LOYALTY_ACTIVITY_OFFER_EXPIRED = "loyalty.activity.offer.expired"
    LOYALTY_ACTIVITY_VOUCHER_RECEIVED = "loyalty.activity.voucher.received"
    LOYALTY_ACTIVITY_VOUCHER_REDEEMED = "loyalty.activity.voucher.redeemed"
    LOYALTY_ACTIVITY_VOUCHER_EXPIRED = "loyalty.activity.voucher.expired"
    LOYALTY_ACTIVITY_POINTS_CHANGED = "loyalty.activity.points.changed"
    LOYALTY_ACTIVITY_EMAIL_ADDED = "loyalty.activity.email.added"
    LOYALTY_ACTIVITY_PHONE_ADDED = "loyalty.activity.phone.added"
    LOYALTY_ACTIVITY_CUSTOMER_REFERRED = "loyalty.activity.customer.referred"
    LOYALTY_ACTIVITY_CUSTOM_FIELD_ADDED = "loyalty.activity.custom.field.added"
    LOYALTY_ACTIVITY_CARD_INSTALLED = "loyalty.activity.card.installed"
    LOYALTY_ACTIVITY_CARD_SCANNED = "loyalty.activity.card.scanned"
    LOYALTY_CUSTOMER_CREATED = "loyalty.customer.created"
    LOYALTY_CUSTOMER_UPDATED = "loyalty.customer.updated"
    LOYALTY_CUSTOMER_DELETED = "loyalty.customer.deleted"


class CreateWebhookPayload(Body):
    """An endpoint: where it is, what it hears, and what its events are signed with."""

    url: Url
    sharedSecret: Annotated[SharedSecret | None, Field(repr=False)] = None
    allPassTemplates: StrictBool | None = None
    allEventTypes: StrictBool | None = None
    allowedTemplates: Annotated[list[PydanticObjectId], Field(max_length=250), bounded_silently] | None = None
    allowedEvents: Annotated[list[WebhookEventType | OtherEvent], Field(max_length=250), bounded_silently] | None = None
