"""Reports as files: CSV and JSON for programs, Excel and PDF for people.

Cells that other people wrote are made inert: no spreadsheet finds anything to calculate in them.
"""

import json
from datetime import timedelta

from kado import sheet as cells
from kado.reports.sheets import Format, Sheet


def written(report: Sheet, file_format: Format) -> bytes:
    """The file. Excel and PDF take some ten milliseconds for a year of days: not for an event loop."""
    match file_format:
        case "csv":
            return _csv(report)
        case "json":
            return _json(report)
        case "excel":
            from kado.reports.book import excel  # noqa: PLC0415 - a server starts without it, and most never need it

            return excel(report)
        case "pdf":
            from kado.reports.page import pdf  # noqa: PLC0415 - the same

            return pdf(report)


def _csv(report: Sheet) -> bytes:
    money = report.program.currency.text
    names = ["from", "to"]
    for measure in report.flows:
        names += [f"{measure.value}_count", f"{measure.value}_amount"]
    names += ["liability"] if report.shows_liability else []
    rows = [cells.line(names)]
    for line in report.lines:
        last = (line.window.until - timedelta(microseconds=1)).astimezone(report.program.zone)
        numbers = report.cells(line)
        shown = [money(one) if report.is_amount(at) else str(one) for at, one in enumerate(numbers)]
        rows.append(cells.line([line.label, last.date().isoformat(), *shown]))
    if report.has_notice:
        rows.append(cells.line([report.say("privacy_title"), report.say("privacy")]))
    return "".join(rows).encode()


def _json(report: Sheet) -> bytes:
    return json.dumps(report.members(), ensure_ascii=False, indent=1).encode() + b"\n"
