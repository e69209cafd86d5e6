import asyncio
import base64
import logging
import stat
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from tests.database.delivery.servers import Provider

from kado.delivery.failures import DeliveryFailure, PermanentFailure, TemporaryFailure
from kado.delivery.sms import Texter

TO = "+4915112345678"


async def test_the_provider_is_sent_a_form(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await Texter(provider.url).send(TO, "Your code: 123456 & ünïcode")
    [(line, headers, body)] = provider.requests
    assert line == "POST /2010/Messages.json HTTP/1.1"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")) == b"AC@id:t:ken"
    assert parse_qs(body.decode()) == {
        "To": [TO],
        "From": ["+15550100"],
        "Body": ["Your code: 123456 & ünïcode"],
    }
    for secret in (TO, TO[1:], "123456", "t:ken", "t%3Aken", "AC@id", "15550100", headers["authorization"]):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("400 Bad Request", PermanentFailure),
        ("403 Forbidden", PermanentFailure),
        ("404 Not Found", PermanentFailure),
        ("401 Unauthorized", TemporaryFailure),
        ("408 Request Timeout", TemporaryFailure),
        ("429 Too Many Requests", TemporaryFailure),
        ("500 Internal Server Error", TemporaryFailure),
        ("503 Service Unavailable", TemporaryFailure),
        ("302 Found", TemporaryFailure),
        ("drop", TemporaryFailure),
    ],
)
async def test_refusals(provider: Provider, answer: str, kind: type) -> None:
    provider.answers = [answer]
    with pytest.raises(DeliveryFailure) as failure:
        await Texter(provider.url).send(TO, "Your code: 123456")
    assert type(failure.value) is kind
    assert "123" not in failure.value.reason
    assert failure.value.__cause__ is None
    assert len(provider.requests) == 1, "redirects are not followed"


async def test_no_provider_is_worth_another_try(unused_tcp_port: int) -> None:
    with pytest.raises(TemporaryFailure, match="no connection"):
        await Texter(f"https://a:b@127.0.0.1:{unused_tcp_port}/?from=%2B1").send(TO, "Your code: 123456")


async def test_no_proxy_of_the_environment_sees_a_code(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Provider()
    server = await asyncio.start_server(proxy.answer, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, address)
    await Texter(provider.url).send(TO, "Your code: 123456")
    server.close()
    assert (len(provider.requests), proxy.requests) == (1, [])


async def test_of_what_a_provider_says_only_the_status_is_read() -> None:
    sent = 0

    async def never_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 1000000000\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(b"x" * 16_384)
                sent += 16_384
                await writer.drain()

    server = await asyncio.start_server(never_end, "127.0.0.1", 0)
    await Texter(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/").send(TO, "Your code: 123456")
    server.close()
    await server.wait_closed()
    assert 0 < sent < 64 * 1024 * 1024, "what was in buffers of the system at most"


async def test_a_folder_takes_each_message_as_a_private_file(tmp_path: Path) -> None:
    folder = tmp_path / "sms"
    texter = Texter(folder.as_uri())
    await texter.send(TO, "first")
    await texter.send(TO, "second")
    files = sorted(folder.iterdir())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [(file.suffix, stat.S_IMODE(file.stat().st_mode)) for file in files] == [(".txt", 0o600)] * 2
    assert [file.read_text() for file in files] == [f"To: {TO}\n\nfirst\n", f"To: {TO}\n\nsecond\n"]
