"""A report as a spreadsheet, in which amounts are numbers and nothing is calculated."""

import io
from decimal import Decimal
from typing import Any, Final, cast

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from kado import sheet as cells
from kado.reports.sheets import Sheet

_HEAD: Final = Font(bold=True)
_SHEET_NAME_MAX: Final = 31


def excel(report: Sheet) -> bytes:
    """The file. Cells that other people wrote are made inert."""
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
