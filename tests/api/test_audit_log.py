"""The audit log as a merchant reads it: whose rows, which of them, with which names; and as a file."""

import csv
import io
import json
from collections import defaultdict
from decimal import Decimal

import pytest
from tests.api.audit import AUDIT, AUDIT_EXPORT, audit_file, exported
from tests.api.operations import OPERATIONS, a_card_for, send
from tests.api.shop import UNKNOWN, Body, Fits, Shop, Superuser, card_path, good
from tests.api.sign_in import signed_in

from kado import clock
from kado.access.permissions import Role
from kado.programs.admit import dismiss
from kado.trail.table import COLUMNS


async def seen(shop: Shop, token: str = "", **filters: object) -> list[Body]:
    """Rows that fit, newest first; looks at numbers that wait are written before."""
    await shop.api.services.looks.written()
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    items: list[Body] = good(await shop.get(f"{AUDIT}?{query}", token=token))["items"]
    return items


# ── a row ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_row_says_who_what_when_from_where_before_and_after(shop: Shop, fits: Fits) -> None:
    card = await shop.active("10.00", customerName="Ada Lovelace")
    headers = {"X-Forwarded-For": "2001:db8:1:2:3:4:5:6", "User-Agent": "till/7", "X-Request-Id": "sale-77"}
    body = {"amount": "10.00", "cashierId": "C-7"}
    sold = good(await shop.post(card_path(card, "redeem"), body, headers=headers))
    page = fits("AuditLogPage", good(await shop.get(f"{AUDIT}?subjectId={card['id']}")))
    row = fits("AuditLogResponse", page["items"][0])
    assert clock.text(await shop.now()) > row.pop("timestamp")
    key_id = row.pop("actorId")
    assert await shop.superuser.fetchval("SELECT merchant_id FROM api_key WHERE id = $1", key_id) == shop.merchant_id
    assert row == {
        "id": sold["transactionId"],
        "action": "card:redeemed",
        "resourceType": "card",
        "actorType": "key",
        "resourceId": card["id"],
        "subjectId": card["id"],
        "merchantId": shop.merchant_id,
        "ipAddress": "2001:db8:1:2::/64",
        "userAgent": "till/7",
        "requestId": "sale-77",
        "actorName": None,
        "subjectName": "Ada Lovelace",
        "merchantName": shop.merchant_name,
        "resourceName": f"card ending {card['lastFourDigits']}",
        "details": {
            "programId": shop.program_id,
            "transactionType": "REDEMPTION",
            "number": 3,
            "amount": "-10.00",
            "currency": "USD",
            "before": {"balance": "10.00", "status": "active"},
            "after": {"balance": "0.00", "status": "depleted"},
        },
    }
    assert (page["total"], page["page"], page["pages"], page["limit"]) == (3, 1, 1, 50)


async def test_pages_follow_each_other(shop: Shop) -> None:
    card = await shop.active()
    for _ in range(5):
        good(await shop.redeem(card, "1.00"))
    whole = await seen(shop, subjectId=card["id"])
    assert [row["details"]["number"] for row in whole] == [7, 6, 5, 4, 3, 2, 1]
    for limit, pages in ((3, 3), (7, 1), (1, 7)):
        parts = []
        for number in range(1, pages + 1):
            page = good(await shop.get(f"{AUDIT}?subjectId={card['id']}&limit={limit}&page={number}"))
            assert (page["total"], page["pages"], page["page"], page["limit"]) == (7, pages, number, limit)
            parts += page["items"]
        assert parts == whole
    for far in (4, 2**31):
        beyond = good(await shop.get(f"{AUDIT}?subjectId={card['id']}&limit=3&page={far}"))
        assert (beyond["items"], beyond["total"]) == ([], 7)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "page=0", "from=yesterday", "to=1", "subjectName=%00"])
async def test_a_bad_filter_is_named(shop: Shop, query: str) -> None:
    refused = good(await shop.get(f"{AUDIT}?{query}"), 422)
    assert refused["detail"][0]["loc"] == ["query", query.partition("=")[0]]


