"""A thief who may change anything in the database, and what verification says about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.database.cards.builders import Shop

from kado.cards.chain import seal_state
from kado.cards.seal import Sealer
from kado.cards.verify import Reason, Report, verify


async def free(superuser: Any) -> None:
    """Take away whatever stands in a thief's way, as someone with the server's disk can."""
    await superuser.execute("SET session_replication_role = replica")
    checks = await superuser.fetch(
        "SELECT conrelid::regclass::text AS t, conname FROM pg_constraint"
        " WHERE contype = 'c' AND conrelid IN"
        " ('card'::regclass, 'card_transaction'::regclass, 'ledger_seal'::regclass, 'hold'::regclass,"
        " 'reversal'::regclass)"
    )
    for row in checks:
        await superuser.execute(f'ALTER TABLE {row["t"]} DROP CONSTRAINT "{row["conname"]}"')


TABLES = ("card", "card_transaction", "ledger_seal", "seal_progress", "hold", "reversal")


async def keep_copies(superuser: Any) -> None:
    for table in TABLES:
        await superuser.execute(f"CREATE TABLE {table}_before AS TABLE {table}")


def damaged(report: Report) -> set[str | None]:
    return {finding.card_id for finding in report.findings}


def reasons(report: Report) -> set[Reason]:
    return {finding.reason_code for finding in report.findings}


ENTRY = "UPDATE card_transaction SET {} WHERE card_id = $1 AND seq = $2"


@dataclass
class World:
    """A shop with five cards, sealed, and someone who may change anything in its database."""

    shop: Shop
    sealer: Sealer
    thief: Any
    cards: list[str]

    async def verify(self, **options: Any) -> Report:
        return await verify(self.shop.database, self.shop.keyring, **options)

    async def edit(self, statement: str, *arguments: object) -> None:
        """Change something; it must really have changed something."""
        done = await self.thief.execute(statement, *arguments)
        assert not done.endswith(" 0"), statement

    async def seal_card(self, card_id: str) -> None:
        """What only someone with the secret key can do: seal the card as it stands."""
        seal = seal_state(self.shop.keyring, await self.shop.look(card_id))
        await self.edit("UPDATE card SET state_seal = $2 WHERE id = $1", card_id, seal)

    async def undo(self) -> None:
        """Put everything back as it was when the thief came."""
        for table in TABLES:
            await self.thief.execute(f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {table}_before")

    async def try_each(self, changes: Iterable[tuple[str, tuple[object, ...], set[str | None]]]) -> None:
        """Make each change by itself; it must be found, with exactly the cards that are expected."""
        wrong = []
        for statement, arguments, expected in changes:
            await self.edit(statement, *arguments)
            found = damaged(await self.verify())
            if found != expected:
                wrong.append((statement, arguments[1:], found, expected))
            await self.undo()
        assert wrong == []
        assert (await self.verify()).is_clean, "undone"

    async def entries(self, card_id: str) -> list[dict[str, Any]]:
        query = "SELECT * FROM card_transaction WHERE card_id = $1 ORDER BY seq"
        return [dict(row) for row in await self.thief.fetch(query, card_id)]
