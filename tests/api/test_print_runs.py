"""All cards of a bulk issue on paper: made in pieces, seen while they are made, fetched once, right by their codes."""

import asyncio
import io
import json
import re
import stat
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.api.bulk import a_task, bulk_path, download, order, path_of, poll, work
from tests.api.shop import UNKNOWN, Body, Shop, Superuser, card_path, good
from tests.paper_seen import pages_of
from typer.testing import CliRunner

from kado.access.permissions import Role
from kado.cards.bulk import task as tasks
from kado.doors.cli import build
from kado.paper import press, runs
from kado.paper import work as working
from kado.paper.work import forget_old_runs, print_next_piece


def paper_path(shop: Shop, task_id: str) -> str:
    return f"{bulk_path(shop.program_id, task_id)}/paper"


async def issued(shop: Shop, count: int = 3, **members: Any) -> tuple[str, Body]:
    """A bulk issue that was made at once: its id and its answer."""
    made = good(await order(shop, count=count, **members), 201)
    return path_of(made["csvDownloadUrl"]).split("/")[-3], made


async def ordered(shop: Shop, task_id: str, body: Body | None = None, **options: Any) -> httpx2.Response:
    return await shop.post(paper_path(shop, task_id), body or {}, **options)


async def printed(shop: Shop) -> int:
    """Do what a worker would; how many pieces that were."""
    services, pieces = shop.api.services, 0
    while await print_next_piece(services.database, services.keyring, services.settings.public_url):
        pieces += 1
    return pieces


async def polled(shop: Shop, task_id: str) -> Body:
    return good(await shop.get(paper_path(shop, task_id)))


async def is_right(shop: Shop, number: str, code: str) -> bool:
    return (await shop.check({"programId": shop.program_id, "cardNumber": number}, code)).status_code == 200


def codes_on(words: str) -> list[str]:
    return re.findall(r"(?m)^([0-9]{6})\r?$", words)


async def test_a_run_has_every_card_with_a_code_that_is_right(shop: Shop) -> None:
    task_id, made = await issued(shop, 3)
    begun = good(await ordered(shop, task_id), 202)
    assert begun == {
        "taskId": task_id, "status": "pending", "printedCount": 0, "totalCount": 3, "format": "label",
        "downloadUrl": None, "expiresAt": None, "error": None,
    }  # fmt: skip
    assert await printed(shop) == 1
    there = await polled(shop, task_id)
    assert (there["status"], there["printedCount"]) == ("completed", 3)
    answer = await download(shop, there["downloadUrl"])
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="gift-cards-{task_id}.pdf"'
    (page,) = pages_of(answer.content)
    numbers = [card["cardNumber"] for card in made["cards"]]
    assert sorted(page.codes["Code 128"]) == sorted(numbers)
    codes = codes_on(page.words)
    assert len(codes) == 3
    assert all([await is_right(shop, number, code) for number, code in zip(numbers, codes, strict=True)])


async def test_what_was_fetched_is_gone(shop: Shop) -> None:
    task_id, _ = await issued(shop)
    good(await ordered(shop, task_id), 202)
    await printed(shop)
    url = (await polled(shop, task_id))["downloadUrl"]
    assert (await download(shop, url)).status_code == 200
    assert (await download(shop, url)).status_code == 404
    assert (await shop.get(paper_path(shop, task_id))).status_code == 404
    assert await shop.superuser.fetchval("SELECT count(*) FROM print_piece") == 0


async def test_no_number_and_no_code_can_be_read_in_the_database(shop: Shop, thief: Superuser) -> None:
    task_id, _ = await issued(shop)
    good(await ordered(shop, task_id), 202)
    await printed(shop)
    (row,) = await thief.fetch("SELECT * FROM print_piece")
    assert b"PDF" not in row["content"]
    assert "code" not in json.dumps([str(one) for one in await thief.fetch("SELECT * FROM print_run")])


