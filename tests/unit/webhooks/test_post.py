"""One request: to the address that was checked and no other, to a name whose certificate is right, within its time."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.serving.receiver import DROP, ENDLESS, HANG, receiving

from kado.webhooks.address import Blocked
from kado.webhooks.post import ANSWER_MAX, Answered, NotReached, Poster

LOOPBACK = (ip_network("127.0.0.0/8"),)
SECRET = "a shared secret"
EVENT = b'{"type": "giftcard.redeemed"}'


class Names:
    """A name server: each look-up of a name gets its next answer, and the last one stays."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


class Listener:
    """Counts who connects to a port, on every address of this machine."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    server = await asyncio.start_server(listener.take, "0.0.0.0", 0)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        other = await asyncio.start_server(listener.take, "::1", listener.port)
    except OSError:
        other = server  # a machine without IPv6
    yield listener
    server.close()
    other.close()


INSIDE = """
    {s}://127.0.0.1:{p}/ {s}://127.0.0.2:{p}/ {s}://127.1:{p}/ {s}://0:{p}/ {s}://0.0.0.0:{p}/ {s}://2130706433:{p}/
    {s}://0x7f000001:{p}/ {s}://0x7f.0.0.1:{p}/ {s}://0177.0.0.1:{p}/ {s}://017700000001:{p}/ {s}://127.0.0.1.:{p}/
    {s}://localhost:{p}/ {s}://LocalHost.:{p}/ {s}://localhost.localdomain:{p}/ {s}://[::1]:{p}/ {s}://[::]:{p}/
    {s}://[0:0:0:0:0:0:0:1]:{p}/ {s}://[::ffff:127.0.0.1]:{p}/ {s}://[::ffff:7f00:1]:{p}/ {s}://[::127.0.0.1]:{p}/
    {s}://[64:ff9b::127.0.0.1]:{p}/ {s}://[2002:7f00:1::]:{p}/ {s}://[::1%25lo]:{p}/ {s}://[::ffff:0:127.0.0.1]:{p}/
    {s}://user@127.0.0.1:{p}/ {s}://hooks.example@127.0.0.1:{p}/ {s}://127.0.0.1:{p}@hooks.example/
    {s}://127.0.0.1:{p}#@hooks.example/ {s}://127.0.0.1:{p}?@hooks.example/ {s}:\\\\127.0.0.1:{p}/ {s}:/127.0.0.1:{p}/
    {s}:127.0.0.1:{p}/ //127.0.0.1:{p}/ {s}://127%2e0%2e0%2e1:{p}/ {s}://%6cocalhost:{p}/ {s}://１２７.0.0.1:{p}/
    {s}://127。0。0。1:{p}/ {s}://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{p}/ ftp://127.0.0.1:{p}/ gopher://127.0.0.1:{p}/ ws://127.0.0.1:{p}/
    {s}://169.254.169.254/latest/meta-data/ {s}://[fd00:ec2::254]/ {s}://hooks.example\\\\@127.0.0.1:{p}/
""".split()


async def test_no_notation_of_this_machine_gets_a_connection(listener: Listener) -> None:
    poster = Poster()
    urls = [url.format(s=scheme, p=listener.port) for url in INSIDE for scheme in ("https", "http")]
    assert len(set(urls)) > 80
    for url in dict.fromkeys(urls):
        with pytest.raises(Blocked):
            await poster.check(url)
        with pytest.raises(NotReached, match="may not be called"):
            await poster.post(url, [SECRET], "1", EVENT)
    assert listener.connections == 0
    with pytest.raises(NotReached):
        await Poster(LOOPBACK).post(f"http://127.0.0.1:{listener.port}/", [SECRET], "1", EVENT)
    assert listener.connections == 1, "the listener does count"


async def test_a_name_that_is_rebound_between_two_look_ups_is_looked_up_once(listener: Listener) -> None:
    for answers in (("127.0.0.1", "8.8.8.8"), ("169.254.169.254", "8.8.8.8"), ("::1", "8.8.8.8")):
        names = Names(*answers)
        with pytest.raises(NotReached, match="may not be called"):
            await Poster(resolve=names).post("https://hooks.example:8443/", [SECRET], "1", EVENT)
        assert names.asked == ["hooks.example"]
    async with receiving() as receiver:
        names = Names("127.0.0.1", "127.0.0.2", "10.0.0.1")  # only the first answer leads anywhere
        poster = Poster(LOOPBACK, resolve=names)
        answer = await poster.post(f"http://hooks.example:{receiver.port}/x", [SECRET], "1", EVENT)
    assert (answer, names.asked) == (Answered(200), ["hooks.example"])
    assert receiver.received[0].headers["host"] == f"hooks.example:{receiver.port}"
    assert listener.connections == 0


async def test_what_was_fine_at_registration_is_checked_again_at_every_delivery() -> None:
    poster = Poster(resolve=Names("8.8.8.8", "127.0.0.1"))
    await poster.check("https://hooks.example/")
    with pytest.raises(NotReached, match="may not be called"):
        await poster.post("https://hooks.example/", [SECRET], "1", EVENT)


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch, listener: Listener) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{listener.port}")
    async with receiving() as receiver:
        assert (await Poster(LOOPBACK).post(receiver.url, [SECRET], "1", EVENT)).status == 200
    assert listener.connections == 0


# ── TLS ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self.certificate = self._sign(self.name, self.key, x509.BasicConstraints(ca=True, path_length=None))
        self.file = directory / "authority.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.file))

    def server(self, host: str) -> ssl.SSLContext:
        """What a server needs that is to be taken for this host."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A server")])
        signed = self._sign(subject, key, x509.SubjectAlternativeName([x509.DNSName(host)]))
        file = self.directory / f"{host}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + signed.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=False)
            .sign(self.key, hashes.SHA256())
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


