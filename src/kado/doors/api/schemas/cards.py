"""Bodies of the card operations: issue, activate, reload, redeem, the security code, suspension, void."""

# ruff: noqa: N815 - attribute names are the names on the wire

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from kado.doors.api.schemas import Body
from kado.doors.api.types import (
    CreateMoney,
    EmailStr,
    Line50,
    Line100,
    Line255,
    LocalDatetime,
    PhoneStr,
    PydanticObjectId,
    RedeemMoney,
    ReloadMoney,
    Text500,
    UtcDatetime,
    many_lines,
    one_line,
)

CardNumber = Annotated[str, Field(max_length=20), one_line]
SecurityCode = Annotated[str, Field(max_length=6), one_line]


class GiftCardStatus(StrEnum):
    """Where a card stands in its life."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    VOIDED = "voided"
    DEPLETED = "depleted"


class GiftCardTransactionType(StrEnum):
    """What an entry on a card records."""

    PURCHASE = "PURCHASE"
    ACTIVATION = "ACTIVATION"
    RELOAD = "RELOAD"
    REDEMPTION = "REDEMPTION"
    CONSOLIDATION = "CONSOLIDATION"
    VOID = "VOID"
    TRANSFER_OUT = "TRANSFER_OUT"
    TRANSFER_IN = "TRANSFER_IN"
    OWNERSHIP_TRANSFER = "OWNERSHIP_TRANSFER"
    RESEND_CODE = "RESEND_CODE"
    REFUND = "REFUND"


# ── requests ───────────────────────────────────────────────────────────────────────────────────────────────────────


class CreateGiftCardRequest(Body):
    """A card to issue. `deliverAt` in the future holds its delivery back until then.

    Without an offset it is read in the time zone of the receiver, else of the program.
    """

    initialValue: CreateMoney
    merchantId: PydanticObjectId
    customerEmail: EmailStr | None = None
    customerPhone: PhoneStr | None = None
    customerName: Line255 | None = None
    senderName: Line255 | None = None
    expiresAt: UtcDatetime | None = None
    isPhysical: bool = False
    designTemplate: Line100 | None = None
    customMessage: Text500 | None = None
    deliverAt: LocalDatetime | None = None


class ActivateGiftCardRequest(Body):
    """What activation may complete on the card. The phone is free text here, unlike everywhere else."""

    customerEmail: EmailStr | None = None
    customerPhone: Line50 | None = None
    customerName: Line255 | None = None
    securityCode: Annotated[SecurityCode | None, Field(repr=False)] = None


class ReloadGiftCardRequest(Body):
    """Money to add to a card named by its id."""

    amount: ReloadMoney
    referenceId: Line100 | None = None
    description: Text500 | None = None


class ReloadByCardNumberRequest(Body):
    """Money to add to a card named by the number a till reads."""

    cardNumber: Annotated[CardNumber, Field(repr=False)]
    amount: ReloadMoney
    referenceId: Line100 | None = None
    description: Text500 | None = None


class RedeemGiftCardRequest(Body):
    """Money to take from a card. Has no upper bound: the balance is one."""

    amount: RedeemMoney
    posTransactionId: Line100 | None = None
    cashierId: Line50 | None = None
    terminalId: Line50 | None = None
    description: Text500 | None = None


class ResendSecurityCodeRequest(Body):
    """Where this one message goes instead of the card's own contacts; nothing of it is kept on the card."""

    customerEmail: EmailStr | None = None
    customerPhone: PhoneStr | None = None
    senderName: Line255 | None = None
    customMessage: Text500 | None = None


class SuspendGiftCardRequest(Body):
    """Why a card is suspended, and until when; without `expiresAt`, until it is lifted."""

    reason: Annotated[str, Field(min_length=1, max_length=500), many_lines]
    expiresAt: UtcDatetime | None = None


class UnsuspendGiftCardRequest(Body):
    """An object without members."""


class VoidGiftCardRequest(Body):
    """Why a card is voided, and under which reference its rest was paid out."""

    reason: Annotated[str, Field(min_length=1, max_length=1000), many_lines]
    refundReference: Line100 | None = None


# ── answers ────────────────────────────────────────────────────────────────────────────────────────────────────────


class PassCard(Body):
    """The wallet pass of a card."""

    model_config = ConfigDict(json_schema_extra={"description": "The wallet pass of a card, and its public page."})

    serialNumber: str
    passTypeIdentifier: str
    url: Annotated[str, WithJsonSchema({"type": "string", "minLength": 1, "format": "uri"})]


class GiftCardResponse(Body):
    """A card, with its number in full and never its security code. Amounts have the currency's decimals."""

    id: PydanticObjectId
    cardNumber: Annotated[str, Field(repr=False)]
    balance: str
    initialValue: str
    status: GiftCardStatus
    createdAt: UtcDatetime
    updatedAt: UtcDatetime | None
    activatedAt: UtcDatetime | None
    expiresAt: UtcDatetime
    suspendedReason: str | None
    suspendedUntil: UtcDatetime | None
    suspendedAt: UtcDatetime | None
    customerId: PydanticObjectId | None
    customerEmail: str | None
    customerPhone: str | None
    customerName: str | None
    senderName: str | None = None
    merchantId: PydanticObjectId
    merchantName: str | None = None
    isPhysical: bool
    designTemplate: str | None
    customMessage: str | None
    lastFourDigits: str
    programId: PydanticObjectId
    deliverAt: UtcDatetime | None = None
    delivered: bool = False
    card: PassCard | None


class RedeemResponse(Body):
    """A redemption that has happened."""

    transactionId: PydanticObjectId
    giftCardId: PydanticObjectId
    amountRedeemed: str
    remainingBalance: str
    success: bool
    message: str


class ExpiredCardProcessingResponse(Body):
    """What was done with a card that is voided or past its end."""

    success: bool
    cardId: str
    action: str
    message: str
    newExpiresAt: UtcDatetime | None = None
    transactionId: str | None = None


class TransactionResponse(Body):
    """An entry of a card. The amount is signed: balanceBefore + amount = balanceAfter."""

    id: PydanticObjectId
    transactionType: GiftCardTransactionType
    amount: str
    balanceBefore: str
    balanceAfter: str
    referenceId: str | None
    description: str | None
    createdAt: UtcDatetime
    processedAt: UtcDatetime
    merchantId: PydanticObjectId
    posTransactionId: str | None
    cashierId: str | None
    terminalId: str | None
