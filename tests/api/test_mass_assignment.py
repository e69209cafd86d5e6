"""What a caller may not set: sent along with every write, it is ignored and stands nowhere afterwards."""

import json
from typing import Any

import pytest
from tests.api.operations import OPERATIONS, a_card_for, bearer_for
from tests.api.shop import PASSWORD, UNKNOWN, Shop, Superuser, an_address, card_path, check_path, good
from tests.api.sign_in import an_email
from tests.api.tills import SETTINGS, THEME, TOKEN, FrontEnd

from kado.access.permissions import Role
from kado.doors.api import rights_table

MARK = "7c9e6679"
"""Stands in every text below, so that it can be looked for in the whole database."""

EXTRA: dict[str, Any] = {
    "id": UNKNOWN,
    "_id": UNKNOWN,
    "cardId": UNKNOWN,
    "programId": UNKNOWN,
    "balance": "7777.77",
    "held": 777_777,
    "initial_value": 777_777,
    "maxBalance": "7777.77",
    "max_balance": 777_777,
    "status": "active",
    "seq": 777_777,
    "isTest": True,
    "is_test": True,
    "activatedAt": "2001-01-01T00:00:00Z",
    "createdAt": "2001-01-01T00:00:00Z",
    "updatedAt": "2001-01-01T00:00:00Z",
    "voidedAt": "2001-01-01T00:00:00Z",
    "suspendedAt": "2001-01-01T00:00:00Z",
    "suspendedReason": f"reason {MARK}",
    "lastFourDigits": MARK[:4],
    "passSid": MARK,
    "card": {"serialNumber": MARK, "url": f"https://{MARK}.example"},
    "delivered": True,
    "deliveredAt": "2001-01-01T00:00:00Z",
    "merchantName": f"merchant {MARK}",
    "customerId": UNKNOWN,
    "transactionType": "RELOAD",
    "balanceAfter": "7777.77",
    "processedAt": "2001-01-01T00:00:00Z",
    "hash": MARK,
    "role": "owner",
    "permissions": ["cards:void"],
    "active": False,
    "admin": True,
    "emailVerified": True,
    "secondFactor": True,
    "hadSecondFactor": True,
    "passwordHash": f"hash {MARK}",
    "password_hash": f"hash {MARK}",
    "tokensValidFrom": "2001-01-01T00:00:00Z",
    "staffId": UNKNOWN,
    "keyId": UNKNOWN,
    "revokedAt": "2001-01-01T00:00:00Z",
    "startedAt": "2001-01-01T00:00:00Z",
    "userAgent": f"agent {MARK}",
    "subject": f"staff:{UNKNOWN}",
    "idempotency-key": f"key-{MARK}",
    "__proto__": {"balance": "7777.77"},
    f"unknown-{MARK}": MARK,
}
# Members that some write declares are sent to the others.
DECLARED_ELSEWHERE: dict[str, Any] = {
    "merchantId": UNKNOWN,
    "cardNumber": f"4000{MARK}",
    "securityCode": MARK[:6],
    "initialValue": "7777.77",
    "amount": "7777.77",
    "expiresAt": "2031-01-01T00:00:00Z",
    "customerEmail": f"{MARK}@example.com",
    "customerName": f"name {MARK}",
    "senderName": f"sender {MARK}",
    "designTemplate": f"design {MARK}",
    "isPhysical": True,
    "deliverAt": "2031-01-01T00:00:00Z",
    "referenceId": f"reference {MARK}",
    "refundReference": f"refund {MARK}",
    "posTransactionId": f"pos {MARK}",
    "cashierId": f"cashier {MARK}",
    "terminalId": f"terminal {MARK}",
    "reason": f"reason {MARK}",
}
DECLARED = {
    "create": {"merchantId", "initialValue", "expiresAt", "customerEmail", "customerName", "senderName",
               "designTemplate", "isPhysical", "deliverAt"},
    "bulk": {"initialValue", "expiresAt", "designTemplate", "isPhysical"},
    "activate": {"customerEmail", "customerName", "securityCode"},
    "redeem": {"amount", "posTransactionId", "cashierId", "terminalId"},
    "reload": {"amount", "referenceId"},
    "reload-by-number": {"cardNumber", "amount", "referenceId"},
    "resend-code": {"customerEmail", "senderName"},
    "suspend": {"reason", "expiresAt"},
    "unsuspend": set(),
    "void": {"reason", "refundReference"},
    "refund": {"amount", "reason", "posTransactionId"},
    "reverse": {"cardId", "cardNumber", "posTransactionId", "referenceId", "reason"},
    "transfer": {"securityCode", "amount", "referenceId"},
    "consolidate": {"merchantId", "customerEmail", "customerName", "senderName", "referenceId", "isPhysical",
                    "designTemplate"},
    "replace": {"reason", "customerEmail", "isPhysical"},
    "transfer-ownership": {"referenceId"},
    "schedule": {"deliverAt"},
    "process-expired": {"refundReference"},
    "hold": {"amount", "posTransactionId", "cashierId", "terminalId"},
    "capture": {"amount", "posTransactionId", "cashierId", "terminalId"},
    "release": set(),
    "export person": {"customerId", "customerEmail"},
    "erase person": {"customerId", "customerEmail", "reason"},
    "create consent": {"customerEmail"},
    "update consent": {"customerEmail"},
    "acknowledge fraud": set(),
    "acknowledge anomaly": set(),
    "block ip": {"reason", "expiresAt"},
    "create fraud rule": {"expiresAt"},
    "update fraud rule": {"expiresAt"},
    "create program": {"maxBalance"},
    "update program": {"maxBalance"},
    "renew bulk link": set(),
    "change card design": set(),
    "order paper": set(),
    "send otp": set(),
    "verify otp": set(),
    "customer session": set(),
    "customer logout": set(),
    "validate session": set(),
    "create webhook": set(),
    "update webhook": set(),
    "enable webhook": set(),
    "disable webhook": set(),
    "replay delivery": set(),
    "set up mfa": set(),
    "confirm mfa": set(),
    "renew recovery codes": set(),
    "disable mfa": set(),
    "create app key": {"role"},
    "add staff": {"role"},
    "export audit log": {"merchantId", "merchantName"},
    "export analytics": set(),
    "schedule report": set(),
    "validate reports": set(),
    "acknowledge aml": set(),
    "update staff": {"role", "active"},
}  # fmt: skip
# Writes that take another proof than a bearer, or none, or no JSON: what is sent to them has its own tests below.
ELSEWHERE = {
    "POST /v2/token",
    "POST /v2/passes/{passTypeIdentifier}/{serialNumber}/push",  # takes no body
    "POST /v2/token/mfa-verify",
    "POST /v2/giftcards/programs/{programId}/balance-check",
    "POST /v2/giftcards/customer/balance-check",
    "POST /v2/giftcards/merchants/session",
    "PUT /v2/giftcards/merchants/settings",
    "PUT /v2/giftcards/merchants/theme",
    # Files: what is beside the picture is not looked at (`test_pictures.py`).
    "POST /v2/loyalty/programs/{programId}/card/images/{type}",
    "PUT /v2/loyalty/programs/{programId}/icon",
    "POST /v2/loyalty/programs/{programId}/card/designs/{slug}",
}

