"""Connections to PostgreSQL, and what to do when they fail.

Statements run under the role `kado_app`, which can add entries and audit rows but never change or delete them.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext, suppress
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar
from weakref import WeakSet

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from kado.errors import Unavailable
from kado.observability.meters import DATABASE_AWAY, DATABASE_CONNECTIONS, DATABASE_RETRIES
from kado.observability.tally import Labels
from kado.storage.connect import Watched, connect
from kado.storage.crowd import PLACES, Crowd
from kado.storage.distribution import is_distributed
from kado.storage.session import Shared, told

APP_ROLE: Final = "kado_app"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
T = TypeVar("T")


class CommitUnconfirmed(Exception):
    """A commit happened here, but somebody cut the wait for its copy: a failover may still lose it."""


AWAY: Final = (
    OSError,
    CommitUnconfirmed,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.PostgresSystemError,
)
"""Errors that say nothing about the request: the database is away, full, read-only or starting."""

_GONE: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""Those after which the other connections to the same server are worth nothing either: it died, hangs, was demoted."""

CONFLICT: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
)
"""Errors after which the same transaction may well succeed."""

KEYED_ONLY: Final = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
BY_KEYS: Final = "; ".join(f"SET LOCAL {name} = {value}" for name, value in KEYED_ONLY.items())
"""The same for one transaction that looks at what came last: whatever the planner thinks, no table is read whole."""

# A statement that always finds its rows by their keys needs no plan for each list: making it took longer than using it.
HOT: Final = KEYED_ONLY | {"plan_cache_mode": "force_generic_plan"}
_PLANNED_ANEW: Final = "SET LOCAL plan_cache_mode = force_custom_plan"
_IN_ORDER: Final = "; ".join(
    f"SET LOCAL enable_{way} = off" for way in ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin")
)
LONG_READ: Final = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}


_NAMED: Final = {"application_name": "kado"}
_OF_ITS_OWN: Final = {"connection_class": Watched}
# What is prepared on one server is not there on the next.
_FROM_A_POOLER: Final[dict[str, Any]] = {"connection_class": Shared, "statement_cache_size": 0}
_CONNECTION_SECONDS: Final = 3.0
_READ_SECONDS: Final = 4.5


class Database:
    """A pool of connections. Every method raises `Unavailable` while the database is away.

    `places` is how many may wait for a connection: a bound on waiting as the posting machine has one. Where there is a
    `pooled_url`, a pooler stands there that gives a server to each transaction.
    """

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", url: str, pooled_url: str | None, as_app: bool, places: int
    ) -> None:
        self._pool = pool
        self._url = url
        self._pooled_url = pooled_url
        self._role = APP_ROLE if as_app else None
        self.places = places
        self._crowd = Crowd("connections", places, lambda: self._waiting)
        self._waiting = 0
        self.is_distributed: bool | None = None
        """Whether programs are spread over machines; None as long as nobody has asked (`learn`)."""
        _open.add(self)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        as_app: bool = True,
        size: int = 10,
        places: int = PLACES,
        pooled_url: str | None = None,
        is_copy: bool = False,
    ) -> "Database":
        """Connect lazily: the first use makes the first connection, so that this succeeds while the database starts.

        With `is_copy` only to servers that copy another.
        """
        role = APP_ROLE if as_app else None
        pool = asyncpg.create_pool(  # type: ignore[call-overload] # `connect` takes what the pool hands it, and no more
            pooled_url or url,
            connect=partial(connect, target="standby") if is_copy else connect,
            min_size=0,
            max_size=size,
            command_timeout=12,
            timeout=4,
            server_settings=_NAMED,
            init=_teller(told({}, role)) if pooled_url is None else _opener(told({}, role, for_transaction=True)),
            reset=_nothing_to_reset,
            **(_OF_ITS_OWN if pooled_url is None else _FROM_A_POOLER),
        )
        await pool
        return cls(pool, url, pooled_url, as_app, places)

    async def learn(self) -> None:
        """Find out, once, what kind of database this is. Raises `Unavailable`."""
        if self.is_distributed is None:
            async with self.read() as connection:
                self.is_distributed = await is_distributed(connection)

    def apart(self, program_id: str) -> str | None:
        """What may share a list: everything, or what is of one program, where each program has a machine of its own."""
        return program_id if self.is_distributed else None

    async def close(self) -> None:
        """Give back all connections; those still busy after a moment are cut."""
        try:
            await asyncio.wait_for(self._pool.close(), 3)
        except TimeoutError:
            self._pool.terminate()

    @property
    def opening(self) -> tuple[str, bool]:
        """What `open` takes to open the same one in a process of ours: its address, and whether as the small user."""
        return self._url, self._role is not None

    async def connect(self, settings: dict[str, str] | None = None) -> Watched:
        """A connection of the caller's own, outside the pool, with session settings beside the usual ones.

        It has a server to itself, also where there is a pooler: the posting machine keeps statements prepared there.
        """
        more = dict(settings or {})
        name = {"application_name": more.pop("application_name", _NAMED["application_name"])}
        with_timeout = 12 if "statement_timeout" not in more else None
        connection = await connect(self._url, timeout=4, command_timeout=with_timeout, server_settings=name)
        await connection.execute(told(more, self._role))
        return connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A connection for single statements that take moments; one that takes seconds is given up."""
        try:
            async with self._lent() as connection, asyncio.timeout(_READ_SECONDS), self._settled(connection):
                yield connection
        except (*AWAY, *CONFLICT) as error:
            raise away() from error

    def _settled(self, connection: Connection) -> AbstractAsyncContextManager[object]:
        """Around single statements: settings and role are those of the session, or, with a pooler, of a transaction."""
        return nullcontext() if self._pooled_url is None else connection.transaction()

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Connection]:
        connection = await self._acquired()
        try:
            with confirmed(connection):
                yield connection
        except _GONE:
            await self._leave(connection)
            raise
        finally:
            await self._pool.release(connection)

    async def _leave(self, connection: Connection) -> None:
        """Give up this connection at once, and the others before they are used again."""
        with suppress(asyncpg.InterfaceError):  # it may have broken, and is given up then
            connection.terminate()
        await self._pool.expire_connections()

    async def _acquired(self) -> "PoolConnectionProxy[asyncpg.Record]":
        """A connection of the pool. Raises `Unavailable` where too many wait for one, and what is in `AWAY`."""
        is_full = self._crowd.comes(self._waiting + 1)
        self._waiting += 1
        try:
            return await self._pool.acquire(timeout=self._crowd.moment if is_full else _CONNECTION_SECONDS)
        except TimeoutError:
            if is_full:
                raise self._crowd.turned_away(self._waiting) from None
            raise
        finally:
            self._waiting -= 1

    @asynccontextmanager
    async def read_list(self, *, in_order: bool) -> AsyncIterator[Connection]:
        """A connection for lists, which cost what is shown of them and not what there is.

        Each statement is planned anew: a plan from when a table was small reads the whole of it later. With `in_order`
        it is a walk through an index that has the rows in their order and can be left early, whatever the planner
        knows of the table; without, the planner chooses. Raises `Unavailable` also when a statement takes too long.
        """
        try:
            async with self.transaction() as connection:
                await connection.execute(f"{_PLANNED_ANEW}; {_IN_ORDER}" if in_order else _PLANNED_ANEW)
                yield connection
        except CONFLICT as error:
            raise away() from error

    async def listing(self, work: Callable[[Connection], Awaitable[T]], *, in_order: bool) -> T:
        """What `work` makes of a connection for lists."""
        async with self.read_list(in_order=in_order) as connection:
            return await work(connection)

    async def looking(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """What `work` makes of a connection for single statements that take moments."""
        async with self.read() as connection:
            return await work(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside a transaction that commits at the end and rolls back on any exception.

        What is in `CONFLICT` goes through, for whoever can do it again.
        """
        try:
            async with self._lent() as connection, connection.transaction():
                yield connection
        except AWAY as error:
            raise away() from error

    async def repeat(self, work: Callable[[Connection], Awaitable[T]], tries: int = 5) -> T:
        """Run `work` in a transaction; again after a deadlock or a serialization failure, a few times, with jitter.

        Only for work that is safe to repeat when the outcome of a commit is unknown.
        """
        for attempt in range(1, tries + 1):
            try:
                async with self.transaction() as connection:
                    return await work(connection)
            except CONFLICT as error:
                DATABASE_RETRIES.add(("conflict",))
                if attempt == tries:
                    raise away() from error
                await asyncio.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")

    def connections(self) -> tuple[int, int]:
        """How many connections of the pool are in use, and how many wait for somebody."""
        idle = self._pool.get_idle_size()
        return self._pool.get_size() - idle, idle


