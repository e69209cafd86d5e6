"""Mail that comes back, from the mail server that sent it to the operator who sees it."""

import re
from datetime import timedelta
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

import pytest
from tests.database.delivery.conftest import MakeSender
from tests.database.delivery.servers import MailServer
from tests.database.delivery.shop import ADDRESS, ACard, Shop

from kado.crypto import Keyring
from kado.delivery.bounces import AGAIN_AFTER, Named, mail_id, named_by, read_report, take_in
from kado.delivery.messages import Claimed
from kado.delivery.send import Sender
from kado.delivery.undelivered import list_messages, replay_messages
from kado.storage.outbox import Message as Queued

MINUTE = timedelta(minutes=1)


def report(mail: EmailMessage, status: str = "5.1.1", action: str = "failed", *, whole: bool = False) -> bytes:
    """What Postfix would say of this mail."""
    outer = MIMEMultipart("report", report_type="delivery-status")
    outer["From"] = "MAILER-DAEMON@mx.example"
    outer["To"] = "gift-cards@shop.example"
    outer["Subject"] = "Undelivered Mail Returned to Sender"
    outer.attach(MIMEText(f"I'm sorry to have to inform you: <{ADDRESS}> 550 no such user"))
    said = Message()
    said["Content-Type"] = "message/delivery-status"
    of_mail, of_recipient = Message(), Message()
    of_mail["Reporting-MTA"] = "dns; mx.example"
    of_recipient["Final-Recipient"] = f"rfc822; {ADDRESS}"
    of_recipient["Action"] = action
    of_recipient["Status"] = status
    of_recipient["Diagnostic-Code"] = f"smtp; 550 {ADDRESS}"
    said.set_payload([of_mail, of_recipient])
    outer.attach(said)
    if whole:
        returned = Message()
        returned["Content-Type"] = "message/rfc822"
        returned.set_payload([mail])
        outer.attach(returned)
    else:
        headers = "".join(f"{name}: {value}\n" for name, value in mail.items())
        outer.attach(MIMEText(headers, "rfc822-headers"))
    return outer.as_bytes()


async def sent(shop: Shop, sender: Sender, **facts: Any) -> Queued:
    message = await shop.message(await shop.card(), **facts)
    await sender.send(message.program_id, message.id)
    return message


@pytest.mark.parametrize("whole", [False, True])
async def test_a_mail_that_came_back_is_failed_with_the_reason(
    shop: Shop, keyring: Keyring, make_sender: MakeSender, mail_server: MailServer, whole: bool
) -> None:
    message = await sent(shop, make_sender(mail_server.url))
    (mail,) = mail_server.received
    assert await take_in(shop.database, keyring, report(mail, whole=whole)) == "failed"
    (item,) = [one for one in await list_messages(shop.database, ["failed"], 250) if one.id == message.id]
    assert (item.last_error, item.to) == ("it came back (5.1.1)", "a***@e***.com")
    card = await shop.card_row(ACard(message.program_id, message.card_id, ""))
    assert card["delivered_at"] is None, "a code that nobody got was not delivered"
    assert await replay_messages(shop.database, "operator:test", message.id) == 1


async def test_a_report_that_comes_twice_changes_nothing(
    shop: Shop, keyring: Keyring, make_sender: MakeSender, mail_server: MailServer
) -> None:
    message = await sent(shop, make_sender(mail_server.url))
    raw = report(mail_server.received[0])
    assert [await take_in(shop.database, keyring, raw) for _ in range(2)] == ["failed", "unknown"]
    sender = make_sender(mail_server.url)
    await replay_messages(shop.database, "operator:test", message.id)
    await shop.set(message, "attempts = 1")
    await sender.send(message.program_id, message.id)
    assert await take_in(shop.database, keyring, raw) == "unknown", "it was another try that came back"
    assert (await shop.row(message))["state"] == "sent"


@pytest.mark.parametrize("status", ["4.2.1", "5.2.2"])
async def test_what_may_pass_is_tried_again_later(
    shop: Shop, keyring: Keyring, make_sender: MakeSender, mail_server: MailServer, status: str
) -> None:
    message, sender = await sent(shop, make_sender(mail_server.url)), make_sender(mail_server.url)
    await shop.delete_jobs()
    assert await take_in(shop.database, keyring, report(mail_server.received[0], status)) == "tried again"
    row = await shop.row(message)
    assert (row["state"], row["last_error"]) == ("queued", f"it came back ({status})")
    assert AGAIN_AFTER - MINUTE < row["due_in"] <= AGAIN_AFTER
    assert await shop.jobs() == 1
    await shop.set(message, "next_attempt_at = now()")
    await sender.send(message.program_id, message.id)
    assert len(mail_server.received) == 2


