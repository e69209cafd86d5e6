"""The file of a bulk issue: who gets it, how often, and what its codes are worth."""

import re
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.api.bulk import a_task, bulk_path, download, order, path_of, poll, rows_of, work
from tests.api.shop import UNKNOWN, Body, Shop, Superuser, card_path, good
from tests.serving.working import until

from kado.cards.bulk import download as files
from kado.cards.bulk.task import BATCH

MANY = 8 * BATCH  # more than the buffers of a connection hold whose other end does not read


async def issued(shop: Shop, count: int = 2, **members: Any) -> Body:
    """Cards that were made at once, with their link."""
    return good(await order(shop, count=count, **members), 201)


async def ended(shop: Shop, count: int) -> Body:
    """A task that was worked off, as the poll shows it."""
    task = await a_task(shop, count=count)
    await work(shop)
    return await poll(shop, task)


def task_of(url: str) -> str:
    return path_of(url).split("/")[-3]


async def begun(shop: Shop, url: str) -> files.Download:
    """A download that another process has begun."""
    services = shop.api.services
    reach = await services.reaches.reach(shop.program_id, shop.merchant_id)
    caller = await services.access.authenticate(f"Bearer {shop.owner}")
    token = path_of(url).split("/")[-1]
    return await files.begin(services.database, services.keyring, reach.program, task_of(url), token, caller)


async def is_right(shop: Shop, row: dict[str, str]) -> bool:
    card = {"programId": shop.program_id, "cardNumber": row["number"]}
    return (await shop.check(card, row["code"])).status_code == 200


# ── what is in it ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_file_has_the_cards_in_order_with_codes_that_are_right(shop: Shop) -> None:
    made = await issued(shop, 3, expiresAt="2028-02-29T00:00:00Z")
    answer = await download(shop, made["csvDownloadUrl"])
    rows = rows_of(answer)
    assert [[row["cardId"], row["number"], row["lastFourDigits"]] for row in rows] == [
        [card["id"], card["cardNumber"], card["lastFourDigits"]] for card in made["cards"]
    ]
    assert {(row["value"], row["currency"], row["expiresAt"]) for row in rows} == {
        ("25.00", "USD", "2028-02-29T00:00:00Z")
    }
    assert all(re.fullmatch("[0-9]{6}", row["code"]) for row in rows)
    assert all([await is_right(shop, row) for row in rows])
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["cache-control"] == "no-store"
    task = task_of(made["csvDownloadUrl"])
    assert answer.headers["content-disposition"] == f'attachment; filename="gift-cards-{task}.csv"'


async def test_no_cell_is_a_formula(shop: Shop) -> None:
    program = await shop.program(securityCodeFormat="letters")
    made = good(await order(shop, program_id=program, count=20), 201)
    answer = await download(shop, made["csvDownloadUrl"])
    for line in answer.text.splitlines()[1:]:
        assert all(re.fullmatch("[0-9A-Za-z.:-]+", cell) and cell[0].isalnum() for cell in line.split(","))
    assert all(re.fullmatch("[3-9A-Z]{6}", row["code"]) for row in rows_of(answer))


async def test_no_code_exists_before_the_file_is_fetched(shop: Shop, thief: Superuser) -> None:
    made = await issued(shop)
    ids = [card["id"] for card in made["cards"]]
    count = "SELECT count(code_hash) FROM card WHERE id = ANY($1)"
    assert await thief.fetchval(count, ids) == 0
    rows_of(await download(shop, made["csvDownloadUrl"]))
    assert await thief.fetchval(count, ids) == 2


async def test_a_card_from_the_file_gives_nothing_away_until_it_is_activated(shop: Shop) -> None:
    made = await issued(shop, isPhysical=True)
    (row, _) = rows_of(await download(shop, made["csvDownloadUrl"]))
    card = {"programId": shop.program_id, "id": row["cardId"], "cardNumber": row["number"]}
    seen = good(await shop.check(card, row["code"]))
    assert (seen["balance"], seen["status"], seen["isActive"]) == ("0.00", "pending", False)
    for action, body in (("redeem", {"amount": "1.00"}), ("reload", {"amount": "1.00"})):
        refused = good(await shop.post(card_path(card, action), body), 400)
        assert (refused["code"], refused["status"]) == ("card_not_active", "pending")
    active = good(await shop.post(card_path(card, "activate"), {"securityCode": row["code"]}))
    assert active["balance"] == "25.00"
    assert good(await shop.check(card, row["code"]))["balance"] == "25.00"


