"""Operations between cards: transfer, consolidate, replace, and the look at where money came from and went."""

# ruff: noqa: N803 - parameter names are the names on the wire

from fastapi import APIRouter, Response

from kado import clock
from kado.cards.consolidate import Consolidate, once_each
from kado.cards.destinations import destination_by_number
from kado.cards.elsewhere import require_for_consolidation, require_for_replacement
from kado.cards.find import Found, card_by_id, card_by_number
from kado.cards.lineage import Related, lineage
from kado.cards.posting import Outcome
from kado.cards.replace import Replace
from kado.cards.transfer import Transfer, by_code
from kado.doors.api import shown
from kado.doors.api.proving import prove_code
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.moves import (
    ConsolidateGiftCardsRequest,
    ConsolidateResponse,
    LineageResponse,
    ReplaceGiftCardRequest,
    ReplaceResponse,
    TransferBalanceRequest,
    TransferBalanceResponse,
)
from kado.doors.api.services import Services
from kado.doors.api.visit import (
    SESSION_HEADERS,
    CardId,
    Consolidating,
    Key,
    ProgramId,
    Reading,
    Replacing,
    StrayCardId,
    Transferring,
    Visit,
)

router = APIRouter(
    prefix="/v2/giftcards/programs/{programId}",
    tags=["Gift Cards"],
    route_class=StrictRoute,
    dependencies=SESSION_HEADERS,
)


@router.post("/cards/{cardId}/transfer", name="transferGiftCardBalance", response_model=TransferBalanceResponse)
async def transfer(
    visit: Transferring,
    programId: ProgramId,
    cardId: CardId,
    data: TransferBalanceRequest,
    idempotency_key: Key = None,
) -> Response:
    """Move money to another card of the program, against the source card's security code."""
    visit.require_key(idempotency_key)
    services, amount = visit.services, shown.minor(visit.program, data.amount)
    source = await card_by_id(services.database, visit.program.id, cardId, is_test=visit.caller.is_test)
    visit.require_own(source.card)
    destination = await destination_by_number(
        services.database, services.keyring, visit.program.id, data.destinationCardNumber, visit.caller
    )

    def posting(proved: bytes | None) -> Transfer:
        return Transfer(
            program_id=visit.program.id,
            card_id=cardId,
            caller=visit.caller,
            key=idempotency_key,
            render=shown.answering(lambda outcome: _transferred(services, outcome)),
            destination_id=destination.card.id,
            amount=amount,
            proved=proved,
            reference_id=data.referenceId,
            description=data.description,
        )

    answer = await by_code(services.ledger, source, posting, lambda: prove_code(visit, source, data.securityCode))
    return shown.response(answer)


@router.post("/consolidate", name="consolidateGiftCards", response_model=ConsolidateResponse)
async def consolidate(
    visit: Consolidating,
    programId: ProgramId,
    data: ConsolidateGiftCardsRequest,
    cardId: StrayCardId = None,
    idempotency_key: Key = None,
) -> Response:
    """Put the money of several cards of one customer on a new card; the old ones are voided."""
    visit.require_key(idempotency_key)
    services = visit.services
    found = [await _by_number(visit, number) for number in data.cardNumbers]
    for one in found:
        visit.require_own(one.card)
    require_for_consolidation(visit.caller, data.customerEmail, [one.card for one in found])
    first, further = once_each([one.card.id for one in found])
    answer = await services.ledger.post(
        Consolidate(
            program_id=visit.program.id,
            card_id=first,
            caller=visit.caller,
            key=idempotency_key,
            render=shown.answering(lambda outcome: _consolidated(services, outcome, data.referenceId)),
            further_ids=further,
            merchant_id=data.merchantId,
            merchant_name=await services.reaches.merchant_name(visit.program.id, data.merchantId),
            customer_email=data.customerEmail,
            customer_name=data.customerName,
            sender_name=data.senderName,
            custom_message=data.customMessage,
            reference_id=data.referenceId,
            description=data.description,
            is_physical=data.isPhysical,
            design_template=data.designTemplate,
        )
    )
    return shown.response(answer)


