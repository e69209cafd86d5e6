"""The pages of reports, with their permissions."""

from typing import Final

from kado.access.permissions import Permission
from kado.doors.console.page import IN_PROGRAM, Page, does, shows
from kado.doors.console.reports import cards, entries, laundering, network, offline, report, schedules, soundness

_PROGRAM: Final = "/v2/giftcards/programs/{programId}"
_ANALYTICS: Final = f"{_PROGRAM}/analytics"
_AML: Final = f"{_PROGRAM}/compliance/aml"
_API: Final = f"{_PROGRAM}/reports"
_HERE: Final = f"{IN_PROGRAM}/reports"
_SCHEDULES: Final = f"{_HERE}/schedules"
_READ: Final = Permission.REPORTS_READ
_WRITE: Final = Permission.REPORTS_WRITE

BESIDE: Final[tuple[Page, ...]] = (
    shows(
        network.NETWORK,
        Permission.NETWORK_READ,
        network.show,
        "GET /v2/giftcards/network/overview",
        "GET /v2/network/merchants",
    ),
)
"""What is about no program in particular."""

INSIDE: Final[tuple[Page, ...]] = (
    shows(f"{IN_PROGRAM}/entries", _READ, entries.show, f"GET {_API}/entries"),
    shows(_HERE, _READ, report.show, f"GET {_ANALYTICS}/overview", f"GET {_ANALYTICS}/trends", f"GET {_API}/figures"),
    does(f"{_HERE}/file", _READ, report.fetch, f"POST {_ANALYTICS}/export", f"GET {_ANALYTICS}/export/{{fileId}}"),
    shows(f"{_HERE}/expiring", _READ, cards.show_expiring, f"GET {_API}/expiration-warnings"),
    shows(f"{_HERE}/dormant", _READ, cards.show_dormant, f"GET {_API}/escheatment"),
    shows(f"{_HERE}/laundering", _READ, laundering.show, f"GET {_AML}"),
    does(
        f"{_HERE}/laundering/{{alert_id}}/acknowledge",
        _WRITE,
        laundering.say_known,
        f"POST {_AML}/{{alertId}}/acknowledge",
    ),
    shows(f"{_HERE}/offline", _READ, offline.show, f"GET {_API}/figures"),
    shows(f"{_HERE}/soundness", _READ, soundness.show, f"POST {_API}/validate"),
    does(f"{_HERE}/soundness", _READ, soundness.check, f"POST {_API}/validate"),
    shows(_SCHEDULES, _WRITE, schedules.show, f"GET {_API}/scheduled"),
    does(_SCHEDULES, _WRITE, schedules.make, f"POST {_API}/schedule"),
    does(f"{_SCHEDULES}/{{schedule_id}}/end", _WRITE, schedules.end, f"DELETE {_API}/scheduled/{{scheduleId}}"),
    shows(
        f"{_SCHEDULES}/{{schedule_id}}/file", _WRITE, schedules.fetch, f"GET {_API}/scheduled/{{scheduleId}}/download"
    ),
)
