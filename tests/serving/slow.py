"""Clients that are slow on purpose: each holds a connection for as long as the server lets it (Linux only).

`source` is the address that a client comes from.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Final

ESTABLISHED: Final = 1
_LOOK_SECONDS: Final = 0.1
_HERE: Final = "127.0.0.1"


async def trickle_head(port: int, every: float, source: str = _HERE) -> float:
    """Write a request's headers, a byte every so many seconds; how long the server watched."""
    return await _trickle(port, b"GET /health/live HTTP/1.1\r\nHost: kado\r\nX-Slow: ", every, source)


async def trickle_body(port: int, every: float, token: str, source: str = _HERE) -> float:
    """Announce a body and write it like that."""
    head = f"POST /v2/programs HTTP/1.1\r\nHost: kado\r\nAuthorization: Bearer {token}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"
    return await _trickle(port, head.encode(), every, source)


async def say_nothing(port: int) -> float:
    """Connect, and that is all."""
    return await _trickle(port, b"", 3600)


async def take_little(port: int, every: float, source: str = _HERE, requests: int = 16) -> float:
    """Ask for a large answer again and again, and take a byte every so many seconds."""
    request = b"GET /openapi.json HTTP/1.1\r\nHost: kado\r\n\r\n"
    loop = asyncio.get_running_loop()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(0)
        deaf.bind((source, 0))
        await loop.sock_connect(deaf, ("127.0.0.1", port))
        began = taken = time.monotonic()
        await loop.sock_sendall(deaf, request * requests)
        while deaf.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED:
            await asyncio.sleep(_LOOK_SECONDS)
            if time.monotonic() > taken + every:
                taken = time.monotonic()
                with contextlib.suppress(OSError):
                    deaf.recv(1)
        return time.monotonic() - began


async def _trickle(port: int, first: bytes, every: float, source: str = _HERE) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    began = time.monotonic()
    writing = asyncio.create_task(_write_slowly(writer, first, every))
    try:
        with contextlib.suppress(ConnectionError):
            await reader.read()
        return time.monotonic() - began
    finally:
        writing.cancel()
        writer.transport.abort()


async def _write_slowly(writer: asyncio.StreamWriter, first: bytes, every: float) -> None:
    writer.write(first)
    while True:
        await asyncio.sleep(every)
        writer.write(b"x")


async def flood(port: int, megabytes: int, *, chunked: bool) -> bytes:
    """Send a body of that size whatever the server says meanwhile; what it says, or nothing if it hung up first."""
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (megabytes << 20)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answering = asyncio.create_task(_first_line(reader))
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(
                b"POST /v2/programs HTTP/1.1\r\nHost: kado\r\nContent-Type: application/json\r\n%b\r\n\r\n" % length
            )
            for _ in range(megabytes * 16):
                piece = b" " * (1 << 16)
                writer.write(b"10000\r\n%b\r\n" % piece if chunked else piece)
                await writer.drain()
        return await answering
    finally:
        answering.cancel()
        writer.transport.abort()


async def _first_line(reader: asyncio.StreamReader) -> bytes:
    with contextlib.suppress(ConnectionError):
        return await reader.readline()
    return b""


@asynccontextmanager
async def at_once(*clients: Coroutine[None, None, float]) -> AsyncIterator[list["asyncio.Task[float]"]]:
    """All of these at work, for as long as the block lasts or longer."""
    tasks = [asyncio.create_task(client) for client in clients]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
