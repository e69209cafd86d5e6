"""`kado outbox`: what could not be delivered is seen, counted and sent again."""

from pathlib import Path
from typing import Any

import pytest
from tests.database.delivery.servers import Listening, MailServer, code_in
from tests.database.delivery.shop import Shop
from tests.database.doors.conftest import SECRET_KEY, Kado
from tests.database.doors.test_cli_webhooks import webhook_id  # noqa: F401 - a fixture
from tests.serving.server import free_port
from tests.serving.working import until, working

from kado.crypto import Keyring
from kado.delivery.mail import Mailer
from kado.delivery.send import Sender
from kado.delivery.sms import Texter
from kado.doors.worker.run import Worker
from kado.storage.database import Database

UNKNOWN = "0123456789abcdef01234567"


@pytest.fixture
async def shop(kado: Kado, database: Database) -> Shop:
    return await Shop(database, Keyring([SECRET_KEY])).open()


async def test_a_mail_whose_server_was_away_for_a_day_is_seen_and_sent_again(
    kado: Kado, shop: Shop, tmp_path: Path
) -> None:
    port = free_port()
    mailer = Mailer(f"smtp://127.0.0.1:{port}", "gift-cards@shop.example")
    texter = Texter((tmp_path / "sms").as_uri())
    sender = Sender(shop.database, shop.keyring, mailer, texter, "https://cards.example.com")
    message = await shop.message(await shop.card())

    async def tried() -> bool:
        return (await shop.row(message))["last_error"] is not None

    async def is_failed() -> bool:
        return bool((await shop.row(message))["state"] == "failed")

    async def is_sent() -> bool:
        return bool((await shop.row(message))["state"] == "sent")

    async with working(Worker(shop.database, sender)):
        await until(tried)
        assert (await kado("outbox", "check", "--json")).json == counted(retrying=1)
        await shop.set(message, "attempts = 9, next_attempt_at = now()")  # a day later
        await sender.send(message.program_id, message.id)
        await until(is_failed)

        checked = await kado("outbox", "check")
        assert (checked.code, checked.out) == (1, "1 failed, 0 overdue, 0 retrying, 0 waiting.\n")
        table = await kado("outbox", "list", "--state", "failed")
        assert message.id in table.out
        assert "no connection to the mail server" in table.out
        (listed,) = (await kado("outbox", "list", "--json")).json
        shown = await kado("outbox", "show", message.id)
        assert (listed["state"], listed["to"], listed["by"]) == ("failed", "a***@e***.com", "mail")
        assert "anna@example.com" not in table.out + shown.out + str(listed)

        server = MailServer()
        controller = Listening(server, port=port)
        controller.start()
        try:
            assert (await kado("outbox", "replay", message.id, "--json")).json == {"queued": 1}
            await until(is_sent)
        finally:
            controller.stop()
    (mail,) = server.received
    code = code_in(mail)
    again = await kado("outbox", "show", message.id, "--json")
    assert again.json["state"] == "sent"
    assert code not in again.out
    assert (await kado("outbox", "list")).out.count("\n") == 1
    assert (await kado("outbox", "check")).code == 0


def counted(**numbers: int) -> dict[str, int]:
    return {"failed": 0, "retrying": 0, "waiting": 0, "overdue": 0} | numbers


async def test_all_that_failed_is_sent_again_at_once_mails_and_events(
    kado: Kado,
    shop: Shop,
    webhook_id: str,  # noqa: F811 - the fixture above
    superuser: Any,
) -> None:
    messages = [await shop.message(await shop.card()) for _ in range(3)]
    for message in messages[:2]:
        await shop.set(message, "state = 'failed', next_attempt_at = NULL, last_error = 'refused (550)'")
    assert (await kado("outbox", "check")).out == "3 failed, 0 overdue, 0 retrying, 2 waiting.\n"
    events = [one for one in (await kado("outbox", "list", "--json")).json if one["by"] == "event"]
    assert sorted(one["what"] for one in events) == ["giftcard.issued", "giftcard.voided"]
    assert (await kado("outbox", "replay", "--all-failed")).out == "3 queued.\n"
    assert (await kado("outbox", "replay", "--all-failed")).out == "0 queued.\n"
    assert (await kado("outbox", "list", "--state", "failed", "--json")).json == []
    assert await superuser.fetchval("SELECT count(*) FROM audit_log WHERE action LIKE '%:replayed'") == 3
    assert await superuser.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'deliver_events'") == 1


async def test_what_nobody_takes_is_overdue(kado: Kado, shop: Shop) -> None:
    message = await shop.message(await shop.card())
    await shop.set(message, "next_attempt_at = now() - interval '6 minutes'")
    checked = await kado("outbox", "check", "--json")
    assert (checked.code, '"overdue": 1' in checked.out) == (1, True)


async def test_what_makes_no_sense_is_refused_in_one_sentence(kado: Kado, shop: Shop) -> None:
    message = await shop.message(await shop.card())
    for arguments, code, said in (
        (("show", UNKNOWN), 1, "There is nothing with this id"),
        (("replay", UNKNOWN), 1, "There is nothing with this id"),
        (("replay", message.id), 1, "It was not given up: it is queued."),
        (("replay",), 2, "Name one, or give --all-failed."),
        (("replay", UNKNOWN, "--all-failed"), 2, "Name one, or give --all-failed."),
        (("list", "--state", "lost"), 2, "--state is one of"),
    ):
        ran = await kado("outbox", *arguments)
        assert (ran.code, said in ran.err, ran.out) == (code, True, ""), ran
    without = await kado("outbox", "check", KADO_DATABASE_URL="postgresql://kado@127.0.0.1:1/kado")
    assert (without.code, "cannot be reached" in without.err) == (2, True)


async def test_an_event_to_a_disabled_webhook_is_not_sent_again(
    kado: Kado,
    webhook_id: str,  # noqa: F811 - the fixture above
    superuser: Any,
) -> None:
    await superuser.execute("UPDATE webhook SET enabled = false")
    (failed,) = (await kado("outbox", "list", "--state", "failed", "--json")).json
    refused = await kado("outbox", "replay", failed["id"])
    assert (refused.code, "disabled" in refused.err) == (1, True)
    assert (await kado("outbox", "replay", "--all-failed")).out == "0 queued.\n"
