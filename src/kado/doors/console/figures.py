"""The figures of the overview, from wherever they are kept: the one place that knows which room has them."""

from dataclasses import dataclass
from typing import Final

from kado.access.permissions import Permission
from kado.cards.few import Day, expiring_soon, figures_of_few
from kado.cards.find import Found
from kado.doors.console.visit import Visit
from kado.fraud.alert import Alert, AlertStatus
from kado.fraud.alerts import list_alerts

SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """Money is minor units. What is None cannot be told here, or not to this person."""

    owed: int | None = None
    days: list[Day] | None = None
    expiring: list[Found] | None = None
    alerts: list[Alert] | None = None
    open_alerts: int = 0


async def figures_for(visit: Visit) -> Figures:
    """What the person may see of the program. Raises `Unavailable`."""
    reader, program = visit.rooms.reader, visit.program
    few = expiring = alerts = None
    open_alerts = 0
    if visit.may(Permission.CARDS_LIST):
        few = await figures_of_few(reader, program.id, program.zone)
        expiring = await expiring_soon(reader, program.id, SHOWN)
    if visit.may(Permission.FRAUD_READ):
        alerts, open_alerts = await list_alerts(
            reader, program.id, is_test=False, statuses=[AlertStatus.OPEN], limit=SHOWN, offset=0
        )
    return Figures(
        owed=None if few is None else few.owed,
        days=None if few is None else few.days,
        expiring=expiring,
        alerts=alerts,
        open_alerts=open_alerts,
    )
