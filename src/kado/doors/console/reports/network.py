"""All shops of the server and what they come to: for network administrators, who see nobody's cards and people."""

from datetime import datetime
from typing import Any, Final

from starlette.responses import Response

from kado.doors.console.chart import chart_of_pairs
from kado.doors.console.page import ROOT
from kado.doors.console.respond import shown
from kado.doors.console.visit import Visit
from kado.languages import tell
from kado.reports.network import Month, network
from kado.reports.overview import percent

NETWORK: Final = f"{ROOT}/network"
TOGETHER: Final = 50
_GROWTH: Final = ("sales", "card", "tx", "merchant")


async def show(visit: Visit) -> Response:
    """How many, how much, how they grow, and each shop's part, the largest first."""
    found = await network(visit.rooms.reports)
    shares = sorted(found.shares, key=lambda one: (-one.volume, -one.cards, one.merchant_name))
    start, language = visit.start, visit.language
    facts: dict[str, Any] = {
        "on": found,
        "shares": shares[start : start + TOGETHER],
        "part_of": lambda volume: _part(visit, volume, found.volume),
        "growth": [(what, _grown(visit, found.growth[what])) for what in _GROWTH],
        "success": None if found.success_rate is None else _plain_percent(visit, found.success_rate),
        "expired_part": _part(visit, found.expired, found.sold),
        "chart": chart_of_pairs([(one.new_cards, one.activated) for one in found.months]),
        "month": lambda one: _month(visit, one),
        "amount": lambda minor: tell.money(minor, found.currency, language),
        "start": start,
        "newer": max(0, start - TOGETHER),
        "older": start + TOGETHER if len(shares) > start + TOGETHER else 0,
    }
    return shown(visit, "network.html", facts, here="network", areas=("console_network",))


def _grown(visit: Visit, signed: str | None) -> str | None:
    return None if signed is None else tell.percent(signed, visit.language)


def _plain_percent(visit: Visit, share: str) -> str:
    """Without a sign: it is a part of something and no change of it."""
    return tell.percent(share, visit.language).removeprefix("+")


def _part(visit: Visit, part: int, whole: int) -> str:
    return _plain_percent(visit, percent(part, whole) or "0.0")


def _month(visit: Visit, month: Month) -> str:
    return tell.month(datetime.fromisoformat(f"{month.label}-15T12:00:00+00:00"), visit.language, visit.zone)