_open: Final[WeakSet[Database]] = WeakSet()


def _connections() -> dict[Labels, int]:
    sizes = [database.connections() for database in list(_open)]
    return {("used",): sum(used for used, _ in sizes), ("idle",): sum(idle for _, idle in sizes)}


DATABASE_CONNECTIONS.read_from(_connections)


def away(retry_after_seconds: int = 1) -> Unavailable:
    """The refusal for everything that failed because of the database and not because of the request."""
    DATABASE_AWAY.add()
    return Unavailable(
        "database_unavailable",
        "The database cannot be reached right now. Send the same request again, with the same idempotency key.",
        retry_after_seconds,
    )


def lacks_copy(message: asyncpg.PostgresLogMessage) -> bool:
    """Whether this is how the server says that a commit did not wait for its copy."""
    return bool(message.server_source_function == "SyncRepWaitForLSN")  # unlike its text, this has no translations


@contextmanager
def confirmed(connection: Connection) -> Iterator[None]:
    """Raises `CommitUnconfirmed` at the end when a commit inside returned without the copy that it has to wait for.

    A database that keeps a second copy (`synchronous_standby_names`) lets a commit wait for it. When this wait is
    cancelled, the client is told that the commit succeeded, and a warning besides.
    """
    heard: list[asyncpg.PostgresLogMessage] = []

    def hear(_: object, message: asyncpg.PostgresLogMessage) -> None:
        if lacks_copy(message):
            heard.append(message)

    connection.add_log_listener(hear)
    try:
        yield
    finally:
        with suppress(asyncpg.InterfaceError):  # it has broken, and takes its listeners along
            connection.remove_log_listener(hear)
    if heard:
        raise CommitUnconfirmed


async def await_copy(connection: Connection) -> None:
    """Let this transaction's commit wait until all that it has read is on the standby too, where there is one.

    A transaction that only reads waits for nothing, and may see a commit whose own wait was cut. Whoever hands on what
    such a commit says, as if it could not be lost any more, calls this.
    """
    await connection.execute("SELECT pg_logical_emit_message(true, 'kado', '')")


def _teller(text: str) -> Callable[["asyncpg.Connection[asyncpg.Record]"], Awaitable[None]]:
    async def tell(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        await connection.execute(text)

    return tell


def _opener(text: str) -> Callable[["asyncpg.Connection[asyncpg.Record]"], Awaitable[None]]:
    async def prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        assert isinstance(connection, Shared), "a connection to a pooler"
        connection.opening = text

    return prepare


async def _nothing_to_reset(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Nothing in Kado leaves session state behind, and the usual reset costs a round trip each time."""
