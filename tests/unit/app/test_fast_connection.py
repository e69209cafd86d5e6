"""The lane at the connection: who is answered there, in which order, and what becomes of it when something ends."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.unit.app.test_connection import App, answer_to, client, rest

from kado.app import entrance, graceful
from kado.app.connection import Bounds
from kado.app.fast_connection import FastConfig, FastConnection
from kado.doors.api.fast_lane.lane import Sent
from kado.doors.api.fast_lane.plain import INCOMPLETE, Incomplete
from kado.doors.api.gate import Gate
from kado.doors.api.intake import Limits

FAST = b"FAST\n"
GET = b"GET /x HTTP/1.1\r\nHost: kado.test\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: kado.test\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"


class Lane:
    """Takes `FAST`, waits for the rest of what begins with `F` or with `POST`, and leaves everything else."""

    def __init__(self) -> None:
        self.begun = 0
        self.let_go = asyncio.Event()
        self.let_go.set()

    def answer(self, data: bytes, _: str | None) -> Coroutine[Any, Any, Sent] | Incomplete | None:
        if data == FAST:
            return self._answer()
        return INCOMPLETE if data in (FAST[:2], POST) else None

    async def _answer(self) -> Sent:
        self.begun += 1
        await self.let_go.wait()
        return Sent(200, b"content-length: 4\r\n", b"fast")


@pytest.fixture
async def lane() -> Lane:
    return Lane()


@asynccontextmanager
async def served(lane: Lane, grace: int = 5, **bounds: float) -> AsyncIterator[tuple[int, graceful.Server]]:
    with entrance.bind("127.0.0.1", 0) as listening:
        listening.listen(64)
        gate = Gate(App(), limits=Limits(body_seconds=10))
        config = FastConfig(gate, Bounds(**bounds), lane, timeout_graceful_shutdown=grace)  # type: ignore[arg-type]
        server = graceful.Server(config)
        task = asyncio.create_task(server.serve([listening]))
        try:
            yield listening.getsockname()[1], server
        finally:
            server.should_exit = True
            await task


async def test_fast_and_usual_requests_take_turns_on_one_connection(lane: Lane) -> None:
    async with served(lane) as (port, _), client(port) as (reader, writer):
        for request in (FAST, GET, FAST, FAST, POST + b"{}", FAST):
            writer.write(request)
            answer = await answer_to(reader)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
            assert answer.endswith(b"\r\n\r\nfast") is (request == FAST)
    assert lane.begun == 4


async def test_what_comes_before_the_answer_waits_for_it(lane: Lane) -> None:
    lane.let_go.clear()
    async with served(lane) as (port, _), client(port) as (reader, writer):
        writer.write(FAST)
        while not lane.begun:
            await asyncio.sleep(0)
        writer.write(GET)
        writer.write(GET + FAST[:2])
        lane.let_go.set()
        answers = [await answer_to(reader) for _ in range(3)]
    assert [answer.endswith(b"fast") for answer in answers] == [True, False, False]


async def test_what_is_held_and_never_becomes_plain_is_read_as_usual(lane: Lane) -> None:
    async with served(lane) as (port, _), client(port) as (reader, writer):
        writer.write(POST)
        await asyncio.sleep(0.05)
        writer.write(b"{}")
        assert (await answer_to(reader)).startswith(b"HTTP/1.1 200 OK\r\n")
    assert lane.begun == 0


async def test_what_is_held_for_too_long_ends_as_it_would_have(lane: Lane) -> None:
    async with served(lane, head_seconds=0.2) as (port, _), client(port) as (reader, writer):
        writer.write(FAST[:2])
        answer = await rest(reader)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n"), "it is no HTTP, once it is looked at"


async def test_a_server_that_stops_finishes_a_fast_answer_and_says_that_it_is_the_last(lane: Lane) -> None:
    lane.let_go.clear()
    async with served(lane) as (port, server), client(port) as (reader, writer):
        writer.write(FAST)
        while not lane.begun:
            await asyncio.sleep(0)
        server.should_exit = True
        await asyncio.sleep(0.3)
        lane.let_go.set()
        answer = await rest(reader)
    assert b"\r\nconnection: close\r\n\r\nfast" in answer


async def test_a_server_that_stops_forgets_nothing_of_a_request_whose_head_was_held(lane: Lane) -> None:
    async with served(lane) as (port, server), client(port) as (reader, writer):
        writer.write(POST)
        while not any(one._held for one in server.server_state.connections):  # type: ignore[union-attr]
            await asyncio.sleep(0)
        for one in server.server_state.connections:
            assert isinstance(one, FastConnection)
            one.end_after_answer()
        writer.write(b"{}")
        answer = await rest(reader)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer
    assert b"connection: close" in answer


async def test_an_answer_nobody_waits_for_any_more_is_finished_all_the_same(lane: Lane) -> None:
    lane.let_go.clear()
    async with served(lane) as (port, server):
        async with client(port) as (_, writer):
            writer.write(FAST)
            while not lane.begun:
                await asyncio.sleep(0)
        (task,) = server.server_state.tasks
        lane.let_go.set()
        await asyncio.wait([task])
        assert not task.cancelled()


async def test_a_connection_is_idle_from_its_last_answer_on(lane: Lane) -> None:
    async with served(lane) as (port, server), client(port) as (reader, writer):
        writer.write(FAST)
        await answer_to(reader)
        (connection,) = server.server_state.connections
        assert isinstance(connection, FastConnection)
        connection.timeout_keep_alive_handler()  # the timer of an earlier answer
        writer.write(FAST)
        assert (await answer_to(reader)).endswith(b"fast")
        connection.timeout_keep_alive = 0
        connection.timeout_keep_alive_handler()
        assert await rest(reader) == b""
