"""Operations on reports, each with a good request."""

from collections.abc import Callable

from tests.api.operation import Operation, nothing
from tests.api.shop import Body, Shop, good

from kado.access.permissions import Permission
from kado.ids import new_id

SCHEDULE: Body = {"name": "Books", "frequency": "weekly", "format": "pdf", "recipients": ["books@example.com"]}


def _at(rest: str) -> Callable[[Body], str]:
    return lambda card: f"/v2/giftcards/programs/{card['programId']}/{rest.format_map(card)}"


async def an_aml_alert(shop: Shop, card: Body) -> str:
    """Written past the rules; its id."""
    alert_id = new_id()
    await shop.superuser.execute(
        "INSERT INTO aml_alert (program_id, id, flag, severity, card_id, subject, entry_ids, minor, detected_at)"
        " VALUES ($1, $2, 'HIGH_VALUE', 'medium', $3, $4, '{}', 250000, now())",
        card["programId"],
        alert_id,
        card["id"],
        alert_id,
    )
    return alert_id


async def a_schedule(shop: Shop, program_id: str) -> str:
    path = f"/v2/giftcards/programs/{program_id}/reports/schedule"
    return str(good(await shop.post(path, SCHEDULE))["id"])


async def an_export(shop: Shop, program_id: str) -> str:
    path = f"/v2/giftcards/programs/{program_id}/analytics/export"
    return str(good(await shop.post(path, {}))["exportId"])


async def _with_schedule(shop: Shop, card: Body, till: str) -> Body:
    return {"scheduleId": await a_schedule(shop, card["programId"])}


async def _with_export(shop: Shop, card: Body, till: str) -> Body:
    return {"analyticsExport": await an_export(shop, card["programId"])}


async def _with_alert(shop: Shop, card: Body, till: str) -> Body:
    return {"amlAlert": await an_aml_alert(shop, card)}


READ, WRITE = Permission.REPORTS_READ, Permission.REPORTS_WRITE
REPORTS = {
    "business report": Operation(READ, "GET", _at("reports/business"), nothing),
    "figures": Operation(READ, "GET", _at("reports/figures?by=merchant"), nothing),
    "entries of a report": Operation(READ, "GET", _at("reports/entries"), nothing),
    "expiration warnings": Operation(READ, "GET", _at("reports/expiration-warnings"), nothing),
    "escheatment": Operation(READ, "GET", _at("reports/escheatment"), nothing),
    "analytics overview": Operation(READ, "GET", _at("analytics/overview"), nothing),
    "analytics trends": Operation(READ, "GET", _at("analytics/trends"), nothing),
    "export analytics": Operation(READ, "POST", _at("analytics/export"), lambda _: {"format": "csv"}),
    "download analytics": Operation(
        READ, "GET", _at("analytics/export/{analyticsExport}"), nothing, prepare=_with_export
    ),
    "schedule report": Operation(WRITE, "POST", _at("reports/schedule"), lambda _: dict(SCHEDULE)),
    "scheduled reports": Operation(WRITE, "GET", _at("reports/scheduled"), nothing),
    "delete schedule": Operation(
        WRITE, "DELETE", _at("reports/scheduled/{scheduleId}"), nothing, prepare=_with_schedule
    ),
    "download schedule": Operation(
        WRITE, "GET", _at("reports/scheduled/{scheduleId}/download"), nothing, prepare=_with_schedule
    ),
    "validate reports": Operation(READ, "POST", _at("reports/validate"), lambda _: {}),
    "aml alerts": Operation(READ, "GET", _at("compliance/aml"), nothing),
    "acknowledge aml": Operation(
        WRITE, "POST", _at("compliance/aml/{amlAlert}/acknowledge"), lambda _: {"notes": "known"}, prepare=_with_alert
    ),
}
