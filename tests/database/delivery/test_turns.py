"""Whose turn a message is: leases, the order of codes of one card, lost jobs."""

import asyncio
from datetime import timedelta

from tests.database.delivery.conftest import MakeSender
from tests.database.delivery.servers import MailServer, code_in
from tests.database.delivery.shop import ACard, Shop

from kado.cards.numbers import code_matches
from kado.crypto import Keyring
from kado.delivery import messages
from kado.delivery.send import WAITS
from kado.storage.database import Database


async def is_right(shop: Shop, keyring: Keyring, card: ACard, code: str) -> bool:
    row = await shop.card_row(card)
    return code_matches(keyring, card.program_id, card.id, code, row["code_hash"], row["code_version"])


async def test_workers_at_once_send_once(shop: Shop, make_sender: MakeSender, mail_server: MailServer) -> None:
    mail_server.pause = 0.2
    message = await shop.message(await shop.card())
    senders = [make_sender(mail_server.url) for _ in range(8)]
    await asyncio.gather(*(sender.send(message.program_id, message.id) for sender in senders))
    assert len(mail_server.received) == 1
    assert (await shop.row(message))["attempts"] == 1


async def test_a_message_for_later_waits_with_a_job_of_its_own(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    message = await shop.message(await shop.card(), send_in=timedelta(hours=1))
    await shop.delete_jobs()
    await make_sender(mail_server.url).send(message.program_id, message.id)
    assert ((await shop.row(message))["attempts"], mail_server.received) == (0, [])
    assert await shop.jobs() == 1


async def test_codes_of_one_card_leave_in_turn_and_the_last_one_is_right(
    shop: Shop, keyring: Keyring, make_sender: MakeSender, mail_server: MailServer
) -> None:
    mail_server.pause = 0.3
    card, sender = await shop.card(), make_sender(mail_server.url)
    waiting = {message.id for message in [await shop.message(card) for _ in range(4)]}
    while waiting:
        await asyncio.gather(*(sender.send(card.program_id, message_id) for message_id in waiting))
        async with shop.database.read() as connection:
            rows = await connection.fetch("SELECT id FROM message WHERE state = 'queued'")
        assert len(rows) == len(waiting) - 1
        waiting = {row["id"] for row in rows}
        assert await is_right(shop, keyring, card, code_in(mail_server.received[-1]))
    assert mail_server.busy_most == 1


async def test_a_message_superseded_on_its_way_gives_up_its_turn_when_it_fails(
    shop: Shop, database: Database, make_sender: MakeSender, mail_server: MailServer
) -> None:
    card = await shop.card()
    older, newer = await shop.message(card), await shop.message(card)
    claimed = await messages.claim(database, older.program_id, older.id)
    assert claimed is not None
    await shop.set(older, "state = 'superseded'")
    sender = make_sender(mail_server.url)
    await sender.send(newer.program_id, newer.id)
    assert mail_server.received == [], "the older one may still be on its way"
    await messages.put_off(database, claimed, "no", WAITS[0])
    await sender.send(newer.program_id, newer.id)
    assert len(mail_server.received) == 1
    assert (await shop.row(older))["state"] == "superseded"


async def test_a_worker_that_outlived_its_lease_decides_nothing(shop: Shop, database: Database) -> None:
    message = await shop.message(await shop.card())
    first = await messages.claim(database, message.program_id, message.id)
    await shop.set(message, "next_attempt_at = now()")
    second = await messages.claim(database, message.program_id, message.id)
    assert first is not None
    assert second is not None
    await messages.mark_ended(database, first, "failed", "late")
    await messages.put_off(database, first, "late", WAITS[0])
    row = await shop.row(message)
    assert (row["state"], row["attempts"], row["last_error"]) == ("queued", 2, None)


async def test_lost_jobs_are_found_again(shop: Shop, database: Database) -> None:
    card = await shop.card()
    lost, known, later, fresh = [await shop.message(card) for _ in range(4)]
    await shop.set(lost, "next_attempt_at = now() - interval '2 minutes'")
    await shop.set(known, "next_attempt_at = now() - interval '2 minutes'")
    await shop.set(later, "next_attempt_at = now() + interval '2 minutes'")
    assert await messages.rescue(database) == 0, "all have their jobs"
    async with database.read() as connection:
        await connection.execute(
            "DELETE FROM pgqueuer WHERE NOT convert_from(payload, 'UTF8') LIKE '%' || $1 || '%'", known.id
        )
    assert await messages.rescue(database) == 1
    assert await messages.rescue(database) == 0
    assert await shop.jobs() == 2
    assert (await shop.row(fresh))["attempts"] == 0


async def test_old_notes_of_the_queue_are_deleted(database: Database) -> None:
    async with database.read() as connection:
        await connection.execute(
            "INSERT INTO pgqueuer_log (created, job_id, status, priority, entrypoint)"
            " SELECT now() - make_interval(hours => h), h, 'successful', 0, 'send_message' FROM unnest($1::int[]) h",
            [1, 23, 25, 1000],
        )
    await messages.forget_old_jobs(database)
    async with database.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM pgqueuer_log") == 2