async def test_it_is_not_tried_for_ever(
    shop: Shop, keyring: Keyring, make_sender: MakeSender, mail_server: MailServer
) -> None:
    message, sender = await sent(shop, make_sender(mail_server.url)), make_sender(mail_server.url)
    for _ in range(3):
        assert await take_in(shop.database, keyring, report(mail_server.received[-1], "4.4.7")) == "tried again"
        await shop.set(message, "next_attempt_at = now()")
        await sender.send(message.program_id, message.id)
    assert await take_in(shop.database, keyring, report(mail_server.received[-1], "4.4.7")) == "failed"


async def test_a_code_is_not_tried_again_where_there_is_a_newer_one(
    shop: Shop, keyring: Keyring, make_sender: MakeSender, mail_server: MailServer
) -> None:
    sender, card = make_sender(mail_server.url), await shop.card()
    first = await shop.message(card)
    await sender.send(first.program_id, first.id)
    second = await shop.message(card)
    await sender.send(second.program_id, second.id)
    assert await take_in(shop.database, keyring, report(mail_server.received[0], "4.2.1")) == "failed"
    assert (await shop.card_row(card))["delivered_at"] is not None, "the second one arrived"


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded", ""])
async def test_what_is_no_failure_is_left_alone(
    shop: Shop, keyring: Keyring, make_sender: MakeSender, mail_server: MailServer, action: str
) -> None:
    message = await sent(shop, make_sender(mail_server.url))
    assert await take_in(shop.database, keyring, report(mail_server.received[0], "4.4.1", action)) == "nothing"
    assert (await shop.row(message))["state"] == "sent"


async def test_nobody_can_make_up_a_report(
    shop: Shop, keyring: Keyring, make_sender: MakeSender, mail_server: MailServer
) -> None:
    message = await sent(shop, make_sender(mail_server.url))
    mail = mail_server.received[0]
    name = str(mail["Message-ID"])
    assert re.fullmatch(r"<[a-p]{80}@shop\.example>", name)
    named = named_by(keyring, name)
    assert named is not None
    assert (named.program_id, named.message_id, named.attempt) == (message.program_id, message.id, 1)
    last = "a" if name[80] != "a" else "b"
    for forged in (f"<{'a' * 80}@shop.example>", f"{name[:80]}{last}@shop.example>", "<x@y.example>", ""):
        mail.replace_header("Message-ID", forged)
        assert await take_in(shop.database, keyring, report(mail)) == "unknown"
    assert named_by(Keyring(["another secret " * 3]), name) is None
    assert (await shop.row(message))["state"] == "sent"


async def test_a_mail_is_known_again_after_a_change_of_the_secret(shop: Shop) -> None:
    old, new = "old secret " * 4, "new secret " * 4
    now = (await shop.now()).replace(microsecond=0)
    claim = Claimed("a" * 24, "b" * 24, "c" * 24, "security_code", "email", ADDRESS, None, None, now, 1, claimed_at=now)
    name = f"<{mail_id(Keyring([old]), claim)}@shop.example>"
    assert named_by(Keyring([new, old]), name) == Named("a" * 24, "b" * 24, 1, now)
    assert named_by(Keyring([new]), name) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\xff" * 500,
        b"Subject: out of office\r\n\r\nI am away",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n",
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n--x--",
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: x\r\n\r\nAction: failed\r\nStatus: " + b"9" * 900 + b"\r\n\r\n--x--",
        b"Content-Type: multipart/report; boundary=x\r\n" + b"--x\r\nContent-Type: message/rfc822\r\n\r\n" * 200,
    ],
)
async def test_whatever_arrives_is_read_without_harm(shop: Shop, keyring: Keyring, raw: bytes) -> None:
    found = read_report(keyring, raw)
    assert found is None or (found.named, found.status) == (None, "5.0.0")
    assert await take_in(shop.database, keyring, raw) in ("nothing", "unknown")
