"""The gate behind a real server: what a client sees that sends too much, too slowly, or in odd pieces."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from kado.doors.api.gate import Gate
from kado.doors.api.intake import Limits

# Patient where the client sends all it announced, so that a busy machine changes nothing; hasty where it never does.
PATIENT = Limits(body_seconds=30, discard_seconds=10, discard_bytes=4_000_000)
HASTY = Limits(body_seconds=0.05, discard_seconds=0.05)
POST = b"POST /x HTTP/1.1\r\nHost: kado.test\r\nContent-Type: application/json\r\n"


async def length_of_the_body(scope: Scope, receive: Receive, send: Send) -> None:
    body = str(len((await receive())["body"])).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def served(http: str, limits: Limits) -> AsyncIterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        gate = Gate(length_of_the_body, limits=limits)
        config = uvicorn.Config(gate, http=http, lifespan="off", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await task


@pytest.fixture(params=["httptools", "h11"])
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    async with served(request.param, PATIENT) as number:
        yield number


@pytest.fixture(params=["httptools", "h11"])
async def hasty_port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    async with served(request.param, HASTY) as number:
        yield number


async def exchange(port: int, *pieces: bytes) -> bytes:
    """Everything the server says until it closes the connection (every request here asks for that or earns it)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def test_a_body_up_to_the_limit_arrives_whole(port: int) -> None:
    body = b'"' + b"x" * (64 * 1024 - 2) + b'"'
    answer = await exchange(port, POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body), body)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"65536")


async def test_a_chunked_body_arrives_whole(port: int) -> None:
    pieces = [chunk(b'"'), *[chunk(b"x" * 1000)] * 60, chunk(b'"'), b"0\r\n\r\n"]
    answer = await exchange(port, POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n", *pieces)
    assert answer.endswith(b"60002")


async def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(hasty_port: int) -> None:
    answer = await exchange(hasty_port, POST + b"Content-Length: 65537\r\nExpect: 100-continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in answer
    assert b"connection: close" in answer.lower()


async def test_a_client_that_sends_a_large_body_first_still_reads_the_answer(port: int) -> None:
    body = b"x" * 3_000_000
    answer = await exchange(port, POST + b"Content-Length: %d\r\n\r\n" % len(body), body)
    assert answer.startswith(b"HTTP/1.1 413")
    assert answer.count(b"HTTP/1.1") == 1
    assert b'"code":"body_too_large"' in answer


async def test_a_chunked_body_is_refused_while_it_comes(port: int) -> None:
    pieces = [*[chunk(b"x" * 10_000)] * 7, b"0\r\n\r\n"]
    answer = await exchange(port, POST + b"Transfer-Encoding: chunked\r\n\r\n", *pieces)
    assert answer.startswith(b"HTTP/1.1 413")


async def test_a_body_that_never_ends_is_cut(hasty_port: int) -> None:
    answer = await exchange(hasty_port, POST + b"Content-Length: 100\r\n\r\n", b'{"a"')
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer.lower()


async def test_headers_that_are_too_large_are_refused(port: int) -> None:
    large = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1000) for number in range(17))
    answer = await exchange(port, b"GET /x HTTP/1.1\r\nHost: kado.test\r\n" + large + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 431")
    assert b'"code":"headers_too_large"' in answer


async def test_a_compressed_body_is_refused_unread(port: int) -> None:
    answer = await exchange(
        port, POST + b"Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n", b"\x1f\x8b" + b"x" * 18
    )
    assert answer.startswith(b"HTTP/1.1 415")
    assert answer.count(b"HTTP/1.1") == 1


async def test_a_refused_body_leaves_the_connection_usable(port: int) -> None:
    """A body that was read is no reason to hang up: the next request on the connection is answered."""
    bad = POST + b"Content-Length: 1\r\n\r\n{"
    good = POST + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}"
    answer = await exchange(port, bad + good)
    assert answer.startswith(b"HTTP/1.1 422")
    assert answer.count(b"HTTP/1.1 200") == 1