async def test_the_certificate_must_be_for_the_name_although_the_address_is_what_is_called(
    authority: Authority,
) -> None:
    poster = Poster(LOOPBACK, resolve=Names("127.0.0.1"), trusted=authority.trusted())
    async with receiving(authority.server("hooks.example")) as receiver:
        answer = await poster.post(f"https://hooks.example:{receiver.port}/hook", [SECRET], "1", EVENT)
        assert answer.status == 200
        assert receiver.received[0].headers["host"] == f"hooks.example:{receiver.port}"
        for other in ("other.example", "127.0.0.1", "hooks.example.com"):
            with pytest.raises(NotReached, match="certificate"):
                await poster.post(f"https://{other}:{receiver.port}/hook", [SECRET], "1", EVENT)
        assert len(receiver.received) == 1


async def test_an_authority_that_nobody_trusts_is_refused(authority: Authority) -> None:
    poster = Poster(LOOPBACK, resolve=Names("127.0.0.1"))
    async with receiving(authority.server("hooks.example")) as receiver:
        with pytest.raises(NotReached, match="certificate"):
            await poster.post(f"https://hooks.example:{receiver.port}/hook", [SECRET], "1", EVENT)
        assert receiver.received == []


async def test_a_server_without_tls_is_no_https(authority: Authority) -> None:
    poster = Poster(LOOPBACK, resolve=Names("127.0.0.1"), trusted=authority.trusted(), seconds=0.5)
    async with receiving() as receiver:
        with pytest.raises(NotReached):
            await poster.post(f"https://hooks.example:{receiver.port}/hook", [SECRET], "1", EVENT)
        assert receiver.received == []


# ── answers ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_leads_nowhere(status: int) -> None:
    async with receiving(usual=f"{status} Elsewhere") as receiver:
        assert (await Poster(LOOPBACK).post(receiver.url, [SECRET], "1", EVENT)).status == status
    assert (receiver.connections, len(receiver.received)) == (1, 1)


async def test_of_an_answer_without_an_end_little_is_read() -> None:
    async with receiving(usual=ENDLESS) as receiver:
        poster = Poster(LOOPBACK)
        assert await poster.post(receiver.url, [SECRET], "1", EVENT) == Answered(200)
        body = (await poster.post(receiver.url, [SECRET], "1", EVENT, want_body=True)).body
        assert body == b"x" * ANSWER_MAX
        assert receiver.sent < 1000 * ANSWER_MAX, "the rest was in buffers of the system at most"


async def test_who_does_not_answer_in_time_is_not_waited_for() -> None:
    began = asyncio.get_running_loop().time()
    async with receiving(usual=HANG) as receiver:
        with pytest.raises(NotReached, match=r"no answer within 0\.3 seconds"):
            await Poster(LOOPBACK, seconds=0.3).post(receiver.url, [SECRET], "1", EVENT)
    assert asyncio.get_running_loop().time() - began < 3


async def test_a_name_server_that_does_not_answer_is_not_waited_for() -> None:
    async def hangs(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    poster = Poster(resolve=hangs, seconds=0.1)
    with pytest.raises(NotReached, match="no answer"):
        await poster.post("https://hooks.example/", [SECRET], "1", EVENT)
    with pytest.raises(Blocked):
        await poster.check("https://hooks.example/")


async def test_a_connection_that_breaks_and_a_port_that_is_closed() -> None:
    async with receiving(usual=DROP) as receiver:
        with pytest.raises(NotReached, match="broke"):
            await Poster(LOOPBACK).post(receiver.url, [SECRET], "1", EVENT)
    with pytest.raises(NotReached, match="no connection"):
        await Poster(LOOPBACK).post("http://127.0.0.1:1/", [SECRET], "1", EVENT)