async def test_many_cards_are_many_pieces_and_their_progress_can_be_seen(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "BATCH", 20)
    task_id = await a_task(shop, count=51)
    assert (await ordered(shop, task_id)).json()["code"] == "task_not_ended"
    await work(shop)
    good(await ordered(shop, task_id, {"format": "folded"}), 202)
    services = shop.api.services
    seen = []
    while await print_next_piece(services.database, services.keyring, services.settings.public_url, task_id):
        seen.append((await polled(shop, task_id))["printedCount"])
    assert seen == [20, 40, 51]
    answer = await download(shop, (await polled(shop, task_id))["downloadUrl"])
    assert answer.headers["content-type"] == "application/zip"
    file = zipfile.ZipFile(io.BytesIO(answer.content))
    assert file.testzip() is None
    assert file.namelist() == [f"gift-cards-000{number}.pdf" for number in (1, 2, 3)]
    (first,) = pages_of(file.read("gift-cards-0001.pdf"), first=1)
    assert len(first.codes["QR Code"]) == 1


async def test_the_csv_file_and_paper_take_each_other_s_place(shop: Shop) -> None:
    task_id, made = await issued(shop)
    good(await ordered(shop, task_id), 202)
    assert (await download(shop, made["csvDownloadUrl"])).status_code == 404
    await printed(shop)
    url = (await polled(shop, task_id))["downloadUrl"]
    link = good(await shop.post(bulk_path(shop.program_id, task_id, link=True)))
    assert (await download(shop, url)).status_code == 404
    assert (await download(shop, link["csvDownloadUrl"])).status_code == 200


async def test_a_second_order_takes_the_place_of_the_first(shop: Shop) -> None:
    task_id, _ = await issued(shop)
    good(await ordered(shop, task_id), 202)
    await printed(shop)
    first = (await polled(shop, task_id))["downloadUrl"]
    good(await ordered(shop, task_id, {"format": "a4"}), 202)
    assert (await download(shop, first)).status_code == 404
    await printed(shop)
    answer = await download(shop, (await polled(shop, task_id))["downloadUrl"])
    assert len(pages_of(answer.content)) == 3


async def test_cards_in_use_keep_their_codes(shop: Shop) -> None:
    task_id, made = await issued(shop)
    card = {"programId": shop.program_id, "id": made["cards"][0]["id"]}
    good(await shop.post(card_path(card, "activate"), {}))
    assert (await ordered(shop, task_id)).json()["code"] == "cards_in_use"


