"""`kado backup` and `kado restore` on the command line: what they refuse, and dumps for any PostgreSQL."""

import asyncio
import json
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.database.cards.builders import open_shop
from tests.recovery.books import books_of, stored_books
from typer.testing import CliRunner, Result

from kado.app.commands import command_line
from kado.cards.seal import Sealer
from kado.crypto import Keyring
from kado.storage import embedded
from kado.storage.backup.last import made_backups
from kado.storage.database import Database
from kado.storage.embedded.binaries import find_binaries, readable_binaries
from kado.storage.embedded.cluster import ensure_cluster
from kado.storage.embedded.supervisor import alone
from kado.storage.migrate import SCHEMA, migrate

SECRET = secrets.token_hex(32)
PHRASE = "correct horse battery staple"


def kado(*words: str, said: str = "", **settings: str) -> Result:
    environment = {"KADO_SECRET_KEY": SECRET, "KADO_DATABASE_URL": "", "TERM": "dumb"} | settings
    return CliRunner().invoke(command_line(), words, input=said, env=environment)


def made(*words: str, said: str = "", **settings: str) -> dict[str, Any]:
    result = kado(*words, "--json", said=said, **settings)
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


async def fill(url: str) -> None:
    await migrate(url)
    database, keyring = await Database.open(url), Keyring([SECRET])
    shop = await open_shop(database, keyring)
    for value in (1000, 2000):
        await shop.card(value, -100, 50)
    await shop.ledger.close()
    await Sealer(database, keyring).run()
    await database.close()


@pytest.fixture(scope="module")
def source() -> Iterator[Path]:
    """A data directory with a ledger in it."""
    folder = Path(tempfile.mkdtemp(prefix="kado-recovery-"))
    folder.chmod(0o711)
    with embedded.connect_or_start(folder / "data") as url:
        asyncio.run(fill(url))
    yield folder / "data"
    shutil.rmtree(folder, ignore_errors=True)


def test_a_backup_comes_back_under_its_passphrase_and_only_into_an_empty_place(source: Path, folder: Path) -> None:
    file = folder / "it.backup"
    shown = kado("backup", str(file), "--passphrase", "--check", said=PHRASE + "\n", KADO_DATA_DIR=str(source))
    assert shown.exit_code == 0, shown.output
    assert "It was read to its end" in shown.stdout
    noted = made_backups(source, 1)[0]
    assert (noted.path, noted.is_checked, noted.is_encrypted, noted.is_there) == (str(file), True, True, True)
    key = Keyring([SECRET]).version.hex()
    assert f"THE SECRET KEY IS NOT IN IT. Without key {key}" in shown.stdout

    into = ("restore", str(file), "--passphrase", "--into", str(folder / "new"))
    for words, said, settings, why in (
        (into, "some other passphrase\n", {}, "not its passphrase"),
        (into[:2] + into[3:], "", {}, "give it with --passphrase"),
        (into, PHRASE + "\n", {"KADO_SECRET_KEY": secrets.token_hex(32)}, f"needs the secret key {key}, but the one"),
        (into, PHRASE + "\n", {"KADO_SECRET_KEY": ""}, f"needs the secret key {key}, and there is none"),
        ((*into, "--until", "2020-01-01 12:00:00"), PHRASE + "\n", {}, "after the moment you named"),
        ((*into, "--until", "latest"), PHRASE + "\n", {}, "no archive of this database"),
    ):
        refused = kado(*words, said=said, **settings)
        assert refused.exit_code == 1, refused.output
        assert why in refused.stderr
        assert not (folder / "new" / "postgres").exists()
    assert kado(*into, "--until", "noon", said=PHRASE + "\n").exit_code == 2

    restored = made(*into, said=PHRASE + "\n")
    assert len(restored["verified"].pop("owed")) == 1
    assert restored["verified"] == {"clean": True, "cards": 2, "entries": 8, "seals": 1, "findings": []}
    books = asyncio.run(stored_books(source))
    assert asyncio.run(stored_books(folder / "new")) == books

    again = kado(*into, said=PHRASE + "\n")
    assert (again.exit_code, "There is a database in" in again.stderr) == (1, True)
    restored = made(*into, "--replace", said=PHRASE + "\n")
    assert (Path(restored["movedAside"]) / "PG_VERSION").exists()
    assert asyncio.run(stored_books(folder / "new")) == books


