"""A uvicorn that breaks no answer when it stops.

The way in is shut before (`entrance.shut`). By itself uvicorn closes idle connections at once and lets busy ones go
after their answer. That leaves out whoever the kernel has let in and nobody has accepted yet (cut off), whose request
is just arriving over a connection that was idle (cut off), and who is accepted in the very moment of the stop (served
until the grace ends and cuts a request). Here all of them get one more answer, with `Connection: close`.
"""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Final

import uvicorn

from kado.app import entrance
from kado.app.connection import Config, Connection

_LINGER_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 0.02


class Server(uvicorn.Server):
    """Leaves signals to us: after the last answer there are still seals to write and a database to stop."""

    config: Config

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; once a second somebody looks whom nobody should have to wait for."""
        if counter % 10 == 0:
            self.config.hall.look_round(self.server_state.connections)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let nobody in any more, answer everybody who is in, then end."""
        loop = asyncio.get_running_loop()
        late = [client for listening in sockets or [] for client in entrance.waiting(listening)]
        for server in self.servers:
            server.close()
        for client in late:
            with contextlib.suppress(OSError):  # it left
                await loop.connect_accepted_socket(self._connection, client)
        until = loop.time() + _LINGER_SECONDS
        while self.server_state.connections and loop.time() < until:
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.end_after_answer()
            await asyncio.sleep(_LOOK_SECONDS)
        await super().shutdown(sockets)

    def _connection(self) -> Connection:
        return self.config.protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
