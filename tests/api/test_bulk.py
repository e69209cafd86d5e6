"""Many cards in one go: at once or by a task, all or none, and once for each key."""

import asyncio
from collections import Counter

import pytest
from tests.api.bulk import a_task, bulk_path, cards_of, download, order, poll, rows_of, work
from tests.api.keys import is_replay, refused
from tests.api.shop import UNKNOWN, Body, Fits, Shop, Superuser, card_path, cards_path, fingerprint, good

from kado.access.permissions import Role
from kado.cards.bulk.task import BATCH, UNFINISHED_MAX
from kado.cards.bulk.work import issue_next_batch
from kado.cards.verify import verify


async def is_clean(shop: Shop, program_id: str) -> bool:
    services = shop.api.services
    report = await verify(services.database, services.keyring, program_id=program_id)
    return not report.findings


# ── at once ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [1, 50])
async def test_few_cards_are_made_at_once(shop: Shop, fits: Fits, count: int) -> None:
    program = await shop.program()
    answer = await order(shop, program_id=program, count=count, designTemplate="xmas", isPhysical=True)
    body = fits("BulkIssuanceSyncResponse", good(answer, 201))
    assert (body["issuedCount"], body["failedCount"], len(body["cards"])) == (count, 0, count)
    assert len({card["cardNumber"] for card in body["cards"]}) == count == await cards_of(shop, program)
    for summary in (body["cards"][0], body["cards"][-1]):
        card = fits("GiftCardResponse", await shop.look({"programId": program, **summary}))
        assert {name: card[name] for name in summary} == summary
        assert (card["status"], card["balance"], card["initialValue"]) == ("pending", "0.00", "25.00")
        assert (card["merchantId"], card["merchantName"]) == (shop.merchant_id, shop.merchant_name)
        assert (card["designTemplate"], card["isPhysical"], card["customerEmail"]) == ("xmas", True, None)
        (entry,) = await shop.entries(card)
        assert (entry["transactionType"], entry["amount"]) == ("PURCHASE", "0.00")
    assert await is_clean(shop, program)


async def test_a_card_of_many_is_a_card_like_any_other(shop: Shop) -> None:
    body = good(await order(shop, count=2), 201)
    card = {"programId": shop.program_id, **body["cards"][1]}
    good(await shop.post(card_path(card, "activate"), {}))
    good(await shop.redeem(card, "25.00"))
    assert (await shop.look(card))["status"] == "depleted"


async def test_one_card_more_is_a_task(shop: Shop, fits: Fits) -> None:
    program = await shop.program()
    body = fits("BulkIssuanceAsyncResponse", good(await order(shop, program_id=program, count=51), 202))
    assert body["status"] == "pending"
    waiting = fits("BulkIssuanceTaskStatus", await poll(shop, body["taskId"], program_id=program))
    nothing = dict.fromkeys(["cards", "csvDownloadUrl", "failedCount", "error", "completedAt"])
    assert waiting == {"taskId": body["taskId"], "status": "pending", "issuedCount": 0, **nothing}
    assert await cards_of(shop, program) == 0
    await work(shop)
    done = fits("BulkIssuanceTaskStatus", await poll(shop, body["taskId"], program_id=program))
    assert (done["status"], done["issuedCount"], done["failedCount"], done["error"]) == ("completed", 51, None, None)
    assert len({card["cardNumber"] for card in done["cards"]}) == 51 == await cards_of(shop, program)
    assert done["csvDownloadUrl"].startswith(f"https://cards.flowers.example{bulk_path(program, body['taskId'])}/csv/")
    assert await is_clean(shop, program)


async def test_a_task_is_done_in_batches_and_shows_how_far_it_is(shop: Shop) -> None:
    program = await shop.program()
    task = await a_task(shop, program_id=program, count=2 * BATCH + 1)
    services, seen = shop.api.services, []
    while await issue_next_batch(services.database, services.keyring):
        shown = await poll(shop, task, program_id=program)
        seen.append((shown["status"], shown["issuedCount"], await cards_of(shop, program)))
    assert seen == [(status, count, count) for status, count in (
        ("processing", BATCH), ("processing", 2 * BATCH), ("completed", 2 * BATCH + 1)
    )]  # fmt: skip
    assert await is_clean(shop, program)


