"""Bodies of bulk issue. Field names are the ones on the wire."""

# ruff: noqa: N815 - attribute names are the names on the wire

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from kado.cards.bulk.task import RECIPIENTS_MAX
from kado.doors.api.schemas import Body
from kado.doors.api.types import CreateMoney, Line100, Line255, Text500, UtcDatetime
from kado.errors import Invalid

# Whether thousands of them are addresses and numbers takes a while to find out; the route does it, bit by bit.
_EmailText = Annotated[str, WithJsonSchema({"type": "string", "format": "email"})]
_PhoneText = Annotated[str, WithJsonSchema({"type": "string", "format": "phone"})]


def _few_enough(people: object) -> object:
    """Counted before any of them is looked at: what is wrong with four million of them would fill the memory."""
    if isinstance(people, list) and not 1 <= len(people) <= RECIPIENTS_MAX:
        text = f"Between 1 and {RECIPIENTS_MAX} recipients at once."
        raise Invalid(("body", "recipients"), text, "too_many_cards")
    return people


class BulkIssueRecipient(Body):
    """For whom one of the cards is."""

    customerEmail: Annotated[_EmailText | None, Field(repr=False)] = None
    customerPhone: Annotated[_PhoneText | None, Field(repr=False)] = None
    customerName: Line255 | None = None
    senderName: Line255 | None = None
    customMessage: Text500 | None = None


class BulkIssueGiftCardRequest(Body):
    """Many cards of one value: either `count` of them, or one for each of the `recipients`."""

    initialValue: CreateMoney
    isPhysical: bool = False
    designTemplate: Line100 | None = None
    expiresAt: UtcDatetime | None = None
    count: Annotated[int, Field(ge=1, strict=True)] | None = None
    recipients: Annotated[list[BulkIssueRecipient] | None, BeforeValidator(_few_enough)] = None


class BulkIssuedCardSummary(Body):
    """One of many cards."""

    id: str
    cardNumber: Annotated[str, Field(repr=False)]
    lastFourDigits: str


class BulkIssuanceSyncResponse(Body):
    """All cards, made at once."""

    issuedCount: int
    cards: list[BulkIssuedCardSummary]
    csvDownloadUrl: Annotated[str | None, Field(repr=False)] = None
    failedCount: int | None = None


class BulkIssuanceAsyncResponse(Body):
    """A task that makes them."""

    taskId: str
    status: str = "pending"


class BulkIssuanceTaskStatus(Body):
    """How far a task has come."""

    taskId: str
    status: str
    issuedCount: int | None = None
    cards: list[BulkIssuedCardSummary] | None = None
    csvDownloadUrl: Annotated[str | None, Field(repr=False)] = None
    failedCount: int | None = None
    error: str | None = None
    completedAt: UtcDatetime | None = None
