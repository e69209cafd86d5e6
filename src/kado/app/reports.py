"""What HTTP processes count reaches the one that is asked for it: over a line each, once a second, and at the end.

A process that is killed takes along what it has counted in its last second; what it said before stays counted.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from kado.observability import meters, own_process
from kado.observability.tally import Snapshot, Totals

_EVERY_SECONDS: Final = 1.0
_LINE_BYTES: Final = 8 * 2**20


@asynccontextmanager
async def reporting(line: socket.socket, name: str, *, is_wanted: bool) -> AsyncIterator[None]:
    """Inside, say on this line what the process counts. `name` is what it is called there."""
    if not is_wanted:
        line.close()
        yield
        return
    _, writer = await asyncio.open_unix_connection(sock=line)
    with own_process.shown_as(name):
        going_on = asyncio.create_task(_go_on(writer))
        try:
            yield
        finally:
            going_on.cancel()
            with suppress(OSError):  # whoever heard it is gone
                writer.write(_said(meters.snapshot()))
                await writer.drain()
                writer.close()
                await writer.wait_closed()


async def hear(line: socket.socket, totals: Totals) -> None:
    """Add up what is said on this line until the process on its other end is gone."""
    reader, writer = await asyncio.open_unix_connection(sock=line, limit=_LINE_BYTES)
    process = object()
    try:
        while said := await reader.readline():
            if said.endswith(b"\n"):  # it was not killed in the middle of it
                totals.hear(process, _heard(said))
    except OSError:
        return  # killed: its end of the line broke
    finally:
        totals.has_ended(process)
        writer.close()


async def _go_on(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            writer.write(_said(meters.snapshot()))
            await writer.drain()


def _said(snapshot: Snapshot) -> bytes:
    pairs = {name: list(cells.items()) for name, cells in snapshot.items()}
    return json.dumps(pairs, separators=(",", ":")).encode() + b"\n"


def _heard(said: bytes) -> Snapshot:
    pairs = json.loads(said)
    return {name: {tuple(labels): cell for labels, cell in cells} for name, cells in pairs.items()}
