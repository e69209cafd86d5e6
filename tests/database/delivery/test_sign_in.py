"""One-time passwords on their way, over a real mail server: made when they leave, kept as a hash, tried for minutes."""

import asyncio
import re
import time
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from tests.database.delivery.conftest import MakeSender
from tests.database.delivery.servers import MailServer, Provider
from tests.database.delivery.shop import Shop
from tests.database.delivery.test_worker import listens, received
from tests.serving.working import until, working

from kado.access import otp
from kado.access.customer_store import Desk, Target
from kado.delivery.sign_in import WAITS
from kado.doors.worker.run import Worker
from kado.errors import Refusal

ADA = Target("email", "ada@example.com")


class Counter:
    """Where a shop's customers ask for passwords."""

    def __init__(self, shop: Shop, superuser: Any) -> None:
        self.shop = shop
        self.superuser = superuser
        self.desk = Desk(shop.merchant_id, is_test=False, subject="front-end")

    async def ask(self, target: Target = ADA) -> str:
        """Have a password sent; the id under which it waits."""
        await otp.send(self.shop.database, self.shop.keyring, self.desk, target, "192.0.2.1")
        return str((await self.row(target))["id"])

    async def row(self, target: Target = ADA) -> Any:
        return await self.superuser.fetchrow("SELECT * FROM customer_otp WHERE target = $1", target.text)

    async def opens(self, code: str, target: Target = ADA) -> bool:
        try:
            await otp.verify(self.shop.database, self.shop.keyring, self.desk, target, code, None)
        except Refusal:
            return False
        return True

    async def jobs(self) -> list[Any]:
        rows = await self.superuser.fetch(
            "SELECT convert_from(payload, 'UTF8') AS payload, execute_after - clock_timestamp() AS due_in FROM pgqueuer"
            " WHERE entrypoint = 'send_otp' ORDER BY id"
        )
        return list(rows)


@pytest.fixture
async def counter(shop: Shop, superuser: Any) -> Counter:
    return Counter(shop, superuser)