async def test_cards_that_are_in_use_or_at_an_end_get_no_code(shop: Shop) -> None:
    made = await issued(shop, 4)
    cards = [await shop.look({"programId": shop.program_id, **card}) for card in made["cards"]]
    good(await shop.post(card_path(cards[0], "activate"), {}))
    code = await shop.code_of(cards[0])
    good(await shop.post(card_path(cards[1], "void"), {"reason": "misprinted"}))
    await shop.expire(cards[2])
    rows = rows_of(await download(shop, made["csvDownloadUrl"]))
    assert [bool(row["code"]) for row in rows] == [False, False, False, True]
    assert good(await shop.check(cards[0], code))["balance"] == "25.00"


async def test_a_code_that_was_sent_to_somebody_is_not_made_void_by_the_file(shop: Shop) -> None:
    people = [{"customerEmail": "ada@example.com"}, {"customerName": "at the counter"}]
    made = good(await order(shop, recipients=people, isPhysical=True), 201)
    code = await shop.code_of({"programId": shop.program_id, **made["cards"][0]})
    rows = rows_of(await download(shop, made["csvDownloadUrl"]))
    assert [bool(row["code"]) for row in rows] == [False, True]
    good(await shop.check({"programId": shop.program_id, **made["cards"][0]}, code))
    assert await is_right(shop, rows[1])


# ── how often ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_link_works_once(shop: Shop) -> None:
    made = await ended(shop, BATCH + 5)
    rows = rows_of(await download(shop, made["csvDownloadUrl"]))
    assert [row["cardId"] for row in rows] == [card["id"] for card in made["cards"]]
    assert len({row["number"] for row in rows}) == BATCH + 5
    assert good(await download(shop, made["csvDownloadUrl"]), 404)["code"] == "file_not_found"
    assert (await poll(shop, made["taskId"]))["csvDownloadUrl"] is None
    assert await is_right(shop, rows[-1])


async def test_a_link_ends_after_three_days(shop: Shop, thief: Superuser) -> None:
    made = await issued(shop)
    task = task_of(made["csvDownloadUrl"])
    ends = await thief.fetchval("SELECT extract(epoch FROM link_expires_at - now()) FROM bulk_task WHERE id = $1", task)
    assert 71.9 * 3600 < ends <= 72 * 3600
    await thief.execute("UPDATE bulk_task SET link_expires_at = now() WHERE id = $1", task)
    assert good(await download(shop, made["csvDownloadUrl"]), 404)["code"] == "file_not_found"
    assert (await poll(shop, task))["csvDownloadUrl"] is None


async def test_of_two_downloads_at_once_one_waits(shop: Shop) -> None:
    made = await issued(shop)
    other = await begun(shop, made["csvDownloadUrl"])
    assert good(await download(shop, made["csvDownloadUrl"]), 409)["code"] == "download_under_way"
    await files.let_go(shop.api.services.database, other)
    assert len(rows_of(await download(shop, made["csvDownloadUrl"]))) == 2


async def test_a_download_that_fell_silent_makes_room_and_makes_no_more_codes(shop: Shop, thief: Superuser) -> None:
    made = await issued(shop)
    services, silent = shop.api.services, await begun(shop, made["csvDownloadUrl"])
    await thief.execute("UPDATE bulk_task SET download_until = now() WHERE id = $1", silent.task.id)
    rows = rows_of(await download(shop, made["csvDownloadUrl"]))
    late = files.lines(services.database, services.keyring, silent)
    assert await anext(late) == files.HEADER
    with pytest.raises(Exception, match="being downloaded"):
        await anext(late)
    assert await is_right(shop, rows[0])


async def test_a_download_that_broke_off_is_repeated_with_new_codes(shop: Shop) -> None:
    made = await ended(shop, MANY)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", shop.api.port))
        path = urlsplit(made["csvDownloadUrl"]).path
        slow.sendall(f"GET {path} HTTP/1.1\r\nHost: kado\r\nAuthorization: Bearer {shop.owner}\r\n\r\n".encode())
        await until(lambda: code_hash(shop, made["cards"][0]))
        assert await is_busy(shop, made["taskId"])
    await until(lambda: is_free(shop, made["taskId"]))
    broken = await code_hash(shop, made["cards"][0])
    rows = rows_of(await download(shop, made["csvDownloadUrl"]))
    assert len(rows) == MANY
    assert await code_hash(shop, made["cards"][0]) != broken
    assert await is_right(shop, rows[0])


