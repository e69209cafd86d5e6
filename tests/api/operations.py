"""Every operation with a good request: what the tests of rights and tenants send for whoever is asking."""

from collections.abc import Callable
from typing import Any

import httpx2
from tests.api.access_operations import ACCESS
from tests.api.alerts import an_alert
from tests.api.audit import AUDIT, AUDIT_EXPORT, audit_file
from tests.api.bulk import bulk_path
from tests.api.design_operations import LOOKS, ON_PAPER, PAPER
from tests.api.fraud_operations import FRAUD
from tests.api.operation import Operation, nothing
from tests.api.people_operations import PEOPLE
from tests.api.pictures import MULTIPART, a_body
from tests.api.report_operations import REPORTS
from tests.api.shop import (
    LIST_ALL,
    NOTHING,
    SEARCH_ALL,
    UNKNOWN,
    Body,
    Shop,
    card_path,
    cards_path,
    good,
    pass_path,
    search_path,
    wallet_path,
)
from tests.api.sign_in import LOGOUT, SEND, SESSION, VERIFY, an_email

from kado.access.permissions import Permission, Role

PUBLIC_ENDPOINT = "https://93.184.215.14/hook"
"""An address that may be called, and is not, in these tests."""


def _on_card(action: str) -> Callable[[Body], str]:
    return lambda card: card_path(card, action)


def _in_program(action: str) -> Callable[[Body], str]:
    return lambda card: f"/v2/giftcards/programs/{card['programId']}/{action}"


async def _with_sale(shop: Shop, card: Body, till: str) -> Body:
    return {"sale": await shop.sold(card, "1.00", token=till)}


async def _with_hold(shop: Shop, card: Body, till: str) -> Body:
    return {"hold": (await shop.hold(card, "1.00", token=till))["id"]}


async def _with_task(shop: Shop, _: Body, till: str) -> Body:
    issued = good(await shop.post(bulk_path(shop.program_id), {"initialValue": "5.00", "count": 1}), 201)
    task_id, _, token = issued["csvDownloadUrl"].split("/")[-3:]
    return {"taskId": task_id, "token": token}


async def _with_export(shop: Shop, _: Body, till: str) -> Body:
    ordered = good(await shop.post(AUDIT_EXPORT, {}, token=till), 202)
    return {"export": ordered["taskId"], "file": await audit_file(shop, ordered["taskId"], token=till)}


async def _with_alert(shop: Shop, card: Body, till: str) -> Body:
    return {"alertId": await an_alert(shop.superuser, card["programId"])}


async def _with_code_and_destination(shop: Shop, card: Body, till: str) -> Body:
    return {"code": await shop.code_of(card), **await _with_another(shop, card, till)}


async def _with_another(shop: Shop, card: Body, till: str) -> Body:
    is_test = await shop.superuser.fetchval("SELECT is_test FROM card WHERE id = $1", card["id"])
    contact = {"program_id": card["programId"], "customerEmail": card["customerEmail"]}
    other = await shop.active(token=till if is_test else "", **contact)
    return {"other": other["cardNumber"]}


def _webhook(action: str = "") -> Callable[[Body], str]:
    return lambda card: f"/v2/webhooks/{card['webhookId']}{action}"


def _program(card: Body) -> str:
    return f"/v2/loyalty/programs/{card['programId']}"


def _bulk_file(card: Body) -> str:
    return f"{bulk_path(card['programId'], card['taskId'], link=True)}/{card['token']}"


