"""Queues, alerts and seals as they are shown: the right numbers, found by indexes."""

from typing import Any

import pytest
from tests.database.cards.builders import Shop, open_shop

from kado.cards.seal import Sealer
from kado.crypto import Keyring
from kado.observability import meters
from kado.readings import figures
from kado.readings.show import show
from kado.storage.database import Database
from kado.storage.undelivered import Count

_MESSAGE = """
    INSERT INTO message (program_id, id, card_id, kind, channel, recipient, state, created_at, next_attempt_at,
                         last_error)
    SELECT program_id, $1, id, 'security_code', 'email', 'ada@mail.example', $2, now(),
           now() - $3 * interval '1 second', $4
      FROM card LIMIT 1"""


@pytest.fixture
async def shop(database: Database, keyring: Keyring) -> Any:
    shop = await open_shop(database, keyring)
    yield shop
    await shop.ledger.close()


async def test_an_empty_server_has_nothing_to_show(database: Database) -> None:
    said = await figures.look(database)
    assert said.messages == said.events == Count()
    assert (said.unheard, said.jobs, said.bulk) == (0, {}, figures.Bulk(0, 0, 0))
    assert (said.fraud_alerts, said.anomalies, said.seal_seconds) == ({}, {}, 0)
    assert said.copies.archive_runs is None


async def test_what_waits_is_counted_with_its_age(shop: Shop, database: Database, superuser: Any) -> None:
    await shop.card(5000)
    for number, (state, seconds, error) in enumerate(
        [("queued", 400, None), ("queued", -50, "away"), ("failed", 9000, "gone")]
    ):
        await superuser.execute(_MESSAGE, f"{number:024x}", state, seconds, error)
    said = await figures.look(database)
    assert (said.messages.failed, said.messages.retrying, said.messages.waiting) == (1, 1, 1)
    assert said.messages.overdue == 1
    assert 400 <= said.messages.oldest_seconds < 500
    show(said, None, has_archive=False)
    assert meters.MESSAGES.look() == {
        ("waiting",): [1],
        ("retrying",): [1],
        ("overdue",): [1],
        ("failed",): [1],
    }
    assert figures.complaints(said, 60, has_archive=False) == [
        "Messages were given up: `kado outbox list --state failed`.",
        "Messages are overdue, and no worker takes them.",
    ]


async def test_an_entry_without_a_seal_grows_old(
    shop: Shop, database: Database, superuser: Any, keyring: Keyring
) -> None:
    await shop.card(5000)
    assert (await figures.look(database)).seal_seconds < 60
    await superuser.execute("SET session_replication_role = replica")
    await superuser.execute("UPDATE card_transaction SET created_at = created_at - interval '1 hour'")
    assert 3600 <= (await figures.look(database)).seal_seconds < 3700
    await Sealer(database, keyring).run()
    await Sealer(database, keyring).run()
    assert (await figures.look(database)).seal_seconds == 0


async def test_what_is_undelivered_is_found_by_an_index(superuser: Any) -> None:
    await superuser.execute("SET enable_seqscan = off")
    for table in ("message", "webhook_delivery"):
        plan = await superuser.fetch(f"EXPLAIN SELECT count(*) FROM {table} WHERE state IN ('queued', 'failed')")
        assert "Index" in "".join(row[0] for row in plan), table
