import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import structlog
from tests.conftest import url_of
from tests.database.delivery.conftest import MakeSender
from tests.database.delivery.servers import MailServer, code_in
from tests.database.delivery.shop import Shop
from tests.serving.working import back, until, working

from kado.crypto import Keyring
from kado.doors.worker.run import CONCURRENCY, Periodic, Worker
from kado.errors import Unavailable
from kado.storage.database import Database
from kado.storage.outbox import Message, enqueue_messages


def received(server: MailServer, count: int) -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return len(server.received) >= count

    return enough


def is_state(shop: Shop, message: Message, state: str) -> Callable[[], Awaitable[bool]]:
    async def it_is() -> bool:
        with suppress(Unavailable):
            return bool((await shop.row(message))["state"] == state)
        return False

    return it_is


def no_jobs(shop: Shop) -> Callable[[], Awaitable[bool]]:
    async def none_left() -> bool:
        return await shop.jobs() == 0

    return none_left


async def listens(superuser: "asyncpg.Connection[asyncpg.Record]") -> bool:
    return bool(
        await superuser.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kado-worker'")
    )


async def test_mails_leave_and_their_jobs_are_done(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    before = await shop.message(await shop.card())
    async with working(Worker(shop.database, make_sender(mail_server.url))):
        await until(is_state(shop, before, "sent"))
        during = await shop.message(await shop.card())
        await until(is_state(shop, during, "sent"))
        await until(no_jobs(shop))
    assert len(mail_server.received) == 2


async def test_many_mails_leave_at_the_same_time_and_each_once(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    mail_server.hang = True
    async with working(Worker(shop.database, make_sender(mail_server.url))):
        for _ in range(200):
            await shop.message(await shop.card())
        await until(lambda: asyncio.sleep(0, mail_server.busy > 5))
        mail_server.hang = False
        await until(received(mail_server, 200))
        await until(no_jobs(shop))
    assert len({code_in(mail) + str(mail["Message-ID"]) for mail in mail_server.received}) == 200
    assert mail_server.busy_most <= CONCURRENCY


async def test_a_mail_put_off_is_sent_when_its_time_comes(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    mail_server.answers = ["451 later"]
    message = await shop.message(await shop.card())
    async with working(Worker(shop.database, make_sender(mail_server.url))):
        await until(is_state(shop, message, "sent"))
    assert (await shop.row(message))["attempts"] == 2


async def test_a_mail_for_later_leaves_at_its_time(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    async with working(Worker(shop.database, make_sender(mail_server.url))):
        message = await shop.message(await shop.card(), send_in=timedelta(seconds=1.5))
        await until(is_state(shop, message, "sent"))
    row = await shop.row(message)
    assert row["sent_at"] - row["created_at"] >= timedelta(seconds=1.5)


async def test_nothing_leaves_for_a_transaction_that_is_rolled_back(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    card = await shop.card()

    async def fail() -> None:
        async with shop.database.transaction() as connection:
            await enqueue_messages(connection, [shop.a_message(card, await shop.now())])
            raise ZeroDivisionError

    async with working(Worker(shop.database, make_sender(mail_server.url))):
        with pytest.raises(ZeroDivisionError):
            await fail()
        await until(is_state(shop, await shop.message(await shop.card()), "sent"))
    assert len(mail_server.received) == 1


async def test_two_workers_share_the_work(shop: Shop, make_sender: MakeSender, mail_server: MailServer) -> None:
    workers = [Worker(shop.database, make_sender(mail_server.url)) for _ in range(2)]
    async with working(workers[0]), working(workers[1]):
        for _ in range(40):
            await shop.message(await shop.card())
        await until(received(mail_server, 40))
        await until(no_jobs(shop))
    assert len(mail_server.received) == 40


async def test_the_worker_survives_its_connections(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    mail_server.hang = True
    async with working(Worker(shop.database, make_sender(mail_server.url))):
        first = await shop.message(await shop.card())
        await until(lambda: asyncio.sleep(0, mail_server.busy))
        for _ in range(3):
            await until(lambda: listens(superuser), 8)
            await superuser.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await back(shop.database)
        mail_server.hang = False
        await until(is_state(shop, first, "sent"))
        second = await shop.message(await shop.card())
        await until(is_state(shop, second, "sent"))
    assert len(mail_server.received) == 2


async def test_the_worker_waits_for_a_database_that_is_not_there(
    database_url: str,
    shop: Shop,
    make_sender: MakeSender,
    mail_server: MailServer,
    superuser: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    name = await superuser.fetchval("SELECT current_database()")
    elsewhere = await Database.open(url_of(database_url, f"{name}_moved"))
    with structlog.testing.capture_logs() as logs:
        async with working(Worker(elsewhere, make_sender(mail_server.url, of=elsewhere))):
            await until(lambda: asyncio.sleep(0, [log for log in logs if "waiting" in log["event"]]))
            message = await shop.message(await shop.card())
            await shop.database.close()
            admin = await asyncpg.connect(url_of(database_url, "postgres"))
            await superuser.close()
            await admin.execute(f"ALTER DATABASE {name} RENAME TO {name}_moved")
            await until(received(mail_server, 1))
            await until(lambda: _sent(elsewhere, message))
    await elsewhere.close()
    await admin.execute(f"ALTER DATABASE {name}_moved RENAME TO {name}")
    await admin.close()


async def _sent(database: Database, message: Message) -> bool:
    async with database.read() as connection:
        return bool(await connection.fetchval("SELECT state = 'sent' FROM message WHERE id = $1", message.id))


async def test_a_stop_lets_what_began_finish(shop: Shop, make_sender: MakeSender, mail_server: MailServer) -> None:
    mail_server.hang = True
    message = await shop.message(await shop.card())
    async with working(Worker(shop.database, make_sender(mail_server.url))) as stop:
        await until(lambda: asyncio.sleep(0, mail_server.busy))
        stop.set()
        mail_server.hang = False
    assert (await shop.row(message))["state"] == "sent"
    assert await shop.jobs() == 0


async def test_a_stop_does_not_wait_for_ever(shop: Shop, make_sender: MakeSender, mail_server: MailServer) -> None:
    mail_server.hang = True
    message = await shop.message(await shop.card())
    async with working(Worker(shop.database, make_sender(mail_server.url))):
        await until(lambda: asyncio.sleep(0, mail_server.busy))
    row = await shop.row(message)
    assert (row["state"], row["last_error"]) == ("queued", "the worker was stopped")
    assert await shop.jobs() >= 1
    mail_server.hang = False
    async with working(Worker(shop.database, make_sender(mail_server.url))):
        await until(is_state(shop, message, "sent"))


async def test_a_lost_job_is_rescued(shop: Shop, make_sender: MakeSender, mail_server: MailServer) -> None:
    message = await shop.message(await shop.card())
    await shop.delete_jobs()
    await shop.set(message, "next_attempt_at = now() - interval '2 minutes'")
    async with working(Worker(shop.database, make_sender(mail_server.url))):
        await until(is_state(shop, message, "sent"))


async def test_nothing_that_fails_reaches_the_tables_of_the_queue(
    shop: Shop,
    database: Database,
    keyring: Keyring,
    make_sender: MakeSender,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with database.read() as connection:
        for payload in (b"nonsense", b'{"program": 7}', b'{"program": "x", "message": "y"}', None):
            await connection.execute(
                "INSERT INTO pgqueuer (priority, status, entrypoint, payload) VALUES (0, 'queued', 'send_message', $1)",
                payload,
            )
    message = await shop.message(await shop.card(number_sealed=b"nonsense"))
    async with working(Worker(database, make_sender())):
        await until(lambda: _tried(shop, message))
        await until(lambda: _logged(database, 5))
    async with database.read() as connection:
        rows = await connection.fetch("SELECT status, traceback FROM pgqueuer_log WHERE status <> 'queued'")
    assert {(row["status"], row["traceback"]) for row in rows} <= {("picked", None), ("successful", None)}
    assert "nonsense" not in caplog.text


async def _tried(shop: Shop, message: Message) -> bool:
    return bool((await shop.row(message))["last_error"])


async def _logged(database: Database, count: int) -> bool:
    async with database.read() as connection:
        return bool(
            await connection.fetchval("SELECT count(*) >= $1 FROM pgqueuer_log WHERE status = 'successful'", count)
        )


async def test_periodic_tasks_go_on_after_a_failure_and_some_run_at_the_stop(
    database: Database, make_sender: MakeSender
) -> None:
    ran: list[str] = []

    async def fails() -> None:
        ran.append("fails")
        raise ValueError("with a secret in it")

    async def seals() -> None:
        ran.append("seals")

    tasks = [Periodic("fails", 0.01, fails), Periodic("seals", 3600, seals, at_stop=True)]
    with structlog.testing.capture_logs() as logs:
        async with working(Worker(database, make_sender(), tasks)):
            await until(lambda: asyncio.sleep(0, ran.count("fails") >= 3))
            assert ran.count("seals") == 1
    assert ran[-1] == "seals"
    assert ran.count("seals") == 2
    assert {"event": "worker.periodic_failed", "task": "fails", "error": "ValueError", "log_level": "warning"} in logs
    assert "secret" not in str(logs)


async def test_a_task_that_found_work_looks_for_more_without_a_pause(
    database: Database, make_sender: MakeSender
) -> None:
    left = [3, 2, 1, 0]

    async def works() -> bool:
        return bool(left and left.pop(0))

    async with working(Worker(database, make_sender(), [Periodic("works", 3600, works, while_true=True)])):
        await until(lambda: asyncio.sleep(0, not left))


async def test_the_logs_name_nobody(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    mail_server.answers = ["550 no such user anna@example.com"]
    caplog.set_level("DEBUG")
    refused, card = await shop.message(await shop.card()), await shop.card()
    with structlog.testing.capture_logs() as logs:
        async with working(Worker(shop.database, make_sender(mail_server.url))):
            await until(is_state(shop, refused, "failed"))
            message = await shop.message(card)  # only now, so that the refusal is not its own
            await until(is_state(shop, message, "sent"))
    records: list[Any] = [record for record in caplog.records if not record.name.startswith(("mail", "aiosmtpd"))]
    said = str(logs) + "".join(record.getMessage() for record in records)
    for secret in ("anna@example.com", "example.com", card.number, code_in(mail_server.received[0])):
        assert secret not in said