# ── filters ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_ids_fit_exactly_and_names_in_part_and_in_any_case(shop: Shop) -> None:
    card = await shop.active(customerName="Grace Brewster Hopper")
    good(await shop.redeem(card, "1.00"))
    wanted = await seen(shop, subjectId=card["id"])
    assert await seen(shop, subjectId=card["id"][:-1]) == []
    assert await seen(shop, subjectName="bREWster") == wanted
    assert await seen(shop, subjectName="brewster%25") == []
    (key_id,) = {row["actorId"] for row in wanted}
    assert await seen(shop, subjectId=card["id"], actorId=key_id) == wanted
    assert await seen(shop, subjectId=card["id"], actorId=UNKNOWN) == []
    assert await seen(shop, subjectId=card["id"], merchantId=shop.merchant_id) == wanted
    assert await seen(shop, merchantId=UNKNOWN) == []
    assert await seen(shop, subjectId=card["id"], merchantName=shop.merchant_name[2:].upper()) == wanted
    assert await seen(shop, merchantName="nobody at all") == []
    await shop.superuser.execute("UPDATE api_key SET name = 'The Till at the Door' WHERE id = $1", key_id)
    assert [row["id"] for row in await seen(shop, subjectId=card["id"], actorName="till at")] == [
        row["id"] for row in wanted
    ]


async def test_actions_kinds_and_times_narrow(shop: Shop) -> None:
    card = await shop.active()
    good(await shop.redeem(card, "1.00"))
    good(await shop.get(card_path(card)))
    rows = await seen(shop, subjectId=card["id"])
    assert [row["action"] for row in rows] == ["pii_access", "card:redeemed", "card:activated", "card:issued"]
    two = await seen(shop, subjectId=f"{card['id']}&action=card:issued&action=pii_access")
    assert [row["action"] for row in two] == ["pii_access", "card:issued"]
    assert await seen(shop, subjectId=card["id"], resourceType="card") == rows
    assert await seen(shop, subjectId=card["id"], resourceType="hold") == []
    middle = rows[1]["timestamp"]
    assert await seen(shop, subjectId=card["id"], **{"from": middle}) == rows[:2]
    assert await seen(shop, subjectId=card["id"], to=middle) == rows[1:]


async def test_a_hold_is_the_thing_and_its_card_the_subject(shop: Shop) -> None:
    card = await shop.active()
    hold = await shop.hold(card, "4.00")
    (row,) = await seen(shop, subjectId=card["id"], resourceType="hold")
    assert (row["resourceId"], row["subjectId"]) == (hold["id"], card["id"])
    assert (row["details"]["before"], row["details"]["after"]) == ({"held": "0.00"}, {"held": "4.00"})


# ── whose rows ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_another_merchant_sees_nothing_of_it(shop: Shop) -> None:
    card = await shop.active(customerName="Alan Turing")
    stranger_id, stranger = await shop.stranger()
    for query in ("", f"subjectId={card['id']}", "subjectName=turing", f"merchantId={shop.merchant_id}"):
        page = good(await shop.get(f"{AUDIT}?{query}&limit=200", token=stranger))
        assert {row["merchantId"] for row in page["items"]} <= {stranger_id}
        assert card["id"] not in json.dumps(page)


async def test_the_owner_sees_what_others_did_in_its_programs_and_no_names_of_theirs(shop: Shop) -> None:
    merchant_id, admitted = await shop.admitted()
    await shop.superuser.execute("UPDATE api_key SET name = 'their till' WHERE merchant_id = $1", merchant_id)
    card = await shop.active(customerName="Emmy Noether")
    good(await shop.redeem(card, "1.00", token=admitted))
    theirs = (await seen(shop, subjectId=card["id"]))[0]
    assert (theirs["merchantId"], theirs["actorName"]) == (merchant_id, None)
    assert theirs["merchantName"].startswith("Book Shop")
    assert await seen(shop, actorName="their till") == []
    assert [row["id"] for row in await seen(shop, admitted, subjectId=card["id"])] == [theirs["id"]]
    assert (await seen(shop, admitted, subjectId=card["id"]))[0]["actorName"] == "their till"


