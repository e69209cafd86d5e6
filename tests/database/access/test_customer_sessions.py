"""Customers' sessions: remembered for seconds, ended everywhere, swept when they are over."""

from dataclasses import replace
from typing import Any

import pytest

from kado.access import customer_sessions, otp
from kado.access.caller import Caller
from kado.access.customer_sessions import CustomerSessions
from kado.access.customer_store import Desk, Target
from kado.access.otp import SignedIn
from kado.access.permissions import CUSTOMER, ROLES, Role
from kado.access.staff import NewMerchant
from kado.crypto import Keyring
from kado.errors import Refusal, Unauthenticated
from kado.storage.database import Database

ADA = Target("email", "ada@example.com")


class Timer:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def desk(merchant: NewMerchant) -> Desk:
    return Desk(merchant.merchant_id, is_test=True, subject="key:test")


@pytest.fixture
async def ada(database: Database, keyring: Keyring, desk: Desk) -> SignedIn:
    code = await otp.send(database, keyring, desk, ADA, "192.0.2.1")
    assert code is not None
    return await otp.verify(database, keyring, desk, ADA, code, "Ada")


async def knows(sessions: CustomerSessions, who: SignedIn, desk: Desk) -> bool:
    return await sessions.find(who.token, desk.merchant_id, is_test=desk.is_test) == who.identity


async def test_a_session_that_ends_is_over_here_at_once_and_elsewhere_within_thirty_seconds(
    database: Database, desk: Desk, ada: SignedIn
) -> None:
    timer = Timer()
    here, elsewhere = CustomerSessions(database, timer), CustomerSessions(database, timer)
    assert await knows(here, ada, desk)
    assert await knows(elsewhere, ada, desk)
    await here.end(ada.token, desk)
    assert not await knows(here, ada, desk)
    timer.now += 29
    assert await knows(elsewhere, ada, desk)
    timer.now += 2
    assert not await knows(elsewhere, ada, desk)


async def test_a_session_is_never_remembered_beyond_its_end(
    database: Database, desk: Desk, ada: SignedIn, superuser: Any
) -> None:
    timer = Timer()
    sessions = CustomerSessions(database, timer)
    await superuser.execute("UPDATE customer_session SET expires_at = clock_timestamp() + interval '5 seconds'")
    assert await knows(sessions, ada, desk)
    await superuser.execute("UPDATE customer_session SET expires_at = clock_timestamp()")
    timer.now += 4
    assert await knows(sessions, ada, desk)
    timer.now += 2
    assert not await knows(sessions, ada, desk)


async def test_another_desk_neither_knows_nor_ends_a_session(database: Database, desk: Desk, ada: SignedIn) -> None:
    sessions = CustomerSessions(database)
    for other in (replace(desk, merchant_id="ab" * 12), replace(desk, is_test=False)):
        assert await sessions.find(ada.token, other.merchant_id, is_test=other.is_test) is None
        await sessions.end(ada.token, other)
    assert await knows(sessions, ada, desk)


async def test_a_caller_with_a_session_acts_for_the_customer(database: Database, desk: Desk, ada: SignedIn) -> None:
    sessions = CustomerSessions(database)
    caller = Caller(desk.merchant_id, "key:test", Role.OWNER, ROLES[Role.OWNER], is_test=True)
    acting = await sessions.acting_for(caller, ada.token)
    assert (acting.subject, acting.permissions) == (f"customer:{ada.identity.id}", CUSTOMER)
    assert acting.customer is not None
    assert (acting.customer.id, acting.customer.email, acting.customer.name) == (ada.identity.id, ADA.text, "Ada")
    looking = Caller(desk.merchant_id, "key:test", Role.READ_ONLY, ROLES[Role.READ_ONLY], is_test=True)
    assert (await sessions.acting_for(looking, ada.token)).permissions == frozenset()
    for token in ("", "x" * 43, ada.token[:-1], ada.token + "A"):
        with pytest.raises(Unauthenticated):
            await sessions.acting_for(caller, token)


async def test_the_sweep_removes_what_is_over_and_nothing_else(
    database: Database, keyring: Keyring, desk: Desk, ada: SignedIn, superuser: Any
) -> None:
    await otp.send(database, keyring, desk, ADA, "192.0.2.1")
    assert await customer_sessions.sweep(database) == (0, 0)
    await superuser.execute("UPDATE customer_session SET expires_at = clock_timestamp()")
    await superuser.execute("UPDATE customer_otp SET expires_at = clock_timestamp() - interval '59 minutes'")
    assert await customer_sessions.sweep(database) == (1, 0)
    await superuser.execute("UPDATE customer_otp SET expires_at = clock_timestamp() - interval '61 minutes'")
    assert await customer_sessions.sweep(database) == (0, 1)
    assert await superuser.fetchval("SELECT count(*) FROM customer") == 1


async def test_a_password_that_an_older_secret_hid_is_still_good(database: Database, desk: Desk) -> None:
    old, new = "a1b2c3d4" * 8, "e5f6a7b8" * 8
    code = await otp.send(database, Keyring([old]), desk, ADA, "192.0.2.1")
    assert code is not None
    with pytest.raises(Refusal):
        await otp.verify(database, Keyring([new]), desk, ADA, code, None)
    assert (await otp.verify(database, Keyring([new, old]), desk, ADA, code, None)).identity.email == ADA.text