async def test_who_waits_longest_is_next(shop: Shop) -> None:
    """A task of a million cards does not hold up one of sixty."""
    first, second = [await a_task(shop, count=BATCH + 1), await a_task(shop, count=60)]
    services = shop.api.services
    for _ in range(2):
        await issue_next_batch(services.database, services.keyring)
    assert [(await poll(shop, task))["status"] for task in (first, second)] == ["processing", "completed"]
    await work(shop)


# ── recipients ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_each_recipient_gets_a_card_and_one_message(shop: Shop, fits: Fits) -> None:
    people = [
        {"customerEmail": "Ada@EXAMPLE.com", "customerPhone": "+49 (30) 901-820", "customerName": "Ada"},
        {"customerPhone": "+4930901821", "senderName": "Bob", "customMessage": "Hello\nyou"},
        {"customerName": "nobody can be reached"},
        {},
    ]
    body = fits("BulkIssuanceSyncResponse", good(await order(shop, recipients=people), 201))
    assert (body["issuedCount"], body["csvDownloadUrl"]) == (4, None)
    cards = [await shop.look({"programId": shop.program_id, **card}) for card in body["cards"]]
    names = ("customerEmail", "customerPhone", "customerName", "senderName", "customMessage")
    assert [[card[name] for name in names] for card in cards] == [
        ["Ada@example.com", "+4930901820", "Ada", None, None],
        [None, "+4930901821", None, "Bob", "Hello\nyou"],
        [None, None, "nobody can be reached", None, None],
        [None] * 5,
    ]
    sent = [[(m["channel"], m["recipient"], m["state"]) for m in await shop.messages(card)] for card in cards]
    assert sent == [[("email", "Ada@example.com", "queued")], [("sms", "+4930901821", "queued")], [], []]


async def test_a_task_has_its_recipients_and_forgets_them(shop: Shop, thief: Superuser) -> None:
    people = [{"customerEmail": f"ida{at}@example.com", "senderName": "Bo"} for at in range(60)]
    task = good(await order(shop, recipients=people), 202)["taskId"]
    assert await thief.fetchval("SELECT count(recipients) FROM bulk_batch WHERE task_id = $1", task) == 1
    await work(shop)
    shown = await poll(shop, task)
    assert (shown["status"], shown["issuedCount"], shown["csvDownloadUrl"]) == ("completed", 60, None)
    cards = [await shop.look({"programId": shop.program_id, **card}) for card in shown["cards"]]
    assert [card["customerEmail"] for card in cards] == [person["customerEmail"] for person in people]
    assert [len(await shop.messages(card)) for card in cards] == [1] * 60
    assert await thief.fetchval("SELECT count(recipients) FROM bulk_batch WHERE task_id = $1", task) == 0


async def test_a_merchant_has_so_many_unfinished_tasks_at_most(shop: Shop) -> None:
    """However many are ordered at once. Those of others do not count, small ones go on, and a place comes free."""
    await work(shop)
    program = await shop.program()
    ordered = await asyncio.gather(*[order(shop, program_id=program, count=51, key=f"order-{at}") for at in range(16)])
    assert Counter(answer.status_code for answer in ordered) == {202: UNFINISHED_MAX, 429: 6}
    refused_at = next(at for at, answer in enumerate(ordered) if answer.status_code == 429)
    refusal = ordered[refused_at]
    assert (good(refusal, 429)["code"], refusal.headers["retry-after"]) == ("too_many_bulk_issues", "30")
    again = next(at for at, answer in enumerate(ordered) if answer.status_code == 202)
    assert is_replay(await order(shop, program_id=program, count=51, key=f"order-{again}"), ordered[again])
    good(await order(shop, program_id=program, count=2), 201)
    merchant, token = await shop.stranger()
    theirs = str(good(await shop.post("/v2/programs", {"name": "Theirs"}, token=token), 201)["id"])
    assert merchant != shop.merchant_id
    good(await order(shop, program_id=theirs, token=token, count=51), 202)
    await work(shop)
    # What was refused is not the answer for good.
    good(await order(shop, program_id=program, count=51, key=f"order-{refused_at}"), 202)
    await work(shop)


