"""A shop, and the servers that its messages go to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from tests.database.delivery.servers import Certificate, Listening, MailServer, Provider, RunMailServer, self_signed
from tests.database.delivery.shop import Shop

from kado.crypto import Keyring
from kado.delivery.mail import Mailer
from kado.delivery.send import Sender
from kado.delivery.sms import Texter
from kado.storage.database import Database

MakeSender = Callable[..., Sender]


@pytest.fixture
async def shop(database: Database, keyring: Keyring) -> Shop:
    return await Shop(database, keyring).open()


@pytest.fixture
def run_mail_server() -> Iterator[RunMailServer]:
    controllers: list[Controller] = []

    def start(**options: Any) -> MailServer:
        server = MailServer()
        controller = Listening(server, **options)
        controller.start()
        controllers.append(controller)
        server.port = controller.port
        return server

    yield start
    for controller in controllers:
        cast("MailServer", controller.handler).hang = False
        controller.stop()


@pytest.fixture
def mail_server(run_mail_server: RunMailServer) -> MailServer:
    return run_mail_server()


@pytest.fixture
def sign_in() -> dict[str, Any]:
    """Options of a server that asks for a name and a password."""

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"kado", b"p@ss/word"), handled=False)

    return {"authenticator": check, "auth_required": True}


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    server = await asyncio.start_server(provider.answer, "127.0.0.1", 0)
    provider.port = server.sockets[0].getsockname()[1]
    yield provider
    server.close()
    await server.wait_closed()


@pytest.fixture
def make_sender(database: Database, keyring: Keyring, tmp_path: Path) -> MakeSender:
    def build(mail_url: str | None = None, sms_url: str | None = None, of: Database | None = None) -> Sender:
        return Sender(
            of or database,
            keyring,
            Mailer(mail_url or (tmp_path / "mail").as_uri(), "gift-cards@shop.example"),
            Texter(sms_url or (tmp_path / "sms").as_uri()),
            "https://cards.example.com",
        )

    return build
