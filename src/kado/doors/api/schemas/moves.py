"""Bodies of what moves money between cards or back onto one, and of what happens to a card past its end."""

# ruff: noqa: N815 - attribute names are the names on the wire

from typing import Annotated

from pydantic import Field, StrictInt, WithJsonSchema, model_validator

from kado.doors.api.schemas import Body
from kado.doors.api.schemas.cards import CardNumber, GiftCardResponse, GiftCardStatus, TransactionResponse
from kado.doors.api.types import (
    EmailStr,
    Line100,
    Line255,
    LocalDatetime,
    PhoneStr,
    PydanticObjectId,
    RefundMoney,
    ReloadMoney,
    Text500,
    UtcDatetime,
    many_lines,
    one_line,
)

# The contract bounds a card number everywhere but in a list of them; so the bound is kept and not published.
_ListedNumber = Annotated[CardNumber, WithJsonSchema({"type": "string"})]


# ── requests ───────────────────────────────────────────────────────────────────────────────────────────────────────


class RefundGiftCardRequest(Body):
    """How much of a redemption to give back; without an amount, all that is left of it."""

    amount: RefundMoney | None = None
    reason: Text500 | None = None
    posTransactionId: Line100 | None = None


class TransferBalanceRequest(Body):
    """Money to move to the card with this number, against the source card's own code."""

    securityCode: Annotated[str, Field(min_length=6, max_length=6, repr=False), one_line]
    destinationCardNumber: Annotated[CardNumber, Field(repr=False)]
    amount: ReloadMoney
    description: Text500 | None = None
    referenceId: Line100 | None = None


class TransferOwnershipRequest(Body):
    """Who is to own the card."""

    newOwnerName: Annotated[str, Field(min_length=1, max_length=255), one_line]
    newOwnerEmail: EmailStr
    newCustomerId: PydanticObjectId | None = None
    referenceId: Line100 | None = None


class ConsolidateGiftCardsRequest(Body):
    """Cards to put together, and what the new one says."""

    cardNumbers: Annotated[list[_ListedNumber], Field(min_length=2, max_length=10, repr=False)]
    merchantId: PydanticObjectId
    customerEmail: EmailStr | None = None
    customerName: Line255 | None = None
    senderName: Line255 | None = None
    referenceId: Line100 | None = None
    description: Text500 | None = None
    customMessage: Text500 | None = None
    isPhysical: bool = False
    designTemplate: Line100 | None = None


class ExpiredCardProcessingRequest(Body):
    """What becomes of an expired card."""

    action: Annotated[str, Field(pattern="^(extend|refund|void)$"), one_line]
    extensionDays: Annotated[StrictInt, Field(ge=1, le=730)] | None = None
    refundReference: Line100 | None = None


class ScheduleGiftCardDeliveryRequest(Body):
    """When the card's code is to leave; null takes the plan back."""

    deliverAt: LocalDatetime | None = None


class ReplaceGiftCardRequest(Body):
    """Why a card gets a new number, and where its new code goes if not to the card's own contacts."""

    reason: Annotated[str, Field(min_length=1, max_length=500), many_lines]
    customerEmail: EmailStr | None = None
    customerPhone: PhoneStr | None = None
    isPhysical: bool | None = None


class ReversalRequest(Body):
    """A card, and a reference of the caller's own under which something may have been sent to it."""

    cardId: PydanticObjectId | None = None
    cardNumber: Annotated[CardNumber | None, Field(repr=False)] = None
    posTransactionId: Annotated[str, Field(min_length=1, max_length=100), one_line] | None = None
    referenceId: Annotated[str, Field(min_length=1, max_length=100), one_line] | None = None
    reason: Text500 | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> "ReversalRequest":
        """One name of the card, one reference."""
        if (self.cardId is None) is (self.cardNumber is None):
            raise ValueError("exactly one of cardId and cardNumber names the card")
        if (self.posTransactionId is None) is (self.referenceId is None):
            raise ValueError("exactly one of posTransactionId and referenceId names what was sent")
        return self


# ── answers ────────────────────────────────────────────────────────────────────────────────────────────────────────


class RefundResponse(Body):
    """A refund that has happened."""

    transactionId: PydanticObjectId
    giftCardId: PydanticObjectId
    refundedAmount: str
    remainingBalance: str
    success: bool
    message: str


class TransferSourceCard(Body):
    """The card that the money left."""

    id: PydanticObjectId
    cardNumber: Annotated[str, Field(repr=False)]
    remainingBalance: str
    status: GiftCardStatus


class TransferDestinationCard(Body):
    """The card that received it."""

    id: PydanticObjectId
    cardNumber: Annotated[str, Field(repr=False)]
    newBalance: str


class TransferBalanceResponse(Body):
    """A transfer that has happened."""

    success: bool
    message: str
    transferId: str
    amountTransferred: str
    sourceCard: TransferSourceCard
    destinationCard: TransferDestinationCard


class ConsolidateResponse(Body):
    """A consolidation that has happened."""

    success: bool
    message: str
    newCard: GiftCardResponse
    voidedCards: list[str]
    totalConsolidatedAmount: str
    consolidationTransactions: list[str]
    referenceId: str | None


class ReplaceResponse(Body):
    """A replacement that has happened."""

    success: bool
    message: str
    newCard: GiftCardResponse
    voidedCardId: PydanticObjectId
    transferredAmount: str
    transactionIds: list[PydanticObjectId]


class RelatedCard(Body):
    """A card whose money came from here, or went there."""

    cardId: PydanticObjectId
    lastFourDigits: str
    relation: str
    at: UtcDatetime


class LineageResponse(Body):
    """Where a card's money was before, and where it is now."""

    cardId: PydanticObjectId
    predecessors: list[RelatedCard]
    successor: RelatedCard | None


class ReversedTransaction(Body):
    """What was taken back, and by which entry."""

    transactionId: PydanticObjectId
    reversalId: PydanticObjectId
    amount: str


class ReversalResponse(Body):
    """What was found under the reference, and what became of it. From now on the reference is spent."""

    success: bool
    message: str
    giftCardId: PydanticObjectId
    found: bool
    reversed: list[ReversedTransaction]
    releasedHolds: list[PydanticObjectId]
    olderTransactions: list[PydanticObjectId]
    balance: str


class SentTransactionResponse(TransactionResponse):
    """An entry that was found by the caller's own reference, with the card that it is on."""

    giftCardId: PydanticObjectId
    counterpartId: PydanticObjectId | None
