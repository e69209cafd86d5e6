import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from tests.database.delivery.conftest import MakeSender
from tests.database.delivery.servers import MailServer, code_in
from tests.database.delivery.shop import ADDRESS, ACard, Shop

from kado.cards.numbers import code_matches
from kado.crypto import Keyring
from kado.delivery.send import WAITS
from kado.delivery.undelivered import replay_messages
from kado.storage.database import Database

SECONDS_2 = timedelta(seconds=2)


async def is_right(shop: Shop, keyring: Keyring, card: ACard, code: str) -> bool:
    row = await shop.card_row(card)
    return code_matches(keyring, card.program_id, card.id, code, row["code_hash"], row["code_version"])


async def test_a_code_is_made_sent_and_remembered_only_as_a_hash(
    shop: Shop, keyring: Keyring, make_sender: MakeSender, mail_server: MailServer
) -> None:
    card = await shop.card(sender_name="Bernd", custom_message="from the card")
    message = await shop.message(card, custom_message="from the message")
    await make_sender(mail_server.url).send(message.program_id, message.id)
    [mail] = mail_server.received
    assert mail["To"] == ADDRESS
    assert mail["From"].addresses[0].display_name.startswith("Café")
    assert "from the message" in str(mail.get_body(("plain",)))
    assert "Bernd" in mail["Subject"]
    code = code_in(mail)
    assert await is_right(shop, keyring, card, code)
    row, card_row = await shop.row(message), await shop.card_row(card)
    assert (row["state"], row["attempts"], row["last_error"], row["next_attempt_at"]) == ("sent", 1, None, None)
    assert row["sent_at"] is not None
    assert card_row["delivered_at"] is not None
    assert code not in str(dict(row)) + str(dict(card_row))


async def test_a_sent_message_is_never_sent_again(shop: Shop, make_sender: MakeSender, mail_server: MailServer) -> None:
    message, sender = await shop.message(await shop.card()), make_sender(mail_server.url)
    for _ in range(3):
        await sender.send(message.program_id, message.id)
    assert len(mail_server.received) == 1
    assert await replay_messages(shop.database, "operator:test", message.id) == 0


async def test_a_temporary_refusal_is_tried_again_with_a_new_code(
    shop: Shop, keyring: Keyring, make_sender: MakeSender, mail_server: MailServer
) -> None:
    mail_server.answers = ["451 anna@example.com: come back"]
    card = await shop.card()
    message, sender = await shop.message(card), make_sender(mail_server.url)
    await shop.delete_jobs()
    await sender.send(message.program_id, message.id)
    row = await shop.row(message)
    assert (row["state"], row["attempts"]) == ("queued", 1)
    assert row["last_error"] == "the mail server refused the mail (451)"
    assert WAITS[0] * 0.8 - SECONDS_2 <= row["due_in"] <= WAITS[0] * 1.2
    assert await shop.jobs() == 1
    await shop.set(message, "next_attempt_at = now()")
    await sender.send(message.program_id, message.id)
    row = await shop.row(message)
    assert (row["state"], row["attempts"], row["last_error"]) == ("sent", 2, None)
    assert await is_right(shop, keyring, card, code_in(mail_server.received[0]))


@pytest.mark.parametrize("attempt", range(1, len(WAITS) + 1))
async def test_each_wait_is_longer(shop: Shop, make_sender: MakeSender, mail_server: MailServer, attempt: int) -> None:
    mail_server.answers = ["421 busy"]
    message = await shop.message(await shop.card())
    await shop.set(message, f"attempts = {attempt - 1}")
    await make_sender(mail_server.url).send(message.program_id, message.id)
    due_in = (await shop.row(message))["due_in"]
    assert WAITS[attempt - 1] * 0.8 - timedelta(seconds=9) <= due_in <= WAITS[attempt - 1] * 1.2


