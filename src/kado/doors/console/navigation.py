"""The ways through the console: which pages are named beside every page, for whoever may see them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kado.access.permissions import Permission
from kado.doors.console.page import IN_PROGRAM, ROOT
from kado.doors.console.visit import Visit


@dataclass(frozen=True, slots=True)
class Way:
    """An entry. `key` names its words (`way_…`) and its icon; pages say by it where they belong."""

    key: str
    path: str
    permission: Permission


WAYS: Final[dict[str, tuple[Way, ...]]] = {
    "program": (
        Way("overview", IN_PROGRAM, Permission.PROGRAMS_READ),
        Way("cards", f"{IN_PROGRAM}/cards", Permission.CARDS_LIST),
        Way("find", f"{IN_PROGRAM}/find", Permission.CARDS_READ),
        Way("issue", f"{IN_PROGRAM}/issue", Permission.CARDS_ISSUE),
        Way("bulk", f"{IN_PROGRAM}/bulk", Permission.CARDS_BULK),
        Way("reports", f"{IN_PROGRAM}/reports", Permission.REPORTS_READ),
    ),
    "rules": (
        Way("rules", f"{IN_PROGRAM}/rules", Permission.PROGRAMS_READ),
        Way("look", f"{IN_PROGRAM}/look", Permission.PROGRAMS_WRITE),
    ),
    "watch": (
        Way("messages", f"{IN_PROGRAM}/messages", Permission.CARDS_LIST),
        Way("fraud", f"{IN_PROGRAM}/fraud", Permission.FRAUD_READ),
        Way("anomalies", f"{IN_PROGRAM}/anomalies", Permission.FRAUD_READ),
        Way("audit", f"{ROOT}/audit", Permission.AUDIT_READ),
        Way("books", f"{IN_PROGRAM}/books", Permission.PROGRAMS_WRITE),
    ),
    "shop": (
        Way("people", f"{ROOT}/people", Permission.PEOPLE_READ),
        Way("programs", f"{ROOT}/programs", Permission.PROGRAMS_READ),
        Way("places", f"{ROOT}/places", Permission.TILLS_READ),
        Way("staff", f"{ROOT}/staff", Permission.STAFF_READ),
        Way("keys", f"{ROOT}/keys", Permission.KEYS_READ),
        Way("webhooks", f"{ROOT}/webhooks", Permission.WEBHOOKS_READ),
    ),
    "network": (Way("network", f"{ROOT}/network", Permission.NETWORK_READ),),
    "server": (Way("server", f"{ROOT}/server", Permission.STAFF_WRITE),),
    "oneself": (Way("account", f"{ROOT}/account", Permission.SELF_READ),),
}
"""By sections, whose words are `section_…`, in the order of the page."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry as it stands on a page."""

    key: str
    address: str
    is_here: bool


def sections_for(visit: Visit, here: str) -> Iterator[tuple[str, Sequence[Shown]]]:
    """What the person may go to, by sections; empty ones are left out."""
    for section, ways in WAYS.items():
        found = [Shown(way.key, _address(visit, way), way.key == here) for way in ways if _leads(visit, way)]
        if found:
            yield section, found


def _leads(visit: Visit, way: Way) -> bool:
    if way.key == "server" and not visit.runs_server:
        return False
    if not way.path.startswith(IN_PROGRAM):
        return way.permission in visit.caller.permissions
    if visit.around is None:
        return False
    # Where one list shows all cards, a second way to find one is left out.
    if way.key == "find" and visit.caller.may_in(visit.around, Permission.CARDS_LIST):
        return False
    return visit.caller.may_in(visit.around, way.permission)


def _address(visit: Visit, way: Way) -> str:
    return way.path if visit.around is None else way.path.format(program_id=visit.around.program.id)
