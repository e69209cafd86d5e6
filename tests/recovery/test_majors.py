"""The embedded database moves from PostgreSQL 16 to 18 and back, with every entry, and never loses one silently."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from tests.database.cards.builders import open_shop
from tests.recovery.books import Books, stored_books
from typer.testing import CliRunner

from kado.app.commands import command_line
from kado.cards.seal import Sealer
from kado.cards.verify import verify
from kado.crypto import Keyring
from kado.storage import embedded
from kado.storage.database import Database
from kado.storage.embedded import EmbeddedError, majors
from kado.storage.embedded.binaries import find_binaries, installed, readable_binaries
from kado.storage.embedded.cluster import ensure_cluster
from kado.storage.embedded.supervisor import alone
from kado.storage.migrate import migrate

OLD, NEW = 16, 18
T = TypeVar("T")

pytestmark = pytest.mark.skipif(
    not {OLD, NEW} <= {binaries.major for binaries in installed()}, reason="needs both versions of PostgreSQL"
)


@pytest.fixture
def data_dir(folder: Path, keyring: Keyring) -> Path:
    """A ledger in a cluster of the old version."""
    with alone(folder / "data") as place:
        ensure_cluster(place, readable_binaries(find_binaries(OLD), place.account, place.home))
    with_database(folder / "data", lambda database: sell(database, keyring))
    return folder / "data"


def with_database(data_dir: Path, work: Callable[[Database], Awaitable[T]]) -> T:
    async def run(url: str) -> T:
        await migrate(url)
        database = await Database.open(url)
        try:
            return await work(database)
        finally:
            await database.close()

    with embedded.connect_or_start(data_dir) as url:
        return asyncio.run(run(url))


async def sell(database: Database, keyring: Keyring) -> None:
    shop = await open_shop(database, keyring)
    for value in (1000, 2000, 3000):
        await shop.card(value, -100, 50, -7)
    await shop.ledger.close()
    await Sealer(database, keyring).run()


def books(data_dir: Path) -> Books:
    return asyncio.run(stored_books(data_dir))


def version(data_dir: Path) -> str:
    return (data_dir / "postgres" / "PG_VERSION").read_text().strip()


def test_up_and_back_with_every_entry(data_dir: Path, keyring: Keyring) -> None:
    before = books(data_dir)
    assert before.entries == 15
    moved = majors.upgrade(data_dir)
    assert (moved.before, moved.after, version(data_dir)) == (OLD, NEW, str(NEW))
    assert books(data_dir) == before
    report = with_database(data_dir, lambda database: verify(database, keyring))
    assert (report.is_clean, report.entries) == (True, 15)
    with pytest.raises(EmbeddedError, match="is on PostgreSQL 18 already"):
        majors.upgrade(data_dir)

    assert majors.downgrade(data_dir).after == OLD
    assert (version(data_dir), books(data_dir)) == (str(OLD), before)
    with pytest.raises(EmbeddedError, match="nothing to go back to"):
        majors.downgrade(data_dir)

    majors.upgrade(data_dir)
    with_database(data_dir, lambda database: sell(database, keyring))
    with pytest.raises(majors.WouldLose, match=r"\+15 entries, \+3 cards, changed cards, .*would lose them"):
        majors.downgrade(data_dir)
    assert (version(data_dir), books(data_dir).entries) == (str(NEW), 30)
    majors.downgrade(data_dir, may_lose=True)
    assert (version(data_dir), books(data_dir)) == (str(OLD), before)
    assert len(majors.forget_old(data_dir)) == 2
    assert books(data_dir) == before


def test_moves_are_in_the_audit_log_and_do_not_stand_in_each_others_way(data_dir: Path) -> None:
    """A row about a move is nothing that the way back would lose."""
    environment = {"KADO_SECRET_KEY": secrets.token_hex(32), "KADO_DATABASE_URL": "", "KADO_DATA_DIR": str(data_dir)}

    async def rows(database: Database) -> list[str]:
        async with database.read() as connection:
            found = await connection.fetch("SELECT action FROM audit_log WHERE action LIKE 'database:%' ORDER BY at")
        return [row["action"] for row in found]

    for word, left in (
        ("upgrade", ["database:upgraded"]),
        ("downgrade", ["database:downgraded"]),
        ("forget-old", ["database:downgraded", "database:old-removed"]),
    ):
        done = CliRunner().invoke(command_line(), ("database", word), env=environment)
        # The ledger was made under another secret key than that of these commands, and they say so.
        assert done.exit_code in (0, 3), done.output
        assert with_database(data_dir, rows) == left


def test_a_server_says_which_command_moves_its_database(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        embedded.start(data_dir, role="server").stop()
    assert "The database is on PostgreSQL 16" in caplog.text
    assert "`kado database upgrade`" in caplog.text
    # Of a version that is not here at all.
    (data_dir / "postgres" / "PG_VERSION").write_text("14\n")
    with pytest.raises(EmbeddedError, match=r"Install PostgreSQL 14 as well .* `kado database upgrade`"):
        embedded.start(data_dir, role="server")


def test_an_exchange_that_was_interrupted_is_finished_or_forgotten(data_dir: Path) -> None:
    before = books(data_dir)
    # Interrupted between the two renames: the new one has no place yet, the old one none any more.
    (data_dir / "postgres").rename(data_dir / "postgres.next")
    (data_dir / "database.password").unlink()
    assert books(data_dir) == before
    assert not (data_dir / "postgres.next").exists()
    # Interrupted before the first: the new one was never used, and the next exchange removes it.
    (data_dir / "postgres.next").mkdir()
    (data_dir / "postgres.next" / "PG_VERSION").write_text("18\n")
    assert (version(data_dir), books(data_dir)) == (str(OLD), before)
    majors.upgrade(data_dir)
    assert (version(data_dir), books(data_dir)) == (str(NEW), before)
