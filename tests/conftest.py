"""What every test may ask for: a real PostgreSQL, a migrated database of its own, keys.

`KADO_TEST_DATABASE_URL` (a superuser of a running server) spares the start of a server; without it the embedded one
runs. `KADO_TEST_CITUS` names the machines of a Citus cluster instead (`tests/cluster.py`).
"""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import argon2
import asyncpg
import pytest
from hypothesis import settings as hypothesis_settings
from tests import cluster
from tests.place import PLACE
from tests.secrets.watch import pytest_runtest_makereport  # noqa: F401 - a hook: it is there to be found
from tests.serving import prepared

from kado.crypto import Keyring
from kado.storage.database import Database
from kado.storage.migrate import migrate

tempfile.tempdir = PLACE

hypothesis_settings.register_profile("kado", deadline=None, print_blob=True)
hypothesis_settings.load_profile("kado")


_LONG = ("contract", "recovery", "faults", "demo", "drills", "browser", "races", "database", "secrets", "property")


def pytest_configure(config: pytest.Config) -> None:
    """The first process of a run makes a folder that all of them share, and removes it."""
    if prepared.FOLDER in os.environ:
        return
    folder = tempfile.mkdtemp(prefix="kado-prepared-")
    Path(folder).chmod(0o711)
    os.environ[prepared.FOLDER] = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests take long come first: one that begins last would keep a single process busy at the end."""

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        return _LONG.index(folder) if folder in _LONG else len(_LONG)

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """The same Argon2 at its lowest price: tests are about what is done with hashes, and make thousands of them."""
    from kado.access import passwords

    assert passwords._hasher.memory_cost >= 64 * 1024, "what a stolen database holds must be dear to guess at"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A PostgreSQL server, as its superuser."""
    if cluster.NODES:
        yield url_of(cluster.NODES[0], "postgres")
        return
    if url := os.environ.get("KADO_TEST_DATABASE_URL"):
        yield url
        return
    from kado.storage import embedded

    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="kado-test-"))
        directory.chmod(0o711)
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        server = embedded.start(directory / "data", role="server")
        stack.callback(server.stop)
        # Databases are made and dropped by the hundred here, and no test pulls the plug of the whole machine.
        _on_server(server.url, "ALTER SYSTEM SET fsync = off")
        _on_server(server.url, "SELECT pg_reload_conf()")
        yield server.url


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a migrated, empty database to copy."""
    name = f"kado_template_{secrets.token_hex(4)}"
    if cluster.NODES:
        asyncio.run(cluster.make_template(name))
    else:
        _on_server(server_url, f"CREATE DATABASE {name}")
        asyncio.run(migrate(url_of(server_url, name)))
    yield name
    drop_database(server_url, name)


class Databases:
    """Copies of the template, each made while the test before it runs: a copy takes as long as many a test."""

    def __init__(self, server_url: str, template: str) -> None:
        self._server_url = server_url
        self._template = template
        self._work = ThreadPoolExecutor(max_workers=1)
        self._next = self._work.submit(self._make)

    def take(self) -> str:
        """The name of a fresh one."""
        name = self._next.result()
        self._next = self._work.submit(self._make)
        return name

    def drop(self, name: str) -> None:
        """Not needed any more."""
        self._work.submit(drop_database, self._server_url, name)

    def close(self) -> None:
        """Drop the last one, which nobody took, and wait for all that is under way."""
        self.drop(self._next.result())
        self._work.shutdown()

    def _make(self) -> str:
        return copy_database(self._server_url, self._template)


@pytest.fixture(scope="session")
def databases(server_url: str, template: str) -> Iterator[Databases]:
    """Where tests get their databases from."""
    made = Databases(server_url, template)
    yield made
    made.close()


@pytest.fixture
def database_url(server_url: str, databases: Databases) -> Iterator[str]:
    """A fresh migrated database of the test's own."""
    name = databases.take()
    yield url_of(server_url, name)
    databases.drop(name)


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """A database without any schema."""
    name = f"kado_{secrets.token_hex(6)}"
    _on_server(server_url, f"CREATE DATABASE {name}")
    yield url_of(server_url, name)
    _on_server(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def undistributed() -> AsyncIterator[str]:
    """A migrated database on a cluster's coordinator that nobody has distributed."""
    name = f"kado_{secrets.token_hex(6)}"
    await cluster.make(name)
    yield url_of(cluster.NODES[0], name)
    await cluster.drop(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The same, connected the way the server connects."""
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def superuser(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Someone who may do anything to the test's database, as a thief with the server's disk could."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def keyring() -> Keyring:
    """Keys from a secret of the test's own."""
    return Keyring([secrets.token_hex(32)])


def url_of(server_url: str, database_name: str) -> str:
    """The same server, another database."""
    parts = urlsplit(server_url)
    return urlunsplit(parts._replace(path=f"/{database_name}"))


def copy_database(server_url: str, template: str) -> str:
    """The name of a copy, on all machines where there are several."""
    name = f"kado_{secrets.token_hex(6)}"
    if cluster.NODES:
        asyncio.run(cluster.copy(template, name))
    else:
        _on_server(server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    return name


def drop_database(server_url: str, name: str) -> None:
    """Not needed any more, on any machine."""
    if cluster.NODES:
        asyncio.run(cluster.drop(name))
    else:
        _on_server(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def _on_server(server_url: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(server_url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())