@router.post("/cards/{cardId}/replace", name="replaceGiftCard", response_model=ReplaceResponse, status_code=201)
async def replace(
    visit: Replacing,
    programId: ProgramId,
    cardId: CardId,
    data: ReplaceGiftCardRequest,
    idempotency_key: Key = None,
) -> Response:
    """A new card, number and code for a lost one, with the same money; the old number is dead. Ours."""
    visit.require_key(idempotency_key)
    services = visit.services
    posting = Replace(
        program_id=visit.program.id,
        card_id=cardId,
        caller=visit.caller,
        key=idempotency_key,
        render=shown.answering(lambda outcome: _replaced(services, outcome), 201),
        reason=data.reason,
        customer_email=data.customerEmail,
        customer_phone=data.customerPhone,
        is_physical=data.isPhysical,
    )
    require_for_replacement(posting)
    return shown.response(await services.ledger.post(posting))


@router.get("/cards/{cardId}/lineage", name="getGiftCardLineage", response_model=LineageResponse)
async def show_lineage(visit: Reading, programId: ProgramId, cardId: CardId) -> Response:
    """The cards whose money this one took over, and the one that took over from it. Ours."""
    found = await card_by_id(visit.services.database, visit.program.id, cardId, is_test=visit.caller.is_test)
    visit.require_own(found.card)
    before, after = await lineage(visit.services.database, found.card)
    return shown.json_response(
        {
            "cardId": found.card.id,
            "predecessors": [_related(one) for one in before],
            "successor": None if after is None else _related(after),
        }
    )


async def _by_number(visit: Visit, number: str) -> Found:
    services = visit.services
    return await card_by_number(
        services.database, services.keyring, visit.program.id, number, is_test=visit.caller.is_test
    )


def _related(one: Related) -> dict[str, object]:
    return {
        "cardId": one.card_id,
        "lastFourDigits": one.last_four,
        "relation": one.relation,
        "at": clock.text(one.at),
    }


def _transferred(services: Services, outcome: Outcome) -> dict[str, object]:
    leaves, arrives = outcome.entries
    source, destination, currency = outcome.card, outcome.others[0], outcome.program.currency
    amount = currency.text(arrives.amount)
    return {
        "success": True,
        "message": f"Transferred {amount} {currency.code} to the card ending {destination.last_four}.",
        "transferId": leaves.id,
        "amountTransferred": amount,
        "sourceCard": {
            "id": source.id,
            "cardNumber": shown.number(services, source),
            "remainingBalance": currency.text(leaves.balance_after),
            "status": source.status_at(outcome.now).value,
        },
        "destinationCard": {
            "id": destination.id,
            "cardNumber": shown.number(services, destination),
            "newBalance": currency.text(arrives.balance_after),
        },
    }


def _consolidated(services: Services, outcome: Outcome, reference_id: str | None) -> dict[str, object]:
    fresh, currency = outcome.fresh, outcome.program.currency
    assert fresh is not None, "a consolidation makes a card"
    old = (outcome.card, *outcome.others)
    total = currency.text(fresh.balance)
    return {
        "success": True,
        "message": f"{len(old)} cards were consolidated; the new card holds {total} {currency.code}.",
        "newCard": shown.gift_card(services, fresh, outcome.program, outcome.now),
        "voidedCards": [card.id for card in old],
        "totalConsolidatedAmount": total,
        "consolidationTransactions": [entry.id for entry in outcome.entries],
        "referenceId": reference_id,
    }


def _replaced(services: Services, outcome: Outcome) -> dict[str, object]:
    fresh, currency = outcome.fresh, outcome.program.currency
    assert fresh is not None, "a replacement makes a card"
    return {
        "success": True,
        "message": f"The card ending {outcome.card.last_four} is replaced by the one ending {fresh.last_four}.",
        "newCard": shown.gift_card(services, fresh, outcome.program, outcome.now),
        "voidedCardId": outcome.card.id,
        "transferredAmount": currency.text(fresh.balance),
        "transactionIds": [entry.id for entry in outcome.entries],
    }