async def test_who_holds_a_card_now_is_told_to_its_programs_owner_alone(shop: Shop) -> None:
    program = await shop.program()
    merchant_id, admitted = await shop.admitted(program)
    card = await shop.active(program_id=program, customerName="Emmy Noether")
    good(await shop.redeem(card, "1.00", token=admitted))
    await dismiss(shop.api.services.database, program, merchant_id, "operator:test")
    given = {"newOwnerName": "Sofia Kowalewskaja", "newOwnerEmail": "sofia@example.com"}
    good(await shop.post(card_path(card, "transfer-ownership"), given))
    rows = await seen(shop, admitted, subjectId=card["id"])
    assert [row["subjectName"] for row in rows] == [None]
    assert {row["subjectName"] for row in await seen(shop, subjectId=card["id"])} == {"Sofia Kowalewskaja"}


async def test_a_cashier_sees_what_it_did_itself(shop: Shop) -> None:
    card = await shop.active()
    cashier = await shop.key(Role.CASHIER)
    good(await shop.redeem(card, "1.00", token=cashier))
    own = await seen(shop, cashier, subjectId=card["id"])
    assert [row["action"] for row in own] == ["card:redeemed"]
    assert len(await seen(shop, await shop.key(Role.READ_ONLY), subjectId=card["id"])) == 3
    assert {row["actorId"] for row in await seen(shop, cashier, limit=200)} == {own[0]["actorId"]}


@pytest.mark.parametrize("name", ["audit log", "export audit log", "audit export", "download audit log"])
async def test_neither_a_test_key_nor_a_customer_reads_it(shop: Shop, name: str) -> None:
    card = await a_card_for(shop, name)
    answer = await send(shop, name, card, token=await shop.key(is_test=True))
    assert (answer.status_code, answer.json()["code"]) == (403, "live_key_required")
    session = (await signed_in(shop))["sessionToken"]
    answer = await send(shop, name, card, headers={"X-Eposn-Customer-Token": session})
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


# ── a file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_export_alone_reproduces_every_balance(shop: Shop, thief: Superuser) -> None:
    """Every operation there is, then the file and nothing else; what it comes to is what the cards hold."""
    _, admitted = await shop.admitted()
    for name, operation in OPERATIONS.items():
        if operation.method != "GET":
            await send(shop, name, await a_card_for(shop, name))
    good(await shop.redeem(await shop.active("77.00"), "7.00", token=admitted))
    for file_format in ("csv", "json"):
        balances: dict[str, Decimal] = defaultdict(Decimal)
        numbers: dict[str, int] = defaultdict(int)
        for row in rows_in(await exported(shop, format=file_format), file_format):
            if row["amount"]:
                assert Decimal(row["balanceBefore"]) == balances[row["subjectId"]]
                balances[row["subjectId"]] += Decimal(row["amount"])
                assert Decimal(row["balanceAfter"]) == balances[row["subjectId"]]
                numbers[row["subjectId"]] += 1
                assert int(row["number"]) == numbers[row["subjectId"]]
        held = await thief.fetch(
            "SELECT c.id, c.balance FROM card c JOIN program p ON p.id = c.program_id WHERE p.merchant_id = $1",
            shop.merchant_id,
        )
        assert {card: amount * 100 for card, amount in balances.items()} == {row["id"]: row["balance"] for row in held}


def rows_in(content: bytes, file_format: str) -> list[Body]:
    """The rows of a file, with the money of an entry beside its other cells."""
    if file_format == "csv":
        return list(csv.DictReader(io.StringIO(content.decode())))
    rows = []
    for row in json.loads(content):
        money = row["details"] if "transactionType" in row["details"] else {"amount": None, "before": {}, "after": {}}
        balances = {f"balance{when.title()}": (money[when] or {}).get("balance") for when in ("before", "after")}
        rows.append({**row, "amount": money["amount"], "number": money.get("number"), **balances})
    return rows


