"""Reports of a program: figures as of any moment, the entries behind each, and what ends soon."""

# ruff: noqa: N803 - parameter names are the names on the wire

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field, WithJsonSchema

from kado import clock
from kado.cards.card import CardStatus
from kado.cards.turnover.behind import Behind
from kado.cards.turnover.figures import Dimension
from kado.doors.api import reported, shown
from kado.doors.api.paging import WantedPart
from kado.doors.api.reported import AsOf, Since, Until
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.reports import (
    BusinessReportsResponse,
    EscheatmentReportResponse,
    ExpirationWarningsResponse,
)
from kado.doors.api.types import PydanticObjectId, one_line
from kado.doors.api.visit import SESSION_HEADERS, ProgramId, Reporting, StrayCardId, Visit
from kado.errors import Invalid
from kado.ids import new_id
from kado.money import Currency
from kado.reports.business import business, by_time, by_value, total
from kado.reports.entries import entries as entries_behind
from kado.reports.escheatment import DORMANCY_DAYS, DORMANCY_DAYS_MAX, escheatment
from kado.reports.expiring import days_left, expiring, level
from kado.reports.measures import Measure
from kado.reports.windows import Window, granularity_of, span_of

router = APIRouter(
    prefix="/v2/giftcards/programs/{programId}/reports",
    tags=["Gift Cards"],
    route_class=StrictRoute,
    dependencies=SESSION_HEADERS,
)

Merchant = Annotated[PydanticObjectId | None, Query()]
Design = Annotated[str | None, Field(max_length=100), one_line, Query()]

Jurisdiction = Annotated[str, Field(max_length=100), one_line, WithJsonSchema({"type": "string"})]


@router.get("/business", name="getBusinessReports", response_model=BusinessReportsResponse)
async def business_figures(
    visit: Reporting, programId: ProgramId, asOf: AsOf = None, cardId: StrayCardId = None
) -> Response:
    """What was sold and redeemed and is owed until `asOf`, or now. Cards are counted now; a header says when.

    `totalSold` is what was activated and reloaded. `totalBalance` is what is owed: the sum that `kado verify` proves.
    """
    currency = visit.program.currency
    found = await business(visit.services.reports, visit.program, as_of=reported.as_of(visit, asOf))
    cards = found.cards
    body = {
        "totalCards": cards.total,
        "activeCards": cards.of(CardStatus.ACTIVE).count,
        "pendingCards": cards.of(CardStatus.PENDING).count,
        "depletedCards": cards.of(CardStatus.DEPLETED).count,
        "expiredCards": cards.of(CardStatus.EXPIRED).count,
        "voidedCards": cards.of(CardStatus.VOIDED).count,
        "totalSold": currency.text(found.sold.minor),
        "totalRedeemed": currency.text(found.redeemed.minor),
        "totalBalance": currency.text(found.liability),
        "cardsSoldThisMonth": found.cards_sold_this_month,
        "salesThisMonth": currency.text(found.sold_this_month.minor),
    }
    headers = {"Kado-As-Of": clock.text(found.as_of)}
    if cards.at is not None:
        headers["Kado-Cards-Counted-At"] = clock.text(cards.at)
    return shown.json_response(body, headers)


@router.get("/expiration-warnings", name="getExpirationWarnings", response_model=ExpirationWarningsResponse)
async def expiration_warnings(
    visit: Reporting, programId: ProgramId, part: WantedPart, cardId: StrayCardId = None
) -> Response:
    """Active cards with money that ends within 90 days, the next first, in pages; and how many there are in all."""
    currency = visit.program.currency
    found = await expiring(visit.services.reports, visit.program, limit=part.limit, start=part.start)
    body = {
        "reportId": new_id(),
        "generatedAt": clock.text(await visit.services.reports.now()),
        "warnings": [
            {
                "cardId": one.card.id,
                "cardNumber": shown.number(visit.services, one.card),
                "customerEmail": one.card.customer_email,
                "customerName": one.card.customer_name,
                "daysUntilExpiry": days_left(one),
                "warningLevel": level(one),
                "expiresAt": clock.text(one.card.expires_at),
                "balance": currency.text(one.card.balance),
            }
            for one in found.cards
        ],
        **{f"count{days}d": cards.count for days, cards in found.within.items()},
    }
    shown.saw(visit.services, visit.caller, (one.card for one in found.cards))
    return shown.json_response(body, {"X-Total-Count": str(found.within[90].count)})


