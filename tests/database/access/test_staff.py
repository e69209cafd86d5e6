"""Making merchants and signing in."""

import asyncio

import argon2
import pytest
from tests.database.access.conftest import EMAIL, PASSWORD, signs_in

from kado.access import passwords, staff, tokens
from kado.access.authenticate import Access
from kado.access.permissions import Role
from kado.access.staff import NewMerchant
from kado.crypto import Keyring
from kado.errors import Invalid, Refusal, TooMany, Unauthenticated, Unavailable
from kado.storage.database import Database

HERE = "203.0.113.9"


async def test_merchant_and_owner_are_made_together(database: Database, merchant: NewMerchant) -> None:
    found = await staff.find_merchant(database, "Flower Shop")
    owner = await staff.find(database, merchant.owner_id)
    assert found is not None
    assert owner is not None
    assert (found.id, owner.merchant_id) == (merchant.merchant_id, merchant.merchant_id)
    assert (owner.email, owner.role, owner.active, owner.tokens_valid_from) == (EMAIL, Role.OWNER, True, None)
    assert [m.name for m in await staff.list_merchants(database)] == ["Flower Shop"]
    assert await staff.find_merchant(database, "flower shop") is None
    assert await staff.find(database, "0" * 24) is None


async def test_what_was_made_is_in_the_audit_log_and_the_password_nowhere(
    database: Database, merchant: NewMerchant
) -> None:
    async with database.read() as connection:
        rows = await connection.fetch(
            "SELECT action, subject, actor FROM audit_log WHERE merchant_id = $1 ORDER BY action", merchant.merchant_id
        )
        stored = await connection.fetchval("SELECT password_hash FROM staff")
    assert [tuple(row) for row in rows] == [
        ("merchant:created", merchant.merchant_id, "operator:test"),
        ("staff:created", merchant.owner_id, "operator:test"),
    ]
    assert stored.startswith("$argon2id$")


async def test_names_and_emails_are_unique_and_nothing_is_half_made(database: Database, merchant: NewMerchant) -> None:
    for name, email, code in (
        ("Flower Shop", "other@flowers.example", "merchant_exists"),
        ("Book Shop", EMAIL, "email_taken"),
        ("Book Shop", EMAIL.upper(), "email_taken"),
    ):
        with pytest.raises(Refusal) as refusal:
            await staff.create_merchant(database, name, email, PASSWORD, "operator:test")
        assert (refusal.value.code, refusal.value.status) == (code, 400)
        assert [m.id for m in await staff.list_merchants(database)] == [merchant.merchant_id]


CANNOT_BE = [
    ("", EMAIL, PASSWORD, "name"),
    ("  ", EMAIL, PASSWORD, "name"),
    ("x" * 256, EMAIL, PASSWORD, "name"),
    ("a\0b", EMAIL, PASSWORD, "name"),
    ("a\x1b[31m", EMAIL, PASSWORD, "name"),
    ("\ud800", EMAIL, PASSWORD, "name"),
    ("Shop", "anna", PASSWORD, "email"),
    ("Shop", "anna@flowers.example\n", PASSWORD, "email"),
    ("Shop", "a\0@flowers.example", PASSWORD, "email"),
    ("Shop", EMAIL, "x" * 11, "password"),
    ("Shop", EMAIL, "x" * 257, "password"),
    ("Shop", EMAIL, "\ud800" * 12, "password"),
]


async def test_what_cannot_be_is_named(database: Database, subtests: pytest.Subtests) -> None:
    for name, email, password, field in CANNOT_BE:
        with subtests.test(name=ascii(name)[:20], email=ascii(email), password=ascii(password)[:20]):
            with pytest.raises(Invalid) as refusal:
                await staff.create_merchant(database, name, email, password, "operator:test")
            assert refusal.value.loc == ("body", field)
            assert password not in refusal.value.detail
    assert await staff.list_merchants(database) == []


async def test_passwords_of_any_allowed_form_open(database: Database, keyring: Keyring) -> None:
    for n, password in enumerate(("x" * 12, "x" * 256, "Pässwörter sind schön 🌷")):
        await staff.create_merchant(database, f"Shop {n}", f"{n}@flowers.example", password, "operator:test")
        assert await signs_in(database, keyring, f"{n}@flowers.example", password, HERE)