def code_in(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    (code,) = re.findall(r"(?<!\d)\d{6}(?!\d)", str(part.get_content()))
    return str(code)


async def test_a_password_is_made_sent_and_remembered_only_as_a_hash(
    counter: Counter, make_sender: MakeSender, mail_server: MailServer
) -> None:
    otp_id = await counter.ask()
    assert (await counter.row())["code_hash"] is None
    sender = make_sender(mail_server.url)
    await sender.send_otp(otp_id)
    await sender.send_otp(otp_id)
    [mail] = mail_server.received
    assert mail_server.recipients == [ADA.text]
    assert mail["From"].addresses[0].display_name.startswith("Café")
    row, code = await counter.row(), code_in(mail)
    assert (row["state"], row["sendings"], row["last_error"]) == ("sent", 1, None)
    assert code not in str(dict(row))
    left = row["expires_at"] - await counter.shop.now()
    assert timedelta(minutes=4, seconds=50) < left <= timedelta(minutes=5)
    assert await counter.opens(code)
    assert await counter.row() is None


async def test_a_password_by_text_message(counter: Counter, make_sender: MakeSender, provider: Provider) -> None:
    target = Target("sms", "+4915112345678")
    await make_sender(sms_url=provider.url).send_otp(await counter.ask(target))
    [(_, _, body)] = provider.requests
    assert b"To=%2B4915112345678" in body
    code = re.search(rb"(?<!\d)\d{6}(?!\d)", body)
    assert code is not None
    assert await counter.opens(code[0].decode(), target)


async def test_on_a_quiet_server_the_mail_leaves_within_two_seconds(
    counter: Counter, make_sender: MakeSender, mail_server: MailServer, superuser: Any
) -> None:
    async with working(Worker(counter.shop.database, make_sender(mail_server.url))):
        await until(lambda: listens(superuser))
        began = time.monotonic()
        await counter.ask()
        await until(received(mail_server, 1))
        assert time.monotonic() - began < 2
    assert await counter.opens(code_in(mail_server.received[0]))


async def test_a_newer_wish_replaces_the_older_one(
    counter: Counter, make_sender: MakeSender, mail_server: MailServer
) -> None:
    first = await counter.ask()
    sender = make_sender(mail_server.url)
    await sender.send_otp(first)
    second = await counter.ask()
    assert not await counter.opens(code_in(mail_server.received[0]))
    await sender.send_otp(first)
    assert len(mail_server.received) == 1
    await sender.send_otp(second)
    assert await counter.opens(code_in(mail_server.received[1]))


async def test_a_temporary_refusal_is_tried_again_with_a_new_password(
    counter: Counter, make_sender: MakeSender, mail_server: MailServer
) -> None:
    mail_server.answers = ["451 ada@example.com: later"]
    otp_id = await counter.ask()
    await counter.superuser.execute("DELETE FROM pgqueuer")
    sender = make_sender(mail_server.url)
    await sender.send_otp(otp_id)
    assert (await counter.row())["last_error"] == "the mail server refused the mail (451)"
    [job] = await counter.jobs()
    assert timedelta(0) < job["due_in"] <= WAITS[0]
    await sender.send_otp(otp_id)
    assert ((await counter.row())["state"], (await counter.row())["last_error"]) == ("sent", None)
    assert await counter.opens(code_in(mail_server.received[0]))


async def test_what_cannot_be_delivered_is_given_up(
    counter: Counter, make_sender: MakeSender, mail_server: MailServer
) -> None:
    mail_server.answers = ["550 no such user"]
    sender, otp_id = make_sender(mail_server.url), await counter.ask()
    await sender.send_otp(otp_id)
    assert (await counter.row())["state"] == "failed"
    await sender.send_otp(otp_id)
    assert mail_server.received == []


async def test_after_the_last_try_it_is_given_up(
    counter: Counter, make_sender: MakeSender, mail_server: MailServer
) -> None:
    sender, otp_id = make_sender(mail_server.url), await counter.ask()
    mail_server.answers = ["451 later"] * (len(WAITS) + 1)
    for _ in range(len(WAITS)):
        await sender.send_otp(otp_id)
        assert (await counter.row())["state"] == "queued"
    await sender.send_otp(otp_id)
    assert ((await counter.row())["state"], mail_server.answers) == ("failed", [])


async def test_nothing_leaves_that_was_asked_for_more_than_five_minutes_ago(
    counter: Counter, make_sender: MakeSender, mail_server: MailServer
) -> None:
    otp_id = await counter.ask()
    await counter.superuser.execute("UPDATE customer_otp SET asked_at = asked_at - interval '5 minutes'")
    await make_sender(mail_server.url).send_otp(otp_id)
    assert mail_server.received == []
    assert (await counter.row())["code_hash"] is None


async def test_a_worker_that_is_stopped_leaves_the_password_to_the_next_one(
    counter: Counter, make_sender: MakeSender, mail_server: MailServer
) -> None:
    mail_server.hang = True
    sender, otp_id = make_sender(mail_server.url), await counter.ask()
    await counter.superuser.execute("DELETE FROM pgqueuer")
    sending = asyncio.create_task(sender.send_otp(otp_id))

    async def has_begun() -> bool:
        return mail_server.busy > 0

    await until(has_begun)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    mail_server.hang = False
    assert len(await counter.jobs()) == 1
    assert (await counter.row())["last_error"] == "the worker was stopped"


async def test_a_mail_into_a_folder(counter: Counter, make_sender: MakeSender, tmp_path: Path) -> None:
    await make_sender().send_otp(await counter.ask())
    [file] = (tmp_path / "mail").glob("*.eml")
    assert "Sign-in code:" in file.read_text()


async def test_guesses_at_a_password_are_counted_before_it_is_made_anew(
    counter: Counter, make_sender: MakeSender, mail_server: MailServer
) -> None:
    """A mail that is tried again brings a new password, and not three more guesses."""
    mail_server.answers = ["451 later"]
    sender, otp_id = make_sender(mail_server.url), await counter.ask()
    await sender.send_otp(otp_id)
    await counter.superuser.execute("UPDATE customer_otp SET tries = 3")
    await sender.send_otp(otp_id)
    assert not await counter.opens(code_in(mail_server.received[0]))
