"""Every change and every look at a number leaves its row in the audit log: who, when, from where, before and after."""

import json
import re

import pytest
from tests.api.access_operations import ACCESS
from tests.api.audit import known_ids, new_rows
from tests.api.operations import OPERATIONS, a_card_for, send
from tests.api.people_operations import GDPR
from tests.api.shop import UNKNOWN, Body, Shop, Superuser, an_address, card_path, good
from tests.api.sign_in import LOGOUT, code_for, on_behalf, sent_to, signed_in, verified
from tests.api.test_rights import ROUTES
from tests.api.tills import SETTINGS, THEME, FrontEnd

from kado.access import keys, staff
from kado.access.permissions import OF_KEYS, Role
from kado.cards.audited import ACTIONS
from kado.cards.card import TransactionType
from kado.crypto import token_hash

LEAVES: dict[str, list[str]] = {
    "create": ["card:issued"],
    "activate": ["card:activated"],
    "redeem": ["card:redeemed"],
    "reload": ["card:reloaded"],
    "reload-by-number": ["card:reloaded"],
    "resend-code": ["card:code-resent"],
    "resend-elsewhere": ["card:code-resent"],
    "suspend": ["card:suspended"],
    "unsuspend": ["card:unsuspended"],
    "void": ["card:voided"],
    "refund": ["card:refunded"],
    "reverse": ["reference:reversed"],
    "transfer": ["card:transferred-in", "card:transferred-out"],
    "consolidate": ["card:consolidated", "card:consolidated", "card:consolidated"],
    "replace": ["card:replaced", "card:transferred-in"],
    "transfer-ownership": ["card:ownership-transferred"],
    "schedule": ["card:scheduled"],
    "process-expired": ["card:extended"],
    "hold": ["hold:placed"],
    "capture": ["card:captured"],
    "release": ["hold:released"],
    "bulk": ["bulk:ordered", "card:issued", "card:issued"],
    "renew bulk link": ["bulk:link-renewed"],
    "download bulk": ["bulk:codes-taken", "pii_access"],
    "paper": ["pii_access"],
    "order paper": ["bulk:paper-ordered"],
    "download paper": ["bulk:paper-taken"],
    "change card design": ["program:card-design-changed"],
    "set card image": ["picture:saved"],
    "set icon": ["picture:saved"],
    "set own design": ["picture:saved"],
    "delete card image": ["picture:removed"],
    "delete own design": ["picture:removed"],
    "create program": ["program:created"],
    "update program": ["program:updated"],
    "send otp": ["customer:code-sent"],
    "verify otp": ["login_failed"],
    "customer session": [],
    "customer logout": [],  # there is no such session
    "validate session": [],
    "export person": ["person:export-requested"],
    "download person": ["person:exported"],
    "erase person": ["person:erased", "person:erasure-requested"],
    "update consent": ["consent:withdrawn"],
    "create consent": ["consent:given"],
    "create webhook": ["webhook:created"],
    "update webhook": ["webhook:updated"],
    "delete webhook": ["webhook:deleted"],
    "enable webhook": [],  # refused
    "disable webhook": [],  # it is not enabled
    "replay delivery": [],  # refused
    "acknowledge fraud": ["fraud-alert:acknowledged"],
    "block ip": ["address:blocked"],
    "unblock ip": ["address:unblocked"],
    "create fraud rule": ["fraud-rule:created"],
    "update fraud rule": ["fraud-rule:updated"],
    "delete fraud rule": ["fraud-rule:deleted"],
    "export audit log": ["audit:exported"],
    "export analytics": ["report:exported"],
    "schedule report": ["report:scheduled"],
    "delete schedule": ["report:unscheduled"],
    "validate reports": [],  # it looks
    "acknowledge aml": ["aml-alert:acknowledged"],
    "aml alerts": [],  # there are none
    "acknowledge anomaly": ["anomaly:acknowledged"],
    "download audit log": ["audit:downloaded"],
    "details": ["pii_access"],
    "list": ["pii_access"],
    "search": ["pii_access"],
    "list all": ["pii_access"],
    "search all": ["pii_access"],
    "list all of one": ["pii_access"],
    "poll bulk": ["pii_access"],
}
"""By operation: the actions that the log names, in alphabetical order. Other operations change and show nothing."""

