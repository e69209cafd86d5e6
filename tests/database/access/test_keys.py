"""Keys are shown once, kept unreadable, and revocable."""

import asyncpg
import pytest

from kado.access import keys
from kado.access.authenticate import Access
from kado.access.permissions import FOR_PEOPLE, ROLES, Permission, Role
from kado.access.staff import NewMerchant
from kado.crypto import Keyring
from kado.errors import Invalid, MadeAlready, NotFound
from kado.ids import new_id
from kado.storage.database import Database

ACTOR = "operator:test"


async def test_the_database_holds_no_secret(database: Database, keyring: Keyring, merchant: NewMerchant) -> None:
    made = [
        await keys.create_key(database, merchant.merchant_id, ACTOR),
        await keys.create_key(database, merchant.merchant_id, ACTOR, is_test=True),
        await keys.create_signing_key(database, keyring, merchant.merchant_id, ACTOR),
    ]
    async with database.read() as connection:
        dump = ""
        for table in ("api_key", "signing_key", "audit_log"):
            dump += str([dict(row) for row in await connection.fetch(f"SELECT * FROM {table}")])
    for key in made:
        random_part = key.secret.rsplit("_", 1)[1] if "sign" in key.secret else key.secret[10:]
        assert key.key_id in dump
        assert random_part not in dump
        assert random_part.encode().hex() not in dump
        assert key.secret not in repr(key)


async def test_the_form_of_secrets(database: Database, keyring: Keyring, merchant: NewMerchant) -> None:
    live = await keys.create_key(database, merchant.merchant_id, ACTOR)
    signing = await keys.create_signing_key(database, keyring, merchant.merchant_id, ACTOR)
    assert keys.is_key(live.secret)
    assert len(live.secret) == len("kado_live_") + 43
    assert signing.secret.startswith("kado_sign_")
    assert len(bytes.fromhex(signing.secret.removeprefix("kado_sign_"))) == 32


async def test_keys_of_both_sorts_are_listed_oldest_first(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    live = await keys.create_key(
        database,
        merchant.merchant_id,
        ACTOR,
        role=Role.CASHIER,
        scopes=[Permission.CARDS_REDEEM, Permission.CARDS_READ, Permission.CARDS_READ],
        name="till 2",
    )
    signing = await keys.create_signing_key(database, keyring, merchant.merchant_id, ACTOR)
    test = await keys.create_key(database, merchant.merchant_id, ACTOR, is_test=True)
    await keys.revoke(database, signing.key_id, ACTOR)
    listed = await keys.list_keys(database, merchant.merchant_id)
    assert [(k.id, k.kind, k.role, k.scopes, k.name, k.revoked_at is None) for k in listed] == [
        (live.key_id, "live", Role.CASHIER, ("cards:read", "cards:redeem"), "till 2", True),
        (signing.key_id, "signing", None, (), None, False),
        (test.key_id, "test", Role.OWNER, (), None, True),
    ]
    assert await keys.list_keys(database, "0" * 24) == []


@pytest.mark.parametrize(
    ("role", "scope"), [(Role.CASHIER, Permission.CARDS_VOID), (Role.OWNER, Permission.TILLS_WRITE)]
)
async def test_a_scope_outside_the_role_or_for_people_alone_is_refused(
    database: Database, merchant: NewMerchant, role: Role, scope: Permission
) -> None:
    with pytest.raises(Invalid, match=scope.value):
        await keys.create_key(database, merchant.merchant_id, ACTOR, role=role, scopes=[scope])


async def test_a_key_may_nothing_that_is_for_people_alone(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    made = await keys.create_key(database, merchant.merchant_id, ACTOR)
    caller = await Access(database, keyring).authenticate(f"Bearer {made.secret}")
    assert ROLES[Role.OWNER] - caller.permissions == FOR_PEOPLE


async def test_who_asks_twice_for_one_key_gets_one(database: Database, merchant: NewMerchant) -> None:
    made_id = new_id()
    await keys.create_key(database, merchant.merchant_id, ACTOR, key_id=made_id)
    with pytest.raises(MadeAlready):
        await keys.create_key(database, merchant.merchant_id, ACTOR, key_id=made_id)
    assert [one.id for one in await keys.list_keys(database, merchant.merchant_id)] == [made_id]


@pytest.mark.parametrize("name", ["", " ", "x" * 256, "a\0b", "a\nb"])
async def test_a_note_that_cannot_be_is_refused(database: Database, merchant: NewMerchant, name: str) -> None:
    with pytest.raises(Invalid):
        await keys.create_key(database, merchant.merchant_id, ACTOR, name=name)


async def test_a_key_needs_a_merchant(database: Database, keyring: Keyring) -> None:
    with pytest.raises(NotFound):
        await keys.create_key(database, "0" * 24, ACTOR)
    with pytest.raises(NotFound):
        await keys.create_signing_key(database, keyring, "0" * 24, ACTOR)


async def test_revoking_twice_keeps_the_first_moment(database: Database, merchant: NewMerchant) -> None:
    key = await keys.create_key(database, merchant.merchant_id, ACTOR)
    await keys.revoke(database, key.key_id, ACTOR)
    first = (await keys.list_keys(database, merchant.merchant_id))[0].revoked_at
    await keys.revoke(database, key.key_id, ACTOR)
    assert (await keys.list_keys(database, merchant.merchant_id))[0].revoked_at == first


@pytest.mark.parametrize("key_id", ["0" * 24, "not an id", ""])
async def test_an_unknown_key_cannot_be_revoked(database: Database, key_id: str) -> None:
    with pytest.raises(NotFound):
        await keys.revoke(database, key_id, ACTOR)


async def test_another_merchants_key_looks_unknown_and_stays(database: Database, merchant: NewMerchant) -> None:
    key = await keys.create_key(database, merchant.merchant_id, ACTOR)
    with pytest.raises(NotFound):
        await keys.revoke(database, key.key_id, ACTOR, merchant_id="0" * 24)
    assert (await keys.list_keys(database, merchant.merchant_id))[0].revoked_at is None


async def test_making_and_revoking_is_in_the_audit_log(
    database: Database, keyring: Keyring, merchant: NewMerchant, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    live = await keys.create_key(database, merchant.merchant_id, ACTOR)
    signing = await keys.create_signing_key(database, keyring, merchant.merchant_id, ACTOR)
    for key in (live, signing):
        await keys.revoke(database, key.key_id, "staff:x")
    rows = await superuser.fetch("SELECT action, subject, actor FROM audit_log WHERE action LIKE '%key:%' ORDER BY at")
    assert [tuple(row) for row in rows] == [
        ("key:created", live.key_id, ACTOR),
        ("signing-key:created", signing.key_id, ACTOR),
        ("key:revoked", live.key_id, "staff:x"),
        ("signing-key:revoked", signing.key_id, "staff:x"),
    ]
