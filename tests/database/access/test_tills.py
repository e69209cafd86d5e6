"""Devices, PINs and who stands where: every limit, every end, and what a copy of the database shows."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.database.access.conftest import EMAIL, PASSWORD

from kado.access import pins, staff, terminals, till_sessions
from kado.access.permissions import ROLES, Permission, Role
from kado.access.staff import NewMerchant
from kado.access.till_store import Place, Standing, Terminal
from kado.crypto import Keyring
from kado.errors import Forbidden, Invalid, MadeAlready, NotFound, TooMany, Unauthenticated
from kado.programs import create
from kado.programs.program import NewProgram
from kado.storage.database import Database

HERE = "203.0.113.9"
PIN = "2580"


async def a_place(database: Database, merchant: NewMerchant) -> Place:
    program = await create.create(database, merchant.merchant_id, "operator:test", NewProgram(name="Cards"))
    return Place(program.id, "Till 1", "Market Street", 5)


async def a_till(database: Database, keyring: Keyring, merchant: NewMerchant) -> tuple[Terminal, str]:
    """A device, and its token."""
    place = await a_place(database, merchant)
    code = await terminals.make_code(database, merchant.merchant_id, place, "operator:test")
    made = await terminals.enrol(database, keyring, code.code.lower().replace("-", " "), HERE)
    terminal = await terminals.find_by_token(database, made.token)
    assert terminal is not None
    return terminal, made.token


async def a_person(database: Database, keyring: Keyring, merchant: NewMerchant, role: Role = Role.CASHIER) -> str:
    email = f"{role.value}@flowers.example"
    staff_id = await staff.add(database, merchant.merchant_id, email, PASSWORD, role, "Bo", "operator:test")
    await pins.set_pin(database, keyring, merchant.merchant_id, staff_id, PIN, "operator:test")
    return staff_id


async def stands(database: Database, token: str, session: str) -> Standing | None:
    return await till_sessions.find(database, token, session)


async def test_a_code_is_good_once_and_for_a_quarter_of_an_hour(
    database: Database, keyring: Keyring, merchant: NewMerchant, superuser: Any
) -> None:
    place = await a_place(database, merchant)
    first = await terminals.make_code(database, merchant.merchant_id, place, "operator:test")
    both = [terminals.enrol(database, keyring, first.code, HERE) for _ in range(2)]
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["Enrolled", "Unauthenticated"]
    second = await terminals.make_code(database, merchant.merchant_id, place, "operator:test")
    await superuser.execute("UPDATE terminal_code SET expires_at = clock_timestamp()")
    with pytest.raises(Unauthenticated):
        await terminals.enrol(database, keyring, second.code, HERE)
    assert len(await terminals.list_terminals(database, merchant.merchant_id)) == 1


async def test_a_code_dies_with_its_makers_right_to_make_it(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    place, manager = await a_place(database, merchant), await a_person(database, keyring, merchant, Role.MANAGER)
    actor = f"staff:{manager}"

    async def is_good(code: str) -> bool:
        try:
            await terminals.enrol(database, keyring, code, HERE)
        except Unauthenticated:
            return False
        return True

    async def become(**changes: Any) -> None:
        await staff.change(database, merchant.merchant_id, manager, "operator:test", **changes)

    for changes in ({"role": Role.CASHIER}, {"active": False}):
        said = await terminals.make_code(database, merchant.merchant_id, place, actor)
        asked = await terminals.code_for_person(database, keyring, "manager@flowers.example", PASSWORD, "", HERE)
        assert await terminals.merchant_of_code(database, asked.code) == merchant.merchant_id
        await become(**changes)
        assert await terminals.merchant_of_code(database, asked.code) is None
        assert not await is_good(said.code)
        await become(role=Role.MANAGER, active=True)
        assert await is_good(said.code)


async def test_who_asks_twice_for_one_code_gets_one_till(
    database: Database, keyring: Keyring, merchant: NewMerchant, superuser: Any
) -> None:
    place, chance = await a_place(database, merchant), b"what nobody else knows"

    async def make() -> str:
        return (await terminals.make_code(database, merchant.merchant_id, place, "operator:test", chance)).code

    code = await make()
    with pytest.raises(MadeAlready):
        await make()
    await terminals.enrol(database, keyring, code, HERE)
    assert await superuser.fetchval("SELECT count(*) FROM terminal_code") == 0
    with pytest.raises(MadeAlready):
        await make()
    assert len(await terminals.list_terminals(database, merchant.merchant_id)) == 1


async def test_devices_are_found_by_name_and_place_page_by_page(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    place = await a_place(database, merchant)
    for at, name in (("Market", "Left"), ("Market", "Right"), ("Attic", "Only")):
        code = await terminals.make_code(
            database, merchant.merchant_id, replace(place, name=name, location=at), "operator:test"
        )
        await terminals.enrol(database, keyring, code.code, HERE)

    async def names(text: str = "", offset: int = 0, *, is_revoked: bool = False) -> tuple[list[str], bool]:
        found, has_more = await terminals.find_devices(
            database, merchant.merchant_id, text, is_revoked=is_revoked, limit=2, offset=offset
        )
        return [one.terminal.name for one in found], has_more

    assert await names() == (["Only", "Left"], True)
    assert await names(offset=2) == (["Right"], False)
    assert await names("mark") == (["Left", "Right"], False)
    assert await names("%") == ([], False)
    assert await terminals.list_locations(database, merchant.merchant_id) == ["Attic", "Market"]
    (only,) = [one for one in await terminals.list_terminals(database, merchant.merchant_id) if one.name == "Only"]
    await terminals.revoke(database, merchant.merchant_id, only.id, "operator:test")
    assert (await names("only"), await names(is_revoked=True)) == (([], False), (["Only"], False))
    other = await staff.create_merchant(database, "Book Shop", "bea@books.example", PASSWORD, "operator:test")
    for merchant_id, terminal_id in ((other.merchant_id, only.id), (merchant.merchant_id, "x\0")):
        with pytest.raises(NotFound):
            await terminals.get(database, merchant_id, terminal_id)


async def test_a_device_says_who_stands_there(
    database: Database, keyring: Keyring, merchant: NewMerchant, superuser: Any
) -> None:
    terminal, _ = await a_till(database, keyring, merchant)

    async def standing() -> str | None:
        return (await terminals.get(database, merchant.merchant_id, terminal.id)).standing

    assert await standing() is None
    await pins.sign_in(database, keyring, terminal, await a_person(database, keyring, merchant), PIN)
    assert await standing() == "Bo"
    await superuser.execute("UPDATE till_session SET seen_at = clock_timestamp() - interval '6 minutes'")
    assert await standing() is None


async def test_who_waits_after_wrong_pins_is_seen_and_let_in(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    terminal, _ = await a_till(database, keyring, merchant)
    person = await a_person(database, keyring, merchant)

    async def waits() -> int:
        return (await pins.state_of(database, keyring, merchant.merchant_id, person)).waits_seconds

    async def is_let_in() -> bool:
        try:
            await pins.sign_in(database, keyring, terminal, person, PIN)
        except TooMany:
            return False
        return True

    async def guess() -> None:
        for wrong in range(5):
            with pytest.raises(Unauthenticated):
                await pins.sign_in(database, keyring, terminal, person, f"000{wrong + 1}")

    assert await waits() == 0
    await guess()
    assert (0 < await waits() <= 15 * 60, await is_let_in()) == (True, False)
    await pins.let_in(database, keyring, merchant.merchant_id, person, "staff:x")
    assert (await waits(), await is_let_in()) == (0, True)
    await guess()
    await pins.set_pin(database, keyring, merchant.merchant_id, person, PIN, "staff:x")
    assert (await waits(), await is_let_in()) == (0, True)


async def test_ones_own_pin_takes_more_than_a_sign_in(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    owner = await staff.find(database, merchant.owner_id)
    assert owner is not None
    with pytest.raises(Forbidden) as refused:
        await pins.set_own(database, keyring, owner, PIN, is_confirmed=False)
    assert refused.value.code == "confirmation_required"
    known = await pins.state_of(database, keyring, merchant.merchant_id, owner.id)
    assert known.set_at is None
    await pins.set_own(database, keyring, owner, PIN, is_confirmed=True)
    assert (await pins.state_of(database, keyring, merchant.merchant_id, owner.id)).set_at is not None


@pytest.mark.parametrize("program_id", ["\0", "x", "0" * 24, ""])
async def test_a_program_that_there_is_not_makes_no_till(
    database: Database, keyring: Keyring, merchant: NewMerchant, program_id: str
) -> None:
    place = Place(program_id, "Till 1", "Market Street", 5)
    with pytest.raises(NotFound):
        await terminals.make_code(database, merchant.merchant_id, place, "operator:test")


async def test_codes_cannot_be_guessed_at(database: Database, keyring: Keyring, merchant: NewMerchant) -> None:
    for _ in range(30):
        with pytest.raises(Unauthenticated):
            await terminals.enrol(database, keyring, "AAAAA-AAAAA-AAAAA-AAAAA", HERE)
    good = await terminals.make_code(database, merchant.merchant_id, await a_place(database, merchant), "operator:test")
    with pytest.raises(TooMany):
        await terminals.enrol(database, keyring, good.code, HERE)
    assert await terminals.enrol(database, keyring, good.code, "203.0.113.10")


async def test_another_merchants_till_is_not_found(database: Database, keyring: Keyring, merchant: NewMerchant) -> None:
    other = await staff.create_merchant(database, "Book Shop", "bea@books.example", PASSWORD, "operator:test")
    terminal, token = await a_till(database, keyring, merchant)
    with pytest.raises(NotFound):
        await terminals.revoke(database, other.merchant_id, terminal.id, "staff:x")
    with pytest.raises(NotFound):
        await terminals.change(database, other.merchant_id, terminal.id, "staff:x", name="Mine")
    with pytest.raises(NotFound):
        await terminals.make_code(database, other.merchant_id, await a_place(database, merchant), "staff:x")
    with pytest.raises(NotFound):
        await pins.set_pin(database, keyring, other.merchant_id, await a_person(database, keyring, merchant), PIN, "x")
    assert await terminals.list_terminals(database, other.merchant_id) == []
    assert await terminals.find_by_token(database, token) == terminal
    # Whoever works elsewhere is nobody here, whatever their PIN.
    stranger = await staff.add(database, other.merchant_id, "cy@books.example", PASSWORD, Role.CASHIER, None, "x")
    await pins.set_pin(database, keyring, other.merchant_id, stranger, PIN, "x")
    with pytest.raises(Unauthenticated):
        await pins.sign_in(database, keyring, terminal, stranger, PIN)


async def test_people_enrol_only_what_they_may(database: Database, keyring: Keyring, merchant: NewMerchant) -> None:
    await a_person(database, keyring, merchant)
    with pytest.raises(Forbidden):
        await terminals.code_for_person(database, keyring, "cashier@flowers.example", PASSWORD, "", HERE)
    code = await terminals.code_for_person(database, keyring, EMAIL, PASSWORD, "", HERE)
    with pytest.raises(Invalid):
        await terminals.enrol(database, keyring, code.code, HERE)
    place = await a_place(database, merchant)
    for wrong in (replace(place, name=" "), replace(place, location="x" * 101), replace(place, idle_minutes=0)):
        with pytest.raises(Invalid):
            await terminals.enrol(database, keyring, code.code, HERE, wrong)
    assert await terminals.enrol(database, keyring, code.code, HERE, place)
    await staff.require_second_factor(database, merchant.merchant_id, required=True, actor="operator:test")
    with pytest.raises(Forbidden) as refused:
        await terminals.code_for_person(database, keyring, EMAIL, PASSWORD, "", HERE)
    assert refused.value.code == "second_factor_required"


async def test_of_sixty_guesses_at_once_five_are_compared(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    terminal, _ = await a_till(database, keyring, merchant)
    person = await a_person(database, keyring, merchant)
    guesses = [pins.sign_in(database, keyring, terminal, person, f"{n:04}") for n in range(100, 160)]
    outcomes = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(one, Unauthenticated) for one in outcomes) <= 5
    with pytest.raises(TooMany):
        await pins.sign_in(database, keyring, terminal, person, PIN)
    elsewhere, _ = await a_till(database, keyring, merchant)
    assert await pins.sign_in(database, keyring, elsewhere, person, PIN)


async def test_a_stranger_is_counted_and_answered_like_a_colleague(
    database: Database, keyring: Keyring, merchant: NewMerchant
) -> None:
    terminal, _ = await a_till(database, keyring, merchant)
    person = await a_person(database, keyring, merchant)
    for who in (person, "0" * 24, "nobody at all", "\x00"):
        with pytest.raises(Unauthenticated) as refused:
            await pins.sign_in(database, keyring, terminal, who, "0007")
        assert (refused.value.code, refused.value.detail) == ("wrong_pin", "This PIN is not right.")
    assert await pins.sign_in(database, keyring, terminal, person, PIN)


async def test_a_sign_in_ends_with_idle_minutes_the_day_the_device_and_the_person(
    database: Database, keyring: Keyring, merchant: NewMerchant, superuser: Any
) -> None:
    terminal, token = await a_till(database, keyring, merchant)
    person = await a_person(database, keyring, merchant)

    async def opened() -> str:
        made = await pins.sign_in(database, keyring, terminal, person, PIN)
        assert await stands(database, token, made.token)
        return made.token

    for moment in ("seen_at - interval '5 minutes'", "seen_at - interval '1 day'"):
        session = await opened()
        await superuser.execute(f"UPDATE till_session SET seen_at = {moment}")
        assert await stands(database, token, session) is None
    session = await opened()
    await superuser.execute("UPDATE till_session SET opened_at = opened_at - interval '12 hours'")
    assert await stands(database, token, session) is None
    assert await till_sessions.sweep(database) == 1
    session, first = await opened(), await opened()
    assert await stands(database, token, session) is None, "one person at a device"
    await staff.change(database, merchant.merchant_id, person, "x", active=False)
    assert await stands(database, token, first) is None
    await staff.change(database, merchant.merchant_id, person, "x", active=True)
    session = await opened()
    other, other_token = await a_till(database, keyring, merchant)
    assert other.id != terminal.id
    assert await stands(database, other_token, session) is None, "it belongs to its device"
    await pins.take_pin(database, merchant.merchant_id, person, "x")
    assert await stands(database, token, session) is None
    await pins.set_pin(database, keyring, merchant.merchant_id, person, PIN, "x")
    session = await opened()
    await terminals.revoke(database, merchant.merchant_id, terminal.id, "x")
    assert await stands(database, token, session) is None


@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER, Role.CASHIER, Role.READ_ONLY])
async def test_nobody_may_more_than_a_cashier(
    database: Database, keyring: Keyring, merchant: NewMerchant, role: Role
) -> None:
    terminal, token = await a_till(database, keyring, merchant)
    person = await a_person(database, keyring, merchant, role)
    opened = await pins.sign_in(database, keyring, terminal, person, PIN)
    standing = await stands(database, token, opened.token)
    assert standing is not None
    caller = till_sessions.caller_of(standing)
    assert caller.permissions == ROLES[role] & ROLES[Role.CASHIER]
    assert caller.role is (Role.READ_ONLY if role is Role.READ_ONLY else Role.CASHIER)
    assert Permission.CARDS_VOID not in caller.permissions
    assert (caller.cashier_id, caller.terminal_id, caller.is_test) == (person, terminal.id, False)
    assert caller.programs == frozenset({terminal.program_id})


async def test_a_pin_survives_a_change_of_the_secret_key_and_is_not_in_a_copy(
    database: Database, keyring: Keyring, merchant: NewMerchant, superuser: Any
) -> None:
    terminal, _ = await a_till(database, keyring, merchant)
    person = await a_person(database, keyring, merchant)
    row = await superuser.fetchrow("SELECT * FROM staff_pin")
    assert PIN not in str(dict(row))
    old, new = "a-secret-for-the-tests-of-tills-old-0123456", "a-secret-for-the-tests-of-tills-new-0123456"
    await pins.set_pin(database, Keyring([old]), merchant.merchant_id, person, PIN, "x")
    both = Keyring([new, old])
    assert await pins.sign_in(database, both, terminal, person, PIN)
    assert await superuser.fetchval("SELECT pin_version FROM staff_pin") == both.version
    assert await pins.sign_in(database, Keyring([new]), terminal, person, PIN)
    with pytest.raises(Unauthenticated):
        await pins.sign_in(database, Keyring([old]), terminal, person, PIN)


async def test_tries_are_over_in_time(
    database: Database, keyring: Keyring, merchant: NewMerchant, superuser: Any
) -> None:
    terminal, _ = await a_till(database, keyring, merchant)
    person = await a_person(database, keyring, merchant)
    for days in range(4):
        for _ in range(5):
            with pytest.raises(Unauthenticated):
                await pins.sign_in(database, keyring, terminal, person, "0007")
        with pytest.raises(TooMany):
            await pins.sign_in(database, keyring, terminal, person, PIN)
        await superuser.execute(
            "UPDATE attempt SET failed_at = ARRAY(SELECT t - $1::interval FROM unnest(failed_at) t)",
            timedelta(minutes=16 if days < 3 else 1),
        )
    with pytest.raises(TooMany):  # twenty in a day
        await pins.sign_in(database, keyring, terminal, person, PIN)
