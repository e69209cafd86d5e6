"""The load generator tells the truth: each answer is judged and counted once, however it comes, and none made up."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kado.app.measure import load
from kado.app.measure.load import LoadFailed

JOB = {"kind": "redeem", "program": "p", "token": "t", "cards": ["a", "b"], "connections": 3, "requests": 30}
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"a":"b c"}'

Answers = Callable[[asyncio.StreamWriter, int], Awaitable[None]]


class Till:
    """What came to a server, in the order in which it came."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.paths: list[str] = []


@asynccontextmanager
async def listening(answers: Answers) -> AsyncIterator[tuple[int, Till]]:
    """A server that reads requests of the generator and answers them as it is told."""
    seen = Till()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"Content-Length: (\d+)", head)
                assert length is not None
                assert await reader.readexactly(int(length[1])) == b'{"amount":"0.01"}'
                key = re.search(r"Idempotency-Key: (\S+)", head)
                assert key is not None
                seen.keys.append(key[1])
                seen.paths.append(head.split()[1])
                await answers(writer, len(seen.keys))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], seen
    finally:
        server.close()
        await server.wait_closed()


async def done(answers: Answers, **more: Any) -> tuple[dict[str, Any], Till]:
    async with listening(answers) as (port, seen):
        return await asyncio.to_thread(load.run, {**JOB, "port": port, **more}), seen


async def whole(writer: asyncio.StreamWriter, _: int) -> None:
    writer.write(OK)


async def test_each_request_is_sent_once_under_a_key_of_its_own() -> None:
    told, seen = await done(whole)
    assert (told["answers"], told["failures"], len(seen.keys), len({*seen.keys})) == (30, 0, 30, 30)
    assert {*seen.paths} == {f"/v2/giftcards/programs/p/cards/{card}/redeem" for card in "ab"}
    assert told["rate"] > 0
    assert 0 < told["p50_ms"] <= told["p95_ms"] <= told["p99_ms"]
    assert told["generator_us"] > 0


async def test_an_answer_in_pieces_is_one_answer() -> None:
    async def in_pieces(writer: asyncio.StreamWriter, _: int) -> None:
        for at in range(0, len(OK), 7):
            writer.write(OK[at : at + 7].replace(b"Content-Length", b"CONTENT-LENGTH"))
            await writer.drain()
            await asyncio.sleep(0)

    told, seen = await done(in_pieces, requests=6)
    assert (told["answers"], told["failures"], len(seen.keys)) == (6, 0, 6)


async def test_a_refusal_is_a_failure_and_is_shown() -> None:
    async def refuses_one(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(OK if number != 4 else OK.replace(b"200 OK", b"503 Busy"))

    told, _ = await done(refuses_one)
    assert (told["answers"], told["failures"]) == (30, 1)
    assert told["first_failure"].startswith("HTTP/1.1 503")


async def test_a_connection_that_is_closed_is_a_failure() -> None:
    async def leaves(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(OK)
        if number == 5:
            await writer.drain()
            writer.close()

    told, _ = await done(leaves)
    assert told["failures"] == 1
    assert told["first_failure"] == "the connection was closed"


async def test_as_a_process_it_raises_what_failed() -> None:
    async def refuses(writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(OK.replace(b"200 OK", b"401 No"))

    async with listening(refuses) as (port, _):
        with pytest.raises(LoadFailed, match=r"redeem: 5 answers failed, the first: HTTP/1\.1 401"):
            await asyncio.to_thread(load.measure, {**JOB, "port": port, "requests": 5, "connections": 1})
