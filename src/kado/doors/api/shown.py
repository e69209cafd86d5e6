"""How cards, entries and outcomes look in the contract's bodies."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from fastapi import Response

from kado import clock
from kado.access.caller import Caller
from kado.access.sessions import Session
from kado.cards.card import Card, CardStatus, Entry
from kado.cards.codes import page_url
from kado.cards.numbers import show_number
from kado.cards.posting import Answer, Outcome, Render
from kado.doors.api import answers
from kado.doors.api.services import Services
from kado.errors import Invalid, Refusal
from kado.money import Currency, TooManyDecimals
from kado.programs.program import Program
from kado.storage.part import Part


def number(services: Services, card: Card) -> str:
    """The card's number in clear."""
    return show_number(services.keyring, card.program_id, card.id, card.number_sealed)


def gift_card(services: Services, card: Card, program: Program, now: datetime) -> dict[str, Any]:
    """GiftCardResponse: the number in full, never the code."""
    currency = program.currency
    suspended = card.is_suspended_at(now)
    return {
        "id": card.id,
        "cardNumber": number(services, card),
        "balance": currency.text(card.balance),
        "initialValue": currency.text(card.initial_value),
        "status": card.status_at(now).value,
        "createdAt": clock.text(card.created_at),
        "updatedAt": clock.text(card.updated_at),
        "activatedAt": clock.text_or_none(card.activated_at),
        "expiresAt": clock.text(card.expires_at),
        "suspendedReason": card.suspended_reason if suspended else None,
        "suspendedUntil": clock.text_or_none(card.suspended_until) if suspended else None,
        "suspendedAt": clock.text_or_none(card.suspended_at) if suspended else None,
        "customerId": card.customer_id,
        "customerEmail": card.customer_email,
        "customerPhone": card.customer_phone,
        "customerName": card.customer_name,
        "senderName": card.sender_name,
        "merchantId": card.merchant_id,
        "merchantName": card.merchant_name,
        "isPhysical": card.is_physical,
        "designTemplate": card.design_template,
        "customMessage": card.custom_message,
        "lastFourDigits": card.last_four,
        "programId": card.program_id,
        "deliverAt": clock.text_or_none(card.deliver_at),
        "delivered": card.delivered_at is not None,
        "card": {
            "serialNumber": card.pass_sid,
            "passTypeIdentifier": program.pass_type_identifier,
            "url": page_url(services.settings.public_url, card.pass_sid),
        },
    }


def saw(services: Services, caller: Caller, cards: Iterable[Card]) -> None:
    """The caller is shown the numbers of these cards, without anything being done that says so in the audit log."""
    services.looks.note(caller.subject, caller.merchant_id, [(card.program_id, card.id) for card in cards])


def balance(services: Services, card: Card, currency: Currency, now: datetime) -> dict[str, Any]:
    """BalanceCheckResponse."""
    status = card.status_at(now)
    return {
        "id": card.id,
        "programId": card.program_id,
        "cardNumber": number(services, card),
        "lastFourDigits": card.last_four,
        "balance": currency.text(card.balance),
        "status": status.value,
        "expiresAt": clock.text(card.expires_at),
        "isActive": status is CardStatus.ACTIVE,
    }


def pass_info(card: Card, currency: Currency, now: datetime) -> dict[str, Any]:
    """What a pass page may know: eight fields, no number, no person."""
    return {
        "id": card.id,
        "programId": card.program_id,
        "status": card.status_at(now).value,
        "lastFourDigits": card.last_four,
        "initialValue": currency.text(card.initial_value),
        "balance": currency.text(card.balance),
        "expiresAt": clock.text(card.expires_at),
        "merchantName": card.merchant_name,
    }


def transaction(entry: Entry, currency: Currency) -> dict[str, Any]:
    """TransactionResponse."""
    return {
        "id": entry.id,
        "transactionType": entry.type.value,
        "amount": currency.text(entry.amount),
        "balanceBefore": currency.text(entry.balance_before),
        "balanceAfter": currency.text(entry.balance_after),
        "referenceId": entry.reference_id,
        "description": entry.description,
        "createdAt": clock.text(entry.created_at),
        "processedAt": clock.text(entry.created_at),
        "merchantId": entry.merchant_id,
        "posTransactionId": entry.pos_transaction_id,
        "cashierId": entry.cashier_id,
        "terminalId": entry.terminal_id,
    }


def answering(body_of: Callable[[Outcome], dict[str, Any]], status: int = 200) -> Render:
    """How the posting machine words its answers: a body for what passed, the usual shape for a refusal."""

    def render(outcome: Outcome | Refusal) -> Answer:
        if isinstance(outcome, Refusal):
            refused, body, _ = answers.render(outcome)
            return Answer(refused, body)
        return Answer(status, answers.encode(body_of(outcome)))

    return render


def answering_card(services: Services, status: int = 200) -> Render:
    """The same with the card as the body."""
    return answering(lambda outcome: gift_card(services, outcome.card, outcome.program, outcome.now), status)


def response(answer: Answer) -> Response:
    """An answer of the posting machine, byte for byte."""
    return Response(answer.body, answer.status, dict(answer.headers), "application/json")


def answer(body: object, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer that nothing was posted for."""
    return Answer(200, answers.encode(body), headers or {})


def minimum_of(part: Part[Any]) -> dict[str, str]:
    """The header that says of a total that there may be more, where that is so."""
    return {"Kado-Total-Is-Minimum": "true"} if part.is_minimum else {}


def json_response(body: object, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    """Anything else."""
    return Response(answers.encode(body), status, headers, "application/json")


def minor(program: Program, amount: Decimal, field: str = "amount") -> int:
    """The amount in minor units. Raises `Invalid` when it is written with more decimals than the currency has."""
    try:
        return program.currency.minor(amount)
    except TooManyDecimals as error:
        raise Invalid(("body", field), str(error), "decimal_max_places") from None


def session(one: Session, current: str | None) -> dict[str, Any]:
    """SessionRead; `current` names the one whose token asks."""
    return {
        "id": one.id,
        "kind": one.kind,
        "who": one.who,
        "name": one.name,
        "startedAt": clock.text(one.started_at),
        "expiresAt": clock.text(one.expires_at),
        "address": one.address,
        "userAgent": one.user_agent,
        "secondFactor": one.had_second_factor,
        "current": one.id == current,
    }
