"""Files that are made while they are sent."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

_ending: Final[set[asyncio.Task[None]]] = set()


class Streamed(StreamingResponse):
    """A file for downloading; whatever ends it, `at_end` is done afterwards."""

    def __init__(
        self,
        content: AsyncIterator[bytes],
        media_type: str,
        name: str,
        at_end: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        super().__init__(content, media_type=media_type, headers=headers)
        self._at_end = at_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self._at_end is not None:
                # A task of its own: what is cancelled because the client left could not wait for the database.
                ending = asyncio.create_task(self._at_end())
                _ending.add(ending)
                ending.add_done_callback(_ending.discard)
