"""Signing in and confirming a second factor at the same moment."""

import asyncio

import asyncpg
from tests.database.access.conftest import EMAIL, PASSWORD

from kado.access import sign_in
from kado.access.sign_in import Pending
from kado.access.staff import NewMerchant
from kado.crypto import Keyring
from kado.storage.database import Database

_WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def test_a_sign_in_that_is_under_way_does_not_slip_past_a_confirmation(
    database: Database, database_url: str, keyring: Keyring, merchant: NewMerchant
) -> None:
    confirming = await asyncpg.connect(database_url)
    try:
        transaction = confirming.transaction()
        await transaction.start()
        await confirming.execute("SELECT FROM staff WHERE id = $1 FOR NO KEY UPDATE", merchant.owner_id)
        await confirming.execute(
            "INSERT INTO staff_totp (staff_id, secret, begun_at, confirmed_at) VALUES ($1, '', now(), now())",
            merchant.owner_id,
        )
        opening = asyncio.ensure_future(sign_in.with_password(database, keyring, EMAIL, PASSWORD, "203.0.113.9"))
        while not await confirming.fetchval(_WAITS):
            assert not opening.done()
            await asyncio.sleep(0.01)
        await transaction.commit()
        assert isinstance(await opening, Pending)
    finally:
        await confirming.close()
