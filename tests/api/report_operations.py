"""Operations on reports, each with a good request."""

from collections.abc import Callable

from tests.api.operation import Operation, nothing
from tests.api.shop import Body

from kado.access.permissions import Permission


def _at(rest: str) -> Callable[[Body], str]:
    return lambda card: f"/v2/giftcards/programs/{card['programId']}/{rest}"


READ, WRITE = Permission.REPORTS_READ, Permission.REPORTS_WRITE
REPORTS = {
    "business report": Operation(READ, "GET", _at("reports/business"), nothing),
    "figures": Operation(READ, "GET", _at("reports/figures?by=merchant"), nothing),
    "entries of a report": Operation(READ, "GET", _at("reports/entries"), nothing),
}
