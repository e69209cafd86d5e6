"""From header to caller: what is accepted, what is taken back, and what is never more than a 401."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from tests.database.access.conftest import EMAIL, PASSWORD, signs_in

from kado.access import keys, tokens
from kado.access.authenticate import Access
from kado.access.permissions import ROLES, Permission, Role
from kado.access.staff import NewMerchant
from kado.crypto import Keyring
from kado.errors import Unauthenticated, Unavailable
from kado.storage.database import Database

ACTOR = "operator:test"


@pytest.fixture
def access(database: Database, keyring: Keyring) -> Access:
    return Access(database, keyring)


async def a_token(
    database: Database,
    keyring: Keyring,
    merchant: NewMerchant,
    age: timedelta = timedelta(),
    *,
    staff_id: str = "",
    merchant_id: str = "",
) -> str:
    async with database.read() as connection:
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return tokens.issue(
        keyring,
        staff_id=staff_id or merchant.owner_id,
        merchant_id=merchant_id or merchant.merchant_id,
        role=Role.OWNER,
        now=now - age,
    )


async def refused(access: Access, authorization: str | None) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as refusal:
        await access.authenticate(authorization)
    assert refusal.value.headers == {"WWW-Authenticate": "Bearer"}
    return refusal.value


@pytest.mark.parametrize("is_test", [False, True])
async def test_an_api_key_acts_for_its_merchant(
    database: Database, access: Access, merchant: NewMerchant, is_test: bool
) -> None:
    key = await keys.create_key(database, merchant.merchant_id, ACTOR, is_test=is_test, role=Role.CASHIER)
    caller = await access.authenticate(f"Bearer {key.secret}")
    assert caller.merchant_id == merchant.merchant_id
    assert (caller.subject, caller.role, caller.is_test, caller.customer) == (
        f"key:{key.key_id}",
        Role.CASHIER,
        is_test,
        None,
    )
    assert caller.permissions == ROLES[Role.CASHIER]
    assert key.secret.startswith("kado_test_" if is_test else "kado_live_")


async def test_scopes_narrow_the_role(database: Database, access: Access, merchant: NewMerchant) -> None:
    key = await keys.create_key(database, merchant.merchant_id, ACTOR, scopes=[Permission.CARDS_REDEEM])
    caller = await access.authenticate(f"Bearer {key.secret}")
    assert caller.permissions == {Permission.CARDS_REDEEM}


async def test_a_scope_of_a_newer_version_allows_nothing_and_widens_nothing(
    database: Database, access: Access, merchant: NewMerchant
) -> None:
    key = await keys.create_key(database, merchant.merchant_id, ACTOR)
    async with database.read() as connection:
        await connection.execute("UPDATE api_key SET scopes = '{cards:teleport}'")
    assert (await access.authenticate(f"Bearer {key.secret}")).permissions == frozenset()


async def test_the_schemes_case_is_free(database: Database, access: Access, merchant: NewMerchant) -> None:
    key = await keys.create_key(database, merchant.merchant_id, ACTOR)
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert await access.authenticate(f"{scheme} {key.secret}")


WEIRD = [
    "",
    " ",
    "Bearer",
    "Bearer ",
    "{good}",
    "Bearer  {good}",
    " Bearer {good}",
    "Bearer {good} ",
    "Bearer\t{good}",
    "Bearer\u00a0{good}",
    "Bearer {good}\n",
    "Bearer {good}\r\nX: y",
    "Bearer {good}\0",
    "Bearer {good},Bearer {good}",
    "Bearer {good} {good}",
    'Bearer "{good}"',
    "Bearer {good}=",
    "Bearer {good}x",
    "Basic {basic}",
    "Token {good}",
    "Negotiate {good}",
    "Bearer: {good}",
    "Bearer={good}",
    "BearerX {good}",
    "Bearer kado_live_",
    "Bearer kado_test_{tail}",
    "Bearer kado_LIVE_{tail}",
    "Bearer kado_sign_{tail}",
    "Bearer {tail}",
    "Bearer null",
    "Bearer undefined",
    "Bearer " + "a" * 10_000,
    "Bearer " + "a." * 5_000,
    "Bearer " + "." * 2_000,
    "Bearer \ud800\udfff",
    "Bearer \u0661\u0662\u0663",
    "Bearer é",
    "Bearer ' OR 1=1 --",
    "Bearer ../../etc/passwd",
    "Bearer eyJhbGciOiJub25lIn0.e30.",
    "\x00" * 100,
]


async def test_a_weird_header_is_401_and_nothing_else(
    database: Database, access: Access, merchant: NewMerchant, subtests: pytest.Subtests
) -> None:
    good = (await keys.create_key(database, merchant.merchant_id, ACTOR)).secret
    basic = base64.b64encode(f"{EMAIL}:{PASSWORD}".encode()).decode()
    assert await access.authenticate(f"Bearer {good}")
    for header in WEIRD:
        with subtests.test(header=ascii(header)[:60]):
            filled = header.replace("{good}", good).replace("{tail}", good[10:]).replace("{basic}", basic)
            await refused(access, filled)


async def test_no_header_is_401(access: Access) -> None:
    assert (await refused(access, None)).code == "unauthenticated"


async def test_a_token_is_accepted_by_another_process_with_the_same_secret(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    token = await signs_in(database, keyring, EMAIL, PASSWORD, "203.0.113.9")
    assert (await Access(database, keyring).authenticate(f"Bearer {token}")).merchant_id == merchant.merchant_id
    await refused(Access(database, Keyring(["another-installations-secret-0123456789"])), f"Bearer {token}")


async def test_time_is_the_databases(database: Database, keyring: Keyring, merchant: NewMerchant) -> None:
    access = Access(database, keyring)
    assert await access.authenticate(f"Bearer {await a_token(database, keyring, merchant, timedelta(minutes=59))}")
    await refused(access, f"Bearer {await a_token(database, keyring, merchant, timedelta(minutes=61))}")
    await refused(access, f"Bearer {await a_token(database, keyring, merchant, -timedelta(seconds=30))}")


async def test_a_token_about_nobody_or_of_another_merchant_is_refused(
    database: Database, keyring: Keyring, access: Access, merchant: NewMerchant
) -> None:
    await refused(access, f"Bearer {await a_token(database, keyring, merchant, staff_id='0' * 24)}")
    await refused(access, f"Bearer {await a_token(database, keyring, merchant, merchant_id='0' * 24)}")


async def test_a_token_ends_with_its_person(database: Database, keyring: Keyring, merchant: NewMerchant) -> None:
    token = await a_token(database, keyring, merchant)
    async with database.read() as connection:
        await connection.execute("UPDATE staff SET active = false")
    await refused(Access(database, keyring), f"Bearer {token}")


async def test_tokens_are_taken_back_and_new_ones_of_the_same_second_are_good(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    old = await signs_in(database, keyring, EMAIL, PASSWORD, "203.0.113.9")
    async with database.read() as connection:
        await connection.execute("UPDATE staff SET tokens_valid_from = clock_timestamp()")
    new = await signs_in(database, keyring, EMAIL, PASSWORD, "203.0.113.9")
    access = Access(database, keyring)
    await refused(access, f"Bearer {old}")
    assert await access.authenticate(f"Bearer {new}")


async def test_the_role_is_the_one_the_person_has_now(
    database: Database, keyring: Keyring, access: Access, merchant: NewMerchant
) -> None:
    token = await a_token(database, keyring, merchant)
    async with database.read() as connection:
        await connection.execute("UPDATE staff SET role = 'read-only'")
    caller = await access.authenticate(f"Bearer {token}")
    assert (caller.role, caller.permissions) == (Role.READ_ONLY, ROLES[Role.READ_ONLY])


async def test_a_revoked_key_is_refused_at_the_next_look(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    key = await keys.create_key(database, merchant.merchant_id, ACTOR)
    await keys.revoke(database, key.key_id, ACTOR)
    await refused(Access(database, keyring), f"Bearer {key.secret}")


async def test_what_is_known_is_not_asked_again_for_at_most_thirty_seconds(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    passed = 0.0
    access = Access(database, keyring, timer=lambda: passed)
    key = await keys.create_key(database, merchant.merchant_id, ACTOR)
    assert await access.authenticate(f"Bearer {key.secret}")
    await keys.revoke(database, key.key_id, ACTOR)
    passed = 29.9
    assert await access.authenticate(f"Bearer {key.secret}")
    passed = 30.0
    await refused(access, f"Bearer {key.secret}")


async def test_a_token_is_never_remembered_beyond_its_end(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    passed = 0.0
    access = Access(database, keyring, timer=lambda: passed)
    token = await a_token(database, keyring, merchant, timedelta(seconds=3590))
    assert await access.authenticate(f"Bearer {token}")
    async with database.read() as connection:
        await connection.execute("UPDATE staff SET active = false")
    passed = 9.0
    assert await access.authenticate(f"Bearer {token}")
    passed = 15.1  # ten seconds were left, and five of leeway
    await refused(access, f"Bearer {token}")


async def test_a_refusal_is_not_remembered(database: Database, access: Access, merchant: NewMerchant) -> None:
    key = await keys.create_key(database, merchant.merchant_id, ACTOR)
    async with database.read() as connection:
        await connection.execute("UPDATE api_key SET revoked_at = $1", datetime(2020, 1, 1, tzinfo=UTC))
        await refused(access, f"Bearer {key.secret}")
        await connection.execute("UPDATE api_key SET revoked_at = NULL")
    assert await access.authenticate(f"Bearer {key.secret}")


async def test_without_a_database_it_is_503_for_what_might_be_right_and_401_for_what_cannot_be(
    keyring: Keyring,
) -> None:
    away = await Database.open("postgresql://nobody@127.0.0.1:1/none")
    try:
        access = Access(away, keyring)
        with pytest.raises(Unavailable):
            await access.authenticate("Bearer kado_live_" + "A" * 43)
        await refused(access, "Bearer a.b.c")
        await refused(access, "Basic x")
    finally:
        await away.close()