BESIDE = {
    ("POST", "/v2/token"),
    ("POST", "/v2/passes/{passTypeIdentifier}/{serialNumber}/push"),
    ("POST", "/v2/giftcards/merchants/session"),
    ("PUT", "/v2/giftcards/merchants/settings"),
    ("PUT", "/v2/giftcards/merchants/theme"),
    ("POST", "/v2/giftcards/programs/{programId}/balance-check"),
    ("POST", "/v2/giftcards/customer/balance-check"),
}
"""Writes with a test of their own below."""

WALKED = [name for name in OPERATIONS if name not in ACCESS]
OF_PEOPLE = ("/v2/token/", "/v2/appkeys", "/v2/staff")
"""What people do with accounts, keys and sessions has its own tests: `test_staff.py`, `test_second_factor.py` and
`test_sessions.py`."""

SHOWS = {
    *("pii_access", "login_failed", "customer:code-sent", "card:scheduled", "reference:reversed"),
    *("bulk:ordered", "bulk:codes-taken", "bulk:link-renewed", "audit:exported", "audit:downloaded"),
    *("bulk:paper-ordered", "bulk:paper-taken"),
    *("report:exported", "report:scheduled", "report:unscheduled"),
    *("person:export-requested", "person:exported", "person:erasure-requested", "person:erased"),
}
"""Actions that have no before and after: nothing was changed, or only that something is there now."""

AGENT = "till/7 (tests)"


WRITES = [route for route in ROUTES if route[0] not in ("GET", "HEAD")]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_no_write_is_forgotten_by_this_file(method: str, path: str) -> None:
    form = re.compile(re.sub(r"\\{[A-Za-z_]+\\}", "[^/]+", re.escape(path)))
    named = "id sale hold taskId token webhookId export personExport consent alertId ruleId fraudAlertId"
    named += " scheduleId analyticsExport amlAlert"
    sample = dict.fromkeys(named.split(), "x" * 3)
    card = {**sample, "programId": UNKNOWN, "file": "/x", "card": {"serialNumber": "x", "passTypeIdentifier": "pass.x"}}
    same_method = {name: OPERATIONS[name] for name in WALKED if OPERATIONS[name].method == method}
    known = {name for name, one in same_method.items() if form.fullmatch(one.path(card).split("?")[0])}
    assert known & LEAVES.keys() or (method, path) in BESIDE or path.startswith(OF_PEOPLE) or "/session" in path


def test_every_entry_has_an_action_of_its_own() -> None:
    assert ACTIONS.keys() == set(TransactionType)
    assert len(set(ACTIONS.values())) == len(ACTIONS)


@pytest.mark.parametrize("name", WALKED)
async def test_an_operation_leaves_exactly_its_rows(shop: Shop, name: str) -> None:
    card = await a_card_for(shop, name)
    without = await shop.key(scopes=OF_KEYS[Role.OWNER] - {OPERATIONS[name].permission})
    known = await known_ids(shop)
    assert (await send(shop, name, card, token=without)).status_code in (401, 403)
    assert await new_rows(shop, known) == [], "what is refused leaves nothing"
    began, address = await shop.now(), an_address()
    headers = {"X-Forwarded-For": address, "User-Agent": AGENT, "X-Request-Id": f"walk-{name.replace(' ', '-')}"}
    answer = await send(shop, name, card, headers=headers)
    assert answer.status_code == OPERATIONS[name].status, answer.text
    rows = await new_rows(shop, known)
    assert sorted(row["action"] for row in rows) == LEAVES.get(name, [])
    key_id = await shop.superuser.fetchval("SELECT id FROM api_key WHERE token_hash = $1", token_hash(shop.owner))
    for row in rows:
        assert (row["actor"], row["merchant_id"]) == (f"key:{key_id}", shop.merchant_id)
        assert (row["address"], row["user_agent"], row["request_id"]) == (address, AGENT, headers["X-Request-Id"])
        assert began <= row["at"] <= await shop.now()
        assert row["program_id"] == (shop.program_id if "program_id" in _of(row) else row["program_id"])
        assert row["before"] != row["after"] or row["action"] in SHOWS or await _is_entry(shop, row), row
        assert not _leaks(row, card), row