# ── what is refused ────────────────────────────────────────────────────────────────────────────────────────────────

ONE = {"customerName": "Ada"}


@pytest.mark.parametrize(
    ("members", "loc"),
    [
        ({}, ["count"]),
        ({"count": None, "recipients": None}, ["count"]),
        ({"count": 1, "recipients": [ONE]}, ["recipients"]),
        ({"count": 0}, ["count"]),
        ({"count": -1}, ["count"]),
        ({"count": 1.5}, ["count"]),
        ({"count": 1.0}, ["count"]),
        ({"count": True}, ["count"]),
        ({"count": "5"}, ["count"]),
        ({"count": 1_000_001}, ["count"]),
        ({"count": 10**30}, ["count"]),
        ({"recipients": []}, ["recipients"]),
        ({"recipients": [ONE] * 10_001}, ["recipients"]),
        ({"recipients": ONE}, ["recipients"]),
        ({"recipients": [ONE, 5]}, ["recipients", 1]),
        ({"recipients": [ONE, {"customerEmail": "nobody"}]}, ["recipients", 1, "customerEmail"]),
        ({"recipients": [ONE, ONE, {"customerPhone": "0301"}]}, ["recipients", 2, "customerPhone"]),
        ({"recipients": [{"customerEmail": 5}]}, ["recipients", 0, "customerEmail"]),
        ({"recipients": [ONE, {"customerName": "x" * 256}]}, ["recipients", 1, "customerName"]),
        ({"recipients": [ONE, {"customMessage": "x" * 501}]}, ["recipients", 1, "customMessage"]),
        ({"recipients": [{"senderName": "a\nb"}]}, ["recipients", 0, "senderName"]),
        ({"count": 2, "initialValue": "10001"}, ["initialValue"]),
        ({"count": 2, "initialValue": "0"}, ["initialValue"]),
        ({"count": 60, "initialValue": "1.001"}, ["initialValue"]),
        ({"count": 2, "expiresAt": "2001-01-01T00:00:00Z"}, ["expiresAt"]),
        ({"count": 60, "expiresAt": "2001-01-01T00:00:00Z"}, ["expiresAt"]),
        ({"count": 60, "expiresAt": "2099-01-01T00:00:00Z"}, ["expiresAt"]),
        ({"count": 2, "designTemplate": "x" * 101}, ["designTemplate"]),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_by_its_name(
    shop: Shop, thief: Superuser, members: Body, loc: list[str | int]
) -> None:
    before = await fingerprint(thief)
    answer = good(await order(shop, **members), 422)
    assert answer["detail"][0]["loc"][: len(loc) + 1] == ["body", *loc], answer
    assert "nobody" not in str(answer)
    assert await fingerprint(thief) == before


async def test_the_programs_limits_hold_for_many_as_for_one(shop: Shop) -> None:
    program = await shop.program(minInitialValue="5.00", maxInitialValue="20.00")
    for count in (2, 60):
        refused_order = good(await order(shop, program_id=program, count=count), 422)
        assert (refused_order["code"], refused_order["detail"][0]["loc"]) == (
            "amount_out_of_range",
            ["body", "initialValue"],
        )


async def test_a_rule_that_changes_meanwhile_ends_the_task_and_keeps_what_was_issued(shop: Shop, fits: Fits) -> None:
    program = await shop.program()
    task = await a_task(shop, program_id=program, count=2 * BATCH)
    services = shop.api.services
    assert await issue_next_batch(services.database, services.keyring)
    good(await shop.call("PUT", f"/v2/loyalty/programs/{program}", {"maxInitialValue": "20.00"}))
    await work(shop)
    shown = fits("BulkIssuanceTaskStatus", await poll(shop, task, program_id=program))
    assert (shown["status"], shown["issuedCount"], shown["failedCount"]) == ("failed", BATCH, BATCH)
    assert shown["error"] == "A card of this program is issued for 0.01 to 20.00 USD."
    assert (len(shown["cards"]), await cards_of(shop, program)) == (BATCH, BATCH)
    assert len(rows_of(await download(shop, shown["csvDownloadUrl"]))) == BATCH
    assert await is_clean(shop, program)


async def test_what_breaks_a_batch_ends_its_task_alone(shop: Shop, thief: Superuser) -> None:
    broken, sound = await a_task(shop), await a_task(shop)
    await thief.execute("UPDATE bulk_batch SET recipients = '[[1, 2, 3, 4, 5, 6]]' WHERE task_id = $1", broken)
    await work(shop)
    shown = await poll(shop, broken)
    assert (shown["status"], shown["issuedCount"], shown["failedCount"]) == ("failed", 0, 51)
    assert shown["error"] == "an error in the program (TypeError)"
    assert (await poll(shop, sound))["status"] == "completed"


async def test_numbers_that_exist_are_drawn_anew_until_there_are_none_left(shop: Shop, thief: Superuser) -> None:
    program = await shop.program()
    await thief.execute("ALTER TABLE program DROP CONSTRAINT program_number_prefix_check")
    await thief.execute("UPDATE program SET number_prefix = $2 WHERE id = $1", program, "4" * 14)  # leaves ten numbers
    made = good(await order(shop, program_id=program, count=5), 201)
    assert len({card["cardNumber"] for card in made["cards"]}) == 5
    assert good(await order(shop, program_id=program, count=6), 400)["code"] == "numbers_exhausted"
    task = await a_task(shop, program_id=program)
    await work(shop)
    shown = await poll(shop, task, program_id=program)
    assert (shown["status"], shown["issuedCount"]) == ("failed", 0)
    assert "hardly any card numbers left" in shown["error"]
    assert await cards_of(shop, program) == 5


# ── keys ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [3, 60])
async def test_a_repetition_gets_the_first_answer_and_no_more_cards(shop: Shop, count: int) -> None:
    program, key = await shop.program(), f"bulk-{count}"
    first = await order(shop, program_id=program, count=count, key=key)
    assert is_replay(await order(shop, program_id=program, count=count, key=key), first)
    await work(shop)
    assert is_replay(await order(shop, program_id=program, count=count, key=key), first)
    assert await cards_of(shop, program) == count
    others: list[Body] = [{"count": count + 1}, {"count": count, "initialValue": "26.00"}, {"recipients": [{}] * count}]
    for other in others:
        refused(await order(shop, program_id=program, key=key, **other), "idempotency_key_reused")
    assert await work(shop) == 0
    assert await cards_of(shop, program) == count


@pytest.mark.parametrize("count", [3, 60])
async def test_a_key_whose_answer_is_gone_still_issues_nothing(shop: Shop, thief: Superuser, count: int) -> None:
    program = await shop.program()
    await order(shop, program_id=program, count=count, key="old")
    await work(shop)
    await thief.execute("DELETE FROM idempotency_key WHERE program_id = $1", program)
    refused(await order(shop, program_id=program, count=count, key="old"), "idempotency_key_expired")
    assert await cards_of(shop, program) == count


async def test_the_same_key_at_once_makes_one_task(shop: Shop) -> None:
    program = await shop.program()
    answers = await asyncio.gather(*(order(shop, program_id=program, count=60, key="once") for _ in range(20)))
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    await work(shop)
    assert await cards_of(shop, program) == 60


async def test_without_a_key_each_order_counts(shop: Shop) -> None:
    program = await shop.program()
    for _ in range(2):
        good(await order(shop, program_id=program, count=3), 201)
    assert await cards_of(shop, program) == 6


async def test_a_program_may_require_a_key(shop: Shop) -> None:
    program = await shop.program(requireIdempotencyKey=True)
    assert good(await order(shop, program_id=program, count=3), 422)["code"] == "idempotency_key_required"
    good(await order(shop, program_id=program, count=3, key="given"), 201)


async def test_two_workers_make_no_card_too_many(shop: Shop) -> None:
    program = await shop.program()
    task = await a_task(shop, program_id=program, count=2 * BATCH + 3)
    await asyncio.gather(*(work(shop) for _ in range(4)))
    await work(shop)
    assert (await poll(shop, task, program_id=program))["status"] == "completed"
    assert await cards_of(shop, program) == 2 * BATCH + 3


# ── whose it is ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_task_of_another_program_and_none_at_all_are_unknown_alike(shop: Shop) -> None:
    task, program = await a_task(shop), await shop.program()
    answers = [
        await shop.get(bulk_path(program, task)),
        await shop.get(bulk_path(shop.program_id, UNKNOWN)),
        *[await shop.get(bulk_path(shop.program_id, wrong)) for wrong in ("x" * 200, "%00", "%C3%A4", "%ff", "' OR 1")],
        await shop.get(bulk_path(shop.program_id, task), token=await shop.key(is_test=True)),
        await shop.post(bulk_path(program, task, link=True)),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
    assert answers[0].json()["code"] == "task_not_found"
    await work(shop)


async def test_a_test_key_makes_test_cards(shop: Shop) -> None:
    test_key = await shop.key(is_test=True)
    body = good(await order(shop, count=1, token=test_key), 201)
    task = good(await order(shop, count=51, token=test_key), 202)["taskId"]
    await work(shop)
    shown = await poll(shop, task, token=test_key)
    for card in (body["cards"][0], shown["cards"][50]):
        assert (await shop.stored({"programId": shop.program_id, **card}, is_test=True)).is_test is True
        assert (await shop.get(card_path({"programId": shop.program_id, **card}))).status_code == 404


async def test_who_ordered_what_is_in_the_audit_log(shop: Shop, thief: Superuser) -> None:
    task = await a_task(shop)
    row = await thief.fetchrow("SELECT actor, action, details::text FROM audit_log WHERE subject = $1", task)
    assert row is not None
    assert row["actor"].startswith("key:")
    assert (row["action"], row["details"]) == ("bulk:ordered", '{"cards": 51, "value": "25.00"}')
    await work(shop)


# ── large bodies ───────────────────────────────────────────────────────────────────────────────────────────────────


def crowd(count: int) -> Body:
    people = [{"customerName": f"Guest {at}", "customMessage": "x" * 500} for at in range(count)]
    return {"initialValue": "5.00", "recipients": people}


async def test_thousands_of_recipients_fit_into_one_order(shop: Shop) -> None:
    program = await shop.program()
    task = good(await shop.post(bulk_path(program), crowd(2000)), 202)["taskId"]
    await work(shop)
    shown = await poll(shop, task, program_id=program)
    assert (shown["status"], len(shown["cards"])) == ("completed", 2000)
    assert (await shop.look({"programId": program, **shown["cards"][1999]}))["customerName"] == "Guest 1999"


async def test_too_many_recipients_are_counted_before_any_of_them_is_looked_at(shop: Shop) -> None:
    refused = good(await shop.post(bulk_path(shop.program_id), {"initialValue": 0, "recipients": [1] * 10_001}), 422)
    assert refused["code"] == "too_many_cards"
    assert [error["loc"] for error in refused["detail"]] == [["body", "recipients"]]


async def test_a_large_body_is_read_there_only_and_from_those_who_may(shop: Shop) -> None:
    _, admitted = await shop.admitted()
    large = crowd(200)
    strangers = [None, "kado_live_" + "x" * 43, await shop.key(Role.CASHIER)]
    answers = [await shop.post(bulk_path(shop.program_id), large, token=token) for token in strangers]
    answers.append(await shop.post(cards_path(shop.program_id), large))
    answers.append(await shop.post(bulk_path(shop.program_id) + "/", large))
    for answer in answers:
        assert (answer.status_code, answer.json()["maxBytes"]) == (413, 65536)
    too_large = good(await shop.post(bulk_path(shop.program_id), content=b" " * (8 * 1024 * 1024 + 1)), 413)
    assert too_large["maxBytes"] == 8 * 1024 * 1024
    assert (await shop.post(bulk_path(shop.program_id), large, token=admitted)).status_code == 403
