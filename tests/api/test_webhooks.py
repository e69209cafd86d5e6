"""Endpoints as their owners make, see, change, enable and disable them."""

import asyncio
import json
from typing import Any

import pytest
import pytest_asyncio
from standardwebhooks.webhooks import Webhook as Verifier
from tests.api.serving import Served
from tests.api.shop import UNKNOWN, Body, Shop, Superuser, good
from tests.serving.receiver import DROP, receiving

from kado.access.permissions import Role
from kado.webhooks.endpoints import MOST

PUBLIC = "https://93.184.215.14/hook"


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {"KADO_WEBHOOK_ALLOW": "127.0.0.0/8"}


@pytest_asyncio.fixture(loop_scope="module")
async def own(api: Served, thief: Superuser) -> Shop:
    """A shop without any webhooks."""
    return await Shop.open(api, thief, f"Shop {await thief.fetchval('SELECT count(*) FROM merchant')}")


async def made(shop: Shop, url: str = PUBLIC, **members: Any) -> Body:
    return good(await shop.post("/v2/webhooks", {"url": url, **members}))


def path(webhook: Body, action: str = "") -> str:
    return f"/v2/webhooks/{webhook['id']}" + (f"/{action}" if action else "")


# ── make and change ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_secret_that_kado_makes_is_shown_once(own: Shop) -> None:
    webhook = await made(own)
    secret = webhook["sharedSecret"]
    assert secret.startswith("whsec_")
    assert webhook == {
        "id": webhook["id"],
        "url": PUBLIC,
        "sharedSecret": secret,
        "enabled": False,
        "allEventTypes": True,
        "allowedEvents": [],
        "allPassTemplates": None,
        "allowedTemplates": None,
        "isTest": False,
        "createdAt": webhook["createdAt"],
        "updatedAt": None,
        "lastDeliveredAt": None,
        "lastError": None,
        "disabledAt": None,
        "disabledReason": None,
    }
    seen = good(await own.get(path(webhook)))
    assert seen == webhook | {"sharedSecret": "****"}
    assert (await own.get("/v2/webhooks")).json() == [seen]
    stored = str(await own.rows("SELECT * FROM webhook WHERE id = $1", webhook["id"]))
    assert secret not in stored
    assert secret.removeprefix("whsec_") not in stored


async def test_a_secret_of_the_callers_own_is_never_shown(own: Shop, thief: Superuser) -> None:
    webhook = await made(own, sharedSecret="correct horse battery")
    answers = [webhook, good(await own.get(path(webhook))), (await own.get("/v2/webhooks")).json()[0]]
    changed = {"url": PUBLIC, "sharedSecret": "staple it together"}
    answers.append(good(await own.call("PUT", path(webhook), changed)))
    assert {answer["sharedSecret"] for answer in answers} == {"****"}
    stored = await own.rows("SELECT w::text AS row FROM webhook w WHERE id = $1", webhook["id"])
    assert b"correct horse".hex() not in stored[0]["row"]
    audit = await thief.fetch(
        "SELECT action, details::text FROM audit_log WHERE subject = $1 ORDER BY at", webhook["id"]
    )
    actions = ["webhook:created", "webhook:updated"]
    assert [tuple(row) for row in audit] == [(action, "{}") for action in actions]


async def test_a_change_changes_what_was_sent(own: Shop) -> None:
    facts: Body = {
        "allowedEvents": ["giftcard.issued", "some.day"],
        "allPassTemplates": False,
        "allowedTemplates": [UNKNOWN],
    }
    webhook = await made(own, **facts)
    assert {name: webhook[name] for name in facts} == facts
    assert webhook["allEventTypes"] is False
    kept = good(await own.call("PUT", path(webhook), {"url": PUBLIC}))
    assert {name: kept[name] for name in facts} == facts
    changed = good(
        await own.call("PUT", path(webhook), {"url": PUBLIC, "allEventTypes": True, "allowedTemplates": None})
    )
    assert (changed["allEventTypes"], changed["allowedEvents"]) == (True, facts["allowedEvents"])
    assert (changed["allowedTemplates"], changed["allPassTemplates"]) == (None, False)
    assert changed["updatedAt"] is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": None}, {"url": ""}, {"url": 7}, {"url": "https://hooks.example/" + "x" * 2083}, {"url": ["https://x.y"]},
        {"url": "https://x.y/\0"}, {"sharedSecret": "1234567"}, {"sharedSecret": "x" * 256}, {"sharedSecret": 12345678},
        {"sharedSecret": "1234567\n89"}, {"allEventTypes": "yes"}, {"allEventTypes": 1}, {"allPassTemplates": "no"},
        {"allowedTemplates": ["x"]}, {"allowedTemplates": UNKNOWN}, {"allowedEvents": "giftcard.issued"},
        {"allowedEvents": [""]}, {"allowedEvents": [None]}, {"allowedEvents": ["x" * 101]}, {"allowedEvents": ["a\0"]},
        {"allowedEvents": ["x"] * 251},
    ],
    ids=repr,
)  # fmt: skip
async def test_a_wrong_field_is_named_and_not_repeated(own: Shop, wrong: Body) -> None:
    (name, value), *_ = wrong.items()
    answer = await own.post("/v2/webhooks", {"url": PUBLIC, **wrong})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", name]
    if name in ("url", "sharedSecret") and len(str(value)) > 4:
        assert str(value) not in answer.text
    assert (await own.get("/v2/webhooks")).json() == []


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data/", "https://[::1]/", "https://[fd00::1]/",
        "https://[::ffff:127.0.0.1]/", "https://2130706433/", "https://0x7f.1/", "https://user:word@93.184.215.14/",
        "https://93.184.215.14:22/", "http://93.184.215.14/", "ftp://93.184.215.14/", "https://100.64.0.1/", "nonsense",
        "https://no-such-host.invalid/",
    ],
)  # fmt: skip
async def test_an_address_that_may_not_be_called_is_refused_at_once_and_always_in_the_same_words(
    own: Shop, url: str
) -> None:
    refused = good(await own.post("/v2/webhooks", {"url": url}), 422)
    assert (refused["code"], refused["detail"][0]["loc"]) == ("webhook_address_refused", ["body", "url"])
    assert url not in str(refused)
    webhook = await made(own)
    assert good(await own.call("PUT", path(webhook), {"url": url}), 422) == refused
    assert good(await own.get(path(webhook)))["url"] == PUBLIC