async def test_signing_in_gives_a_token_that_is_accepted(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    for email in (EMAIL, EMAIL.upper(), f"  {EMAIL} "):
        token = await signs_in(database, keyring, email, PASSWORD, HERE)
        caller = await Access(database, keyring).authenticate(f"Bearer {token}")
        assert caller.merchant_id == merchant.merchant_id
        assert caller.subject == f"staff:{merchant.owner_id}"
        assert (caller.role, caller.is_test) == (Role.OWNER, False)


WRONG = [
    (EMAIL, "wrong horse battery staple"),
    (EMAIL, PASSWORD + " "),
    (EMAIL, PASSWORD.upper()),
    (EMAIL, ""),
    (EMAIL, "x" * 60_000),
    (EMAIL, "\ud800" * 20),
    (EMAIL, "\0" * 20),
    ("nobody@flowers.example", PASSWORD),
    ("", PASSWORD),
    ("a\0@flowers.example", PASSWORD),
    ("\ud800@flowers.example", PASSWORD),
    ("x" * 60_000, PASSWORD),
    ("' OR 1=1 --", PASSWORD),
    ("%", PASSWORD),
]


async def test_whatever_is_wrong_the_answer_is_the_same(
    database: Database, keyring: Keyring, merchant: NewMerchant, subtests: pytest.Subtests
) -> None:
    for email, password in WRONG:
        with subtests.test(email=ascii(email)[:20], password=ascii(password)[:20]):
            with pytest.raises(Unauthenticated) as refusal:
                await signs_in(database, keyring, email, password, HERE)
            assert refusal.value.code == "invalid_credentials"
            assert refusal.value.detail == "The email or the password is wrong."
            assert refusal.value.headers == {"WWW-Authenticate": "Bearer"}


async def test_a_closed_account_looks_like_a_wrong_password(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    async with database.read() as connection:
        await connection.execute("UPDATE staff SET active = false WHERE id = $1", merchant.owner_id)
    with pytest.raises(Unauthenticated) as refusal:
        await signs_in(database, keyring, EMAIL, PASSWORD, HERE)
    assert refusal.value.code == "invalid_credentials"
    async with database.read() as connection:
        assert await connection.fetchval("SELECT sum(cardinality(failed_at)) FROM attempt") == 2


async def test_sixty_parallel_guesses_get_ten_evaluations(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    outcomes = await asyncio.gather(
        *(signs_in(database, keyring, EMAIL, f"guess number {n:04}", f"198.51.100.{n}") for n in range(60)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Unauthenticated) for outcome in outcomes) == 10
    refused = [outcome for outcome in outcomes if isinstance(outcome, TooMany)]
    assert len(refused) == 50
    assert all(3500 < int(refusal.headers["Retry-After"]) <= 3600 for refusal in refused)


async def test_the_right_password_is_refused_while_the_email_is_locked_and_by_every_process(
    database: Database, database_url: str, keyring: Keyring, merchant: NewMerchant
) -> None:
    for n in range(10):
        with pytest.raises(Unauthenticated):
            await signs_in(database, keyring, EMAIL, "wrong horse battery", f"198.51.100.{n}")
    other_process = await Database.open(database_url)
    try:
        for opened in (database, other_process):
            with pytest.raises(TooMany):
                await signs_in(opened, keyring, EMAIL.title(), PASSWORD, HERE)
    finally:
        await other_process.close()


async def test_an_unknown_email_is_locked_like_a_known_one(database: Database, keyring: Keyring) -> None:
    for n in range(10):
        with pytest.raises(Unauthenticated):
            await signs_in(database, keyring, "nobody@flowers.example", PASSWORD, f"198.51.100.{n}")
    with pytest.raises(TooMany):
        await signs_in(database, keyring, "nobody@flowers.example", PASSWORD, HERE)


async def test_one_address_gets_thirty_failures_whatever_the_emails(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    outcomes: list[object] = []
    for start in range(0, 40, 10):  # ten at once: more would be told to wait for their turn
        outcomes += await asyncio.gather(
            *(
                signs_in(database, keyring, f"anna{n}@flowers.example", PASSWORD, HERE)
                for n in range(start, start + 10)
            ),
            return_exceptions=True,
        )
    assert sum(isinstance(outcome, Unauthenticated) for outcome in outcomes) == 30
    with pytest.raises(TooMany):
        await signs_in(database, keyring, EMAIL, PASSWORD, HERE)
    assert await signs_in(database, keyring, EMAIL, PASSWORD, "198.51.100.1")


async def test_a_try_refused_for_its_email_is_not_held_against_the_address(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    for n in range(10):
        with pytest.raises(Unauthenticated):
            await signs_in(database, keyring, "locked@flowers.example", PASSWORD, f"198.51.100.{n}")
    for _ in range(40):
        with pytest.raises(TooMany):
            await signs_in(database, keyring, "locked@flowers.example", PASSWORD, HERE)
    assert await signs_in(database, keyring, EMAIL, PASSWORD, HERE)


async def test_successes_count_for_nothing(database: Database, keyring: Keyring, merchant: NewMerchant) -> None:
    for _ in range(12):
        await signs_in(database, keyring, EMAIL, PASSWORD, HERE)
    async with database.read() as connection:
        assert await connection.fetchval("SELECT sum(cardinality(failed_at)) FROM attempt") == 0


async def test_limits_keep_no_email_and_no_address_in_clear(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    with pytest.raises(Unauthenticated):
        await signs_in(database, keyring, EMAIL, "wrong horse battery", HERE)
    async with database.read() as connection:
        subjects = [bytes(row["subject"]) for row in await connection.fetch("SELECT subject FROM attempt")]
    assert len(subjects) == 2
    assert all(len(subject) == 32 and b"flowers" not in subject for subject in subjects)


async def test_a_hash_with_weaker_parameters_is_renewed_at_the_next_sign_in(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    async with database.read() as connection:
        await connection.execute("UPDATE staff SET password_hash = $1", weak)
    await signs_in(database, keyring, EMAIL, PASSWORD, HERE)
    async with database.read() as connection:
        renewed = await connection.fetchval("SELECT password_hash FROM staff")
    assert renewed != weak
    assert await signs_in(database, keyring, EMAIL, PASSWORD, HERE)


async def test_the_token_is_dated_by_the_databases_clock(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    async with database.read() as connection:
        before = await connection.fetchval("SELECT clock_timestamp()")
        token = await signs_in(database, keyring, EMAIL, PASSWORD, HERE)
        after = await connection.fetchval("SELECT clock_timestamp()")
    issued_at = tokens.verify(keyring, token).issued_at
    assert int(before.timestamp()) <= issued_at <= int(after.timestamp())


async def test_a_crowd_is_told_to_come_back_and_it_is_held_against_nobody(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    # The crowd fills every place before the loop turns to anyone else: each takes its place before its first wait.
    crowd = [asyncio.ensure_future(passwords.matches(None, "x")) for _ in range(passwords.AT_ONCE)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as refusal:
        await passwords.matches(None, "x")
    assert refusal.value.headers["Retry-After"] == "1"
    assert await asyncio.gather(*crowd) == [False] * passwords.AT_ONCE
    assert await signs_in(database, keyring, EMAIL, PASSWORD, HERE)


async def test_a_try_that_found_no_place_is_not_counted(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    outcomes = await asyncio.gather(
        *(
            signs_in(database, keyring, f"anna{n}@flowers.example", PASSWORD, f"198.51.100.{n}")
            for n in range(passwords.AT_ONCE + 20)
        ),
        return_exceptions=True,
    )
    compared = sum(isinstance(outcome, Unauthenticated) for outcome in outcomes)
    assert compared + sum(isinstance(outcome, Unavailable) for outcome in outcomes) == len(outcomes)
    async with database.read() as connection:
        assert await connection.fetchval("SELECT sum(cardinality(failed_at)) FROM attempt") == 2 * compared
