"""Look programs up, without asking who may see them (that is `reach`)."""

from kado.programs import store
from kado.programs.program import Program
from kado.storage.database import Database


async def get(database: Database, program_id: str) -> Program | None:
    """The program with this id, if there is one."""
    async with database.read() as connection:
        return await store.find(connection, program_id)


async def list_reachable(database: Database, merchant_id: str) -> list[Program]:
    """The programs that the merchant owns or is admitted to, oldest first."""
    async with database.read() as connection:
        return await store.list_reachable(connection, merchant_id)


async def list_owned(database: Database, merchant_id: str) -> list[Program]:
    """The programs that the merchant owns, oldest first."""
    async with database.read() as connection:
        return await store.list_owned(connection, merchant_id)


async def list_all(database: Database) -> list[Program]:
    """All programs of all merchants, oldest first: for the operator only."""
    async with database.read() as connection:
        return await store.list_all(connection)
