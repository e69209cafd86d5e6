"""No database: nobody listens, or nobody answers. Every operation says 503 and when to come back; none hangs."""

import asyncio
import re
import time
from typing import Any

import httpx2
from tests.faults.conftest import Behind
from tests.serving.database_faults import Refusing, Silence
from tests.serving.till import Till

from kado import barcodes

IN_TIME_SECONDS = (
    16  # nobody listens: a moment; nobody answers: 4.5 s for a statement, and 3 s to let its connection go
)
ANSWERED_WITHOUT = {
    "GET /health/live": 200,
    "GET /openapi.json": 200,
    "GET /v2/giftcards/network/overview": 403,
    "GET /v2/network/merchants": 403,  # who asks is known, and no network administrator
    "GET /v2/giftcards/captcha": 404,  # none is asked for
}
"""What needs no database."""

_PARAMETER = re.compile(r"\{(\w+)\}")
_AN_ID = "0123456789abcdef01234567"
_VALUES: dict[str, Any] = {
    "amount": "1.00",
    "securityCode": "123456",
    "code": "123456",
    "cardNumber": "4000123412341234",
    "cardNumbers": ["4000123412341234", "4000123412341243"],
    "destinationCardNumber": "4000123412341234",
    "initialValue": "5.00",
    "target": "ada@example.com",
    "url": "https://93.184.215.14/hook",
    "action": "extend",
    "newOwnerEmail": "ida@example.com",
    "posTransactionId": "POS-1",
    "appToken": "app-token-of-the-platform-0123456789",
    "deliverAt": None,
    "sessionToken": "A" * 43,
    "format": "json",
    "ipAddress": "203.0.113.9",
    "ruleType": "TRANSACTION_LIMIT",
    "email": "bo@flowers.example",
    "password": "correct horse battery",
    "role": "cashier",
    "frequency": "daily",
    "recipients": ["books@example.com"],
}
_SOUGHT = {
    "posTransactionId": "POS-1",
    "q": "ada",
    "customerEmail": "ada@example.com",
    "exportId": _AN_ID,
    "format": "json",
}
_SESSION = "A" * 43
_PERSONAL = re.compile("/v2/(token|appkeys|staff)(/.*)?")
"""What a key may not do."""
_SIGNATURE = f"keyId={_AN_ID},t=1700000000,v1={'0' * 64}"


async def operations(till: Till) -> list[tuple[str, str, Any]]:
    """Every operation of the published document: method, path, and the members that it requires."""
    document = (await till.http.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]

    def members(schema: dict[str, Any]) -> dict[str, Any]:
        named = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        values = {"merchantId": till.merchant_id, **_VALUES}
        required = {name: values.get(name, "something") for name in named.get("required", ())}
        if schema.get("$ref", "").endswith("/ReversalRequest"):  # one name of the card, and one of what was sent
            return {"cardId": _AN_ID, "posTransactionId": "POS-1"}
        if "ruleType" in required:
            return required | {"config": {"maxAmount": "9.00"}}
        if schema.get("$ref", "").endswith("/ConsentRequest"):  # whoever it is
            return {"customerEmail": "ada@example.com"}
        if "count" in named.get("properties", ()):  # a bulk issue of so many cards, or to so many receivers
            return required | {"recipients": None, "count": 2}
        return required

    found = []
    for path, methods in document["paths"].items():
        names = {
            "programId": till.program,
            "passSid": till.program + "0" * 32,
            "serialNumber": till.program + "0" * 32,
            "passTypeIdentifier": "pass.kado.giftcard",
            "type": "strip",
            "ip": "203.0.113.9",
        }
        filled = path
        for name in _PARAMETER.findall(path):
            filled = filled.replace(f"{{{name}}}", names.get(name, _AN_ID))
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            found.append((method.upper(), filled, {k: members(v["schema"]) for k, v in content.items()}))
    assert len(found) > 60
    return found


async def a_person(till: Till) -> dict[str, str]:
    """Proof of the shop's owner, whom the server knows by now."""
    owner = {"username": "flower.shop@shops.example", "password": "correct horse battery"}
    token = (await till.http.post("/v2/token", data=owner)).json()["accessToken"]
    headers = {"Authorization": f"Bearer {token}"}
    assert (await till.http.get("/v2/token", headers=headers)).status_code == 200
    return headers


async def send(
    till: Till, person: dict[str, str], method: str, path: str, bodies: dict[str, Any]
) -> tuple[str, httpx2.Response, float]:
    headers = person if _PERSONAL.fullmatch(path) else {}
    if "/customer/" in path and (method == "GET" or "/sessions" in path):
        headers = {"X-Eposn-Customer-Token": _SESSION}
    elif path == "/v2/giftcards/merchants/session" and method == "POST":
        headers = {"X-Kado-Signature": _SIGNATURE}
    elif "/merchants/" in path:
        headers = {"X-Eposn-Merchant-Token": f"kado_till_{_SESSION}"}
    given: dict[str, Any] = {}
    if "application/json" in bodies:
        given = {"json": bodies["application/json"]}
    elif "multipart/form-data" in bodies:
        given = {"files": {"image": ("strip.png", barcodes.qr_png("ada"), "image/png")}}
    elif bodies:
        given = {"data": {"username": "ada@example.com", "password": "correct horse battery"}}
    params = _SOUGHT if method == "GET" else None
    if params and path.endswith(("/paper", "/preview")):
        params = params | {"format": "a4"}
    began = time.monotonic()
    answer = await till.http.request(method, path, headers=headers, params=params, **given)
    return f"{method} {path}", answer, time.monotonic() - began