async def test_after_the_last_try_it_is_given_up_and_can_be_replayed(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    mail_server.answers = ["451 no", "451 no"]
    message, sender = await shop.message(await shop.card()), make_sender(mail_server.url)
    await shop.set(message, f"attempts = {len(WAITS)}")
    await shop.delete_jobs()
    await sender.send(message.program_id, message.id)
    row = await shop.row(message)
    assert (row["state"], row["next_attempt_at"]) == ("failed", None)
    assert await shop.jobs() == 0
    await sender.send(message.program_id, message.id)
    assert mail_server.answers == ["451 no"], "what has failed is left alone"
    assert await replay_messages(shop.database, "operator:test", message.id) == 1
    assert await shop.jobs() == 1
    await sender.send(message.program_id, message.id)
    assert ((await shop.row(message))["state"], (await shop.row(message))["attempts"]) == ("queued", 1)


async def test_a_permanent_refusal_ends_it_at_once(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    mail_server.refuse_recipient = "550 5.1.1 <{}>: no such user"
    message = await shop.message(await shop.card())
    await make_sender(mail_server.url).send(message.program_id, message.id)
    row = await shop.row(message)
    assert (row["state"], row["last_error"]) == ("failed", "the mail server refused the recipient (550)")


async def test_what_is_no_address_fails_without_a_try(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    message = await shop.message(await shop.card(), "anna@example.com\r\nBcc: thief@example.org")
    await make_sender(mail_server.url).send(message.program_id, message.id)
    assert (await shop.row(message))["state"] == "failed"
    assert mail_server.recipients == []


async def test_a_card_past_use_gets_no_code(shop: Shop, make_sender: MakeSender, mail_server: MailServer) -> None:
    voided = await shop.message(await shop.card(voided_at=datetime.now(UTC), status="voided"))
    expired = await shop.message(await shop.card(expires_at=datetime.now(UTC) - timedelta(days=1)))
    sender = make_sender(mail_server.url)
    for message in (voided, expired):
        await sender.send(message.program_id, message.id)
        row = await shop.row(message)
        assert (row["state"], row["last_error"]) == ("superseded", "the card cannot be used any more")
    assert mail_server.received == []


async def test_unknown_messages_are_nothing_to_do(shop: Shop, make_sender: MakeSender) -> None:
    await make_sender().send(shop.program_id, "0" * 24)


async def test_the_owner_learns_that_a_code_went_elsewhere(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    card, sender = await shop.card(), make_sender(mail_server.url)
    await shop.message(card, "thief@example.org")
    notice = await shop.message(card, kind="code_sent_elsewhere")
    await sender.send(notice.program_id, notice.id)
    [mail] = mail_server.received
    text = str(mail.get_body(("plain",)))
    assert mail["To"] == ADDRESS
    assert "t***@e***.org" in text
    assert card.number not in text.replace(" ", "")
    assert (await shop.row(notice))["state"] == "sent"
    assert (await shop.card_row(card))["delivered_at"] is None


async def test_text_messages(shop: Shop, keyring: Keyring, make_sender: MakeSender, tmp_path: Path) -> None:
    card, sender = await shop.card(), make_sender()
    code = await shop.message(card, "+4915112345678", channel="sms")
    notice = await shop.message(card, "+4915187654321", channel="sms", kind="code_sent_elsewhere")
    for message in (code, notice):
        await sender.send(message.program_id, message.id)
    first, second = (file.read_text() for file in sorted((tmp_path / "sms").iterdir()))
    assert first.startswith("To: +4915112345678\n\n")
    assert await is_right(shop, keyring, card, first.split("Security code: ")[1].split()[0])
    assert "+49*****678" in second


async def test_an_error_in_the_program_is_put_off_and_tells_nothing(
    shop: Shop, database: Database, make_sender: MakeSender
) -> None:
    message = await shop.message(await shop.card(number_sealed=b"nonsense"))
    with structlog.testing.capture_logs() as logs:
        await make_sender().send(message.program_id, message.id)
    row = await shop.row(message)
    assert (row["state"], row["attempts"]) == ("queued", 1)
    assert row["last_error"].startswith("an error in the program (")
    assert ADDRESS not in str(logs)


async def test_neither_codes_nor_addresses_are_logged(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    mail_server.answers = ["451 anna@example.com", "250 OK"]
    message, sender = await shop.message(await shop.card()), make_sender(mail_server.url)
    with structlog.testing.capture_logs() as logs:
        await sender.send(message.program_id, message.id)
        await shop.set(message, "next_attempt_at = now()")
        await sender.send(message.program_id, message.id)
    assert [log["event"] for log in logs] == ["message.put_off", "message.sent"]
    assert ADDRESS not in str(logs)
    assert code_in(mail_server.received[0]) not in str(logs)


async def test_a_stop_in_the_middle_puts_the_message_back(
    shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    mail_server.hang = True
    message = await shop.message(await shop.card())
    sending = asyncio.create_task(make_sender(mail_server.url).send(message.program_id, message.id))
    while not mail_server.busy:
        await asyncio.sleep(0.01)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    row = await shop.row(message)
    assert (row["state"], row["last_error"]) == ("queued", "the worker was stopped")
    assert row["due_in"] <= WAITS[0]


async def test_what_was_sent_is_marked_although_the_database_was_away(
    database_url: str, shop: Shop, make_sender: MakeSender, mail_server: MailServer
) -> None:
    mail_server.hang = True
    message = await shop.message(await shop.card())
    away = await Database.open(database_url, size=1)
    sending = asyncio.create_task(make_sender(mail_server.url, of=away).send(message.program_id, message.id))
    while not mail_server.busy:
        await asyncio.sleep(0.01)
    async with away.read() as connection:
        # The only connection is busy for longer than anyone waits for one.
        hold = asyncio.create_task(connection.execute("SELECT pg_sleep(4)"))
        mail_server.hang = False
        await hold
    await sending
    await away.close()
    assert (await shop.row(message))["state"] == "sent"
    assert len(mail_server.received) == 1