OPERATIONS = {
    "create": Operation(
        Permission.CARDS_ISSUE,
        "POST",
        lambda card: cards_path(card["programId"]),
        lambda card: {"initialValue": "5.00", "merchantId": card["merchantId"]},
        status=201,
    ),
    "activate": Operation(Permission.CARDS_ACTIVATE, "POST", _on_card("activate"), lambda _: {}, "pending"),
    "redeem": Operation(Permission.CARDS_REDEEM, "POST", _on_card("redeem"), lambda _: {"amount": "1.00"}),
    "reload": Operation(Permission.CARDS_RELOAD, "POST", _on_card("reload"), lambda _: {"amount": "1.00"}),
    "reload-by-number": Operation(
        Permission.CARDS_RELOAD,
        "POST",
        lambda card: cards_path(card["programId"]) + "/reload-by-number",
        lambda card: {"cardNumber": card["cardNumber"], "amount": "1.00"},
    ),
    "resend-code": Operation(Permission.CARDS_RESEND, "POST", _on_card("resend-code"), nothing),
    "resend-elsewhere": Operation(
        Permission.CARDS_RESEND_ELSEWHERE,
        "POST",
        _on_card("resend-code"),
        lambda _: {"customerEmail": "mallory@example.com"},
    ),
    "suspend": Operation(Permission.CARDS_SUSPEND, "POST", _on_card("suspend"), lambda _: {"reason": "lost"}),
    "unsuspend": Operation(Permission.CARDS_SUSPEND, "POST", _on_card("unsuspend"), lambda _: {}, "suspended"),
    "void": Operation(Permission.CARDS_VOID, "POST", _on_card("void"), lambda _: {"reason": "lost"}),
    "refund": Operation(
        Permission.CARDS_REFUND,
        "POST",
        lambda card: card_path(card, f"transactions/{card['sale']}/refund"),
        lambda _: {},
        prepare=_with_sale,
    ),
    "reverse": Operation(
        Permission.CARDS_REFUND,
        "POST",
        _in_program("reversals"),
        lambda card: {"cardId": card["id"], "posTransactionId": "POS-1"},
    ),
    "transfer": Operation(
        Permission.CARDS_TRANSFER,
        "POST",
        _on_card("transfer"),
        lambda card: {"securityCode": card["code"], "destinationCardNumber": card["other"], "amount": "1.00"},
        prepare=_with_code_and_destination,
    ),
    "consolidate": Operation(
        Permission.CARDS_CONSOLIDATE,
        "POST",
        _in_program("consolidate"),
        lambda card: {"cardNumbers": [card["cardNumber"], card["other"]], "merchantId": card["merchantId"]},
        prepare=_with_another,
    ),
    "replace": Operation(
        Permission.CARDS_REPLACE, "POST", _on_card("replace"), lambda _: {"reason": "lost"}, status=201
    ),
    "transfer-ownership": Operation(
        Permission.CARDS_OWN,
        "POST",
        _on_card("transfer-ownership"),
        lambda _: {"newOwnerName": "Ida", "newOwnerEmail": "ida@example.com"},
    ),
    "schedule": Operation(Permission.CARDS_SCHEDULE, "PATCH", _on_card("schedule"), lambda _: {"deliverAt": None}),
    "process-expired": Operation(
        Permission.CARDS_EXPIRED, "POST", _on_card("process-expired"), lambda _: {"action": "extend"}, "expired"
    ),
    "hold": Operation(
        Permission.CARDS_HOLD,
        "POST",
        _on_card("holds"),
        lambda _: {"amount": "1.00", "orderReference": "order-1"},
        status=201,
    ),
    "capture": Operation(
        Permission.CARDS_HOLD,
        "POST",
        lambda card: card_path(card, f"holds/{card['hold']}/capture"),
        lambda _: {},
        prepare=_with_hold,
    ),
    "release": Operation(
        Permission.CARDS_HOLD,
        "POST",
        lambda card: card_path(card, f"holds/{card['hold']}/release"),
        lambda _: {},
        prepare=_with_hold,
    ),
    "holds": Operation(Permission.CARDS_READ, "GET", _on_card("holds"), nothing),
    "read hold": Operation(
        Permission.CARDS_READ,
        "GET",
        lambda card: card_path(card, f"holds/{card['hold']}"),
        nothing,
        prepare=_with_hold,
    ),
    "lineage": Operation(Permission.CARDS_READ, "GET", _on_card("lineage"), nothing),
    "sent": Operation(Permission.CARDS_REFUND, "GET", _in_program("transactions?posTransactionId=POS-1"), nothing),
    "details": Operation(Permission.CARDS_READ, "GET", card_path, nothing),
    "transactions": Operation(Permission.CARDS_READ, "GET", _on_card("transactions"), nothing),
    "list": Operation(Permission.CARDS_LIST, "GET", lambda card: cards_path(card["programId"]), nothing),
    "search": Operation(Permission.CARDS_LIST, "GET", lambda card: search_path(card["programId"]) + "?q=ada", nothing),
    "list all": Operation(Permission.CARDS_LIST, "GET", lambda _: LIST_ALL, nothing),
    "search all": Operation(Permission.CARDS_LIST, "GET", lambda _: SEARCH_ALL + "?q=ada", nothing),
    "list all of one": Operation(
        Permission.CARDS_LIST, "GET", lambda card: f"{LIST_ALL}?programId={card['programId']}", nothing
    ),
    **FRAUD,
    **LOOKS,
    **ON_PAPER,
    **PAPER,
    **REPORTS,
    "passes": Operation(Permission.PASSES_READ, "GET", pass_path, nothing),
    "pass file": Operation(Permission.PASSES_READ, "GET", wallet_path, nothing),
    "pass url": Operation(Permission.PASSES_READ, "GET", lambda card: wallet_path(card, "/url"), nothing),
    "pass json": Operation(Permission.PASSES_READ, "GET", lambda card: wallet_path(card, "/passjson"), nothing),
    "push pass": Operation(Permission.PASSES_PUSH, "POST", lambda card: wallet_path(card, "/push"), nothing),
    "validate session": Operation(
        Permission.SELF_READ,
        "POST",
        lambda _: "/v2/giftcards/merchants/session/validate",
        lambda _: {"sessionToken": "kado_till_none"},
    ),
    "bulk": Operation(
        Permission.CARDS_BULK,
        "POST",
        lambda card: bulk_path(card["programId"]),
        lambda _: {"initialValue": "5.00", "count": 2},
        status=201,
    ),
    "poll bulk": Operation(
        Permission.CARDS_BULK,
        "GET",
        lambda card: bulk_path(card["programId"], card["taskId"]),
        nothing,
        prepare=_with_task,
    ),
    "renew bulk link": Operation(
        Permission.CARDS_BULK,
        "POST",
        lambda card: bulk_path(card["programId"], card["taskId"], link=True),
        nothing,
        prepare=_with_task,
    ),
    "download bulk": Operation(Permission.CARDS_BULK, "GET", _bulk_file, nothing, prepare=_with_task),
    "audit log": Operation(Permission.AUDIT_READ, "GET", lambda _: AUDIT, nothing),
    "export audit log": Operation(Permission.AUDIT_EXPORT, "POST", lambda _: AUDIT_EXPORT, lambda _: {}, status=202),
    "audit export": Operation(
        Permission.AUDIT_EXPORT, "GET", lambda card: f"{AUDIT_EXPORT}/{card['export']}", nothing, prepare=_with_export
    ),
    "download audit log": Operation(
        Permission.AUDIT_EXPORT, "GET", lambda card: str(card["file"]), nothing, prepare=_with_export
    ),
    "list programs": Operation(Permission.PROGRAMS_READ, "GET", lambda _: "/v2/loyalty/programs", nothing),
    "read program": Operation(Permission.PROGRAMS_READ, "GET", _program, nothing),
    "update program": Operation(Permission.PROGRAMS_WRITE, "PUT", _program, lambda _: {"company": "Kew"}),
    "create program": Operation(
        Permission.PROGRAMS_WRITE, "POST", lambda _: "/v2/programs", lambda _: {"name": "Vouchers"}, status=201
    ),
    "send otp": Operation(Permission.CUSTOMERS_SIGN_IN, "POST", lambda _: SEND, lambda _: {"target": an_email()}),
    # No code was sent, so the one that is heard is wrong.
    "verify otp": Operation(
        Permission.CUSTOMERS_SIGN_IN,
        "POST",
        lambda _: VERIFY,
        lambda _: {"target": an_email(), "code": "123456"},
        status=400,
    ),
    "customer session": Operation(
        Permission.CUSTOMERS_SIGN_IN, "POST", lambda _: SESSION, lambda _: {"sessionToken": "x"}
    ),
    "customer logout": Operation(
        Permission.CUSTOMERS_SIGN_IN, "POST", lambda _: LOGOUT, lambda _: {"sessionToken": "x"}
    ),
    **PEOPLE,
    "list webhooks": Operation(Permission.WEBHOOKS_READ, "GET", lambda _: "/v2/webhooks", nothing),
    "create webhook": Operation(
        Permission.WEBHOOKS_WRITE, "POST", lambda _: "/v2/webhooks", lambda _: {"url": PUBLIC_ENDPOINT}
    ),
    "read webhook": Operation(Permission.WEBHOOKS_READ, "GET", _webhook(), nothing),
    "update webhook": Operation(Permission.WEBHOOKS_WRITE, "PUT", _webhook(), lambda _: {"url": PUBLIC_ENDPOINT}),
    "delete webhook": Operation(Permission.WEBHOOKS_WRITE, "DELETE", _webhook(), nothing),
    # Nothing inside the network is called, and a webhook that is not enabled sends nothing again.
    "enable webhook": Operation(Permission.WEBHOOKS_WRITE, "POST", _webhook("/enable"), nothing, status=400),
    "disable webhook": Operation(Permission.WEBHOOKS_WRITE, "POST", _webhook("/disable"), nothing),
    "list deliveries": Operation(Permission.WEBHOOKS_READ, "GET", _webhook("/deliveries"), nothing),
    "replay delivery": Operation(
        Permission.WEBHOOKS_WRITE, "POST", _webhook(f"/deliveries/{UNKNOWN}/replay"), nothing, status=400
    ),
    "anomaly alerts": Operation(Permission.FRAUD_READ, "GET", _in_program("anomalies/alerts"), nothing),
    "anomaly metrics": Operation(Permission.FRAUD_READ, "GET", _in_program("anomalies/metrics"), nothing),
    "acknowledge anomaly": Operation(
        Permission.FRAUD_WRITE,
        "POST",
        lambda card: f"/v2/giftcards/programs/{card['programId']}/anomalies/alerts/{card['alertId']}/acknowledge",
        nothing,
        prepare=_with_alert,
    ),
    **ACCESS,
}

