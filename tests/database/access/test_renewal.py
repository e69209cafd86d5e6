"""A sign-in that is used goes on: under the same name, up to twelve hours, and never past its end."""

from datetime import datetime, timedelta

import pytest
from tests.database.access.conftest import EMAIL, PASSWORD, signs_in

from kado.access import renewal, sessions, staff, tokens
from kado.access.authenticate import Access
from kado.access.permissions import Role
from kado.access.staff import NewMerchant
from kado.crypto import Keyring
from kado.errors import Unauthenticated
from kado.storage.database import Database


async def begun_before(database: Database, keyring: Keyring, merchant: NewMerchant, ago: timedelta) -> str:
    """A token of a sign-in that began so long ago, and was renewed half an hour ago."""
    fresh = tokens.verify(keyring, await signs_in(database, keyring, EMAIL, PASSWORD, "203.0.113.9"))
    async with database.read() as connection:
        now: datetime = await connection.fetchval(
            "UPDATE staff_session SET started_at = started_at - $2::interval, expires_at = clock_timestamp() + '30 min'"
            " WHERE id = $1 RETURNING clock_timestamp()",
            fresh.token_id,
            ago,
        )
    return tokens.issue(
        keyring,
        staff_id=merchant.owner_id,
        merchant_id=merchant.merchant_id,
        role=Role.OWNER,
        now=now - timedelta(minutes=30),
        token_id=fresh.token_id,
    )


async def test_it_goes_on_for_an_hour_as_the_same_sign_in(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    first = await begun_before(database, keyring, merchant, timedelta(hours=3))
    second = await renewal.renew(database, keyring, first)
    assert second is not None
    before, after = tokens.verify(keyring, first), tokens.verify(keyring, second)
    assert after.token_id == before.token_id
    assert after.expires_at - after.issued_at == 3600
    assert (await Access(database, keyring).authenticate(f"Bearer {second}")).sign_in_id == before.token_id
    (listed,) = await sessions.list_open(database, merchant.merchant_id, "staff")
    assert abs(listed.expires_at.timestamp() - after.expires_at) <= 1


async def test_after_twelve_hours_the_password_is_asked_for(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    late = await begun_before(database, keyring, merchant, timedelta(hours=11, minutes=20))
    last = await renewal.renew(database, keyring, late)
    assert last is not None
    claims = tokens.verify(keyring, last)
    assert 2390 <= claims.expires_at - claims.issued_at <= 2400  # what is left of the twelve hours
    assert await renewal.renew(database, keyring, last) is None
    over = await begun_before(database, keyring, merchant, timedelta(hours=12))
    assert await renewal.renew(database, keyring, over) is None


async def test_what_was_ended_closed_or_taken_back_is_not_renewed(
    database: Database, keyring: Keyring, merchant: NewMerchant, subtests: pytest.Subtests
) -> None:
    async def ended(token_id: str) -> None:
        await sessions.end(database, merchant.merchant_id, token_id, "operator:test")

    async def closed(_: str) -> None:
        async with database.read() as connection:
            await connection.execute("UPDATE staff SET active = false")

    async def taken_back(_: str) -> None:
        async with database.read() as connection:
            await connection.execute("UPDATE staff SET tokens_valid_from = clock_timestamp()")

    for what in (ended, taken_back, closed):
        with subtests.test(what.__name__):
            token = await begun_before(database, keyring, merchant, timedelta(hours=1))
            await what(tokens.verify(keyring, token).token_id)
            assert await renewal.renew(database, keyring, token) is None


async def test_the_role_is_the_one_that_the_person_has_now(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    await staff.add(database, merchant.merchant_id, "eva@flowers.example", PASSWORD, Role.OWNER, None, "operator:test")
    token = await begun_before(database, keyring, merchant, timedelta(hours=1))
    await staff.change(database, merchant.merchant_id, merchant.owner_id, "operator:test", role=Role.CASHIER)
    renewed = await renewal.renew(database, keyring, token)
    assert renewed is not None
    assert tokens.verify(keyring, renewed).role is Role.CASHIER


async def test_what_is_no_token_of_ours_is_refused(database: Database, keyring: Keyring) -> None:
    for text in ("", "x", "a.b.c"):
        with pytest.raises(Unauthenticated):
            await renewal.renew(database, keyring, text)
    assert renewal.RENEWED_AFTER_SECONDS < tokens.LIFE_SECONDS
