"""Bodies take what the contract lists, ignore the rest, and keep secrets to themselves."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import ValidationError

from kado.doors.api.schemas.balance import BalanceCheckRequest
from kado.doors.api.schemas.cards import (
    ActivateGiftCardRequest,
    CreateGiftCardRequest,
    GiftCardResponse,
    RedeemGiftCardRequest,
    ResendSecurityCodeRequest,
    SuspendGiftCardRequest,
    UnsuspendGiftCardRequest,
)
from kado.doors.api.schemas.programs import CreateProgramRequest, UpdateProgramRequest
from kado.doors.api.strict_json import parse

ID = "5eb7cf5a86d9755df3a6c593"


# ── bodies ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_unknown_members_are_ignored() -> None:
    body = RedeemGiftCardRequest.model_validate({"amount": "5.00", "currency": "EUR", "__class__": "x"})
    assert body == RedeemGiftCardRequest(amount=Decimal("5.00"))
    assert UnsuspendGiftCardRequest.model_validate({"x": 1})


def test_defaults_are_the_contracts() -> None:
    body = CreateGiftCardRequest.model_validate({"initialValue": 25, "merchantId": ID})
    assert body.isPhysical is False
    assert body.model_dump(exclude={"initialValue", "merchantId", "isPhysical"}, exclude_none=True) == {}


def test_secrets_do_not_show_when_a_body_is_printed() -> None:
    body = BalanceCheckRequest(cardNumber="4000123412341234", securityCode="123456", captchaToken="token")
    assert not any(secret in repr(body) for secret in ("4000", "123456", "token"))
    with pytest.raises(ValidationError) as refused:
        ActivateGiftCardRequest.model_validate({"securityCode": "1234567"})
    assert "1234567" not in str(refused.value)


def test_the_phone_at_activation_is_plain_text() -> None:
    assert ActivateGiftCardRequest.model_validate({"customerPhone": "030 / 90 18 20"}).customerPhone == "030 / 90 18 20"
    with pytest.raises(ValidationError):
        ResendSecurityCodeRequest.model_validate({"customerPhone": "030 / 90 18 20"})


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": None}, {"reason": "x" * 501}, {"reason": 1}])
def test_a_suspension_has_a_reason(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SuspendGiftCardRequest.model_validate(body)


def test_an_answer_is_written_in_the_order_of_the_contract() -> None:
    moment = datetime(2027, 1, 1, tzinfo=UTC)
    text = GiftCardResponse.model_validate(
        {
            "id": ID, "cardNumber": "4000", "balance": "25.00", "initialValue": "25.00", "status": "active",
            "createdAt": moment, "updatedAt": None, "activatedAt": moment, "expiresAt": moment, "suspendedReason": None,
            "suspendedUntil": None, "suspendedAt": None, "customerId": None, "customerEmail": None,
            "customerPhone": None, "customerName": None, "merchantId": ID, "isPhysical": False,
            "designTemplate": None, "customMessage": None, "lastFourDigits": "4000", "programId": ID, "card": None,
        }
    ).model_dump_json()  # fmt: skip
    assert text.startswith(f'{{"id":"{ID}","cardNumber":"4000","balance":"25.00"')
    assert '"createdAt":"2027-01-01T00:00:00Z"' in text
    assert '"senderName":null' in text


# ── programs ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_program_needs_only_a_name() -> None:
    program = CreateProgramRequest.model_validate({"name": "Shop", "schema": "custom"})
    assert (program.currency, program.expiryMonths, program.expiryRule, program.programType) == (
        "USD", 12, "after_issue", "giftcard",
    )  # fmt: skip
    assert program.requireIdempotencyKey is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""}, {"name": "x" * 256}, {"name": "a\nb"}, {"programType": "loyalty"}, {"programType": None},
        {"passTypeIdentifier": "apple"}, {"passTypeIdentifier": "pass." + "x" * 251}, {"currency": "US"},
        {"currency": "usd"}, {"currency": "USD\n"}, {"currency": "ＵＳＤ"}, {"maxBalance": "10000.01"},
        {"maxReload": "5000.01"}, {"maxBalance": 0}, {"expiryMonths": 0}, {"expiryMonths": 61},
        {"expiryMonths": "12"}, {"expiryMonths": True}, {"expiryMonths": parse(b"1e400")},
        {"expiryMonths": parse(b"12.0")}, {"expiryRule": "sometimes"}, {"securityCodeFormat": "emoji"},
        {"requireIdempotencyKey": "yes"}, {"requireIdempotencyKey": 1}, {"cashierIssueLimit": "-1"},
        {"cardNumberPrefix": "123456789"}, {"cardNumberPrefix": "12a"}, {"cardNumberPrefix": "１２"},
        {"cardNumberPrefix": "12\n"}, {"website": "javascript:alert(1)"}, {"email": "x"},
        {"minInitialValue": "50", "maxInitialValue": "20"},
    ],
    ids=repr,
)  # fmt: skip
def test_a_program_with_a_wrong_rule_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CreateProgramRequest.model_validate({"name": "Shop", **wrong})


def test_an_update_tells_what_was_sent() -> None:
    update = UpdateProgramRequest.model_validate({"maxRedeem": None, "expiryRule": "never"})
    assert update.model_fields_set == {"maxRedeem", "expiryRule"}
