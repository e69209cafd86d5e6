"""Writes what a database of an earlier schema may hold: `python tests/recovery/released/make.py 0002`.

The rows are made by today's code, through the posting machine, and only those columns are kept that the schema had. So
write the file of a schema while it is the newest, or use nothing in its scene that came later.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

import asyncpg  # noqa: E402
from tests.database.cards.builders import Shop, open_shop  # noqa: E402

from kado.cards.seal import Sealer  # noqa: E402
from kado.crypto import Keyring  # noqa: E402
from kado.storage import embedded  # noqa: E402
from kado.storage.database import Database  # noqa: E402
from kado.storage.migrate import migrate  # noqa: E402
from kado.storage.revisions import REVISIONS, Chain  # noqa: E402

SECRET: Final = "the-secret-of-the-databases-of-earlier-schemas-01"
_LEFT_OUT: Final = ("alembic_version", "schema_mark", "seal_progress")


async def _cards(shop: Shop) -> None:
    """Schema 0001: cards in every state, and messages."""
    people = {"customer_name": "Eva Lång", "customer_email": "eva.lang@example.com", "sender_name": "Bo"}
    await shop.issue(1000)
    await shop.card(2500, -1, 700, -699, **people)
    await shop.card(300, -300)
    await shop.suspend(await shop.card(5000, -25, **people))
    await shop.void(await shop.card(4000, -1000))
    await shop.resend(await shop.card(1200, **people))


async def _linked(shop: Shop) -> None:
    """Schema 0002: money that moves between cards, and money that is held."""
    one, two, three = [await shop.card(value, -10) for value in (1000, 2000, 3000)]
    await shop.transfer(one, two, 250)
    await shop.hold(three, 700)
    await shop.ledger.post(shop.consolidation(one, two))


SCENES: Final[dict[str, Callable[[Shop], Awaitable[None]]]] = {"0001": _cards, "0002": _linked}


async def _write(url: str, schema: str) -> str:
    of_then = url.replace("/kado?", "/of_then?")
    admin: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(url)
    await admin.execute("CREATE DATABASE of_then")
    await migrate(of_then, chain=Chain(revisions=REVISIONS[: REVISIONS.index(schema) + 1]))
    await migrate(url)
    keyring, database = Keyring([SECRET]), await Database.open(url)
    shop = await open_shop(database, keyring)
    await SCENES[schema](shop)
    await shop.ledger.close()
    sealer = Sealer(database, keyring)
    for _ in range(3):  # the first sees what is under way, the others that it has ended
        await sealer.run()
    await database.close()
    then = await asyncpg.connect(of_then)
    columns = await then.fetch(
        "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) AS names"
        " FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'pgqueuer%'"
        " AND table_name <> ALL ($1) GROUP BY table_name ORDER BY table_name",
        list(_LEFT_OUT),
    )
    await then.close()
    lines = [line for row in columns for line in await _rows(admin, row["table_name"], row["names"])]
    until = await admin.fetchval("SELECT sealed_until::text FROM seal_progress")
    await admin.close()
    return "\n".join(
        [
            f"-- What a database of schema {schema} may hold. Written by make.py.",
            "SET session_replication_role = replica;  -- the rows are there already: nothing is to be said about them",
            *lines,
            f"UPDATE seal_progress SET sealed_until = '{until}';",
            "RESET session_replication_role;\n",
        ]
    )


async def _rows(connection: "asyncpg.Connection[asyncpg.Record]", table: str, names: list[str]) -> list[str]:
    listed = ", ".join(names)
    values = " || ', ' || ".join(f"quote_nullable({name}::text)" for name in names)
    rows = await connection.fetch(f"SELECT {values} AS text FROM {table} ORDER BY 1")
    return [f"INSERT INTO {table} ({listed}) OVERRIDING SYSTEM VALUE VALUES ({row['text']});" for row in rows]


def main() -> None:
    schema = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="kado-released-") as folder:
        Path(folder).chmod(0o711)
        with embedded.connect_or_start(Path(folder) / "data") as url:
            text = asyncio.run(_write(url, schema))
    (Path(__file__).parent / f"{schema}.sql").write_text(text)


if __name__ == "__main__":
    main()
