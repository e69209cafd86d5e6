"""The port for metrics: what it answers, to whom, and what it does not put up with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.serving.server import free_port

from kado.doors.metrics.serve import serving

TOKEN = "a token for prometheus"


@asynccontextmanager
async def asked(request: bytes, token: str | None = None) -> AsyncIterator[bytes]:
    """What comes back for these bytes, to the end of the connection."""

    def expose(accept: str) -> tuple[str, bytes]:
        if accept == "trouble":
            raise ValueError(accept)
        return f"text/plain; accept={accept}", b"kado_info 1\n"

    port = free_port()
    async with serving("127.0.0.1", port, token, expose):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        yield await asyncio.wait_for(reader.read(), 10)
        writer.close()


@pytest.mark.parametrize("path", ["/metrics", "/metrics?name=kado_info"])
async def test_it_shows_what_there_is(path: str) -> None:
    async with asked(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: words\r\n\r\n".encode()) as answer:
        head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; accept=words\r\nContent-Length: 12\r\n")
    assert body == b"kado_info 1\n"


async def test_head_has_no_body() -> None:
    async with asked(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n") as answer:
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1", b"404"),
        (b"GET /v2/programs HTTP/1.1", b"404"),
        (b"GET /metrics/ HTTP/1.1", b"404"),
        (b"POST /metrics HTTP/1.1", b"405"),
        (b"\x16\x03\x01 what TLS begins with", b"400"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 20_000, b"431"),
    ],
)
async def test_it_answers_nothing_else(request_line: bytes, status: bytes) -> None:
    async with asked(request_line + b"\r\nHost: x\r\n\r\n") as answer:
        assert answer.startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize("given", [b"", b"Authorization: Bearer wrong\r\n", b"Authorization: Basic YTpi\r\n"])
async def test_without_the_token_there_is_nothing_to_see(given: bytes) -> None:
    for path in (b"/metrics", b"/elsewhere"):
        async with asked(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + given + b"\r\n", TOKEN) as answer:
            assert answer.startswith(b"HTTP/1.1 401")
            assert b"WWW-Authenticate: Bearer" in answer
            assert b"kado_info" not in answer


async def test_with_the_token_there_is() -> None:
    request = f"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    async with asked(request.encode(), TOKEN) as answer:
        assert answer.startswith(b"HTTP/1.1 200")


async def test_a_fault_is_an_answer_too() -> None:
    async with asked(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: trouble\r\n\r\n") as answer:
        assert answer.startswith(b"HTTP/1.1 500")


async def test_a_port_that_is_taken_says_so() -> None:
    port = free_port()
    async with serving("127.0.0.1", port, None, lambda _: ("", b"")):
        with pytest.raises(OSError, match="in use"):
            async with serving("127.0.0.1", port, None, lambda _: ("", b"")):
                pass
