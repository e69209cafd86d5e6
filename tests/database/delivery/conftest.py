"""A card, its messages, and the servers that messages go to: real ones, each on a port of its own."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, cast

import asyncpg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kado.cards.numbers import hide_number, new_number, new_pass_sid
from kado.crypto import Keyring
from kado.delivery.mail import Mailer
from kado.delivery.send import Sender
from kado.delivery.sms import Texter
from kado.ids import new_id
from kado.storage.database import Database
from kado.storage.outbox import Message, enqueue_messages

ADDRESS = "anna@example.com"


@dataclass(frozen=True)
class ACard:
    program_id: str
    id: str
    number: str


@dataclass
class Shop:
    """A merchant with a program; makes cards and messages in it."""

    database: Database
    keyring: Keyring
    merchant_id: str = field(default_factory=new_id)
    program_id: str = field(default_factory=new_id)

    async def open(self) -> "Shop":
        async with self.database.transaction() as connection:
            await connection.execute(
                "INSERT INTO merchant (id, name) VALUES ($1, $2)", self.merchant_id, f"Café {self.merchant_id[-4:]}"
            )
            await connection.execute(
                """
                INSERT INTO program (id, merchant_id, name, currency, pass_type_identifier, min_initial_value,
                                     max_initial_value, max_balance, max_reload, cashier_issue_limit, expiry_rule,
                                     expiry_months, code_format, number_prefix, requires_key)
                VALUES ($1, $2, 'Gift cards', 'EUR', 'pass.example', 1, 500000, 1000000, 500000, 50000, 'after_issue',
                        12, 'digits', '6034', false)
                """,
                self.program_id,
                self.merchant_id,
            )
        return self

    async def card(self, **facts: Any) -> ACard:
        card_id, number, now = new_id(), new_number("6034"), datetime.now(UTC)
        hidden = hide_number(self.keyring, self.program_id, card_id, number)
        columns: dict[str, Any] = {
            "program_id": self.program_id,
            "id": card_id,
            "merchant_id": self.merchant_id,
            "is_test": False,
            "balance": 0,
            "initial_value": 2500,
            "max_balance": 1000000,
            "status": "pending",
            "seq": 1,
            "head_hash": bytes(32),
            "created_at": now,
            "updated_at": now,
            "expires_at": now + timedelta(days=365),
            "state_seal": bytes(36),
            "number_index": hidden.number_index,
            "number_sealed": hidden.sealed,
            "last_four": hidden.last_four,
            "key_version": hidden.key_version,
            "pass_sid": new_pass_sid(self.program_id),
            "customer_email": ADDRESS,
            "customer_name": "Anna",
            "is_physical": False,
        } | facts
        names, places = ", ".join(columns), ", ".join(f"${at}" for at in range(1, len(columns) + 1))
        async with self.database.transaction() as connection:
            await connection.execute(f"INSERT INTO card ({names}) VALUES ({places})", *columns.values())
        return ACard(self.program_id, card_id, number)

    async def message(
        self,
        card: ACard,
        recipient: str = ADDRESS,
        *,
        channel: Literal["email", "sms"] = "email",
        kind: Literal["security_code", "code_sent_elsewhere"] = "security_code",
        send_in: timedelta | None = None,
        sender_name: str | None = None,
        custom_message: str | None = None,
    ) -> Message:
        """A message written to the outbox, with its job."""
        async with self.database.transaction() as connection:
            now = await connection.fetchval("SELECT clock_timestamp()")
            message = Message(
                program_id=card.program_id,
                id=new_id(),
                card_id=card.id,
                kind=kind,
                channel=channel,
                recipient=recipient,
                sender_name=sender_name,
                custom_message=custom_message,
                created_at=now,
                send_at=now + send_in if send_in is not None else None,
            )
            await enqueue_messages(connection, [message])
        return message

    async def row(self, message: Message) -> "asyncpg.Record":
        return await self._one(
            "SELECT *, next_attempt_at - clock_timestamp() AS due_in FROM message WHERE program_id = $1 AND id = $2",
            message.program_id,
            message.id,
        )

    async def card_row(self, card: ACard) -> "asyncpg.Record":
        return await self._one("SELECT * FROM card WHERE program_id = $1 AND id = $2", card.program_id, card.id)

    async def set(self, message: Message, assignments: str) -> None:
        async with self.database.read() as connection:
            await connection.execute(
                f"UPDATE message SET {assignments} WHERE program_id = $1 AND id = $2", message.program_id, message.id
            )

    async def jobs(self) -> int:
        return int((await self._one("SELECT count(*) AS jobs FROM pgqueuer"))["jobs"])

    async def delete_jobs(self) -> None:
        async with self.database.read() as connection:
            await connection.execute("DELETE FROM pgqueuer")

    async def _one(self, query: str, *values: object) -> "asyncpg.Record":
        async with self.database.read() as connection:
            row = await connection.fetchrow(query, *values)
        assert row is not None
        return row


@pytest.fixture
async def shop(database: Database, keyring: Keyring) -> Shop:
    return await Shop(database, keyring).open()


@dataclass
class MailServer:
    """A real SMTP server whose answers a test may set: the next ones in turn, then 250."""

    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    over_tls: list[bool] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    refuse_recipient: str | None = None
    hang: bool = False
    busy: int = 0
    busy_most: int = 0
    pause: float = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuse_recipient:
            return self.refuse_recipient.replace("{}", address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.busy += 1
        self.busy_most = max(self.busy, self.busy_most)
        try:
            await asyncio.sleep(self.pause)
            while self.hang:
                await asyncio.sleep(0.01)
        finally:
            self.busy -= 1
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer == "drop":
            server.transport.abort()
            return "250 never heard"
        if answer.startswith("2"):
            content = cast("bytes", envelope.content)
            self.received.append(cast("EmailMessage", message_from_bytes(content, policy=policy.default)))
            self.recipients += envelope.rcpt_tos
            self.over_tls.append(server.transport.get_extra_info("sslcontext") is not None)
        return answer


class _Listening(Controller):
    def __init__(self, handler: MailServer, **options: Any) -> None:
        super().__init__(handler, hostname="127.0.0.1", port=0, **options)

    def _trigger_server(self) -> None:
        # The port is the system's choice, so it must be asked for before it can be tried.
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


RunMailServer = Callable[..., MailServer]


@pytest.fixture
def run_mail_server() -> Iterator[RunMailServer]:
    controllers: list[Controller] = []

    def start(**options: Any) -> MailServer:
        server = MailServer()
        controller = _Listening(server, **options)
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


@dataclass(frozen=True)
class Certificate:
    file: Path
    context: ssl.SSLContext


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for 127.0.0.1 that signs itself: trusted by whoever is told to trust its file."""
    directory = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, key_file = directory / "cert.pem", directory / "key.pem"
    file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, key_file)
    return Certificate(file, context)


@dataclass
class Provider:
    """A real HTTP server in place of an SMS provider; keeps what it was sent."""

    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://AC%40id:t%3Aken@127.0.0.1:{self.port}/2010/Messages.json?from=%2B15550100"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.requests.append((head[0], headers, body))
        answer = self.answers.pop(0) if self.answers else "201 Created"
        if answer != "drop":
            location = f"Location: http://127.0.0.1:{self.port}/elsewhere\r\n" if answer.startswith("3") else ""
            writer.write(f"HTTP/1.1 {answer}\r\n{location}Content-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())
            await writer.drain()
        writer.close()


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    server = await asyncio.start_server(provider.answer, "127.0.0.1", 0)
    provider.port = server.sockets[0].getsockname()[1]
    yield provider
    server.close()
    await server.wait_closed()


MakeSender = Callable[..., Sender]


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


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 20) -> None:
    """Wait until the condition holds; fail when it does not within the time."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.02)


def code_in(message: EmailMessage) -> str:
    """The security code of a mail."""
    part = message.get_body(("plain",))
    assert part is not None
    text = str(part.get_content())
    return next(line.split()[-1] for line in text.splitlines() if line.startswith("Security code:"))
