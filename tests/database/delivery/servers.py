"""The servers that messages go to: real ones, each on a port of its own."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


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
    open_connections: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def is_left(self) -> None:
        """Wait until nobody is connected: the goodbye of TLS outlives the call that said it."""
        while self.open_connections:
            await asyncio.sleep(0.01)

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
        transport = cast("asyncio.Transport", server.transport)
        if answer == "drop":
            transport.abort()
            return "250 never heard"
        if answer.startswith("2"):
            content = cast("bytes", envelope.content)
            self.received.append(message_from_bytes(content, policy=policy.default))
            self.recipients += envelope.rcpt_tos
            self.over_tls.append(transport.get_extra_info("sslcontext") is not None)
        return answer


class Counting(SMTP):
    """Tells its server who is connected."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.session is None:  # not a second time, for STARTTLS
            self.event_handler.open_connections += 1
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.event_handler.open_connections -= 1


class Listening(Controller):
    def __init__(self, handler: MailServer, port: int = 0, **options: Any) -> None:
        super().__init__(handler, hostname="127.0.0.1", port=port, **options)

    def factory(self) -> SMTP:
        return Counting(self.handler, **self.SMTP_kwargs)

    def _trigger_server(self) -> None:
        # The port is the system's choice, so it must be asked for before it can be tried.
        self.port = cast("asyncio.Server", self.server).sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


RunMailServer = Callable[..., MailServer]


@dataclass(frozen=True)
class Certificate:
    file: Path
    context: ssl.SSLContext


def self_signed(directory: Path) -> Certificate:
    """A certificate for 127.0.0.1 that signs itself: trusted by whoever is told to trust its file."""
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


def code_in(message: EmailMessage) -> str:
    """The security code of a mail."""
    part = message.get_body(("plain",))
    assert part is not None
    text = str(part.get_content())
    return next(line.split()[-1] for line in text.splitlines() if line.startswith("Security code:"))
