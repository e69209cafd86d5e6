"""An operator hears of an attack: alerts to look at and take note of, a line in the log, an event."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import jsonschema
import pytest
import pytest_asyncio
import structlog
from standardwebhooks.webhooks import Webhook as Verifier
from tests.api.alerts import an_alert, traffic
from tests.api.serving import Served, serving
from tests.api.shop import UNKNOWN, Body, Shop, Superuser, card_path, good
from tests.serving.receiver import receiving
from tests.serving.working import working

from kado import clock
from kado.access.permissions import Role
from kado.anomalies import watch
from kado.anomalies.events import AnomalyEventType, schema_of
from kado.app import background
from kado.doors.api.schemas.anomalies import AnomalyAlert, AnomalyAlertPage, AnomalyMetrics
from kado.settings import Settings
from kado.storage.database import Database


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {"KADO_TRUSTED_PROXIES": "127.0.0.1", "KADO_WEBHOOK_ALLOW": "127.0.0.0/8"}


@pytest_asyncio.fixture(loop_scope="module")
async def own(api: Served, thief: Superuser) -> AsyncIterator[Shop]:
    """A shop of which nobody has counted anything."""
    yield await Shop.open(api, thief, f"Shop {await thief.fetchval('SELECT count(*) FROM merchant')}")
    await api.services.counts.flush()


def path(shop: Shop, more: str = "alerts") -> str:
    return f"/v2/giftcards/programs/{shop.program_id}/anomalies/{more}"


async def listed(shop: Shop, query: str = "") -> Body:
    return AnomalyAlertPage.model_validate(good(await shop.get(path(shop, f"alerts{query}")))).model_dump(mode="json")


async def ids(shop: Shop, query: str = "") -> list[str]:
    return [one["id"] for one in (await listed(shop, query))["items"]]


async def flushed(shop: Shop) -> dict[str, int]:
    """What was counted for the program, now that all of it is written down."""
    await shop.api.services.counts.flush()
    row = await shop.superuser.fetchrow(
        "SELECT coalesce(sum(requests), 0)::int AS requests, coalesce(sum(refused), 0)::int AS refused,"
        " coalesce(sum(errors), 0)::int AS errors, coalesce(sum(auth_failures), 0)::int AS auth_failures"
        " FROM request_minute WHERE program_id = $1",
        shop.program_id,
    )
    assert row is not None
    return dict(row)


# ── what is counted ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_every_answer_about_a_program_is_counted(own: Shop) -> None:
    card = await own.active()
    code = await own.code_of(card)
    good(await own.redeem(card))
    assert await flushed(own) == {"requests": 3, "refused": 0, "errors": 0, "auth_failures": 0}
    good(await own.check(card, code))
    assert (await own.check(card, "000000" if code != "000000" else "1")).status_code == 404  # no proof
    assert (await own.redeem(card, "-1")).status_code == 422
    assert (await own.redeem(card, token=None)).status_code == 401  # no proof
    assert (await own.redeem(card, token="forged")).status_code == 401  # no proof
    assert (await own.get(card_path({**card, "id": UNKNOWN}))).status_code == 404
    assert (await own.get("/v2/loyalty/programs")).status_code == 200  # about none
    assert await flushed(own) == {"requests": 9, "refused": 5, "errors": 0, "auth_failures": 3}


async def test_an_address_with_the_longer_prefix_is_counted_too(own: Shop) -> None:
    good(await own.get(f"/api{path(own)}"))
    assert (await flushed(own))["requests"] == 1


async def test_a_stop_writes_down_what_was_counted(
    own: Shop, app_settings: Settings, shared_database_url: str, thief: Superuser
) -> None:
    async with serving(app_settings, shared_database_url) as second:
        for _ in range(3):
            good(await replace(own, api=second).get(path(own)))
    counted = "SELECT sum(requests)::int FROM request_minute WHERE program_id = $1"
    assert await thief.fetchval(counted, own.program_id) == 3


# ── from a guess to an alert ───────────────────────────────────────────────────────────────────────────────────────


async def test_whoever_guesses_is_heard_of(own: Shop, app_settings: Settings, shared_database_url: str) -> None:
    card = await own.active()
    async with receiving() as receiver:
        hook = good(await own.post("/v2/webhooks", {"url": receiver.url}))
        good(await own.post(f"/v2/webhooks/{hook['id']}/enable"))
        for number in range(101):
            assert (await own.check({**card, "cardNumber": f"8{number:015}"}, "123456")).status_code == 404
        await flushed(own)
        database = await Database.open(shared_database_url)
        with structlog.testing.capture_logs() as logs:
            async with working(background.worker(app_settings, database)):
                (heard,) = await receiver.until(1, seconds=60)
        await database.close()
    (alert,) = (await listed(own))["items"]
    seen = {name: alert[name] for name in ("type", "severity", "status", "observed", "usual", "threshold")}
    assert seen == {
        "type": "AUTH_FAILURE_SPIKE",
        "severity": "warning",
        "status": "open",
        "observed": 101,
        "usual": 0,
        "threshold": 100,
    }
    mine = [one for one in logs if one.get("program") == own.program_id]
    assert [(one["log_level"], one["event"], one["alert"]) for one in mine] == [
        ("warning", "anomaly.detected", alert["id"])
    ]
    event: Body = Verifier(hook["sharedSecret"]).verify(heard.body, heard.headers)
    jsonschema.Draft202012Validator(
        schema_of(AnomalyEventType(event["type"])), format_checker=jsonschema.FormatChecker()
    ).validate(event)
    assert (event["type"], event["data"]["alertId"], event["data"]["observed"]) == (
        "anomaly.detected",
        alert["id"],
        101,
    )
    (delivery,) = (await own.get(f"/v2/webhooks/{hook['id']}/deliveries")).json()
    assert (delivery["eventType"], delivery["cardId"], delivery["state"]) == ("anomaly.detected", None, "delivered")


async def test_what_is_over_is_resolved_and_heard(own: Shop, api: Served, thief: Superuser) -> None:
    hook = good(await own.post("/v2/webhooks", {"url": "https://93.184.215.14/hook"}))
    await thief.execute("UPDATE webhook SET enabled = true WHERE id = $1", hook["id"])
    ago = await own.now() - timedelta(minutes=16)
    alert = await an_alert(thief, own.program_id, last_seen_at=ago, opened_at=ago)
    await watch.look(api.services.database)
    assert (await listed(own))["items"][0]["status"] == "resolved"
    row = await thief.fetchrow("SELECT type, body FROM gift_card_event WHERE program_id = $1", own.program_id)
    assert row is not None
    assert (row["type"], alert in row["body"]) == ("anomaly.resolved", True)


# ── look ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_alerts_are_listed_newest_first_and_by_kind(own: Shop, thief: Superuser) -> None:
    now, program = await own.now(), own.program_id
    old = await an_alert(
        thief, program, "ERROR_RATE", opened_at=now - timedelta(days=2), resolved_at=now, severity="critical"
    )
    known = await an_alert(
        thief, program, opened_at=now - timedelta(hours=1), acknowledged_at=now, acknowledged_by="key:x"
    )
    fresh = await an_alert(thief, program, "VOLUME_SPIKE")
    page = await listed(own)
    assert [one["id"] for one in page["items"]] == [fresh, known, old]
    assert {name: page[name] for name in ("total", "page", "pages", "limit")} == {
        "total": 3,
        "page": 1,
        "pages": 1,
        "limit": 20,
    }
    assert await ids(own, "?severity=critical") == [old]
    assert await ids(own, "?severity=critical&severity=warning") == [fresh, known, old]
    assert await ids(own, "?type=VOLUME_SPIKE&type=ERROR_RATE") == [fresh, old]
    assert await ids(own, "?status=acknowledged") == [known]
    assert await ids(own, "?status=open&status=resolved") == [fresh, old]
    assert await ids(own, "?status=open&severity=critical") == []
    day = clock.text(now - timedelta(days=1))
    assert await ids(own, f"?from={day}") == [fresh, known]
    assert await ids(own, f"?to={day}") == [old]
    assert await ids(own, f"?from={day}&to={clock.text(now - timedelta(minutes=1))}") == [known]
    second = await listed(own, "?limit=2&page=2")
    assert ([one["id"] for one in second["items"]], second["pages"]) == ([old], 2)
    assert await ids(own, "?page=7") == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("severity=bad", "severity"), ("type=warning", "type"), ("status=closed", "status"), ("from=yesterday", "from"),
        ("from=1764100000", "from"), ("to=2026-13-01", "to"), ("page=0", "page"), ("page=9999999999", "page"),
        ("limit=0", "limit"), ("limit=101", "limit"), ("cardId=x", "cardId"),
    ],
)  # fmt: skip
async def test_a_query_that_cannot_be_read_is_named(own: Shop, query: str, name: str) -> None:
    answer = good(await own.get(path(own, f"alerts?{query}")), 422)
    assert ["query", name] in [one["loc"][:2] for one in answer["detail"]]


async def test_metrics_are_by_hours_beside_what_is_usual(own: Shop, thief: Superuser) -> None:
    await traffic(thief, own.program_id, requests=1200, refused=120, errors=12, auth_failures=24, hours_ago=2)
    await traffic(thief, own.program_id, requests=7, refused=3, errors=1, auth_failures=2, hours_ago=200)
    await traffic(thief, own.program_id, requests=40, refused=4, errors=1, auth_failures=3)
    await an_alert(thief, own.program_id)
    await an_alert(thief, own.program_id, "ERROR_RATE", severity="critical")
    await an_alert(thief, own.program_id, "VOLUME_SPIKE", resolved_at=await own.now())
    seen = good(await own.get(path(own, "metrics")))
    AnomalyMetrics.model_validate(seen)
    assert seen["totals"] == {"requests": 1200, "refused": 120, "errors": 12, "authFailures": 24}
    assert [one["requests"] for one in seen["hours"]] == [1200]
    assert seen["lastFiveMinutes"] == {
        "requests": 40,
        "errors": 1,
        "authFailures": 3,
        "usualRequests": 50,
        "usualAuthFailures": 1,
    }
    assert seen["unresolvedAlerts"] == {"warning": 1, "critical": 1}
    longer = good(await own.get(path(own, "metrics?days=9")))
    assert (longer["totals"]["requests"], [one["requests"] for one in longer["hours"]]) == (1207, [7, 1200])
    for days in ("0", "31", "x", "1.5"):
        assert (await own.get(path(own, f"metrics?days={days}"))).status_code == 422


async def test_a_program_that_is_new_has_nothing_usual(own: Shop) -> None:
    seen = good(await own.get(path(own, "metrics")))
    assert (seen["totals"]["requests"], seen["hours"]) == (0, [])
    assert (seen["lastFiveMinutes"]["usualRequests"], seen["lastFiveMinutes"]["usualAuthFailures"]) == (None, None)


async def test_alerts_are_read_while_the_database_takes_no_writes(own: Shop, thief: Superuser) -> None:
    alert = await an_alert(thief, own.program_id)
    name = await thief.fetchval("SELECT current_database()")
    database = own.api.services.database
    await thief.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        await database._pool.expire_connections()
        assert await ids(own) == [alert]
        good(await own.get(path(own, "metrics")))
        assert (await own.post(path(own, f"alerts/{alert}/acknowledge"))).status_code == 503
    finally:
        await thief.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await database._pool.expire_connections()
    assert (await listed(own))["items"][0]["status"] == "open"


# ── take note ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def acknowledged(shop: Shop, alert: str, **options: Any) -> Body:
    answer: httpx2.Response = await shop.post(path(shop, f"alerts/{alert}/acknowledge"), **options)
    return AnomalyAlert.model_validate(good(answer)).model_dump(mode="json")


async def test_an_alert_is_acknowledged_once_by_whoever_was_first(own: Shop, thief: Superuser) -> None:
    alert = await an_alert(thief, own.program_id)
    first = await acknowledged(own, alert)
    assert (first["status"], first["acknowledgedBy"]) == (
        "acknowledged",
        await thief.fetchval("SELECT 'key:' || id FROM api_key WHERE merchant_id = $1", own.merchant_id),
    )
    assert await acknowledged(own, alert, token=await own.key(Role.MANAGER)) == first
    rows = await own.rows("SELECT * FROM audit_log WHERE action = 'anomaly:acknowledged' AND subject = $1", alert)
    assert [(row["program_id"], row["merchant_id"], row["actor"]) for row in rows] == [
        (own.program_id, own.merchant_id, first["acknowledgedBy"])
    ]


async def test_one_that_is_over_stays_so(own: Shop, thief: Superuser) -> None:
    alert = await an_alert(thief, own.program_id, resolved_at=await own.now())
    seen = await acknowledged(own, alert)
    assert (seen["status"], seen["acknowledgedAt"] is not None) == ("resolved", True)


async def test_an_alert_of_another_program_is_unknown(own: Shop, shop: Shop, thief: Superuser) -> None:
    other = await own.program()
    alert = await an_alert(thief, other)
    strangers = await an_alert(thief, shop.program_id)
    answers = [
        await own.post(path(own, f"alerts/{name}/acknowledge"))
        for name in (alert, strangers, UNKNOWN, "x", "%00", "0" * 200, "A" * 24)
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    assert answers[0].json()["code"] == "alert_not_found"
    assert await ids(own) == []
    taken = "SELECT count(acknowledged_at) FROM anomaly_alert WHERE id = ANY($1)"
    assert await thief.fetchval(taken, [alert, strangers]) == 0