READING_PASSES = ("passes", "pass file", "pass url", "pass json")
"""Those to which a bearer without the right is no proof at all."""

ON_PASSES = (*READING_PASSES, "push pass")
"""Those that name a pass, and no program beside it."""

_OVER_ALL = (
    *ON_PASSES,
    *("list all", "search all", "list programs", "create program", "list webhooks", "create webhook"),
    "validate session",
    *("audit log", "export audit log", "audit export", "download audit log"),
)
_ON_A_PROGRAM = (
    *("create", "sent", "bulk", "list", "search", "list all of one", "read program", "update program"),
    *("anomaly alerts", "anomaly metrics", "acknowledge anomaly"),
    *LOOKS,
    *REPORTS,
)

FOR_CUSTOMERS = ("send otp", "verify otp", "customer session", "customer logout")
"""Those with which customers sign in and out: they take no customer's session."""

ON_A_TASK = ("poll bulk", "renew bulk link", "download bulk", *ON_PAPER)
"""Those that name a bulk issue."""

ON_A_WEBHOOK = (
    "read webhook",
    "update webhook",
    "delete webhook",
    "enable webhook",
    "disable webhook",
    "list deliveries",
    "replay delivery",
)
"""Those that name one webhook."""

ABOUT_PEOPLE = [name for name, one in OPERATIONS.items() if one.permission.startswith("people:")]
"""Those about a person, who is one of the caller's merchant alone."""

