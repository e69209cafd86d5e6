"""Lines of CSV (RFC 4180) in which no spreadsheet finds anything to calculate: other people wrote some of the cells."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

_FORMULA: Final = re.compile(r"\s*[=+\-@|\uff0b\uff0d\uff1d\uff20]|[\t\r\n]")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


def line(cells: Iterable[object]) -> str:
    """One line with its end; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text).writerow([inert("" if cell is None else str(cell)) for cell in cells])
    return text.getvalue()


def inert(cell: str) -> str:
    """The cell, with an apostrophe before what a spreadsheet would take for a formula; numbers stay numbers."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell
