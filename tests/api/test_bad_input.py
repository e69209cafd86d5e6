"""What no honest client sends: always a 4xx in JSON that names the field and shows no internals, and nothing changes.

Every field of every operation gets its list of inputs; the card they are sent to would accept a good request.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from tests.api.inputs import AMOUNTS, BOOLEANS, EMAILS, ID, IDS, MOMENTS, PHONES, text_inputs
from tests.api.shop import Body, Shop, Superuser, card_path, cards_path, check_path, fingerprint

# operation → field → what is wrong in it
FIELDS: dict[str, dict[str, dict[str, Any]]] = {
    "create": {
        "merchantId": IDS,
        "customerEmail": EMAILS,
        "customerPhone": PHONES,
        "customerName": text_inputs(255),
        "senderName": text_inputs(255),
        "expiresAt": MOMENTS,
        "deliverAt": MOMENTS,
        "isPhysical": BOOLEANS,
        "designTemplate": text_inputs(100),
        "customMessage": text_inputs(500, lines=True),
    },
    "activate": {
        "customerEmail": EMAILS,
        "customerPhone": text_inputs(50),
        "customerName": text_inputs(255),
        "securityCode": text_inputs(6),
    },
    "redeem": {
        "posTransactionId": text_inputs(100),
        "cashierId": text_inputs(50),
        "terminalId": text_inputs(50),
        "description": text_inputs(500, lines=True),
    },
    "reload": {"referenceId": text_inputs(100), "description": text_inputs(500, lines=True)},
    "reload-by-number": {
        "cardNumber": text_inputs(20) | {"null": None},
        "referenceId": text_inputs(100),
        "description": text_inputs(500, lines=True),
    },
    "resend-code": {
        "customerEmail": EMAILS,
        "customerPhone": PHONES,
        "senderName": text_inputs(255),
        "customMessage": text_inputs(500, lines=True),
    },
    "suspend": {"reason": text_inputs(500, lines=True) | {"null": None, "empty": ""}, "expiresAt": MOMENTS},
    "void": {
        "reason": text_inputs(1000, lines=True) | {"null": None, "empty": ""},
        "refundReference": text_inputs(100),
    },
    "refund": {"reason": text_inputs(500, lines=True), "posTransactionId": text_inputs(100)},
    "reversals": {
        "cardId": {name: value for name, value in IDS.items() if name != "null"},
        "posTransactionId": text_inputs(100) | {"empty": ""},
        "reason": text_inputs(500, lines=True),
    },
    "transfer": {
        "securityCode": text_inputs(6) | {"null": None, "short": "12345", "empty": ""},
        "destinationCardNumber": text_inputs(20) | {"null": None},
        "referenceId": text_inputs(100),
        "description": text_inputs(500, lines=True),
    },
    "consolidate": {
        "cardNumbers": {
            "text": "4000",
            "number": 7,
            "null": None,
            "one": ["4000"],
            "eleven": ["4000"] * 11,
            "numbers": [1, 2],
            "too long": ["4" * 21, "4000"],
            "object": {},
            "nested": [["4000"], "4"],
        },
        "merchantId": IDS,
        "customerEmail": EMAILS,
        "customerName": text_inputs(255),
        "senderName": text_inputs(255),
        "referenceId": text_inputs(100),
        "description": text_inputs(500, lines=True),
        "customMessage": text_inputs(500, lines=True),
        "isPhysical": BOOLEANS,
        "designTemplate": text_inputs(100),
    },
    "replace": {
        "reason": text_inputs(500, lines=True) | {"null": None, "empty": ""},
        "customerEmail": EMAILS,
        "customerPhone": PHONES,
        "isPhysical": {name: value for name, value in BOOLEANS.items() if name != "null"},
    },
    "transfer-ownership": {
        "newOwnerName": text_inputs(255) | {"null": None, "empty": ""},
        "newOwnerEmail": EMAILS | {"null": None},
        "newCustomerId": {name: value for name, value in IDS.items() if name != "null"},
        "referenceId": text_inputs(100),
    },
    "process-expired": {
        "action": text_inputs(10) | {"null": None, "empty": "", "other word": "redeem", "two": "extendvoid"},
        "extensionDays": {
            "zero": 0,
            "minus": -1,
            "731": 731,
            "text": "5",
            "true": True,
            "list": [],
            "half": 1.5,
            "huge": 10**30,
        },
        "refundReference": text_inputs(100),
    },
    "schedule": {"deliverAt": MOMENTS},
    "holds": {
        "orderReference": text_inputs(100) | {"null": None, "empty": ""},
        "expiresInSeconds": {
            "zero": 0,
            "59": 59,
            "too long": 2_592_001,
            "text": "60",
            "true": True,
            "null": None,
            "half": 60.5,
            "huge": 10**30,
        },
        "posTransactionId": text_inputs(100),
        "cashierId": text_inputs(50),
        "terminalId": text_inputs(50),
        "description": text_inputs(500, lines=True),
    },
    "capture": {
        "keepRest": {"text": "true", "one": 1, "null": None, "list": []},
        "posTransactionId": text_inputs(100),
        "cashierId": text_inputs(50),
        "terminalId": text_inputs(50),
        "description": text_inputs(500, lines=True),
    },
    "balance-check": {
        "cardNumber": text_inputs(20) | {"null": None},
        "securityCode": text_inputs(6) | {"null": None},
        "captchaToken": text_inputs(4096),
    },
}
GOOD: dict[str, Body] = {
    "create": {"initialValue": "5.00", "merchantId": ID},
    "activate": {},
    "redeem": {"amount": "1.00"},
    "reload": {"amount": "1.00"},
    "reload-by-number": {"cardNumber": "4000", "amount": "1.00"},
    "resend-code": {},
    "suspend": {"reason": "lost"},
    "void": {"reason": "lost"},
    "refund": {},
    "reversals": {"cardId": ID, "posTransactionId": "1"},
    "transfer": {"securityCode": "123456", "destinationCardNumber": "4000", "amount": "1.00"},
    "consolidate": {"cardNumbers": ["4000", "4001"], "merchantId": ID},
    "replace": {"reason": "lost"},
    "transfer-ownership": {"newOwnerName": "Ida", "newOwnerEmail": "ida@example.com"},
    "process-expired": {"action": "extend"},
    "schedule": {},
    "holds": {"amount": "1.00", "orderReference": "order-1"},
    "capture": {},
    "balance-check": {"cardNumber": "4000", "securityCode": "123456"},
}
AMOUNT_FIELDS = dict.fromkeys(
    ("redeem", "reload", "reload-by-number", "transfer", "holds", "refund", "capture"), "amount"
) | {"create": "initialValue"}
MAY_BE_NULL = frozenset({("refund", "amount"), ("capture", "amount")})
REQUIRED = {
    "create": ("initialValue", "merchantId"),
    "redeem": ("amount",),
    "reload": ("amount",),
    "reload-by-number": ("cardNumber", "amount"),
    "suspend": ("reason",),
    "void": ("reason",),
    "transfer": ("securityCode", "destinationCardNumber", "amount"),
    "consolidate": ("cardNumbers", "merchantId"),
    "replace": ("reason",),
    "transfer-ownership": ("newOwnerName", "newOwnerEmail"),
    "process-expired": ("action",),
    "holds": ("amount", "orderReference"),
    "balance-check": ("cardNumber", "securityCode"),
}

# ── bodies as a whole ──────────────────────────────────────────────────────────────────────────────────────────────

BODIES = {
    "nothing": b"",
    "blank": b" ",
    "null": b"null",
    "list": b"[]",
    "number": b"1",
    "text": b'"x"',
    "cut": b'{"amount": "1.00"',
    "comma": b'{"amount": "1.00",}',
    "single quotes": b"{'amount': '1.00'}",
    "no quotes": b"{amount: 1}",
    "comment": b'{"amount": "1.00"} // yes',
    "two values": b'{"amount": "1.00"}{"amount": "1.00"}',
    "leading zero": b'{"amount": 01}',
    "plus": b'{"amount": +1}',
    "point first": b'{"amount": .5}',
    "point last": b'{"amount": 1.}',
    "raw line feed": b'{"amount": "1\n"}',
    "bad escape": b'{"amount": "\\x31"}',
    "twice": b'{"amount": "1.00", "amount": "2.00"}',
    "twice by escape": b'{"amount": "1.00", "amoun\\u0074": "2.00"}',
    "twice inside": b'{"amount": "1.00", "x": {"y": 1, "y": 2}}',
    "deep list": b'{"amount": "1.00", "x": ' + b"[" * 33 + b"]" * 33 + b"}",
    "very deep": b"[" * 30_000,
    "deep objects": b'{"x":' * 40 + b"1" + b"}" * 40,
    "utf-16": '{"amount": "1.00"}'.encode("utf-16"),
    "utf-32": '{"amount": "1.00"}'.encode("utf-32-le"),
    "utf-8 with a mark": '\ufeff{"amount": "1.00"}'.encode(),
    "latin-1": '{"amount": "1.00", "description": "é"}'.encode("latin-1"),
    "overlong utf-8": b'{"amount": "1.00", "description": "\xc0\xaf"}',
    "surrogate in utf-8": b'{"amount": "1.00", "description": "\xed\xa0\x80"}',
    "NUL byte": b'{"amount": "1.00"}\x00',
    "NUL in a key": b'{"amount": "1.00", "\\u0000": 1}',
    "surrogate in an unknown field": b'{"amount": "1.00", "x": "\\udc00"}',
    "NaN in an unknown field": b'{"amount": "1.00", "x": NaN}',
    "form": b"amount=1.00",
    "xml": b"<amount>1.00</amount>",
}
UNREADABLE = [name for name in BODIES if name not in ("nothing", "blank", "null", "list", "number", "text")]
"""These are no JSON that is read at all, whatever the operation wants."""


# (operation, field) → name of the input → the body that holds it
CASES: dict[tuple[str, str], dict[str, bytes]] = {}
for operation, field in AMOUNT_FIELDS.items():
    template = json.dumps(GOOD[operation] | {field: "AMOUNT"})
    CASES[operation, field] = {
        name: template.replace('"AMOUNT"', text).encode()
        for name, text in AMOUNTS.items()
        if name != "null" or (operation, field) not in MAY_BE_NULL
    }
for operation, fields in FIELDS.items():
    for field, inputs in fields.items():
        CASES[operation, field] = {
            name: json.dumps(GOOD[operation] | {field: value}).encode() for name, value in inputs.items()
        }
for operation, required in REQUIRED.items():
    for field in required:
        rest = {name: value for name, value in GOOD[operation].items() if name != field}
        CASES[operation, field]["missing"] = json.dumps(rest).encode()

# ── the shop they are sent to ──────────────────────────────────────────────────────────────────────────────────────

LEAKS = (
    "Traceback",
    "asyncpg",
    "pydantic",
    "psycopg",
    "sqlalchemy",
    "/src/",
    ".py",
    "SELECT ",
    "INSERT ",
    "errors.pydantic.dev",
)


def paths(shop: Shop, card: Body) -> dict[str, str]:
    """Where each operation is."""
    return {
        name: card_path(card, name)
        for name in (
            "activate",
            "redeem",
            "reload",
            "resend-code",
            "suspend",
            "unsuspend",
            "void",
            "transfer",
            "replace",
            "transfer-ownership",
            "process-expired",
            "schedule",
            "holds",
        )
    } | {
        "refund": card_path(card, f"transactions/{ID}/refund"),
        "capture": card_path(card, f"holds/{ID}/capture"),
        "reversals": f"/v2/giftcards/programs/{shop.program_id}/reversals",
        "consolidate": f"/v2/giftcards/programs/{shop.program_id}/consolidate",
        "create": cards_path(shop.program_id),
        "reload-by-number": cards_path(shop.program_id) + "/reload-by-number",
        "balance-check": check_path(shop.program_id),
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(shop: Shop, thief: Superuser) -> AsyncIterator[Body]:
    """An active card with contacts; when all inputs have been sent, the database must be as it was before."""
    card = await shop.active(customerEmail="ada@example.com")
    before = await fingerprint(thief, but=frozenset())
    yield card
    assert await fingerprint(thief, but=frozenset()) == before


def assert_refused(answer: httpx2.Response, name: str) -> list[Any]:
    """A 422 in the contract's shape that shows nothing of our insides; the places that it names."""
    assert answer.status_code == 422, f"{name}: {answer.status_code} {answer.text[:300]}"
    assert answer.headers["content-type"] == "application/json"
    body = json.loads(answer.content.decode("utf-8"))
    assert body.keys() <= {"detail", "code"}
    assert body["detail"]
    assert not [leak for leak in LEAKS if leak in answer.text], name
    return [error["loc"] for error in body["detail"]]


