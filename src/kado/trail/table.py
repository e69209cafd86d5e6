"""Rows of the audit log as CSV (RFC 4180): one line each, and nothing in it that a spreadsheet takes for a formula."""

import csv
import io
import json
import re
from typing import Final

from kado.trail.row import Row, members

_MONEY: Final = ("transactionType", "number", "amount", "currency")
COLUMNS: Final = (
    *("id", "timestamp", "action", "resourceType", "resourceId", "resourceName"),
    *("actorType", "actorId", "actorName", "subjectId", "subjectName", "merchantId", "merchantName"),
    *("ipAddress", "userAgent", "requestId"),
    "programId",
    *_MONEY,
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
    cells = {name: said.get(name) for name in COLUMNS} | {"programId": details.pop("programId")}
    if "transactionType" in details:
        cells |= {name: details.pop(name) for name in _MONEY}
        cells |= {"balanceBefore": details["before"]["balance"], "balanceAfter": details["after"]["balance"]}
    cells["details"] = json.dumps(details)
    text = io.StringIO()
    csv.writer(text).writerow([inert(cells[name]) for name in COLUMNS])
    return text.getvalue()


def inert(value: object) -> str:
    """The text of a cell that no spreadsheet calculates."""
    text = "" if value is None else str(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