_BESIDE_PROGRAMS = (*_OVER_ALL, *FOR_CUSTOMERS, *ON_A_WEBHOOK, *ABOUT_PEOPLE, *ACCESS)

ON_A_CARD = [name for name in OPERATIONS if name not in (*_BESIDE_PROGRAMS, *_ON_A_PROGRAM, *ON_A_TASK, *FRAUD)]
"""Those that name one card, by id or by number."""

IN_A_PROGRAM = [name for name in OPERATIONS if name not in _BESIDE_PROGRAMS]
"""Those that name a program."""


async def a_card_for(shop: Shop, name: str, *, token: str = "", till: str = "", **members: Any) -> Body:
    """A card on which the operation is possible for `till`, and what the operation names beside it."""
    operation = OPERATIONS[name]
    card = await shop.card_in(operation.starts_as, token=token, customerEmail="ada@example.com", **members)
    if "webhook" in name or name in ON_A_WEBHOOK:
        card["webhookId"] = await a_webhook_for(shop)
    return card if operation.prepare is None else card | await operation.prepare(shop, card, till)


async def a_webhook_for(shop: Shop) -> str:
    """The shop's only webhook, at an address where nothing may be called; its id."""
    await shop.superuser.execute("DELETE FROM webhook WHERE merchant_id = $1", shop.merchant_id)
    made = good(await shop.post("/v2/webhooks", {"url": PUBLIC_ENDPOINT}))
    await shop.superuser.execute("UPDATE webhook SET url = 'https://127.0.0.1/' WHERE id = $1", made["id"])
    return str(made["id"])


async def send(
    shop: Shop, name: str, card: Body, *, token: str | None = "", headers: dict[str, str] | None = None
) -> httpx2.Response:
    """The operation on this card, for whoever has the token; for the owner, who is a person where it takes one."""
    operation = OPERATIONS[name]
    if token == "" and operation.by_person:
        token = await shop.person()
    if operation.file is not None:
        content, given = a_body(operation.file()), {**MULTIPART, **(headers or {})}
        return await shop.call(operation.method, operation.path(card), content=content, token=token, headers=given)
    body = operation.body(card)
    sent = NOTHING if body is None else body
    return await shop.call(operation.method, operation.path(card), sent, token=token, headers=headers)


async def bearer_for(shop: Shop, name: str, role: Role = Role.OWNER, merchant_id: str | None = None) -> str:
    """What somebody of this role shows for the operation: a key, or a person's token where it takes one."""
    if OPERATIONS[name].by_person:
        return await shop.person(role, merchant_id=merchant_id)
    return await shop.key(role, merchant_id=merchant_id)
