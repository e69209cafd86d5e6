"""A shop for the commands that prove something: a database with settings for it, and machines that have neither."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.database.cards.builders import Shop, open_shop
from typer.testing import CliRunner

from kado.cards.chain import seal_state
from kado.cards.find import card_by_id
from kado.cards.seal import Sealer
from kado.crypto import Keyring
from kado.doors.cli import build
from kado.storage.database import Database

SECRET = "3f1c" * 4 + "9b72d05e" * 6
NEXT_SECRET = "7a90" * 4 + "c41be6f2" * 6


@dataclass
class Office:
    """The operator's machine, and others."""

    url: str
    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def kado(self, *words: object, secret: str = SECRET) -> Any:
        """A command on the server."""
        self.monkeypatch.setenv("KADO_DATABASE_URL", self.url)
        self.monkeypatch.setenv("KADO_SECRET_KEY", secret)
        self.monkeypatch.setenv("KADO_DATA_DIR", str(self.folder / "data"))
        return CliRunner().invoke(build(lambda: None), [str(word) for word in words])

    def elsewhere(self, *words: object) -> Any:
        """A command on a machine that knows neither the database nor the secret."""
        self.monkeypatch.setenv("KADO_DATABASE_URL", "postgresql://127.0.0.1:1/none")
        self.monkeypatch.delenv("KADO_SECRET_KEY", raising=False)
        self.monkeypatch.setenv("KADO_DATA_DIR", str(self.folder / "never made"))
        result = CliRunner().invoke(build(lambda: None), [str(word) for word in words])
        assert not (self.folder / "never made").exists()
        return result

    def in_shop(self, work: Callable[[Shop], Awaitable[Any]], secret: str = SECRET, *, seal: bool = True) -> Any:
        """What happens at the tills; sealed afterwards."""

        async def main() -> Any:
            keyring = Keyring(secret.split(","))
            database = await Database.open(self.url)
            shop = await open_shop(database, keyring)
            try:
                done = await work(shop)
                if seal:
                    await Sealer(database, keyring).run()
                return done
            finally:
                await shop.ledger.close()
                await database.close()

        return asyncio.run(main())

    def steal(self, *statements: str, reseal: str | None = None) -> None:
        """Somebody with the database; with `reseal` (a card) and the secret too: everything is signed anew."""

        async def main() -> None:
            thief = await asyncpg.connect(self.url)
            await thief.execute("SET session_replication_role = replica")
            for statement in statements:
                await thief.execute(statement)
            if reseal is not None:
                await _reseal(thief, self.url, reseal)
            await thief.close()

        asyncio.run(main())


async def _reseal(thief: Any, url: str, card_id: str) -> None:
    keyring, database = Keyring([SECRET]), await Database.open(url)
    program_id = await thief.fetchval("SELECT program_id FROM card WHERE id = $1", card_id)
    seal = seal_state(keyring, (await card_by_id(database, program_id, card_id, is_test=False)).card)
    await thief.execute("UPDATE card SET state_seal = $2 WHERE id = $1", card_id, seal)
    await thief.execute("DELETE FROM ledger_seal WHERE program_id = $1", program_id)
    await thief.execute("UPDATE seal_progress SET sealed_until = '-infinity'")
    await Sealer(database, keyring).run()
    await database.close()
