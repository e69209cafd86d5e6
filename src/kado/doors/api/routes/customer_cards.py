"""What a customer who is signed in sees of all their cards together."""

# ruff: noqa: N803 - parameter names are the names on the wire

from fastapi import APIRouter, Request, Response

from kado.access.caller import Caller
from kado.cards import customer_cards
from kado.cards.customer_cards import Scope
from kado.doors.api import shown
from kado.doors.api.paging import Text, WantedPart
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.cards import TransactionResponse
from kado.doors.api.schemas.customers import ConsolidatableMerchantResponse, CustomerReportsResponse
from kado.doors.api.services import services_of
from kado.doors.api.visit import SESSION_HEADERS, SignedIn, StrayCardId, StrayProgramId, came_from
from kado.programs import find as programs

router = APIRouter(
    prefix="/v2/giftcards/customer", tags=["Gift Cards"], route_class=StrictRoute, dependencies=SESSION_HEADERS
)


@router.get("/reports", name="getCustomerReports", response_model=CustomerReportsResponse)
async def reports(
    request: Request, caller: SignedIn, programId: StrayProgramId = None, cardId: StrayCardId = None
) -> Response:
    """How many cards, how much is on them, how much was spent.

    The sums are those of one currency, the one most cards have: `Kado-Currency` names it, `Kado-Other-Currencies` those
    that are left out. `programId` narrows everything to one program, and so to its currency.
    """
    services = services_of(request)
    found = await customer_cards.totals(services.database, await _scope(request, caller, programId))
    first = found[0] if found else None
    body = {
        "totalCards": sum(one.cards for one in found),
        "activeCards": sum(one.active for one in found),
        "expiringSoonCards": sum(one.expiring_soon for one in found),
        "totalSpent": first.currency.text(first.spent) if first else "0.00",
        "totalBalance": first.currency.text(first.balance) if first else "0.00",
    }
    return shown.json_response(body, _currency_headers([one.currency.code for one in found]))


@router.get("/transactions", name="getCustomerTransactions", response_model=list[TransactionResponse])
async def transactions(
    request: Request,
    caller: SignedIn,
    part: WantedPart,
    programId: StrayProgramId = None,
    cardId: StrayCardId = None,
    q: Text = None,
) -> Response:
    """The entries of all cards, newest first; `X-Total-Count` says how many there are in all."""
    services = services_of(request)
    entries, total = await customer_cards.entries(
        services.database,
        await _scope(request, caller, programId),
        limit=part.limit,
        offset=part.start,
        text=q or None,
    )
    body = [shown.transaction(entry, currency) for entry, currency in entries]
    return shown.json_response(body, {"X-Total-Count": str(total)})


@router.get(
    "/consolidatable-merchants",
    name="getCustomerConsolidatableMerchants",
    response_model=list[ConsolidatableMerchantResponse],
)
async def consolidatable_merchants(
    request: Request, caller: SignedIn, programId: StrayProgramId = None, cardId: StrayCardId = None
) -> Response:
    """The merchants of active cards with money on them, by currency; `Kado-Currency` names the currency of each row."""
    services = services_of(request)
    found = await customer_cards.at_merchants(services.database, await _scope(request, caller, programId))
    body = [
        {
            "merchantId": one.merchant_id,
            "merchantName": one.merchant_name,
            "cardCount": one.cards,
            "totalBalance": one.currency.text(one.balance),
        }
        for one in found
    ]
    codes = ",".join(one.currency.code for one in found)
    return shown.json_response(body, {"Kado-Currency": codes} if codes else None)


async def _scope(request: Request, caller: Caller, program_id: str | None) -> Scope:
    """The programs that the caller's merchant can reach and that have not blocked the address; of these only the one
    that is named, if one is."""
    assert caller.customer is not None, "signed_in sees to that"
    services = services_of(request)
    reachable = await programs.list_reachable(services.database, caller.merchant_id)
    chosen = [program.id for program in reachable if program_id in (None, program.id)]
    return Scope(caller.customer, caller.is_test, await services.blocks.free(chosen, came_from()))


def _currency_headers(codes: list[str]) -> dict[str, str]:
    headers = {"Kado-Currency": codes[0]} if codes else {}
    return headers | ({"Kado-Other-Currencies": ",".join(codes[1:])} if codes[1:] else {})
