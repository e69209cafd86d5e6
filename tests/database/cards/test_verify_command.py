"""`kado verify`: exit codes, and what is printed for people and for programs."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from tests.database.cards.builders import Shop, open_shop
from typer.testing import CliRunner

from kado.crypto import Keyring
from kado.doors.cli import build
from kado.storage.database import Database

SECRET = "3f1c" * 4 + "9b72d05e" * 6

Run = Callable[..., Any]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Run:
    monkeypatch.setenv("KADO_DATABASE_URL", database_url)
    monkeypatch.setenv("KADO_SECRET_KEY", SECRET)
    monkeypatch.setenv("KADO_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    return lambda *arguments: CliRunner().invoke(build(lambda: None), ["verify", *arguments])


def in_shop(database_url: str, work: Callable[[Shop], Awaitable[str]]) -> str:
    async def main() -> str:
        database = await Database.open(database_url)
        shop = await open_shop(database, Keyring([SECRET]))
        try:
            return await work(shop)
        finally:
            await shop.ledger.close()
            await database.close()

    return asyncio.run(main())


def damage(database_url: str, card_id: str) -> None:
    async def main() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("UPDATE card SET last_four = 'x' WHERE id = $1", card_id)
        await connection.execute("UPDATE card_transaction SET cashier_id = 'x' WHERE card_id = $1 AND seq = 2", card_id)
        await connection.close()

    asyncio.run(main())


def test_clean(run: Run, database_url: str) -> None:
    program_id = in_shop(database_url, _sell)
    result = run()
    said = f"All is well: 1 cards, 3 entries, 0 seals.\nOwed in program {program_id}: 9.99 USD.\n"
    assert (result.exit_code, result.stdout) == (0, said)
    assert result.stderr == "", "there is no terminal"
    result = run("--json")
    clean = {"clean": True, "cards": 1, "entries": 3, "seals": 0, "owed": {program_id: "9.99 USD"}}
    clean |= {"findings": []}
    assert (result.exit_code, json.loads(result.stdout)) == (0, clean)


async def _sell(shop: Shop) -> str:
    await shop.card(1000, -1)
    return shop.program_id


def test_damaged(run: Run, database_url: str) -> None:
    card_id = in_shop(database_url, lambda shop: shop.card(1000, -1))
    in_shop(database_url, lambda shop: shop.card())
    damage(database_url, card_id)
    result = run()
    assert result.exit_code == 1
    named, summary = result.stdout.splitlines()
    assert f"card {card_id}: " in named
    assert "[number_mismatch]" in named
    assert "[entry_changed]" in named
    assert summary == "Not all is well: 1 damaged card among 2 cards, 5 entries, 0 seals."
    result = run("--json")
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["clean"], answer["cards"]) == (1, False, 2)
    assert [one["cardId"] for one in answer["findings"]] == [card_id, card_id]
    assert {one["reason"] for one in answer["findings"]} == {"number_mismatch", "entry_changed"}


def test_one_program(run: Run, database_url: str) -> None:
    async def sell(shop: Shop) -> str:
        damaged.append(await shop.card())
        return shop.program_id

    damaged: list[str] = []
    one, other = in_shop(database_url, sell), in_shop(database_url, sell)
    damage(database_url, damaged[1])
    assert run("--program", one).exit_code == 0
    assert run("--program", other).exit_code == 1


@pytest.mark.parametrize("program", ["x", "f" * 24])
def test_wrong_usage(run: Run, program: str) -> None:
    result = run("--program", program)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "program" in result.stderr


def test_no_database(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KADO_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    result = run()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "cannot be reached" in result.stderr