async def test_a_merchant_has_so_many_and_no_more_also_at_once(own: Shop) -> None:
    answers = await asyncio.gather(*(own.post("/v2/webhooks", {"url": PUBLIC}) for _ in range(MOST + 10)))
    assert sorted(answer.status_code for answer in answers) == [200] * MOST + [400] * 10
    assert {answer.json()["code"] for answer in answers if answer.status_code == 400} == {"too_many_webhooks"}
    good(await own.call("DELETE", path(answers[0].json() if answers[0].status_code == 200 else answers[-1].json())))
    await made(own)


async def test_a_list_is_searched_and_read_in_parts(own: Shop) -> None:
    urls = [f"{PUBLIC}/{number}" for number in range(5)]
    for url in urls:
        await made(own, url)
    for query, expected, total in (
        ("", urls, 5),
        ("?limit=2", urls[:2], 5),
        ("?limit=2&page=3", urls[4:], 5),
        ("?limit=2&offset=1", urls[1:3], 5),
        ("?q=HOOK/3", urls[3:4], 1),
        ("?q=nothing", [], 0),
        ("?q=%25", [], 0),
    ):
        answer = await own.get("/v2/webhooks" + query)
        assert [one["url"] for one in answer.json()] == expected
        assert answer.headers["x-total-count"] == str(total)
    for wrong in ("limit=0", "limit=251", "page=0", "offset=-1", "limit=x"):
        assert (await own.get(f"/v2/webhooks?{wrong}")).status_code == 422


async def test_a_webhook_that_is_deleted_is_gone(own: Shop) -> None:
    webhook = await made(own)
    assert good(await own.call("DELETE", path(webhook))) == {"success": True, "id": webhook["id"]}
    for method, action in (("GET", ""), ("DELETE", ""), ("POST", "enable"), ("POST", "disable"), ("GET", "deliveries")):
        assert good(await own.call(method, path(webhook, action)), 404)["code"] == "webhook_not_found"


async def test_an_id_that_is_none_is_a_wrong_field(own: Shop) -> None:
    for address in ("/v2/webhooks/x", "/v2/webhooks/x/deliveries", f"/v2/webhooks/{'A' * 24}"):
        assert (await own.get(address)).status_code == 422
    webhook = await made(own)
    assert (await own.post(path(webhook, "deliveries/x/replay"))).status_code == 422