async def test_a_file_holds_what_was_wanted_until_it_was_ordered(shop: Shop) -> None:
    card = await shop.active()
    ordered = good(await shop.post(AUDIT_EXPORT, {"subjectId": card["id"], "format": "json"}), 202)
    assert ordered | {"taskId": ""} == {"taskId": "", "status": "pending", "downloadUrl": None, "error": None}
    good(await shop.redeem(card, "1.00"))
    path = await audit_file(shop, ordered["taskId"])
    answer = await shop.get(path)
    assert [row["action"] for row in answer.json()] == ["card:issued", "card:activated"]
    assert answer.headers["content-disposition"] == f'attachment; filename="audit-{ordered["taskId"]}.json"'
    assert answer.headers["cache-control"] == "no-store"
    assert (await shop.get(path)).content == answer.content
    narrow = {"actions": ["card:redeemed"], "resourceTypes": ["card"], "subjectId": card["id"]}
    (row,) = rows_in(await exported(shop, **narrow), "csv")
    assert row["action"] == "card:redeemed"
    assert list(row) == list(COLUMNS)
    since = clock.text(await shop.now())
    assert rows_in(await exported(shop, subjectId=card["id"], fromDate=since), "csv") == []
    everything = await exported(shop, subjectId=card["id"], toDate=since, format="json")
    assert len(json.loads(everything)) == 3


async def test_an_address_is_good_for_an_hour_and_for_its_own_file(shop: Shop) -> None:
    ordered = good(await shop.post(AUDIT_EXPORT, {}), 202)
    other = good(await shop.post(AUDIT_EXPORT, {}), 202)
    path = await audit_file(shop, ordered["taskId"])
    ends, _, mac = path.rpartition("/")[2].partition("-")
    life = int(ends) - (await shop.now()).timestamp()
    assert 3590 < life <= 3600
    bad = [
        path.replace(ordered["taskId"], other["taskId"]),
        path.replace(f"{ends}-", f"{int(ends) + 3600}-"),
        path.replace(f"{ends}-", "1-"),
        path[:-1],
        path[:-1] + ("0" if path[-1] != "0" else "1"),
        path.replace(mac, "x"),
    ]
    for one in bad:
        answer = await shop.get(one)
        assert (answer.status_code, answer.json()["code"]) == (404, "file_not_found")
    assert (await shop.get(path, token=None)).status_code == 401
    assert (await shop.get(path)).status_code == 200


async def test_anothers_export_does_not_exist(shop: Shop) -> None:
    ordered = good(await shop.post(AUDIT_EXPORT, {}), 202)
    path = await audit_file(shop, ordered["taskId"])
    _, stranger = await shop.stranger()
    for here, nowhere in (
        (f"{AUDIT_EXPORT}/{ordered['taskId']}", f"{AUDIT_EXPORT}/{UNKNOWN}"),
        (path, path.replace(ordered["taskId"], UNKNOWN)),
        (f"{AUDIT_EXPORT}/{UNKNOWN}", f"{AUDIT_EXPORT}/no-id"),
    ):
        answers = [await shop.get(one, token=stranger) for one in (here, nowhere)]
        assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}


async def test_a_format_that_is_none_is_refused(shop: Shop) -> None:
    refused = good(await shop.post(AUDIT_EXPORT, {"format": "xlsx"}), 422)
    assert refused["detail"][0]["loc"] == ["body", "format"]


async def test_no_cell_is_a_formula(shop: Shop) -> None:
    name = '=HYPERLINK("http://evil.example","x")'
    card = await shop.active(customerName=name)
    good(await shop.get(card_path(card), headers={"User-Agent": "@SUM(1+1)", "X-Request-Id": "-1.e"}))
    await shop.api.services.looks.written()
    rows = rows_in(await exported(shop, subjectId=card["id"]), "csv")
    cells = [cell for row in rows for column, cell in row.items() if column not in ("amount", "number")]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert rows[0]["subjectName"] == f"'{name}"
    assert (rows[-1]["userAgent"], rows[-1]["requestId"]) == ("'@SUM(1+1)", "'-1.e")


async def test_what_time_did_names_nobody(shop: Shop) -> None:
    card = await shop.active()
    hold = await shop.hold(card, "1.00", expiresInSeconds=60)
    await shop.age_hold(hold, days=1)
    good(await shop.redeem(card, "1.00"))
    expired = next(row for row in await seen(shop, subjectId=card["id"]) if row["action"] == "hold:expired")
    assert (expired["actorType"], expired["actorId"], expired["ipAddress"]) == ("system", "time", None)
    assert expired["resourceId"] == hold["id"]
