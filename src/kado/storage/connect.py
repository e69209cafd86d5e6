"""Connecting to the database: to whichever of several servers takes writes, and noticing soon when it is gone."""

import asyncio
import itertools
import socket
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import parse_qs, urlunsplit

import asyncpg

from kado.settings import split_address

if TYPE_CHECKING:
    Own: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Own = asyncpg.Connection

# A server that refuses says so at once. One whose machine is gone says nothing, and the next need not wait for it.
_HEAD_START: Final = 0.25
_SILENCE_SECONDS: Final = 5
_TARGET: Final = "target_session_attrs"
_turns: Final = itertools.count()

# Whatever is alive acknowledges within this time, however busy its PostgreSQL is. Each system knows some of these.
_WATCH: Final = (
    ("TCP_KEEPIDLE", _SILENCE_SECONDS),
    ("TCP_KEEPALIVE", _SILENCE_SECONDS),  # what macOS calls the same
    ("TCP_KEEPINTVL", 1),
    ("TCP_KEEPCNT", _SILENCE_SECONDS),
    ("TCP_USER_TIMEOUT", 1000 * _SILENCE_SECONDS),
)


async def connect(url: str, *, timeout: float, target: str = "read-write", **options: Any) -> "Watched":  # noqa: ANN401, ASYNC109 - handed on as they are
    """A connection to the first of the URL's servers that takes writes; `options` are those of `asyncpg.connect`.

    With `target` "standby" to any that copies another. With several servers a silent one delays the others by a quarter
    of a second, and the whole may take `timeout` seconds. Raises `TimeoutError`, or what one of them said, where none
    will have us.
    """
    options = {"connection_class": Watched, **options}
    urls = one_by_one(url)
    if target == "standby":
        options[_TARGET] = target
        first = next(_turns) % len(urls)  # each has its share
        urls = urls[first:] + urls[:first]
    if len(urls) == 1:
        return await _connect(url, timeout, options)
    if _TARGET not in parse_qs(split_address(url)[0].query):
        options[_TARGET] = target
    async with asyncio.timeout(timeout):
        return await _first_to_accept(urls, timeout, options)


def one_by_one(url: str) -> list[str]:
    """The URL once for each server that it names."""
    parts, servers = split_address(url)
    return [urlunsplit(parts._replace(netloc=f"{parts.netloc}{server}")) for server in servers.split(",")]


class Watched(Own):
    """A connection that breaks within seconds when the machine at its other end, or the way there, is gone."""

    def __init__(self, protocol: Any, transport: asyncio.Transport, *rest: Any) -> None:  # noqa: ANN401 - theirs
        super().__init__(protocol, transport, *rest)
        self.wire = transport
        """What asyncpg writes to; `riding.py` does too."""
        _watch(transport.get_extra_info("socket"))


def _watch(its: socket.socket) -> None:
    if its.family not in (socket.AF_INET, socket.AF_INET6):
        return
    its.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _WATCH:
        if (option := getattr(socket, name, None)) is not None:
            its.setsockopt(socket.IPPROTO_TCP, option, value)


async def _connect(url: str, seconds: float, options: dict[str, Any]) -> Watched:
    connection = await asyncpg.connect(url, timeout=seconds, **options)
    assert isinstance(connection, Watched), "that is the class that it was told to make"
    return connection


async def _first_to_accept(urls: list[str], seconds: float, options: dict[str, Any]) -> Watched:
    waiting = list(reversed(urls))
    attempts: set[asyncio.Task[Watched]] = set()
    errors: list[BaseException] = []
    try:
        while waiting or attempts:
            if waiting:
                attempts.add(asyncio.create_task(_connect(waiting.pop(), seconds, options)))
            done, attempts = await asyncio.wait(
                attempts, timeout=_HEAD_START if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            accepted = [one.result() for one in done if one.exception() is None]
            errors += [error for one in done if (error := one.exception()) is not None]
            for spare in accepted[1:]:
                spare.terminate()
            if accepted:
                return accepted[0]
    finally:
        for one in attempts:
            one.add_done_callback(_not_needed)
            one.cancel()
    raise max(errors, key=_tells)


def _tells(error: BaseException) -> int:
    """How much an error tells the operator: a refused password more than a server that is starting or gone."""
    is_passing = isinstance(error, asyncpg.CannotConnectNowError | asyncpg.PostgresConnectionError)
    return 2 if isinstance(error, asyncpg.PostgresError) and not is_passing else int(not isinstance(error, OSError))


def _not_needed(attempt: "asyncio.Task[Watched]") -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().terminate()