async def refusals(shop: Shop, path: str, inputs: dict[str, bytes]) -> dict[str, list[Any]]:
    """Where each input was found wrong."""
    method = "PATCH" if path.endswith("/schedule") else "POST"
    return {
        name: assert_refused(await shop.call(method, path, content=content), name) for name, content in inputs.items()
    }


@pytest.mark.parametrize(("operation", "field"), [*CASES], ids=lambda name: name)
async def test_a_wrong_field_is_named(shop: Shop, target: Body, operation: str, field: str) -> None:
    found = await refusals(shop, paths(shop, target)[operation], CASES[operation, field])
    unnamed = {name: places for name, places in found.items() if not any(loc[:2] == ["body", field] for loc in places)}
    assert unnamed == {}


@pytest.mark.parametrize("operation", ["create", "activate", "redeem", "resend-code", "unsuspend", "balance-check"])
async def test_a_body_that_cannot_be_read_is_refused(shop: Shop, target: Body, operation: str) -> None:
    inputs = BODIES if operation == "redeem" else {name: BODIES[name] for name in UNREADABLE}
    found = await refusals(shop, paths(shop, target)[operation], inputs)
    elsewhere = {name: places for name, places in found.items() if {loc[0] for loc in places} != {"body"}}
    assert elsewhere == {}


def test_there_are_some_hundreds_of_inputs() -> None:
    assert sum(len(inputs) for inputs in CASES.values()) > 600
