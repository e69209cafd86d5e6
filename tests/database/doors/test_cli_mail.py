"""`kado mail`: what mails look like, without a database; and mails that come back, on a mail server's pipe."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.database.delivery.servers import Listening, MailServer
from tests.database.delivery.shop import Shop
from tests.database.delivery.test_bounces import report
from tests.database.doors.conftest import SECRET_KEY, Kado
from typer.testing import CliRunner

from kado.app.commands import command_line
from kado.crypto import Keyring
from kado.delivery import samples
from kado.delivery.mail import Mailer
from kado.delivery.send import Sender
from kado.delivery.sms import Texter
from kado.storage.database import Database


def test_every_kind_can_be_looked_at_in_every_language(tmp_path: Path) -> None:
    for kind in samples.KINDS:
        made = CliRunner().invoke(
            command_line(), ["mail", "preview", kind, "--language", "de", "--directory", str(tmp_path)]
        )
        assert made.exit_code == 0, made.output
        assert (tmp_path / f"{kind}.de.html").read_text().startswith('<!doctype html><html lang="de"')
        assert (tmp_path / f"{kind}.de.txt").read_text().startswith("Subject: ")
    assert sorted(file.name for file in tmp_path.glob("*.sms.txt")) == [
        f"{kind}.de.sms.txt" for kind in ("code-elsewhere", "code", "reminder", "sign-in")
    ]
    assert "data:image/png;base64," in (tmp_path / "code.de.html").read_text()


@pytest.mark.parametrize("words", [["birthday"], ["code", "--language", "tlh"]])
def test_what_there_is_not_is_wrong_usage(words: list[str]) -> None:
    assert CliRunner().invoke(command_line(), ["mail", "preview", *words]).exit_code == 2


async def test_a_mail_that_came_back_is_taken_from_standard_input(
    kado: Kado, database: Database, superuser: Any, tmp_path: Path
) -> None:
    shop, server = await Shop(database, Keyring([SECRET_KEY])).open(), MailServer()
    controller = Listening(server)
    controller.start()
    try:
        mailer = Mailer(f"smtp://127.0.0.1:{controller.port}", "gift-cards@shop.example")
        sender = Sender(database, shop.keyring, mailer, Texter(tmp_path.as_uri()), "https://cards.example.com")
        message = await shop.message(await shop.card())
        await sender.send(message.program_id, message.id)
    finally:
        controller.stop()

    async def bounce(raw: bytes) -> Any:
        return (await kado("mail", "bounce", "--json", stdin=raw.decode())).json

    assert await bounce(report(server.received[0])) == {"outcome": "failed"}
    assert await bounce(report(server.received[0])) == {"outcome": "unknown"}
    assert await bounce(b"Subject: hello\n\nWho are you?") == {"outcome": "nothing"}
    (row,) = await superuser.fetch("SELECT * FROM audit_log WHERE subject = $1", message.id)
    assert (row["action"], row["actor"]) == ("message:bounced", "system:mail-server")
    assert (row["subject"], json.loads(row["details"])) == (message.id, {"again": False, "status": "5.1.1"})
    (listed,) = (await kado("outbox", "list", "--json")).json
    assert (listed["state"], listed["lastError"]) == ("failed", "it came back (5.1.1)")


def test_while_the_database_is_away_the_mail_server_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KADO_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/kado")
    monkeypatch.setenv("KADO_SECRET_KEY", SECRET_KEY)
    ended = CliRunner().invoke(command_line(), ["mail", "bounce"], input="Subject: x\n\ny")
    assert ended.exit_code == 75