# What each write may change on a card; everything else must be as it was.
CHANGES = {
    "activate": {"balance", "status", "activatedAt", "updatedAt"},
    "redeem": {"balance", "updatedAt"},
    "reload": {"balance", "updatedAt"},
    "reload-by-number": {"balance", "updatedAt"},
    "resend-code": {"updatedAt"},
    "suspend": {"status", "suspendedAt", "suspendedReason", "updatedAt"},
    "unsuspend": {"status", "suspendedAt", "suspendedReason", "updatedAt"},
    "void": {"balance", "status", "updatedAt"},
    "refund": {"balance", "updatedAt"},
    "reverse": {"updatedAt"},
    "transfer": {"balance", "updatedAt"},
    "consolidate": {"balance", "status", "updatedAt"},
    "replace": {"balance", "status", "updatedAt"},
    "transfer-ownership": {"customerEmail", "customerName", "updatedAt"},
    "schedule": {"updatedAt"},
    "process-expired": {"status", "expiresAt", "updatedAt"},
    "hold": {"updatedAt"},
    "capture": {"balance", "updatedAt"},
    "release": {"updatedAt"},
}


def overloaded(name: str, body: dict[str, Any]) -> dict[str, Any]:
    """The body with everything in it that this write does not declare."""
    extra = {key: value for key, value in (EXTRA | DECLARED_ELSEWHERE).items() if key not in DECLARED[name]}
    return extra | body


async def marks(thief: Superuser) -> list[str]:
    """Tables in which the mark, the unknown id or the wrong amount stands."""
    names = await thief.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    # The amount as a number of its own: among the digits of what is encrypted it stands by chance.
    wrong = [MARK, UNKNOWN, r"\m777777\M", "2001-01-01", "2031-01-01"]
    holding = 'SELECT w FROM unnest($1::text[]) AS w WHERE EXISTS (SELECT FROM "{}" t WHERE t::text ~ w)'
    return [f"{name}: {row['w']}" for (name,) in names for row in await thief.fetch(holding.format(name), wrong)]


def test_no_write_is_forgotten() -> None:
    ids = {name: "{" + name + "}" for name in ("programId", "cardId", "webhookId", "taskId", "staffId")}
    card = {
        "id": ids["cardId"],
        "sale": "{transactionId}",
        "hold": "{holdId}",
        "other": "",
        "code": "",
        "token": "{token}",
        "keyId": "{keyId}",
        "cardNumber": "",
        "merchantId": "",
        "card": {"passTypeIdentifier": "{passTypeIdentifier}", "serialNumber": "{serialNumber}"},
        "customerId": "{customerId}",
        "sessionId": "{sessionId}",
        "consent": "{customerId}",
        "ruleId": "{rule_id}",
        "fraudAlertId": "{alert_id}",
        "alertId": "{alert_id}",
        "amlAlert": "{alertId}",
        **ids,
    }
    walked = {f"{OPERATIONS[name].method} {OPERATIONS[name].path(card)}" for name in DECLARED}
    walked = {label.replace(f"deliveries/{UNKNOWN}", "deliveries/{deliveryId}") for label in walked}
    writes = {f"{row.method} {row.path}" for row in rights_table() if row.method in ("POST", "PUT", "PATCH")}
    assert writes - walked == ELSEWHERE
    assert writes >= ELSEWHERE