async def walk(till: Till, person: dict[str, str], *, at_once: int) -> list[tuple[str, httpx2.Response, float]]:
    """Every operation, some at a time: the server has ten connections, and each may be held up in its own way."""
    place = asyncio.Semaphore(at_once)

    async def one(method: str, path: str, bodies: dict[str, Any]) -> tuple[str, httpx2.Response, float]:
        async with place:
            return await send(till, person, method, path, bodies)

    return await asyncio.gather(*(one(*operation) for operation in await operations(till)))


def are_unavailable(till: Till, answers: list[tuple[str, httpx2.Response, float]]) -> None:
    """503 with `Retry-After`, except for what needs no database, and all of it in time."""
    remembered = f"GET /v2/loyalty/programs/{till.program}"  # for thirty seconds
    wrong = [
        f"{name}: {answer.status_code} {answer.text[:200]}"
        for name, answer, _ in answers
        if answer.status_code != ANSWERED_WITHOUT.get(name, 503) and name != remembered
    ]
    assert not wrong, "\n".join(wrong)
    assert all(answer.headers["Retry-After"].isdigit() for _, answer, _ in answers if answer.status_code == 503)
    name, _, slowest = max(answers, key=lambda one: one[2])
    assert slowest < IN_TIME_SECONDS, name


async def test_every_operation_is_503_while_nobody_listens_and_works_again_by_itself(
    behind: Behind, lone_till: Till
) -> None:
    await lone_till.card("5.00")  # the caller and the program are known, so that each operation gets as far as it can
    person = await a_person(lone_till)
    with behind.without_database():
        are_unavailable(lone_till, await walk(lone_till, person, at_once=20))
        assert (await lone_till.http.get("/health/ready")).status_code == 503
    await behind.works_again(lone_till)
    assert behind.shop.server.process.poll() is None


async def test_a_caller_who_is_not_known_yet_is_503_too(behind: Behind, lone_till: Till) -> None:
    with behind.without_database():
        answer = await lone_till.http.get("/v2/webhooks", headers={"Authorization": "Bearer kado_live_" + "A" * 43})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    await behind.works_again(lone_till)


async def test_no_operation_hangs_when_the_database_falls_silent(behind: Behind, lone_till: Till) -> None:
    """As when a cable is pulled: connections stay, and nothing comes over them."""
    await lone_till.card("5.00")
    person = await a_person(lone_till)
    with behind.hit_by(Silence()):
        are_unavailable(lone_till, await walk(lone_till, person, at_once=80))
    await behind.works_again(lone_till)


async def test_a_full_disk_refuses_what_writes_and_nothing_else(behind: Behind, lone_till: Till) -> None:
    card = (await lone_till.card("20.00"))["id"]
    with behind.hit_by(Refusing("53100")):
        refused = await asyncio.gather(
            lone_till.redeem(card, "1.25", "full-redeem"),
            lone_till.reload(card, "1.00", "full-reload"),
            lone_till.issue("5.00", "full-issue"),
            lone_till.bulk("full-bulk", count=2),
            lone_till.post("/v2/programs", {"name": "More"}),
        )
        assert [answer.status_code for answer in refused] == [503] * 5
        assert all(answer.headers["Retry-After"].isdigit() for answer in refused)
        assert (await lone_till.details(card))["balance"] == "20.00"
        assert len(await lone_till.entries(card)) == 2
    # Who was told that the outcome is not known may find it done or not; each of it is done once.
    assert (await lone_till.redeem(card, "1.25", "full-redeem")).status_code == 200
    assert (await lone_till.reload(card, "1.00", "full-reload")).status_code == 200
    assert (await lone_till.issue("5.00", "full-issue")).status_code == 201
    assert (await lone_till.details(card))["balance"] == "19.75"


async def test_a_read_only_database_refuses_what_writes_and_nothing_else(behind: Behind, lone_till: Till) -> None:
    """As after an administrator's mistake, or on a standby that has not taken over yet."""
    card = (await lone_till.card("20.00"))["id"]
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kado'"
    name = behind.database_url.partition("?")[0].rpartition("/")[2]
    async with behind.superuser() as administrator:
        await administrator.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await administrator.execute(cut + " AND datname = current_database()")
        try:
            first = await lone_till.http.get(lone_till.cards_path(card))  # each dead connection is handed out once
            assert first.status_code in (200, 503)
            refused = await asyncio.gather(
                lone_till.redeem(card, "1.00", "read-only"), lone_till.issue("5.00", "read-only-issue")
            )
            assert [answer.status_code for answer in refused] == [503, 503]
            async with asyncio.timeout(20):
                while (await lone_till.http.get(lone_till.cards_path(card))).status_code != 200:
                    await asyncio.sleep(0.05)
        finally:
            await administrator.execute("SET default_transaction_read_only = off")
            await administrator.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            await administrator.execute(cut + " AND datname = current_database()")
    await behind.works_again(lone_till)
    assert (await lone_till.redeem(card, "1.00", "read-only")).json()["remainingBalance"] == "19.00"
    async with behind.superuser() as administrator, asyncio.timeout(20):
        # Who looked meanwhile stands in the audit log afterwards.
        looks = "SELECT count(*) FROM audit_log WHERE action = 'pii_access' AND subject = $1"
        while not await administrator.fetchval(looks, card):
            await asyncio.sleep(0.05)
