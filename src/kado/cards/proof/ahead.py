"""Reading ahead: pages are fetched and prepared in the background, and handed out one item at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """A stream of items with its head in view. `fill` must run beside whoever takes from it."""

    def __init__(self, pages: AsyncIterator[list[T]], most_pages: int) -> None:
        self._source = pages
        self._pages: asyncio.Queue[list[T] | None] = asyncio.Queue(most_pages)
        self._page: deque[T] = deque()
        self._ended = False

    async def fill(self) -> None:
        """Read until the end, never further ahead than the given number of pages."""
        async for page in self._source:
            await self._pages.put(page)
        await self._pages.put(None)

    async def peek(self) -> T | None:
        """The next item, which stays; None at the end."""
        if self._page:
            return self._page[0]
        while not self._page:
            page = None if self._ended else await self._pages.get()
            if page is None:
                self._ended = True
                return None
            self._page.extend(page)
        return self._page[0]

    def take(self) -> T:
        """The item that `peek` showed."""
        return self._page.popleft()