ON_MONEY = ("activate", "redeem", "reload", "suspend", "unsuspend", "void", "transfer-ownership", "process-expired",
            "hold", "capture", "release", "refund", "transfer", "consolidate", "replace", "schedule",
            "resend-code")  # fmt: skip


@pytest.mark.parametrize("name", ON_MONEY)
async def test_what_the_card_refuses_leaves_nothing(shop: Shop, name: str) -> None:
    card = await a_card_for(shop, name)
    if name in ("capture", "release"):
        card["hold"] = shop.program_id  # there is no such hold
    elif name != "refund":
        good(await shop.post(card_path(card, "void"), {"reason": "lost"}))
    known = await known_ids(shop)
    if name == "refund":
        answer = await shop.refund(card, card["sale"], {"amount": "1.01"})
    else:
        answer = await send(shop, name, card)
    assert answer.status_code in (400, 404), answer.text
    assert await new_rows(shop, known) == []


async def test_a_repetition_leaves_no_second_row(shop: Shop) -> None:
    card = await shop.active()
    known = await known_ids(shop)
    for _ in range(3):
        good(await shop.redeem(card, "1.00", key="till-7-sale-1"))
    assert [row["action"] for row in await new_rows(shop, known)] == ["card:redeemed"]


async def test_every_entry_has_one_row_under_its_own_id(shop: Shop, thief: Superuser) -> None:
    for name in WALKED:
        if OPERATIONS[name].method != "GET":
            await send(shop, name, await a_card_for(shop, name))
    assert await thief.fetchval("SELECT count(DISTINCT type) FROM card_transaction") == len(TransactionType)
    alone = await thief.fetch(
        "SELECT t.id, t.type, a.action FROM card_transaction t LEFT JOIN audit_log a ON a.id = t.id"
        " AND a.at = t.created_at AND a.program_id = t.program_id AND a.merchant_id = t.merchant_id"
        " AND a.subject = t.card_id AND a.action LIKE 'card:%' WHERE a.id IS NULL"
    )
    assert alone == []


async def test_before_and_after_say_what_became_of_the_state(shop: Shop) -> None:
    card = await shop.issue("5.00", customerEmail="ada@example.com")
    known = await known_ids(shop)
    good(await shop.post(card_path(card, "activate"), {"customerPhone": "+4930901820"}))
    good(await shop.redeem(card, "2.00"))
    good(await shop.redeem(card, "3.00"))
    said = [(row["before"], row["after"]) for row in await new_rows(shop, known)]
    (before, after), *spent = said
    assert (before["status"], after["status"]) == ("pending", "active")
    assert (before["customerPhone"], after["customerPhone"]) == (None, "+49*****820")
    assert before["activatedAt"] is None
    assert spent == [(None, None), ({"status": "active"}, {"status": "depleted"})]


async def test_a_code_sent_elsewhere_says_so_and_not_where(shop: Shop) -> None:
    card = await shop.active(customerEmail="ada@example.com")
    known = await known_ids(shop)
    await send(shop, "resend-elsewhere", card)
    (row,) = await new_rows(shop, known)
    assert row["details"] == {"to": "m***@e***.com", "elsewhere": True}


