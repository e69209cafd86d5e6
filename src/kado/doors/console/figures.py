"""The figures of the overview: what is owed, was sold and spent, ends soon, and is odd, as far as one may see it."""

from dataclasses import dataclass
from typing import Final

from kado.access.permissions import Permission
from kado.doors.console.reports.links import Share, shares
from kado.doors.console.visit import Visit
from kado.fraud.alert import Alert, AlertStatus
from kado.fraud.alerts import list_alerts
from kado.reports.aml import alerts as laundering
from kado.reports.business import Business, Line, business, by_time, total
from kado.reports.expiring import Expiring, expiring
from kado.reports.windows import Granularity, Window, window_of

SHOWN: Final = 5
PERIOD: Final = "30d"


@dataclass(frozen=True, slots=True)
class Money:
    """All of one moment; `whole` is the sum of `days`."""

    window: Window
    business: Business
    days: list[Line]
    whole: Line
    shops: list[Share]
    designs: list[Share]
    expiring: Expiring
    unacknowledged: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What is None is not for this person."""

    money: Money | None = None
    alerts: list[Alert] | None = None
    open_alerts: int = 0


async def figures_for(visit: Visit) -> Figures:
    """What the person may see of the program. Raises `Unavailable`."""
    money, odd, open_alerts = None, None, 0
    if visit.may(Permission.REPORTS_READ):
        money = await _money(visit)
    if visit.may(Permission.FRAUD_READ):
        odd, open_alerts = await list_alerts(
            visit.rooms.reader, visit.program.id, is_test=False, statuses=[AlertStatus.OPEN], limit=SHOWN, offset=0
        )
    return Figures(money, odd, open_alerts)


async def _money(visit: Visit) -> Money:
    source, program = visit.rooms.reports, visit.program
    now = await source.now()
    window = window_of(now, program.zone, PERIOD, None, None)
    seen = await laundering.list_alerts(source, program, since=None, until=None, limit=1)
    return Money(
        window=window,
        business=await business(source, program, as_of=now),
        days=await by_time(source, program, window, Granularity.DAILY),
        whole=await total(source, program, window),
        shops=await shares(visit, window, "merchant"),
        designs=await shares(visit, window, "design"),
        expiring=await expiring(source, program, limit=SHOWN),
        unacknowledged=seen.unacknowledged,
    )