async def test_what_cannot_be_ordered(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id, _ = await issued(shop)
    assert (await ordered(shop, UNKNOWN)).status_code == 404
    assert (await shop.get(paper_path(shop, task_id))).json()["code"] == "print_run_not_found"
    for body, field in (({"format": "a5"}, "format"), ({"shiftRight": 101}, "shiftRight"), ({"size": "a3"}, "size")):
        answer = await ordered(shop, task_id, body)
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", field]
    people = good(await order(shop, recipients=[{"customerEmail": "ada@example.com"}]), 201)
    assert people["csvDownloadUrl"] is None
    mailed = await shop.superuser.fetchval(
        "SELECT id FROM bulk_task WHERE NOT has_file ORDER BY created_at DESC LIMIT 1"
    )
    assert (await ordered(shop, mailed)).json()["code"] == "no_file"
    monkeypatch.setattr(runs, "CARDS_MAX", 2)
    assert (await ordered(shop, task_id)).json()["code"] == "print_run_too_large"


async def test_whoever_may_not_issue_in_bulk_gets_no_paper(shop: Shop) -> None:
    task_id, _ = await issued(shop)
    _, cashier = await shop.somebody(Role.CASHIER)
    assert (await ordered(shop, task_id, token=cashier)).status_code == 403
    assert (await ordered(shop, task_id, token=(await shop.stranger())[1])).status_code == 403
    good(await ordered(shop, task_id), 202)
    await printed(shop)
    url = (await polled(shop, task_id))["downloadUrl"]
    assert (await download(shop, url, token=None)).status_code == 401
    assert (await download(shop, url[:-1] + "x")).status_code == 404


async def test_two_workers_share_a_run_and_print_nothing_twice(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "BATCH", 26)
    task_id = await a_task(shop, count=51)
    await work(shop)
    made = await poll(shop, task_id)
    good(await ordered(shop, task_id), 202)
    await asyncio.gather(printed(shop), printed(shop))
    await printed(shop)
    answer = await download(shop, (await polled(shop, task_id))["downloadUrl"])
    file = zipfile.ZipFile(io.BytesIO(answer.content))
    pages = [page for name in file.namelist() for page in pages_of(file.read(name))]
    seen = [number for page in pages for number in page.codes["Code 128"]]
    assert sorted(seen) == sorted(card["cardNumber"] for card in made["cards"])


async def test_a_piece_whose_worker_died_is_printed_by_another_with_codes_that_are_right(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id, made = await issued(shop, 2)
    good(await ordered(shop, task_id), 202)

    async def killed(*_: object) -> bytes:
        raise asyncio.CancelledError

    services = shop.api.services
    with monkeypatch.context() as broken:
        broken.setattr(working, "press", killed)
        with pytest.raises(asyncio.CancelledError):
            await print_next_piece(services.database, services.keyring, services.settings.public_url)
    assert await printed(shop) == 0, "its claim lasts for a while"
    await shop.superuser.execute("UPDATE print_run SET claimed_until = now() - interval '1 s'")
    assert await printed(shop) == 1
    (page,) = pages_of((await download(shop, (await polled(shop, task_id))["downloadUrl"])).content)
    pairs = zip((card["cardNumber"] for card in made["cards"]), codes_on(page.words), strict=True)
    assert all([await is_right(shop, number, code) for number, code in pairs])


async def test_a_run_that_cannot_be_printed_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id, _ = await issued(shop)
    good(await ordered(shop, task_id), 202)

    async def jammed(*_: object) -> bytes:
        raise press.PressFailed("paper jam 4000123412341238")

    monkeypatch.setattr(working, "press", jammed)
    assert await printed(shop) == 1
    there = await polled(shop, task_id)
    assert (there["status"], there["error"]) == ("failed", "an error in the program (PressFailed)")


async def test_runs_that_nobody_fetches_are_forgotten(shop: Shop) -> None:
    task_id, _ = await issued(shop)
    good(await ordered(shop, task_id), 202)
    await printed(shop)
    await forget_old_runs(shop.api.services.database)
    assert (await polled(shop, task_id))["status"] == "completed"
    await shop.superuser.execute("UPDATE print_run SET expires_at = now() - interval '1 s'")
    assert await forget_old_runs(shop.api.services.database) >= 1
    assert await shop.superuser.fetchval("SELECT count(*) FROM print_piece") == 0


async def test_the_log_says_who_took_which_numbers(shop: Shop) -> None:
    task_id, made = await issued(shop)
    good(await ordered(shop, task_id), 202)
    await printed(shop)
    await download(shop, (await polled(shop, task_id))["downloadUrl"])
    rows = await shop.superuser.fetch(
        "SELECT action, details FROM audit_log WHERE subject = $1 AND action LIKE 'bulk:paper%' ORDER BY at", task_id
    )
    assert [row["action"] for row in rows] == ["bulk:paper-ordered", "bulk:paper-taken"]
    looks = await shop.superuser.fetch(
        "SELECT details FROM audit_log WHERE action = 'pii_access' AND program_id = $1 ORDER BY at DESC LIMIT 1",
        shop.program_id,
    )
    assert json.loads(looks[0]["details"])["cards"] == [card["id"] for card in made["cards"]]


async def test_the_command_line_prints_too(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id, made = await issued(shop, 2)
    out = tmp_path / "cards.pdf"
    settings = replace(shop.api.services.settings, database_url=shop.api.url)
    monkeypatch.setattr("kado.settings.load", lambda **_: settings)
    said = await asyncio.to_thread(
        CliRunner().invoke, build(lambda: None), ["card", "print", task_id, "--out", str(out), "--format", "a4"]
    )
    assert said.exit_code == 0, said.output
    assert said.output.splitlines()[:2] == ["0 of 2 cards printed", "2 of 2 cards printed"]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    seen = [page.codes["Code 128"][0] for page in pages_of(out.read_bytes())]
    assert seen == [card["cardNumber"] for card in made["cards"]]