# ── enable and disable ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "shown",
    [
        str.encode,
        lambda token: f"  {token}\r\n".encode(),
        lambda token: json.dumps(token).encode(),
        lambda token: json.dumps({"ok": True, "token": token}).encode(),
    ],
)
async def test_an_endpoint_is_enabled_when_it_sends_the_token_back(own: Shop, shown: Any) -> None:
    async with receiving(token_answer=shown, verify_answer="202 Accepted") as receiver:
        webhook = await made(own, receiver.url)
        enabled = good(await own.post(path(webhook, "enable")))
        (asked,) = receiver.verified
    assert enabled == webhook | {"enabled": True, "sharedSecret": "****", "updatedAt": enabled["updatedAt"]}
    event = Verifier(webhook["sharedSecret"]).verify(asked.body, asked.headers)
    assert (event["type"], event["data"]["webhookId"], event["id"]) == (
        "webhook.verify",
        webhook["id"],
        asked.headers["webhook-id"],
    )


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"token_answer": lambda _: b"{}"}, "its answer did not hold the token"),
        ({"token_answer": lambda _: b""}, "its answer did not hold the token"),
        ({"token_answer": lambda token: token[:-1].encode()}, "its answer did not hold the token"),
        ({"token_answer": lambda token: token.encode() + b"x"}, "its answer did not hold the token"),
        ({"token_answer": lambda _: b'{"token": ["\xff'}, "its answer did not hold the token"),
        ({"token_answer": lambda _: b'{"token": "\\ud800"}'}, "its answer did not hold the token"),
        ({"token_answer": lambda _: b"[" * 60_000}, "its answer did not hold the token"),
        ({"token_answer": lambda _: b"1" * 60_000}, "its answer did not hold the token"),
        ({"token_answer": lambda token: b" " * 70_000 + token.encode()}, "its answer did not hold the token"),
        ({"verify_answer": "500 Oops"}, "it answered 500"),
        ({"verify_answer": "302 Found"}, "it answered 302"),
        ({"verify_answer": "404 Not Found"}, "it answered 404"),
        ({"verify_answer": DROP}, "the connection broke, or the answer was not HTTP"),
    ],
)
async def test_an_endpoint_that_does_not_stays_disabled(own: Shop, behaviour: Any, reason: str) -> None:
    async with receiving(**behaviour) as receiver:
        webhook = await made(own, receiver.url)
        refused = good(await own.post(path(webhook, "enable")), 400)
        assert (refused["code"], refused["reason"]) == ("webhook_not_verified", reason)
        assert receiver.connections == 1
    assert good(await own.get(path(webhook)))["enabled"] is False


async def test_an_endpoint_that_is_not_there_stays_disabled(own: Shop) -> None:
    webhook = await made(own, "http://127.0.0.1:1/")
    assert good(await own.post(path(webhook, "enable")), 400)["reason"] == "no connection"


async def test_an_address_that_became_private_is_not_called(own: Shop, thief: Superuser) -> None:
    webhook = await made(own)
    await thief.execute("UPDATE webhook SET url = 'https://10.0.0.1/' WHERE id = $1", webhook["id"])
    refused = good(await own.post(path(webhook, "enable")), 400)
    assert refused["reason"] == "the address may not be called, or its name cannot be looked up"


async def test_another_address_must_be_verified_anew(own: Shop) -> None:
    async with receiving() as receiver:
        webhook = await made(own, receiver.url)
        good(await own.post(path(webhook, "enable")))
        same = good(await own.call("PUT", path(webhook), {"url": receiver.url, "allowedEvents": []}))
        assert same["enabled"] is True
        moved = good(await own.call("PUT", path(webhook), {"url": receiver.url + "&x=1"}))
        assert (moved["enabled"], moved["disabledReason"]) == (False, "its address changed; enable it again")
        assert moved["disabledAt"] is not None
        again = good(await own.post(path(webhook, "enable")))
        assert (again["enabled"], again["disabledReason"], again["disabledAt"]) == (True, None, None)
        assert [one.path for one in receiver.verified] == ["/hook?from=kado", "/hook?from=kado&x=1"]


async def test_disabling_lasts_until_it_is_enabled_again(own: Shop, thief: Superuser) -> None:
    async with receiving() as receiver:
        webhook = await made(own, receiver.url)
        good(await own.post(path(webhook, "enable")))
        good(await own.post(path(webhook, "enable")))
        disabled = good(await own.post(path(webhook, "disable")))
        assert (disabled["enabled"], disabled["disabledReason"]) == (False, "disabled by its owner")
        assert good(await own.post(path(webhook, "disable"))) == disabled
        assert good(await own.post(path(webhook, f"deliveries/{UNKNOWN}/replay")), 400)["code"] == "webhook_disabled"
        good(await own.post(path(webhook, "enable")))
        assert good(await own.post(path(webhook, f"deliveries/{UNKNOWN}/replay")), 404)["code"] == "delivery_not_found"
    actions = await thief.fetch("SELECT action FROM audit_log WHERE subject = $1 ORDER BY at", webhook["id"])
    assert [row["action"].partition(":")[2] for row in actions] == ["created", "enabled", "disabled", "enabled"]


async def test_a_test_keys_webhooks_are_apart(own: Shop) -> None:
    test_key = await own.key(Role.OWNER, is_test=True)
    live = await made(own)
    test = good(await own.post("/v2/webhooks", {"url": PUBLIC}, token=test_key))
    assert (live["isTest"], test["isTest"]) == (False, True)
    assert [one["id"] for one in (await own.get("/v2/webhooks", token=test_key)).json()] == [test["id"]]
    assert [one["id"] for one in (await own.get("/v2/webhooks")).json()] == [live["id"]]
    assert (await own.get(path(test))).status_code == 404
