"""Connections as they are kept: what a client sees that is slow, greedy or cunning below the level of requests."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from starlette.types import Message, Receive, Scope, Send

from kado.app import graceful, http
from kado.app.connection import Bounds, Config
from kado.doors.api.gate import Gate
from kado.doors.api.intake import Limits

PATIENT = Bounds()
HASTY = Bounds(head_seconds=0.2, take_seconds=0.2)
GET = b"GET /x HTTP/1.1\r\nHost: kado.test\r\n\r\n"
LAST = b"GET /x HTTP/1.1\r\nHost: kado.test\r\nConnection: close\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: kado.test\r\nContent-Type: application/json\r\n"
LARGE = 20_000_000


class App:
    """Answers with what it is asked for: the headers it sees, or very much."""

    def __init__(self) -> None:
        self.answered = 0
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.let_go.wait()
        body = b"x" * LARGE if scope["path"] == "/large" else b" ".join(name for name, _ in scope["headers"])
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        # In pieces, as a file is sent, so that it waits for the client in between.
        for at in range(0, len(body), 100_000):
            piece: Message = {"type": "http.response.body", "body": body[at : at + 100_000], "more_body": True}
            await send(piece)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        self.answered += 1


@pytest.fixture
async def app() -> App:
    return App()


@asynccontextmanager
async def served(app: App, bounds: Bounds) -> AsyncIterator[int]:
    with http.bind("127.0.0.1", 0) as listening:
        listening.listen(512)
        server = graceful.Server(Config(Gate(app, limits=Limits(body_seconds=10)), bounds, timeout_graceful_shutdown=1))
        task = asyncio.create_task(server.serve([listening]))
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def rest(reader: asyncio.StreamReader, seconds: float = 10) -> bytes:
    """Everything until the server ends the connection."""
    try:
        return await asyncio.wait_for(reader.read(), seconds)
    except ConnectionResetError:
        return b""


@asynccontextmanager
async def client(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def answer_to(reader: asyncio.StreamReader) -> bytes:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    return head + await asyncio.wait_for(reader.readexactly(length), 10)


# ── slow ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_head_that_never_ends_is_cut_however_it_trickles(app: App) -> None:
    async with served(app, HASTY) as port, client(port) as (reader, writer):
        trickle = asyncio.create_task(_trickle(writer, POST))
        answer = await rest(reader)
        trickle.cancel()
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b'"code":"headers_too_slow"' in answer


async def _trickle(writer: asyncio.StreamWriter, data: bytes) -> None:
    for byte in data:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)


async def test_a_connection_on_which_nothing_ever_comes_is_ended_without_a_word(app: App) -> None:
    async with served(app, HASTY) as port, client(port) as (reader, _):
        assert await rest(reader) == b""


async def test_who_was_answered_may_wait_for_longer_and_then_has_as_long_as_at_first(app: App) -> None:
    async with served(app, HASTY) as port, client(port) as (reader, writer):
        writer.write(GET)
        await answer_to(reader)
        # Longer than a head may take; somebody else is shown out meanwhile.
        async with client(port) as (other, _):
            await rest(other)
        writer.write(GET)
        assert (await answer_to(reader)).startswith(b"HTTP/1.1 200")
        writer.write(b"G")
        assert (await rest(reader)).startswith(b"HTTP/1.1 408")


async def test_half_a_request_behind_a_whole_one_has_its_time_too(app: App) -> None:
    async with served(app, HASTY) as port, client(port) as (reader, writer):
        writer.write(GET + b"GET /x HT")
        await answer_to(reader)
        assert (await rest(reader)).startswith(b"HTTP/1.1 408")


async def test_a_client_that_takes_nothing_of_its_answer_is_cut(app: App) -> None:
    async with served(app, HASTY) as port:
        with socket.create_connection(("127.0.0.1", port)) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(b"GET /large HTTP/1.1\r\nHost: kado.test\r\n\r\n")
            # The app gets to the end of its answer because there is nobody to send it to any more.
            await asyncio.wait_for(_answered(app), 10)
            with pytest.raises(ConnectionResetError):
                await asyncio.to_thread(_read_all, deaf)


async def _answered(app: App) -> None:
    while not app.answered:
        await asyncio.sleep(0.02)


def _read_all(deaf: socket.socket) -> None:
    deaf.settimeout(10)
    while deaf.recv(1_000_000):
        pass


async def test_a_client_that_takes_its_answer_slowly_but_steadily_gets_all_of_it(app: App) -> None:
    bounds = replace(HASTY, take_bytes=16 * 1024)
    async with served(app, bounds) as port, client(port) as (reader, writer):
        writer.write(b"GET /large HTTP/1.1\r\nHost: kado.test\r\nConnection: close\r\n\r\n")
        received = 0
        began = time.monotonic()
        while piece := await asyncio.wait_for(reader.read(200_000), 10):
            received += len(piece)
            await asyncio.sleep(0.02)
    assert received > LARGE
    assert time.monotonic() - began > 1, "it was not slow at all"


# ── greedy ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "endless",
    [b"GET /" + b"x" * 100_000, GET[:-2] + b"X-Large: " + b"x" * 100_000, GET[:-2] + b"X-Many: x\r\n" * 10_000],
    ids=["address", "one header", "many headers"],
)
async def test_a_head_that_is_far_too_large_is_refused_before_it_ends(app: App, endless: bytes) -> None:
    async with served(app, PATIENT) as port, client(port) as (reader, writer):
        writer.write(endless)
        answer = await rest(reader)
    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b'"code":"headers_too_large"' in answer
    assert app.answered == 0


@pytest.mark.parametrize(
    "behind",
    [b"0\r\nX-Large: " + b"x" * 1_000_000, b"1;" + b"x" * 1_000_000],
    ids=["behind the body", "beside a piece"],
)
async def test_what_hides_beside_a_body_is_counted_too(app: App, behind: bytes) -> None:
    async with served(app, PATIENT) as port, client(port) as (reader, writer):
        writer.write(POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n" + behind)
        assert (await rest(reader)).startswith(b"HTTP/1.1 431")
    assert app.answered == 0


async def test_a_large_body_in_small_pieces_is_no_large_head(app: App) -> None:
    body = b"1\r\n7\r\n" * 50_000
    async with served(app, PATIENT) as port, client(port) as (reader, writer):
        writer.write(POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n")
        # Fifty thousand digits are a number, and no one's amount.
        assert (await rest(reader)).startswith(b"HTTP/1.1 200")


async def test_requests_in_advance_are_answered_up_to_a_point(app: App) -> None:
    async with served(app, replace(PATIENT, requests_ahead=3)) as port, client(port) as (reader, writer):
        app.let_go.clear()
        writer.write(GET * 50)
        await writer.drain()
        app.let_go.set()
        answer = await rest(reader)
    assert answer.count(b"HTTP/1.1 200") == 4 == answer.count(b"HTTP/1.1")


async def test_few_requests_in_advance_are_all_answered_in_order(app: App) -> None:
    async with served(app, PATIENT) as port, client(port) as (reader, writer):
        writer.write(GET * 16 + LAST)
        answer = await rest(reader)
    assert answer.count(b"HTTP/1.1 200") == 17


# ── many ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_when_all_places_are_taken_who_has_been_idle_longest_makes_room(app: App) -> None:
    async with served(app, replace(PATIENT, connections=2)) as port, client(port) as first, client(port) as second:
        for reader, writer in (first, second):
            writer.write(GET)
            await answer_to(reader)
        second[1].write(GET)  # so the first one has been idle for longer
        await answer_to(second[0])
        async with client(port) as (reader, writer):
            writer.write(GET)
            assert (await answer_to(reader)).startswith(b"HTTP/1.1 200")
            assert await rest(first[0]) == b""
            second[1].write(GET)
            assert (await answer_to(second[0])).startswith(b"HTTP/1.1 200")


async def test_nobody_makes_room_in_the_middle_of_a_request(app: App) -> None:
    async with served(app, replace(PATIENT, connections=2)) as port, client(port) as first, client(port) as second:
        app.let_go.clear()
        for _, writer in (first, second):
            writer.write(GET)
        async with client(port) as (reader, _):
            refusal = await rest(reader)
        app.let_go.set()
        assert [(await answer_to(reader))[:12] for reader, _ in (first, second)] == [b"HTTP/1.1 200"] * 2
    assert refusal.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"Retry-After: 1\r\n" in refusal
    assert b'"code":"busy"' in refusal


# ── cunning ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_comes_behind_a_body_is_no_header(app: App) -> None:
    """A proxy has not looked at it: neither who the client is nor where it comes from can stand there."""
    async with served(app, PATIENT) as port, client(port) as (reader, writer):
        writer.write(POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
        writer.write(b"Authorization: Bearer x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
        answer = await rest(reader)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"content-type" in answer
    assert b"authorization" not in answer
    assert b"x-forwarded-for" not in answer


async def test_nonsense_behind_a_request_does_not_take_its_answer_away(app: App) -> None:
    async with served(app, PATIENT) as port, client(port) as (reader, writer):
        app.let_go.clear()
        writer.write(GET + b"nonsense\r\n\r\n")
        await writer.drain()
        app.let_go.set()
        answer = await rest(reader)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("piece", [b"zz\r\n{}\r\n", b"2\r\n{}garbage", b"-2\r\n{}\r\n", b"2 \n{}\r\n0\r\n\r\n"])
async def test_nonsense_in_place_of_a_body_is_a_bad_request(app: App, piece: bytes) -> None:
    async with served(app, PATIENT) as port, client(port) as (reader, writer):
        writer.write(POST + b"Transfer-Encoding: chunked\r\n\r\n" + piece)
        assert (await rest(reader)).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert app.answered == 0
