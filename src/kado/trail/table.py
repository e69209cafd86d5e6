"""Rows of the audit log as CSV (RFC 4180): one line each, and nothing in it that a spreadsheet takes for a formula."""

import csv
import io
import json
import re
from typing import Final

from kado.trail.row import Row, members

_FACTS: Final = ("programId", "transactionType", "number", "amount", "currency")
COLUMNS: Final = (
    *("id", "timestamp", "action", "resourceType", "resourceId", "resourceName"),
    *("actorType", "actorId", "actorName", "subjectId", "subjectName", "merchantId", "merchantName"),
    *("ipAddress", "userAgent", "requestId"),
    *_FACTS,
    *("balanceBefore", "balanceAfter", "details"),
)
"""The first line."""

HEADER: Final = (",".join(COLUMNS) + "\r\n").encode()
_FORMULA: Final = re.compile(r"[=+\-@\t\r\n]")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


def line(row: Row) -> str:
    """The row. What a spreadsheet would calculate begins with an apostrophe; amounts are numbers, and stay so."""
    said = members(row)
    details = said["details"]
    cells = {name: said.get(name) for name in COLUMNS} | {name: details.get(name) for name in _FACTS}
    cells["balanceBefore"] = (details["before"] or {}).get("balance") if cells["amount"] is not None else None
    cells["balanceAfter"] = (details["after"] or {}).get("balance") if cells["amount"] is not None else None
    cells["details"] = json.dumps({name: value for name, value in details.items() if name not in _FACTS})
    text = io.StringIO()
    csv.writer(text).writerow([inert(cells[name]) for name in COLUMNS])
    return text.getvalue()


def inert(value: object) -> str:
    """The text of a cell that no spreadsheet calculates."""
    text = "" if value is None else str(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
