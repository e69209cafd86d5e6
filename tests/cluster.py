"""A Citus cluster for the tests, where somebody has one: `KADO_TEST_CITUS` names its machines, the coordinator first.

Each is a URL of a superuser, `postgresql://postgres@127.0.0.1:7700`. Every test then runs on a distributed database.
Tests that look into it with SQL of their own may ask what Citus refuses; those of money, keys and races do not.
"""

import asyncio
import os
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from kado.storage.distribute import distribute
from kado.storage.migrate import migrate

NODES = os.environ.get("KADO_TEST_CITUS", "").split()

needs_a_cluster = pytest.mark.skipif(not NODES, reason="KADO_TEST_CITUS names no cluster")
needs_one_machine = pytest.mark.skipif(bool(NODES), reason="KADO_TEST_CITUS names a cluster")
_SHARDS = 4


def _url_of(server_url: str, database_name: str) -> str:
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{database_name}"))


async def make_template(name: str) -> None:
    """A migrated, empty, distributed database on all machines, which can be copied."""
    await make(name)
    await distribute(_url_of(NODES[0], name), None, lambda _: None)
    for node in NODES:
        await _let_go(node, name)


async def make(name: str) -> None:
    """A migrated database on all machines, which know each other and have nothing to do yet."""
    for node in NODES:
        await _on(node, "", f"CREATE DATABASE {name}")
        await _on(node, name, "CREATE EXTENSION citus")
    coordinator, *workers = [urlsplit(node) for node in NODES]
    await _on(NODES[0], name, f"SELECT citus_set_coordinator_host('{coordinator.hostname}', {coordinator.port})")
    for worker in workers:
        await _on(NODES[0], name, f"SELECT citus_add_node('{worker.hostname}', {worker.port})")
    await _on(NODES[0], name, f"ALTER DATABASE {name} SET citus.shard_count = {_SHARDS}")
    await migrate(_url_of(NODES[0], name))


async def copy(template: str, name: str) -> None:
    """The same on all machines, under another name: each machine knows the others by address, and not by database."""
    for node in NODES:
        await _let_go(node, template)
        await _on(node, "", f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")


async def drop(name: str) -> None:
    """On all machines."""
    for node in NODES:
        await _let_go(node, name)
        await _on(node, "", f"DROP DATABASE {name} WITH (FORCE)")


async def _let_go(node: str, name: str) -> None:
    """Citus looks after each database by a process of its own, which keeps it from being copied."""
    while await _ask(node, f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'"):
        await asyncio.sleep(0.02)


async def _on(node: str, database: str, statement: str) -> None:
    await _ask(_url_of(node, database or "postgres"), statement)


async def _ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url if urlsplit(url).path.strip("/") else _url_of(url, "postgres"))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
