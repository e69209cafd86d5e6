"""`kado secret`: from the first to the last step of a change, with the file and with the setting."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from tests.database.cards.builders import open_shop
from tests.database.doors.conftest import Kado, environment_with

from kado import secret_file
from kado.cards.codes import make_code
from kado.crypto import Keyring
from kado.storage.database import Database
from kado.storage.servers import name_of

OLD, NEW = "old-secret-of-the-operator-0123456789", "new-secret-of-the-operator-0123456789"
OLD_NAME, NEW_NAME = secret_file.name_of(OLD), secret_file.name_of(NEW)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / secret_file.NAME
    secret_file.write(file, [OLD])
    return file


@pytest.fixture
def by_file(database_url: str, file: Path) -> Kado:
    """The command line where the secret is in the file."""
    environment = environment_with(KADO_DATABASE_URL=database_url, KADO_DATA_DIR=str(file.parent))
    return Kado({name: value for name, value in environment.items() if name != "KADO_SECRET_KEY"})


@asynccontextmanager
async def a_server(database_url: str, *values: str) -> AsyncIterator[None]:
    """As a running server is seen: the connection of its worker."""
    name = name_of(Keyring(list(values)).versions)
    connection = await asyncpg.connect(database_url, server_settings={"application_name": name})
    try:
        yield
    finally:
        await connection.close()


async def a_card(database: Database, secret: str, **facts: str) -> None:
    keyring = Keyring([secret])
    shop = await open_shop(database, keyring)
    card = await shop.card(1000, **facts)
    assert await make_code(database, keyring, "https://kado.example", shop.program_id, card)
    await shop.ledger.close()


async def test_all_steps_with_the_file(by_file: Kado, file: Path, database: Database, database_url: str) -> None:
    await a_card(database, OLD, customer_email="eva@example.com")
    made = await by_file("secret", "new")
    assert made.code == 0, made.err
    old, fresh = secret_file.read(file, make=False)
    name = secret_file.name_of(fresh)
    assert old == OLD
    assert name in made.out
    assert fresh not in made.out + made.err
    assert (await by_file("secret", "new")).code == 1, "one change at a time"

    status = await by_file("secret", "status")
    assert f"{OLD_NAME} is written under.\nNothing needs {name}.\n" in status.out
    async with a_server(database_url, OLD):
        refused = await by_file("secret", "use", name)
        assert (refused.code, f"does not know {name} yet" in refused.err) == (1, True)
    async with a_server(database_url, OLD, fresh):
        assert (await by_file("secret", "use", name)).code == 0
        assert secret_file.read(file, make=False) == [fresh, OLD]
        for words in (("secret", "rotate"), ("keys", "rotate"), ("secret", "drop", OLD_NAME)):
            refused = await by_file(*words)
            assert (refused.code, f"does not write under {name} yet" in refused.err) == (1, True), words

    async with a_server(database_url, fresh, OLD):
        rotated = await by_file("keys", "rotate")
        assert rotated.code == 0, rotated.err
        assert f"1 cards and 0 other secrets came under {name}." in rotated.out
        assert f"{OLD_NAME} is still needed." in rotated.out
        assert "1 security codes of cards that can be used, the last until 20" in rotated.out
        refused = await by_file("secret", "drop", OLD_NAME)
        assert (refused.code, f"{OLD_NAME} is still needed; nothing was changed." in refused.err) == (1, True)
        sent = await by_file("secret", "renew-codes", "--send")
        assert sent.out == "1 codes are sent anew.\n"
        assert (await by_file("secret", "renew-codes", "--void")).out == "1 codes are void.\n"
        async with database.read() as connection:
            await connection.execute("DELETE FROM idempotency_key")
            audited = await connection.fetch(
                "SELECT action FROM audit_log WHERE action LIKE 'secret:codes-%' AND actor = 'operator:cli' ORDER BY at"
            )
            steps = await connection.fetch(
                "SELECT action, subject, actor FROM audit_log WHERE action IN ('secret:made', 'secret:put-first')"
                " ORDER BY at"
            )
        assert [row["action"] for row in audited] == ["secret:codes-sent-anew", "secret:codes-voided"]
        assert [tuple(row) for row in steps] == [
            ("secret:made", name, "operator:cli"),
            ("secret:put-first", name, "operator:cli"),
        ]
        assert (await by_file("secret", "drop", name)).code == 1, "it is written under"
        assert (await by_file("secret", "drop", OLD_NAME, "--anyway")).code == 0
    assert secret_file.read(file, make=False) == [fresh]
    async with database.read() as connection:
        dropped = await connection.fetch("SELECT subject, details FROM audit_log WHERE action = 'secret:dropped'")
    assert [tuple(row) for row in dropped] == [(OLD_NAME, '{"needed": false}')]
    assert (await by_file("verify")).code == 0
    status = (await by_file("secret", "status", "--json")).json
    assert (status["current"], status["others"], status["missing"]) == (name, [], [])


async def test_status_counts_and_changes_nothing(kado: Kado, database: Database, database_url: str) -> None:
    await a_card(database, OLD)
    async with a_server(database_url, NEW, OLD), a_server(database_url, OLD, NEW):
        for words in (("keys", "rotate", "--status", "--json"), ("secret", "status", "--json")):
            said = (await kado(*words, KADO_SECRET_KEY=f"{NEW},{OLD}")).json
            assert said["others"] == [{"name": OLD_NAME, "needed": True}]
            assert sorted(one["secrets"][0] for one in said["servers"]) == sorted([OLD_NAME, NEW_NAME])
            counts = {one["what"]: one["count"] for one in said["needs"] if one["count"]}
            assert counts == {
                "card numbers and seals": 1,
                "security codes of cards that can be used": 1,
                "answers to idempotency keys": 2,
            }
    text = (await kado("secret", "status", KADO_SECRET_KEY=NEW)).out
    assert f"{OLD_NAME} is NOT CONFIGURED, and is needed by:" in text


async def test_with_the_setting_a_new_secret_is_only_shown(kado: Kado, tmp_path: Path) -> None:
    made = await kado("secret", "new")
    value = made.out.split()[0]
    assert len(value) == 64
    assert secret_file.name_of(value) in made.out
    assert not (tmp_path / secret_file.NAME).exists()
    for words in (("use", NEW_NAME), ("drop", NEW_NAME)):
        refused = await kado("secret", *words)
        assert (refused.code, "KADO_SECRET_KEY" in refused.err) == (1, True)


async def test_cards_without_a_recipient_keep_their_codes(kado: Kado, database: Database) -> None:
    await a_card(database, OLD)
    both = f"{NEW},{OLD}"
    sent = await kado("secret", "renew-codes", "--send", KADO_SECRET_KEY=both)
    assert sent.out == "0 codes are sent anew.\n1 cards have no email or phone and keep theirs.\n"
    assert (await kado("secret", "renew-codes", KADO_SECRET_KEY=both)).code == 2
    async with database.read() as connection:
        assert await connection.fetchval("SELECT code_version FROM card") == Keyring([OLD]).version


async def test_what_cannot_be_moved_is_named(kado: Kado, database: Database) -> None:
    await a_card(database, OLD)
    left = await kado("secret", "rotate", KADO_SECRET_KEY=NEW)
    assert left.code == 1
    assert "is not what Kado wrote" in left.out
    assert f"{OLD_NAME} is NOT CONFIGURED" in left.out
