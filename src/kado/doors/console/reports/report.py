"""A report: what a time had beside the one before it, its days, weeks or months, its shops and designs, and files."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.responses import Response

from kado.doors.console.chart import chart_of
from kado.doors.console.reports.asked import day_after, moment_in
from kado.doors.console.reports.links import shares, shown_lines, with_links
from kado.doors.console.respond import problem_of, shown
from kado.doors.console.visit import Visit
from kado.errors import Invalid
from kado.languages import tell as told
from kado.reports import export
from kado.reports.business import Line, by_time
from kado.reports.measures import FLOWS, Measure
from kado.reports.overview import change, overview
from kado.reports.sheets import ENDINGS, MEDIA
from kado.reports.windows import Granularity, Window, buckets, window_of
from kado.web import typed

PERIODS: Final = ("7d", "30d", "90d", "12m", "custom")
_USUAL: Final = "30d"
_LINES_MAX: Final = 100
"""What would be longer has weeks for days, and months for weeks: a page stays light."""

_FIELDS: Final = ("period", "from", "to", "asOf")


async def show(visit: Visit) -> Response:
    """The report of the time that the address asks for."""
    source, program = visit.rooms.reports, visit.program
    now, problems = await source.now(), {}
    try:
        window = _window(visit, now)
    except Invalid as refusal:
        problems = problem_of(refusal, visit.language, dict.fromkeys(_FIELDS, ""))
        window = window_of(now, program.zone, _USUAL, None, None)
    granularity = _granularity(visit, window)
    lines = await by_time(source, program, window, granularity)
    compared = await overview(source, program, window)
    facts: dict[str, Any] = {
        "typed": {name: visit.asked(name) for name in _FIELDS} | {"period": visit.asked("period") or _USUAL},
        "problems": problems,
        "periods": PERIODS,
        "granularity": granularity.value,
        "granularities": list(Granularity),
        "window": window,
        "last_moment": window.until - timedelta(microseconds=1),
        "found": compared,
        "measures": [(one.value, _change(visit, compared.now.flows, compared.before.flows, one)) for one in FLOWS],
        "chart": chart_of(lines),
        "lines": shown_lines(lines),
        "shops": await shares(visit, window, "merchant"),
        "designs": await shares(visit, window, "design"),
        "formats": list(ENDINGS),
        "label": _labels(visit, granularity),
        **with_links(visit),
    }
    status = 422 if problems else 200
    return shown(visit, "report.html", facts, here="reports", areas=("console_reports",), status=status)


async def fetch(visit: Visit) -> Response:
    """The report as a file."""
    source, program, fields = visit.rooms.reports, visit.program, visit.fields
    file_format = typed.said(fields, "format")
    if file_format not in ENDINGS:
        raise Invalid(("body", "format"), "There is no such format.", "unknown_format")
    since, until = typed.moment(fields, "from"), typed.moment(fields, "to")
    window = window_of(await source.now(), program.zone, "custom", since, until, place="body")
    made = await export.order(source, program, visit.caller, file_format, window, list(Measure), has_notice=False)
    found, content = await export.fetch(source, program, made.id)
    headers = {
        "Content-Disposition": f'attachment; filename="{export.file_name(found)}"',
        "Cache-Control": "no-store",
    }
    return Response(content, 200, headers, MEDIA[found.format])


def _window(visit: Visit, now: datetime) -> Window:
    """The time that is asked for, up to now or the moment as of which it is. Raises `Invalid`."""
    end = moment_in(visit, "asOf") or now
    period = visit.asked("period") or _USUAL
    if period == "custom":
        return window_of(
            end,
            visit.program.zone,
            period,
            moment_in(visit, "from"),
            day_after(visit, visit.request.query_params, "to"),
        )
    return window_of(end, visit.program.zone, period, None, None)


def _granularity(visit: Visit, window: Window) -> Granularity:
    """As is asked for, or days; the next longer ones where there would be too many lines."""
    asked = visit.asked("granularity")
    steps = list(Granularity)
    for one in steps[steps.index(Granularity(asked)) if asked in set(Granularity) else 0 : -1]:
        try:
            if len(buckets(window, visit.program.zone, one)) <= _LINES_MAX:
                return one
        except Invalid:  # far too many
            continue
    return steps[-1]


def _labels(visit: Visit, granularity: Granularity) -> Callable[[Line], str]:
    """How a line is called: its day, the first day of its week, its month."""

    def label(line: Line) -> str:
        if granularity is Granularity.MONTHLY:
            return told.month(line.window.since, visit.language, visit.program.zone)
        return told.day(line.window.since, visit.language, visit.program.zone)

    return label


def _change(visit: Visit, now: Mapping[Measure, Any], before: Mapping[Measure, Any], measure: Measure) -> str:
    """By how much more, as the language writes it: `+12,5 %`; empty where there was nothing to compare with."""
    found = change(now[measure].minor, before[measure].minor)
    return "" if found is None else told.percent(found, visit.language)
