"""A database of every schema that there ever was reaches the newest one with all that it holds, and verifies."""

from pathlib import Path

import asyncpg
import pytest
from tests.recovery.released.make import SECRET

from kado.cards.accept import accept, broken
from kado.cards.verify import Reason, verify
from kado.crypto import Keyring
from kado.storage.database import Database
from kado.storage.migrate import migrate, schema_version
from kado.storage.revisions import REVISIONS, SCHEMA, Chain

FILES = {file.stem: file for file in (Path(__file__).parent / "released").glob("[0-9]*.sql")}
ENTRIES = {"0001": 19, "0002": 11}


async def fill(url: str, schema: str) -> None:
    """Bring an empty database to a schema, with what may have been in it by then."""
    for revision in REVISIONS[: REVISIONS.index(schema) + 1]:
        if revision in FILES or revision == schema:
            await migrate(url, chain=Chain(revisions=REVISIONS[: REVISIONS.index(revision) + 1]))
        if revision in FILES:
            connection = await asyncpg.connect(url)
            await connection.execute(FILES[revision].read_text())
            await connection.close()


async def verifies(url: str, entries: int) -> None:
    """Once a person has accepted the cards, whose seals are from before a seal covered what it covers now."""
    database, keyring = await Database.open(url), Keyring([SECRET])
    try:
        before = await verify(database, keyring)
        assert {found.reason_code for found in before.findings} <= {Reason.STATE_CHANGED, Reason.ROWS_CHANGED}
        assert all(found.card_id for found in before.findings)
        for program_id, card_id in await broken(database, keyring, None):
            assert await accept(database, keyring, program_id, card_id, actor="operator:test", reason="upgrade")
        report = await verify(database, keyring)
        assert (report.findings, report.entries) == ([], entries)
        assert report.seals >= 1
        async with database.read() as connection:
            alike = "t.id = a.id AND t.card_id = a.subject AND t.created_at = a.at AND a.action LIKE 'card:%'"
            audited = await connection.fetchval(f"SELECT count(*) FROM card_transaction t JOIN audit_log a ON {alike}")
        assert audited == entries, "each entry has its row in the audit log"
    finally:
        await database.close()


@pytest.mark.parametrize("schema", ["0001", "0002"])
async def test_all_steps_at_once(empty_database_url: str, schema: str) -> None:
    await fill(empty_database_url, schema)
    await migrate(empty_database_url)
    await verifies(empty_database_url, sum(count for name, count in ENTRIES.items() if name <= schema))


async def test_one_step_after_the_other(empty_database_url: str) -> None:
    """As somebody does it who installs every version."""
    await fill(empty_database_url, "0002")
    for revision in REVISIONS[2:]:
        await migrate(empty_database_url, chain=Chain(revisions=REVISIONS[: REVISIONS.index(revision) + 1]))
        connection = await asyncpg.connect(empty_database_url)
        assert await schema_version(connection) == revision
        await connection.close()
    assert revision == SCHEMA
    await verifies(empty_database_url, sum(ENTRIES.values()))
    connection = await asyncpg.connect(empty_database_url)
    found = await connection.fetchval("SELECT count(DISTINCT card_id) FROM card_word WHERE word LIKE 'lång%'")
    await connection.close()
    assert found == 3, "the words of cards that are older than the search"
