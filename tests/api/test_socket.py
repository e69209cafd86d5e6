"""The socket that requests come in by."""

import asyncio
import socket

import pytest

from kado.app import entrance


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_answers_leave_without_waiting_for_the_first_half_to_be_acknowledged(host: str) -> None:
    """Nagle's algorithm is off on what is accepted; with it, every second answer would take 40 ms longer."""
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def look(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    with entrance.bind(host, 0) as listening:
        server = await asyncio.start_server(look, sock=listening)
        async with server:
            _, writer = await asyncio.open_connection(host, listening.getsockname()[1])
            assert await accepted == 1
            writer.close()
