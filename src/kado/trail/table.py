"""Rows of the audit log as CSV: one line each."""

import json
from typing import Final

from kado import sheet
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


def line(row: Row) -> str:
    """The row. What a spreadsheet would calculate begins with an apostrophe; amounts are numbers, and stay so."""
    said = members(row)
    details = said["details"]
    cells = {name: said.get(name) for name in COLUMNS} | {"programId": details.pop("programId")}
    if "transactionType" in details:
        cells |= {name: details.pop(name) for name in _MONEY}
        cells |= {"balanceBefore": details["before"]["balance"], "balanceAfter": details["after"]["balance"]}
    cells["details"] = json.dumps(details)
    return sheet.line(cells[name] for name in COLUMNS)
