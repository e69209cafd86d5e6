"""What the operator's network administrators see: all merchants and what they come to, and nobody's customers."""

# ruff: noqa: N803 - parameter names are the names on the wire

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from kado import clock
from kado.access import staff
from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.doors.api import shown
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.reports import NetworkOverviewResponse
from kado.doors.api.schemas.tokens import MerchantRead
from kado.doors.api.services import services_of
from kado.doors.api.visit import SESSION_HEADERS, StrayCardId, StrayProgramId, with_permission
from kado.money import Currency
from kado.reports.network import network
from kado.reports.overview import percent

router = APIRouter(route_class=StrictRoute)
NetworkReader = Annotated[Caller, Depends(with_permission(Permission.NETWORK_READ))]


@router.get(
    "/v2/giftcards/network/overview",
    name="getNetworkOverview",
    response_model=NetworkOverviewResponse,
    tags=["Gift Cards"],
    dependencies=SESSION_HEADERS,
)
async def overview(
    request: Request, caller: NetworkReader, cardId: StrayCardId = None, programId: StrayProgramId = None
) -> Response:
    """All merchants and programs of this server. Volume is what was sold and redeemed, in the currency of most cards.

    `Kado-Currency` names that currency, `Kado-Other-Currencies` those left out of amounts. Growth compares 30 days with
    the 30 before, in percent. Fees, life-time value and support tickets are null: Kado does not know them.
    """
    found = await network(services_of(request).reports)
    money, sales = found.currency.text, found.growth
    body = {
        "totalMerchants": found.merchants,
        "totalCards": found.cards,
        "totalTransactionVolume": money(found.volume),
        "activeCards": found.active_cards,
        "totalTransactions": found.transactions,
        "merchantBreakdowns": [
            {
                "merchantId": one.merchant_id,
                "merchantName": one.merchant_name,
                "cardCount": one.cards,
                "transactionVolume": money(one.volume),
            }
            for one in found.shares
        ],
        **{name: value for what in sales for name, value in _growth(what, sales[what]).items()},
        "txFeeRevenue": None,
        "ltvUplift": None,
        "adoptionData": [
            {"label": one.label, "value": one.new_cards, "secondaryValue": one.activated} for one in found.months
        ],
        "revenueData": [{"label": one.label, "value": _whole_units(one.sold, found.currency)} for one in found.months],
        "breakage": {
            "value": _whole_units(found.expired, found.currency),
            "total": _whole_units(found.sold, found.currency),
            "centerText": f"{percent(found.expired, found.sold) or '0.0'} %",
            "label": "Expired and forfeited, of what was sold",
        },
        "healthTxSuccessRate": None if found.success_rate is None else Decimal(found.success_rate),
        "healthFraudAlerts": found.open_fraud_alerts,
        "healthSupportTickets": None,
    }
    headers = {"Kado-Currency": found.currency.code}
    if found.other_currencies:
        headers["Kado-Other-Currencies"] = ", ".join(found.other_currencies)
    return shown.json_response(body, headers)


def _growth(what: str, percents: str | None) -> dict[str, str | None]:
    """How much, and which way."""
    direction = None
    if percents is not None:
        direction = "decrease" if percents.startswith("-") else "increase" if percents.strip("0.") else "neutral"
    return {f"{what}Growth": percents, f"{what}GrowthType": direction}


def _whole_units(minor: int, unit: Currency) -> int:
    """Major units, for charts: the contract wants whole numbers there. Rounded down."""
    return minor // int(10**unit.exponent)


@router.get("/v2/network/merchants", tags=["Network"], name="list_merchants", response_model=list[MerchantRead])
async def list_merchants(request: Request, caller: NetworkReader) -> Response:
    """Every merchant of this server, oldest first."""
    found = await staff.list_merchants(services_of(request).database)
    return shown.json_response([{"id": m.id, "name": m.name, "createdAt": clock.text(m.created_at)} for m in found])
