"""Analytics of a program: a window beside the one before it, and what came in days, weeks and months."""

# ruff: noqa: N803 - parameter names are the names on the wire

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from kado import clock
from kado.doors.api import reported, shown
from kado.doors.api.reported import FILES, Since, Until
from kado.doors.api.route import StrictRoute
from kado.doors.api.schemas.schedules import AnalyticsExportRequest
from kado.doors.api.types import bounded_silently, one_line
from kado.doors.api.visit import SESSION_HEADERS, ProgramId, Reporting, StrayCardId
from kado.programs.program import Program
from kado.reports import export as exports
from kado.reports.business import by_time, total
from kado.reports.measures import Measure
from kado.reports.overview import Compared, Overview, change, overview
from kado.reports.sheets import MEDIA, measures_of
from kado.reports.windows import Window, granularity_of, window_of

router = APIRouter(
    prefix="/v2/giftcards/programs/{programId}/analytics",
    tags=["Gift Card Analytics"],
    route_class=StrictRoute,
    dependencies=SESSION_HEADERS,
)

PERIOD: Final = "^(7d|30d|90d|12m|custom)$"
Period = Annotated[str | None, Query(pattern=PERIOD)]
GranularityText = Annotated[str, Field(max_length=20), bounded_silently, one_line]


@router.get("/overview", name="get_analytics_overview", response_model=None)
async def show_overview(
    visit: Reporting,
    programId: ProgramId,
    period: Period = None,
    since: Since = None,
    until: Until = None,
    cardId: StrayCardId = None,
) -> Response:
    """What a window had, beside the one of equal length directly before it; 30 days unless another period is named."""
    program, source = visit.program, visit.services.reports
    window = window_of(await source.now(), program.zone, period, since, until)
    found = await overview(source, program, window)
    return shown.json_response(_about(program) | overview_body(found, program))


@router.get("/trends", name="get_analytics_trends", response_model=None)
async def show_trends(
    visit: Reporting,
    programId: ProgramId,
    period: Period = None,
    since: Since = None,
    until: Until = None,
    granularity: Annotated[GranularityText, Query()] = "daily",
    cardId: StrayCardId = None,
) -> Response:
    """The window in days, weeks (from Monday) or months of the program's clock, with what was owed at their ends."""
    program, source = visit.program, visit.services.reports
    window = window_of(await source.now(), program.zone, period, since, until)
    steps = granularity_of(granularity)
    lines = await by_time(source, program, window, steps)
    body = _about(program) | {
        "granularity": steps.value,
        "period": _period(window),
        "total": reported.line(await total(source, program, window), program),
        "buckets": [reported.line(one, program) for one in lines],
    }
    return shown.json_response(body)


@router.post("/export", name="export_analytics", response_model=None)
async def export(
    visit: Reporting, programId: ProgramId, data: AnalyticsExportRequest, cardId: StrayCardId = None
) -> Response:
    """A file of the window, a line a day, or a month where it is long: fetched within an hour, with the same right."""
    program, source = visit.program, visit.services.reports
    window = window_of(await source.now(), program.zone, data.period, data.since, data.until, place="body")
    measures = measures_of(data.metrics)
    made = await exports.order(
        source, program, visit.caller, data.format, window, measures, has_notice=data.includePrivacyNotice
    )
    path = router.prefix.replace("{programId}", program.id)
    body = {
        "exportId": made.id,
        "status": "completed",
        "format": made.format,
        "fileName": exports.file_name(made),
        "downloadUrl": f"{visit.services.settings.public_url}{path}/export/{made.id}",
        "expiresAt": clock.text(made.expires_at),
        "period": _period(window),
        "metrics": [one.value for one in measures],
    }
    return shown.json_response(body)


@router.get("/export/{fileId}", name="download_analytics", response_model=None, responses=FILES)
async def download(visit: Reporting, programId: ProgramId, fileId: Annotated[str, Path()]) -> Response:
    """The file. Cells that a spreadsheet would take for formulas begin with an apostrophe."""
    found, content = await exports.fetch(visit.services.reports, visit.program, fileId)
    headers = {
        "Content-Disposition": f'attachment; filename="{exports.file_name(found)}"',
        "Cache-Control": "no-store",
    }
    return Response(content, 200, headers, MEDIA[found.format])


def overview_body(found: Overview, program: Program) -> dict[str, Any]:
    """What an overview says."""
    now, before, money = found.now, found.before, program.currency.text
    return {
        "period": _period(now.window),
        "previousPeriod": _period(before.window),
        "metrics": {
            measure.value: {
                **reported.figure(figure, program.currency, reported.entries_url(program, measure, now.window)),
                "previousCount": before.flows[measure].count,
                "previousAmount": money(before.flows[measure].minor),
                "countChange": change(figure.count, before.flows[measure].count),
                "amountChange": change(figure.minor, before.flows[measure].minor),
            }
            for measure, figure in now.flows.items()
        },
        "averages": {
            measure.value: {"amount": _average(now, measure, program), "previous": _average(before, measure, program)}
            for measure in (Measure.ACTIVATED, Measure.RELOADED, Measure.REDEEMED)
        },
        "redemptionRate": {"percent": now.redemption_rate, "previous": before.redemption_rate},
        "liability": {
            "amount": money(now.liability),
            "previousAmount": money(before.liability),
            "change": change(now.liability, before.liability),
            "entries": reported.entries_url(program, Measure.LIABILITY, Window(reported.BEGINNING, now.window.until)),
        },
        "breakage": {
            "expired": {
                "cards": found.expired.count,
                "amount": money(found.expired.minor),
                "countedAt": clock.text_or_none(found.counted_at),
            },
            "forfeited": reported.figure(
                now.flows[Measure.FORFEITED],
                program.currency,
                reported.entries_url(program, Measure.FORFEITED, now.window),
            ),
        },
    }


def _average(compared: Compared, measure: Measure, program: Program) -> str | None:
    found = compared.average(measure)
    return None if found is None else program.currency.text(found)


def _about(program: Program) -> dict[str, Any]:
    return {"programId": program.id, "currency": program.currency.code, "timeZone": program.zone.key}


def _period(window: Window) -> dict[str, str]:
    return {"from": clock.text(window.since), "to": clock.text(window.until)}