@router.get("/escheatment", name="getEscheatmentReport", response_model=EscheatmentReportResponse)
async def dormant_money(
    visit: Reporting,
    programId: ProgramId,
    part: WantedPart,
    jurisdiction: Annotated[Jurisdiction | None, Query()] = None,
    dormancy_days: Annotated[int, Query(ge=1, le=DORMANCY_DAYS_MAX)] = DORMANCY_DAYS,
    cardId: StrayCardId = None,
) -> Response:
    """Cards with money and without an entry for so many days, oldest cards first, in pages; and what they come to."""
    currency = visit.program.currency
    found = await escheatment(
        visit.services.reports,
        visit.program,
        dormancy_days=dormancy_days,
        jurisdiction=jurisdiction,
        limit=part.limit,
        start=part.start,
    )
    body = {
        "reportId": new_id(),
        "generatedAt": clock.text(found.now),
        "jurisdiction": found.jurisdiction,
        "dormancyThresholdDays": dormancy_days,
        "entries": [
            {
                "cardId": one.card.id,
                "cardNumber": shown.number(visit.services, one.card),
                "balance": currency.text(one.card.balance),
                "lastActivityDate": clock.text(one.last_activity),
                "dormancyDays": (found.now - one.last_activity).days,
                "jurisdiction": found.jurisdiction,
                "liabilityAmount": currency.text(one.card.balance),
                "merchantId": one.card.merchant_id,
                "customerEmail": one.card.customer_email,
            }
            for one in found.cards
        ],
        "totalLiability": currency.text(found.minor),
        "entriesCount": found.count,
    }
    shown.saw(visit.services, visit.caller, (one.card for one in found.cards))
    return shown.json_response(body, {"X-Total-Count": str(found.count)})


@router.get("/figures", name="get_figures", response_model=None)
async def figures(
    visit: Reporting,
    programId: ProgramId,
    asOf: AsOf = None,
    since: Since = None,
    until: Until = None,
    by: Annotated[Literal["day", "week", "month", "merchant", "shop", "design"] | None, Query()] = None,
    merchantId: Merchant = None,
    design: Design = None,
) -> Response:
    """Figures from the beginning until a moment (`asOf`), or from one moment to another, in all and by day, week,
    month, merchant (or shop, which is the same) or design. Each names the address of the entries behind it.
    """
    program, source = visit.program, visit.services.reports
    window = await _window(visit, asOf, since, until)
    dimension, value = reported.narrowed(merchantId, design)
    lines: list[dict[str, Any]] = []
    if by in ("day", "week", "month"):
        pieces = await by_time(source, program, window, granularity_of(by), dimension=dimension, value=value)
        lines = [reported.line(one, program, dimension, value) for one in pieces]
    elif by is not None:
        if dimension:
            raise Invalid(("query", "by"), "Figures of one merchant or design are told apart by time only.", "by")
        which: Dimension = "design" if by == "design" else "merchant"
        lines = [
            reported.line(one, program, which, one.label) for one in await by_value(source, program, window, which)
        ]
    whole = await total(source, program, window, dimension=dimension, value=value)
    body = {
        "programId": program.id,
        "currency": program.currency.code,
        "timeZone": program.zone.key,
        "by": by,
        "total": reported.line(whole, program, dimension, value),
        "lines": lines,
    }
    return shown.json_response(body)


@router.get("/entries", name="list_report_entries", response_model=None)
async def entries(
    visit: Reporting,
    programId: ProgramId,
    part: WantedPart,
    measure: Annotated[Measure, Query()] = Measure.LIABILITY,
    asOf: AsOf = None,
    since: Since = None,
    until: Until = None,
    merchantId: Merchant = None,
    design: Design = None,
) -> Response:
    """The entries behind a figure, newest first; `X-Total-Count` says how many there are."""
    window = await _window(visit, asOf, since, until)
    dimension, value = reported.narrowed(merchantId, design)
    page = await entries_behind(
        visit.services.reports,
        visit.program,
        measure,
        window,
        dimension=dimension,
        value=value,
        limit=part.limit,
        start=part.start,
    )
    body = [_entry(one, visit.program.currency) for one in page.found]
    return shown.json_response(body, {"X-Total-Count": str(page.figure.count)})


async def _window(visit: Visit, as_of: datetime | None, since: datetime | None, until: datetime | None) -> Window:
    """Until `as_of`, or from one moment to another; what is left out is the beginning, and now."""
    return span_of(await visit.services.reports.now(), visit.program.zone, since, until, reported.as_of(visit, as_of))


def _entry(one: Behind, currency: Currency) -> dict[str, Any]:
    return {
        **shown.transaction(one.entry, currency),
        "cardId": one.entry.card_id,
        "lastFourDigits": one.last_four,
        "kind": one.kind.value,
    }
