import asyncio
import stat
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from tests.database.delivery.servers import Certificate, MailServer, RunMailServer
from tests.database.delivery.shop import ADDRESS

from kado.delivery.failures import DeliveryFailure, PermanentFailure, TemporaryFailure
from kado.delivery.mail import Mailer

FROM = "gift-cards@shop.example"
SIGNED_IN = "smtp://kado:p%40ss%2Fword@127.0.0.1"


def a_mail() -> EmailMessage:
    message = EmailMessage()
    message["To"] = ADDRESS
    message["Subject"] = "Ünïcode"
    message.set_content("Hello Ünal, your code is 123456.\n", cte="quoted-printable")
    return message


async def test_a_mail_arrives_whole(mail_server: MailServer) -> None:
    await Mailer(mail_server.url, FROM).send(a_mail(), from_name="Café, Müller <x@y.z>")
    [mail] = mail_server.received
    assert mail_server.recipients == [ADDRESS]
    assert mail["From"].addresses[0].addr_spec == FROM
    assert mail["From"].addresses[0].display_name == "Café Müller x y.z"
    assert mail["Subject"] == "Ünïcode"
    assert mail["Message-ID"].endswith("@shop.example>")
    assert mail["Date"].datetime is not None
    assert "123456" in mail.get_content()


async def test_two_tries_of_one_mail_have_one_of_each_header(mail_server: MailServer) -> None:
    mailer, mail = Mailer(mail_server.url, FROM), a_mail()
    await mailer.send(mail)
    await mailer.send(mail)
    assert [mail.get_all("From") for mail in mail_server.received] == [[FROM], [FROM]]
    assert len({mail["Message-ID"] for mail in mail_server.received}) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        ("451 4.7.1 anna@example.com: try later", TemporaryFailure, "the mail server refused the mail (451)"),
        ("554 5.7.1 no <anna@example.com>", PermanentFailure, "the mail server refused the mail (554)"),
        ("drop", TemporaryFailure, "the connection to the mail server broke"),
    ],
)
async def test_refusals_of_a_mail(mail_server: MailServer, answer: str, kind: type, reason: str) -> None:
    mail_server.answers = [answer]
    with pytest.raises(DeliveryFailure) as failure:
        await Mailer(mail_server.url, FROM).send(a_mail())
    assert (type(failure.value), failure.value.reason) == (kind, reason)
    assert failure.value.__cause__ is None
    await Mailer(mail_server.url, FROM).send(a_mail())
    assert len(mail_server.received) == 1


@pytest.mark.parametrize(("code", "kind"), [("450", TemporaryFailure), ("550", PermanentFailure)])
async def test_refusals_of_a_recipient_do_not_repeat_the_address(
    mail_server: MailServer, code: str, kind: type
) -> None:
    mail_server.refuse_recipient = code + " {} is not here"
    with pytest.raises(DeliveryFailure) as failure:
        await Mailer(mail_server.url, FROM).send(a_mail())
    assert type(failure.value) is kind
    assert failure.value.reason == f"the mail server refused the recipient ({code})"


async def test_no_server_is_worth_another_try(unused_tcp_port: int) -> None:
    with pytest.raises(TemporaryFailure, match="no connection"):
        await Mailer(f"smtp://127.0.0.1:{unused_tcp_port}", FROM).send(a_mail())


async def test_with_a_password_nothing_is_sent_without_tls(mail_server: MailServer) -> None:
    with pytest.raises(TemporaryFailure, match="no encryption"):
        await Mailer(f"{SIGNED_IN}:{mail_server.port}", FROM).send(a_mail())
    assert mail_server.received == []


async def test_starttls_and_sign_in(
    run_mail_server: RunMailServer, sign_in: dict[str, Any], certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    server = run_mail_server(**sign_in, tls_context=certificate.context, require_starttls=True)
    await Mailer(f"{SIGNED_IN}:{server.port}", FROM).send(a_mail())
    assert server.over_tls == [True]
    with pytest.raises(TemporaryFailure, match=r"did not let us in \(535\)"):
        await Mailer(f"smtp://kado:wrong@127.0.0.1:{server.port}", FROM).send(a_mail())
    await server.is_left()


async def test_tls_is_used_where_it_is_offered(
    run_mail_server: RunMailServer, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    server = run_mail_server(tls_context=certificate.context)
    await Mailer(server.url, FROM).send(a_mail())
    assert server.over_tls == [True]


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    run_mail_server: RunMailServer, certificate: Certificate
) -> None:
    server = run_mail_server(tls_context=certificate.context)
    with pytest.raises(TemporaryFailure):
        await Mailer(server.url, FROM).send(a_mail())
    assert server.received == []


async def test_smtps(run_mail_server: RunMailServer, certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    server = run_mail_server(ssl_context=certificate.context)
    await Mailer(f"smtps://127.0.0.1:{server.port}", FROM).send(a_mail())
    assert server.over_tls == [True]


async def test_a_folder_takes_each_mail_as_a_private_file(tmp_path: Path) -> None:
    folder = tmp_path / "deep er" / "mail"
    mailer = Mailer(folder.as_uri(), FROM)
    for number in range(3):
        mail = a_mail()
        mail["X-Number"] = str(number)
        await mailer.send(mail)
    files = sorted(folder.iterdir())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {(file.suffix, stat.S_IMODE(file.stat().st_mode)) for file in files} == {(".eml", 0o600)}
    mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    assert [mail["X-Number"] for mail in mails] == ["0", "1", "2"]
    assert "123456" in str(mails[0].get_content())


async def test_mails_at_once_do_not_overwrite_one_another(tmp_path: Path) -> None:
    mailer = Mailer(tmp_path.as_uri(), FROM)
    await asyncio.gather(*(mailer.send(a_mail()) for _ in range(50)))
    assert len(list(tmp_path.glob("*.eml"))) == 50
    assert list(tmp_path.glob(".*")) == []


async def test_a_folder_that_cannot_be_made_is_worth_another_try(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TemporaryFailure, match="cannot be written"):
        await Mailer((tmp_path / "file" / "mail").as_uri(), FROM).send(a_mail())


def test_the_sender_may_be_written_with_a_name(tmp_path: Path) -> None:
    async def send() -> None:
        await Mailer(tmp_path.as_uri(), "The shop <gift-cards@shop.example>").send(a_mail())

    asyncio.run(send())
    [file] = tmp_path.iterdir()
    assert b"From: The shop <gift-cards@shop.example>\n" in file.read_bytes()
