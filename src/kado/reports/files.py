"""Reports as files: CSV and JSON for programs, Excel and PDF for people.

Cells that other people wrote are made inert: no spreadsheet finds anything to calculate in them.
"""

import io
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, cast

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from kado import sheet as cells
from kado.reports.page import pdf
from kado.reports.sheets import Format, Sheet

_HEAD: Final = Font(bold=True)
_SHEET_NAME_MAX: Final = 31


def written(report: Sheet, file_format: Format) -> bytes:
    """The file. Excel and PDF take some ten milliseconds for a year of days: not for an event loop."""
    return _WRITERS[file_format](report)


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


def _excel(report: Sheet) -> bytes:
    book = Workbook(write_only=True)
    page = book.create_sheet(cells.inert(report.program.currency.code)[:_SHEET_NAME_MAX])
    exponent = report.program.currency.exponent
    amounts = "#,##0" + ("." + "0" * exponent if exponent else "")
    page.freeze_panes = f"B{len(report.facts()) + 3}"
    page.column_dimensions["A"].width = 24
    for name, value in report.facts():
        page.append([_head(page, name), cells.inert(value)])
    page.append([])
    page.append([_head(page, title) for title in report.titles()])
    for label, numbers in (
        *((line.label, report.cells(line)) for line in report.lines),
        (report.say("total"), report.cells(report.whole)),
    ):
        row: list[Any] = [cells.inert(label)]
        for at, number in enumerate(numbers):
            row.append(_number(page, report.program.currency.decimal(number) if report.is_amount(at) else number))
            row[-1].number_format = amounts if report.is_amount(at) else "#,##0"
        page.append(row)
    if report.has_notice:
        page.append([])
        page.append([_head(page, report.say("privacy_title")), report.say("privacy")])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _head(page: WriteOnlyWorksheet, text: str) -> Any:  # noqa: ANN401 - a cell, whose type has no name
    cell = WriteOnlyCell(page, cells.inert(text))
    cell.font = _HEAD
    return cell


def _number(page: WriteOnlyWorksheet, number: Decimal | int) -> Any:  # noqa: ANN401
    return WriteOnlyCell(page, cast("str", number))  # it takes exact decimals, and its types know of floats alone


_WRITERS: Final = {"csv": _csv, "json": _json, "excel": _excel, "pdf": pdf}