# ── who signs in ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_sign_in_that_failed_names_whoever_is_known_and_nobody_else(shop: Shop) -> None:
    services, password = shop.api.services, "correct horse battery"
    made = await staff.create_merchant(services.database, "Audited", "ann@audited.example", password, "operator:test")
    tries = {
        "ann@audited.example": (made.merchant_id, made.owner_id),
        "nobody@audited.example": (None, None),
    }
    for email, (merchant_id, staff_id) in tries.items():
        known, address = await known_ids(shop), an_address()
        form = {"username": email, "password": "wrong horse battery"}
        answer = await shop.api.client.post("/v2/token", data=form, headers={"X-Forwarded-For": address})
        assert answer.status_code == 401
        (row,) = await new_rows(shop, known)
        assert (row["actor"], row["action"], row["address"]) == ("anonymous", "login_failed", address)
        assert (row["merchant_id"], row["subject"], row["details"]) == (merchant_id, staff_id, {"who": "staff"})
        assert email not in repr(row)
    known = await known_ids(shop)
    good(await shop.api.client.post("/v2/token", data={"username": "ann@audited.example", "password": password}))
    (row,) = await new_rows(shop, known)
    assert (row["actor"], row["action"]) == (f"staff:{made.owner_id}", "staff:signed-in")


async def test_a_customer_signs_in_and_out(shop: Shop) -> None:
    known = await known_ids(shop)
    session = await signed_in(shop, "grace@example.com")
    good(await shop.post(LOGOUT, {"sessionToken": session["sessionToken"]}))
    rows = await new_rows(shop, known)
    assert [row["action"] for row in rows] == [
        "customer:code-sent", "customer:created", "customer:signed-in", "customer:signed-out",
    ]  # fmt: skip
    assert {row["subject"] for row in rows[1:]} == {session["identity"]["id"]}
    assert "grace" not in repr(rows)


async def test_what_a_customer_does_names_the_key_that_let_them_in(shop: Shop) -> None:
    """The session proves the customer; that it was theirs to use says only the front end."""
    email, token = "mary@example.com", await shop.key()
    session = await signed_in(shop, email, token=token)
    mine, other = await shop.active(customerEmail=email), await shop.active(customerEmail=email)
    body = {"cardNumbers": [mine["cardNumber"], other["cardNumber"]], "merchantId": shop.merchant_id}
    known = await known_ids(shop)
    path = f"/v2/giftcards/programs/{shop.program_id}/consolidate"
    good(await shop.post(path, body, token=token, headers=on_behalf(session)))
    good(await shop.get(card_path(mine), token=token, headers=on_behalf(session)))
    good(await shop.post(f"{GDPR}/consent", {"purposes": ["news"]}, token=token, headers=on_behalf(session)))
    rows = await new_rows(shop, known)
    assert {"card:consolidated", "pii_access", "consent:given"} <= {row["action"] for row in rows}
    known = await known_ids(shop)
    good(await shop.get(card_path(mine), token=token))
    (own,) = await new_rows(shop, known)
    customer = f"customer:{session['identity']['id']}"
    assert {(row["actor"], row["details"]["through"]) for row in rows} == {(customer, own["actor"])}
    assert "through" not in own["details"]


async def test_a_wrong_password_of_a_customer_is_a_failed_sign_in(shop: Shop) -> None:
    await sent_to(shop, "joan@example.com")
    code = await code_for(shop, "joan@example.com")
    known = await known_ids(shop)
    wrong = "111111" if code != "111111" else "222222"
    assert (await verified(shop, "joan@example.com", wrong)).status_code == 400
    (row,) = await new_rows(shop, known)
    assert (row["action"], row["details"], row["subject"]) == ("login_failed", {"who": "customer"}, None)


