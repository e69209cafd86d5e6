"""What is remembered of a till's session, for how long, and what of it a thief finds in the database."""

from typing import Any

import pytest

from kado.access import keys, merchant_sessions
from kado.access.keys import NewKey
from kado.access.merchant_sessions import LIFE, MerchantSessions, role_named
from kado.access.permissions import SHOP_ROLES, Role
from kado.access.signatures import Signer
from kado.access.staff import NewMerchant
from kado.crypto import Keyring
from kado.errors import Unavailable
from kado.programs.reach import Reaches
from kado.shops.open_session import Opened, open_session
from kado.shops.shop import Hello, Platform
from kado.storage.database import Database

ACTOR = "operator:test"
APP_TOKEN = "app-token-of-the-platform-0123456789"


@pytest.fixture
async def key(database: Database, keyring: Keyring, merchant: NewMerchant) -> NewKey:
    return await keys.create_signing_key(database, keyring, merchant.merchant_id, ACTOR)


async def opened(database: Database, keyring: Keyring, merchant: NewMerchant, key: NewKey, **said: Any) -> Opened:
    hello = Hello(**({"app_token": APP_TOKEN, "platform": Platform.EPOSNOW, "platform_id": "1"} | said))
    signer = Signer(merchant.merchant_id, key.key_id)
    return await open_session(database, keyring, Reaches(database), signer, hello)


async def test_a_session_is_found_by_its_token_with_all_its_facts(
    database: Database, keyring: Keyring, merchant: NewMerchant, key: NewKey
) -> None:
    said = {"role": "manager", "user_id": "u", "cashier_id": "c", "terminal_id": "t", "location_id": "L"}
    new = (await opened(database, keyring, merchant, key, **said)).new
    found = await MerchantSessions(database).find(new.token)
    assert found == new.session
    assert found is not None
    assert (found.role, found.user_id, found.cashier_id, found.terminal_id, found.location_id) == (
        Role.MANAGER, "u", "c", "t", "L",
    )  # fmt: skip
    assert new.token not in repr(new)


async def test_what_is_known_is_not_asked_again_for_at_most_thirty_seconds(
    database: Database, keyring: Keyring, merchant: NewMerchant, key: NewKey
) -> None:
    passed = 0.0
    sessions = MerchantSessions(database, timer=lambda: passed)
    token = (await opened(database, keyring, merchant, key)).new.token
    assert await sessions.find(token)
    await keys.revoke(database, key.key_id, ACTOR)
    passed = 29.9
    assert await sessions.find(token)
    passed = 30.0
    assert await sessions.find(token) is None


async def test_a_session_is_never_remembered_beyond_its_end(
    database: Database, keyring: Keyring, merchant: NewMerchant, key: NewKey, superuser: Any
) -> None:
    passed = 0.0
    sessions = MerchantSessions(database, timer=lambda: passed)
    token = (await opened(database, keyring, merchant, key)).new.token
    await superuser.execute("UPDATE merchant_session SET expires_at = clock_timestamp() + interval '10 s'")
    assert await sessions.find(token)
    await superuser.execute("UPDATE merchant_session SET expires_at = clock_timestamp()")
    passed = 9.0
    assert await sessions.find(token)
    passed = 10.0
    assert await sessions.find(token) is None


async def test_a_token_that_is_none_is_not_remembered_as_one(
    database: Database, keyring: Keyring, merchant: NewMerchant, key: NewKey, superuser: Any
) -> None:
    sessions = MerchantSessions(database)
    token = (await opened(database, keyring, merchant, key)).new.token
    await superuser.execute("UPDATE merchant_session SET expires_at = expires_at - $1::interval", LIFE)
    assert await sessions.find(token) is None
    await superuser.execute("UPDATE merchant_session SET expires_at = expires_at + $1::interval", LIFE)
    assert await sessions.find(token)


async def test_the_sweep_removes_what_has_ended_and_nothing_else(
    database: Database, keyring: Keyring, merchant: NewMerchant, key: NewKey, superuser: Any
) -> None:
    made = [(await opened(database, keyring, merchant, key)).new.session.id for _ in range(3)]
    await superuser.execute("UPDATE merchant_session SET expires_at = opened_at WHERE id = ANY ($1)", made[:2])
    assert await merchant_sessions.sweep(database) == 2
    assert await merchant_sessions.sweep(database) == 0
    assert await superuser.fetchval("SELECT string_agg(id, ',') FROM merchant_session") == made[2]


async def test_a_changed_secret_key_is_no_changed_app_token(
    database: Database, merchant: NewMerchant, superuser: Any
) -> None:
    old, new = "old-secret-of-the-operator-0123456789", "new-secret-of-the-operator-0123456789"
    before, after = Keyring([old]), Keyring([new, old])
    key = await keys.create_signing_key(database, before, merchant.merchant_id, ACTOR)
    for keyring in (before, after, Keyring([new])):
        await opened(database, keyring, merchant, key)
    changes = "SELECT count(*) FROM audit_log WHERE action = 'shop:app-token-changed'"
    assert await superuser.fetchval(changes) == 0
    await opened(database, after, merchant, key, app_token="another-app-token-0123456789")
    assert await superuser.fetchval(changes) == 1


async def test_the_database_holds_no_token(
    database: Database, keyring: Keyring, merchant: NewMerchant, key: NewKey, superuser: Any
) -> None:
    token = (await opened(database, keyring, merchant, key)).new.token
    for table in ("shop", "shop_location", "merchant_session", "audit_log"):
        for row in await superuser.fetch(f"SELECT t::text FROM {table} t"):
            assert token not in row[0]
            assert APP_TOKEN not in row[0]
            assert APP_TOKEN.encode().hex() not in row[0]


async def test_without_a_database_it_is_503_for_what_might_be_a_token_and_nothing_for_what_cannot_be() -> None:
    away = await Database.open("postgresql://nobody@127.0.0.1:1/none")
    try:
        sessions = MerchantSessions(away)
        with pytest.raises(Unavailable):
            await sessions.find("kado_till_" + "A" * 43)
        for text in ("", "x", "kado_till_" + "A" * 42, "kado_till_" + "A" * 44, "kado_live_" + "A" * 43, "\ud800"):
            assert await sessions.find(text) is None
    finally:
        await away.close()


def test_only_our_own_names_are_roles() -> None:
    assert [role_named(role.value) for role in SHOP_ROLES] == list(SHOP_ROLES)
    others = ("network-administrator", None, "", "Owner", "owner ", "OWNER", "admin", "role.owner")
    assert {role_named(text) for text in others} == {Role.CASHIER}
