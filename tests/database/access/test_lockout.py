"""Guesses at somebody's password lock strangers out, and not the person for whom they were meant."""

from datetime import timedelta

import pytest
from tests.database.access.conftest import EMAIL, PASSWORD, signs_in

from kado.access import staff
from kado.access.staff import NewMerchant
from kado.crypto import Keyring
from kado.errors import TooMany, Unauthenticated
from kado.storage.database import Database

HOME, ELSEWHERE = "203.0.113.9", "203.0.113.77"


async def guessed(database: Database, keyring: Keyring, times: int = 10, *, address: str | None = None) -> None:
    """So many wrong passwords, each from another address unless one is given."""
    for n in range(times):
        with pytest.raises(Unauthenticated):
            await signs_in(database, keyring, EMAIL, f"guess number {n:04}", address or f"198.51.100.{n}")


async def test_a_stranger_locks_out_strangers_only(database: Database, keyring: Keyring, merchant: NewMerchant) -> None:
    await signs_in(database, keyring, EMAIL, PASSWORD, HOME)
    await guessed(database, keyring)
    with pytest.raises(TooMany):
        await signs_in(database, keyring, EMAIL, PASSWORD, ELSEWHERE)
    assert await signs_in(database, keyring, EMAIL, PASSWORD, HOME)


async def test_where_somebody_signed_in_guesses_are_counted_too(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    await signs_in(database, keyring, EMAIL, PASSWORD, HOME)
    await guessed(database, keyring, address=HOME)
    with pytest.raises(TooMany):
        await signs_in(database, keyring, EMAIL, PASSWORD, HOME)
    assert await signs_in(database, keyring, EMAIL, PASSWORD, ELSEWHERE)


async def test_a_place_is_known_for_ninety_days_and_for_that_person(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    await staff.create_merchant(database, "Book Shop", "bo@books.example", PASSWORD, "operator:test")
    await signs_in(database, keyring, "bo@books.example", PASSWORD, HOME)
    await guessed(database, keyring)
    with pytest.raises(TooMany):
        await signs_in(database, keyring, EMAIL, PASSWORD, HOME)
    async with database.read() as connection:
        await connection.execute("DELETE FROM attempt")
    await signs_in(database, keyring, EMAIL, PASSWORD, HOME)
    async with database.read() as connection:
        await connection.execute("UPDATE staff_place SET seen_at = seen_at - $1::interval", timedelta(days=91))
    await guessed(database, keyring)
    with pytest.raises(TooMany):
        await signs_in(database, keyring, EMAIL, PASSWORD, HOME)


async def test_a_new_password_from_the_operator_ends_the_lock(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    await guessed(database, keyring)
    with pytest.raises(TooMany):
        await signs_in(database, keyring, EMAIL, PASSWORD, HOME)
    await staff.reset_password(database, keyring, merchant.owner_id, PASSWORD[::-1], "operator:test")
    assert await signs_in(database, keyring, EMAIL, PASSWORD[::-1], HOME)


async def test_places_are_kept_unreadable(database: Database, keyring: Keyring, merchant: NewMerchant) -> None:
    await signs_in(database, keyring, EMAIL, PASSWORD, HOME)
    async with database.read() as connection:
        (row,) = await connection.fetch("SELECT * FROM staff_place")
    assert HOME.encode() not in bytes(row["place"])
    assert len(row["place"]) == 32
