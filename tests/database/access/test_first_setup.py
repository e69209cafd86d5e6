"""Setting a fresh server up: with the code of its secret, once, and by one of all who try."""

import asyncio

import pytest
from tests.database.access.conftest import EMAIL, PASSWORD

from kado.access import first_setup, staff
from kado.crypto import Keyring
from kado.errors import Forbidden, TooMany
from kado.storage.database import Database

HERE = "203.0.113.9"


async def test_the_code_opens_as_long_as_there_is_no_merchant(database: Database, keyring: Keyring) -> None:
    code = first_setup.code_of(keyring)
    assert code == first_setup.code_of(keyring)
    assert await first_setup.is_open(database)
    for typed in (code, code.lower(), code.replace("-", " "), f" {code} "):
        await first_setup.prove(database, keyring, typed, HERE)
    for wrong in ("", "AAAA-AAAA-AAAA", code[:-1], f"{code}A", "\ud800", "Ａ" * 12):
        with pytest.raises(Forbidden) as refusal:
            await first_setup.prove(database, keyring, wrong, HERE)
        assert refusal.value.code == "wrong_setup_code"
    await first_setup.open_shop(database, "Flower Shop", EMAIL, PASSWORD)
    assert not await first_setup.is_open(database)
    with pytest.raises(Forbidden) as refusal:
        await first_setup.prove(database, keyring, code, HERE)
    assert refusal.value.code == "already_set_up"


async def test_of_many_who_set_up_at_once_one_does(database: Database) -> None:
    tried = await asyncio.gather(
        *(first_setup.open_shop(database, f"Shop {n}", f"{n}@flowers.example", PASSWORD) for n in range(5)),
        return_exceptions=True,
    )
    late = [one for one in tried if isinstance(one, Forbidden)]
    assert [one.code for one in late] == ["already_set_up"] * 4
    assert len(await staff.list_merchants(database)) == 1


async def test_whoever_guesses_at_the_code_is_stopped(database: Database, keyring: Keyring) -> None:
    for _ in range(30):
        with pytest.raises(Forbidden):
            await first_setup.prove(database, keyring, "nothing", HERE)
    with pytest.raises(TooMany):
        await first_setup.prove(database, keyring, first_setup.code_of(keyring), HERE)
    await first_setup.prove(database, keyring, first_setup.code_of(keyring), "203.0.113.10")