async def code_hash(shop: Shop, card: Body) -> object:
    return await shop.superuser.fetchval("SELECT code_hash FROM card WHERE id = $1", card["id"])


async def is_busy(shop: Shop, task: str) -> bool:
    """Whether a download is under way, the link of which is not used up."""
    row = await shop.superuser.fetchrow("SELECT download, link FROM bulk_task WHERE id = $1", task)
    assert row is not None
    assert row["link"] is not None, "it counts as complete"
    return row["download"] is not None


async def is_free(shop: Shop, task: str) -> bool:
    return not await is_busy(shop, task)


# ── whose ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_link_opens_nothing_for_others(shop: Shop, thief: Superuser) -> None:
    made = await issued(shop)
    path, program = path_of(made["csvDownloadUrl"]), await shop.program()
    _, admitted = await shop.admitted()
    assert (await shop.get(path, token=None)).status_code == 401
    assert (await shop.get(path, token=admitted)).json()["code"] == "permission_denied"
    assert (await shop.get(path, token=(await shop.stranger())[1])).json()["code"] == "program_forbidden"
    wrong = [
        await shop.get(path, token=await shop.key(is_test=True)),
        await shop.get(path.replace(shop.program_id, program)),
        await shop.get(path[:-1] + ("0" if path[-1] != "0" else "1")),
        await shop.get(path[:-64] + "%C3%A4"),
        await shop.get(bulk_path(shop.program_id, UNKNOWN, link=True) + path[path.rindex("/") :]),
    ]
    assert {(answer.status_code, answer.content) for answer in wrong} == {(404, wrong[0].content)}
    assert await thief.fetchval("SELECT count(*) FROM audit_log WHERE action = 'bulk:codes-taken' AND subject = $1",
                                task_of(path)) == 0  # fmt: skip
    rows_of(await shop.get(path))
    assert await thief.fetchval("SELECT count(*) FROM audit_log WHERE action = 'bulk:codes-taken' AND subject = $1",
                                task_of(path)) == 1  # fmt: skip


async def test_the_database_holds_no_link(shop: Shop, thief: Superuser) -> None:
    token = path_of((await issued(shop))["csvDownloadUrl"]).rsplit("/", 1)[1]
    assert re.fullmatch("[0-9a-f]{64}", token)
    row = await thief.fetchrow("SELECT * FROM bulk_task WHERE link IS NOT NULL ORDER BY created_at DESC LIMIT 1")
    assert row is not None
    assert token.encode() not in row["link"]
    assert bytes.fromhex(token) not in row["link"]


# ── another link ───────────────────────────────────────────────────────────────────────────────────────────────────


async def renew(shop: Shop, task: str, status: int) -> Body:
    return good(await shop.post(bulk_path(shop.program_id, task, link=True)), status)


async def test_a_new_link_takes_the_place_of_the_old_one(shop: Shop, thief: Superuser) -> None:
    made = await issued(shop)
    task = task_of(made["csvDownloadUrl"])
    renewed = await renew(shop, task, 200)
    assert renewed["taskId"] == task
    assert (await download(shop, made["csvDownloadUrl"])).status_code == 404
    first = rows_of(await download(shop, renewed["csvDownloadUrl"]))
    second = rows_of(await download(shop, (await renew(shop, task, 200))["csvDownloadUrl"]))
    assert [await is_right(shop, row) for row in second] == [True, True]
    assert [row["number"] for row in first] == [row["number"] for row in second]
    actions = await thief.fetch("SELECT action FROM audit_log WHERE subject = $1 ORDER BY at", task)
    assert [row["action"].partition(":")[2] for row in actions] == [
        "ordered", "link-renewed", "codes-taken", "link-renewed", "codes-taken",
    ]  # fmt: skip


async def test_there_is_no_new_link_once_a_card_is_in_use(shop: Shop) -> None:
    made = await issued(shop)
    task = task_of(made["csvDownloadUrl"])
    rows_of(await download(shop, made["csvDownloadUrl"]))
    good(await shop.post(card_path({"programId": shop.program_id, **made["cards"][1]}, "activate"), {}))
    assert (await renew(shop, task, 409))["code"] == "cards_in_use"


async def test_there_is_no_link_to_a_file_that_is_not_there(shop: Shop) -> None:
    waiting = await a_task(shop, recipients=[{"customerName": "Ada"}] * 51, count=None)
    assert (await renew(shop, waiting, 409))["code"] == "task_not_ended"
    await work(shop)
    assert (await renew(shop, waiting, 409))["code"] == "no_file"