@pytest.mark.parametrize("name", DECLARED)
async def test_undeclared_members_are_ignored_and_stored_nowhere(shop: Shop, thief: Superuser, name: str) -> None:
    operation = OPERATIONS[name]
    card = await a_card_for(shop, name)
    before = await shop.look(card)
    token = await bearer_for(shop, name)
    body = overloaded(name, operation.body(card) or {})
    answer = await shop.call(operation.method, operation.path(card), body, token=token)
    said = good(answer, operation.status)
    assert not {MARK, UNKNOWN, "7777.77"} & set(json.dumps(said).replace('"', " ").split())
    assert MARK not in answer.text
    assert await marks(thief) == []
    if name in CHANGES:
        after = await shop.look(card)
        assert {field for field in after if after[field] != before[field]} <= CHANGES[name]


async def test_writes_with_another_proof_keep_nothing_either(shop: Shop, thief: Superuser) -> None:
    front_end, card = await FrontEnd.of(shop), await shop.active()
    extra = {name: value for name, value in EXTRA.items() if name not in ("role", "programId", "id")}
    opened = good(await front_end.open(**extra))
    assert (opened["active"], opened["role"]) == (True, "cashier")
    till = {TOKEN: good(await front_end.open(role="owner"))["sessionToken"]}
    good(await shop.call("PUT", SETTINGS, {**extra, "programId": shop.program_id}, headers=till))
    good(await shop.call("PUT", THEME, extra, headers=till))
    check = {**extra, "cardNumber": card["cardNumber"], "securityCode": await shop.code_of(card)}
    for path in (check_path(shop.program_id), "/v2/giftcards/customer/balance-check"):
        seen = good(await shop.post(path, check, token=None, headers={"X-Forwarded-For": an_address()}))
        assert (seen["balance"], seen["id"]) == ("100.00", card["id"])
    email, _ = await shop.somebody(Role.CASHIER)
    form = {name: str(value) for name, value in extra.items()} | {"username": email, "password": PASSWORD}
    token = good(await shop.api.client.post("/v2/token", data=form))["accessToken"]
    assert (await shop.post("/v2/programs", {"name": "Mine"}, token=token)).status_code == 403
    body = {**extra, "pendingToken": "kado_pending_none", "code": "123456"}
    assert (await shop.post("/v2/token/mfa-verify", body, token=None)).status_code == 401
    assert await marks(thief) == []


async def test_a_new_colleague_is_what_was_asked_for_and_nothing_else(shop: Shop) -> None:
    merchant_id, _ = await shop.stranger()
    body = {**EXTRA, "merchantId": merchant_id, "email": an_email(), "password": PASSWORD, "role": "read-only"}
    made = good(await shop.post("/v2/staff", body, token=await shop.person()), 201)
    assert (made["role"], made["active"], made["secondFactor"]) == ("read-only", True, False)
    rows = await shop.rows("SELECT merchant_id, password_hash FROM staff WHERE id = $1", made["id"])
    assert rows[0]["merchant_id"] == shop.merchant_id
    assert rows[0]["password_hash"].startswith("$argon2id$")


async def test_an_issued_card_ignores_what_it_may_not_be_given(shop: Shop) -> None:
    body = overloaded("create", {"initialValue": "5.00", "merchantId": shop.merchant_id})
    card = good(await shop.post(OPERATIONS["create"].path({"programId": shop.program_id}), body), 201)
    assert (card["status"], card["balance"], card["activatedAt"]) == ("pending", "0.00", None)
    assert (card["delivered"], card["customerId"], card["merchantName"]) == (False, None, shop.merchant_name)
    stored = await shop.stored(card)
    assert (stored.is_test, stored.held, stored.max_balance, stored.seq) == (False, 0, 1_000_000, 1)


async def test_a_key_in_the_body_is_no_idempotency_key(shop: Shop) -> None:
    card = await shop.active("5.00")
    for _ in range(2):
        good(await shop.redeem(card, "1.00", more={"idempotency-key": "k", "Idempotency-Key": "k"}))
    assert (await shop.look(card))["balance"] == "3.00"


async def test_members_in_the_query_are_ignored(shop: Shop) -> None:
    card = await shop.active("5.00")
    path = card_path(card, "redeem") + "?amount=4.00&idempotency-key=k&programId=x&merchantId=x"
    assert good(await shop.post(path, {"amount": "1.00"}))["remainingBalance"] == "4.00"