async def test_a_balance_check_is_no_look_by_somebody_else(shop: Shop) -> None:
    card = await shop.active()
    code = await shop.code_of(card)
    known = await known_ids(shop)
    good(await shop.check(card, code))
    assert (await shop.check(card, "xxxxxx")).status_code == 404
    assert await new_rows(shop, known) == []


# ── tills and shops ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_till_platform_is_named_by_its_key(shop: Shop) -> None:
    front = await FrontEnd.of(shop)
    known = await known_ids(shop)
    till = await front.till(programId=shop.program_id)
    other = await shop.program()
    answer = await shop.call("PUT", SETTINGS, {"programId": other}, headers=till)
    assert answer.status_code == 200, answer.text
    theme = good(await shop.get(THEME, headers=till))
    changed = theme.get("theme", theme)
    good(await shop.call("PUT", THEME, changed | {"fontFamily": "Lora"}, headers=till))
    rows = await new_rows(shop, known)
    by_action = {row["action"]: row for row in rows}
    assert by_action["merchant-session:opened"]["actor"] == f"signing-key:{front.key.key_id}"
    moved = [row for row in rows if row["action"] == "shop:program-changed"]
    assert [(row["before"], row["after"]) for row in moved] == [
        ({"programId": None}, {"programId": shop.program_id}),
        ({"programId": shop.program_id}, {"programId": other}),
    ]
    assert by_action["shop:theme-changed"]["before"].keys() == by_action["shop:theme-changed"]["after"].keys()
    assert by_action.keys() == {
        "program:created", "shop:created", "merchant-session:opened", "shop:program-changed", "shop:theme-changed",
    }  # fmt: skip


# ── rights ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_keys_come_and_go_in_the_log(shop: Shop) -> None:
    database = shop.api.services.database
    known = await known_ids(shop)
    made = await keys.create_key(database, shop.merchant_id, "operator:test", role=Role.CASHIER, name="till 2")
    for _ in range(2):
        await keys.revoke(database, made.key_id, "operator:test")
    rows = await new_rows(shop, known)
    assert [(row["action"], row["subject"]) for row in rows] == [
        ("key:created", made.key_id),
        ("key:revoked", made.key_id),
    ]
    assert rows[0]["after"] == {
        "test": False,
        "role": "cashier",
        "scopes": [],
        "name": "till 2",
        "expiresAt": None,
        "programs": None,
    }
    assert (rows[1]["before"], rows[1]["after"]) == ({"revoked": False}, {"revoked": True})
    assert made.secret not in repr(rows)


async def test_a_look_names_the_cards_and_never_their_numbers(shop: Shop) -> None:
    program = await shop.program()
    cards = [await shop.issue(program_id=program) for _ in range(3)]
    known = await known_ids(shop)
    listed = await shop.get(f"/v2/giftcards/programs/{program}/cards")
    assert len(listed.json()) == 3
    (row,) = await new_rows(shop, known)
    assert sorted(row["details"]["cards"]) == sorted(card["id"] for card in cards)
    assert row["subject"] is None
    assert not any(card["cardNumber"] in repr(row) for card in cards)
    known = await known_ids(shop)
    assert (await shop.get(f"/v2/giftcards/programs/{program}/search?q=nobody")).json() == []
    assert await new_rows(shop, known) == []


def _of(row: Body) -> set[str]:
    beside = ("program:created", "customer", "login_failed", "webhook", "audit", "person", "consent")
    return set() if row["action"].startswith(beside) else {"program_id"}


async def _is_entry(shop: Shop, row: Body) -> bool:
    return bool(await shop.superuser.fetchval("SELECT EXISTS (SELECT FROM card_transaction WHERE id = $1)", row["id"]))


def _leaks(row: Body, card: Body) -> list[str]:
    text = json.dumps(row, default=str)
    secrets = [card["cardNumber"], card.get("code"), card.get("token"), "ada@example.com", "mallory@", "ida@example"]
    return [one for one in secrets if one and one in text]