def test_a_damaged_backup_is_refused_before_anything_is_moved(source: Path, folder: Path) -> None:
    file = Path(made("backup", str(folder), KADO_DATA_DIR=str(source))["file"])
    whole = file.read_bytes()
    for damaged in (whole[:-100], whole[:5000] + b"?" + whole[5001:], b"something else"):
        file.write_bytes(damaged)
        refused = kado("restore", str(file), "--replace", KADO_DATA_DIR=str(source))
        assert refused.exit_code == 1, refused.output
        assert str(file) in refused.stderr
    assert not [*source.glob("postgres.*.*")], "something was moved or left behind"


def test_a_dump_goes_into_any_database_that_understands_it(source: Path, folder: Path, empty_database_url: str) -> None:
    dump = made("backup", str(folder), "--dump", KADO_DATA_DIR=str(source))
    books = asyncio.run(stored_books(source))
    restored = made("restore", dump["file"], "--into", empty_database_url)
    assert (restored["verified"]["clean"], restored["movedAside"]) == (True, None)
    assert asyncio.run(books_at(empty_database_url)) == books

    rows = asyncio.run(audited(empty_database_url))
    assert [row["action"] for row in rows][-2:] == ["database:backup-begun", "database:restored"]
    assert rows[-2]["details"] | {"place": ""} == {"place": "", "kind": "dump", "encrypted": False}
    assert rows[-1]["details"]["madeAt"] == dump["madeAt"]

    refused = kado("restore", dump["file"], "--into", empty_database_url)
    assert (refused.exit_code, "is not empty" in refused.stderr) == (1, True)
    restored = made("restore", dump["file"], "--into", empty_database_url, "--replace")
    assert restored["movedAside"].startswith("schema before_restore_")
    assert asyncio.run(books_at(empty_database_url)) == books
    refused = kado("restore", dump["file"], "--into", empty_database_url, "--until", "latest")
    assert (refused.exit_code, "A dump is what was there" in refused.stderr) == (1, True)

    # A database of one's own is dumped by the same command.
    second = made("backup", str(folder / "second"), KADO_DATABASE_URL=empty_database_url, KADO_DATA_DIR=str(folder))
    assert second["kind"] == "dump"

    with alone(folder / "older") as place:
        ensure_cluster(place, readable_binaries(find_binaries(16), place.account, place.home))
    refused = kado("restore", second["file"], "--into", str(folder / "older"))
    assert (refused.exit_code, "Restore it into PostgreSQL 17 or later" in refused.stderr) == (1, True)
    # Its own version's dump it takes.
    with embedded.connect_or_start(folder / "older") as url:
        asyncio.run(fill(url))
    third = made("backup", str(folder / "third"), "--dump", KADO_DATA_DIR=str(folder / "older"))
    assert third["postgres"].startswith("16.")
    assert made("restore", third["file"], "--into", str(folder / "older"), "--replace")["verified"]["entries"] == 8


def test_a_schema_that_is_made_leaves_a_row_and_one_that_is_there_leaves_none(empty_database_url: str) -> None:
    for _ in range(2):
        assert kado("database", "migrate", KADO_DATABASE_URL=empty_database_url).exit_code == 0
        (row,) = asyncio.run(audited(empty_database_url))
        assert (row["action"], row["details"]["to"]) == ("database:migrated", SCHEMA)


def test_a_backup_is_made_also_where_no_row_can_be(folder: Path, empty_database_url: str) -> None:
    asyncio.run(migrate(empty_database_url))
    asyncio.run(changed(empty_database_url, "ALTER TABLE audit_log RENAME COLUMN user_agent TO agent"))
    done = kado("backup", str(folder / "it"), KADO_DATABASE_URL=empty_database_url, KADO_DATA_DIR=str(folder))
    assert (done.exit_code, "The audit log does not know of this" in done.stderr) == (0, True), done.output


async def changed(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def audited(url: str) -> list[dict[str, Any]]:
    """What the command line did with the database as a whole."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        "SELECT action, actor, details FROM audit_log WHERE action LIKE 'database:%' ORDER BY at"
    )
    await connection.close()
    assert {row["actor"] for row in rows} <= {"operator:cli"}
    return [{"action": row["action"], "details": json.loads(row["details"])} for row in rows]


async def books_at(url: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await books_of(connection)
    finally:
        await connection.close()
