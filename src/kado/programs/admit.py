"""Let other merchants' tills issue and accept a program's cards, or stop letting them."""

import asyncpg

from kado import audit
from kado.errors import NotFound, Refusal
from kado.programs import store
from kado.storage.database import Connection, Database


async def admit(database: Database, program_id: str, merchant_id: str, actor: str) -> bool:
    """Admit the merchant, from this moment; False when it was admitted already.

    Raises `NotFound` for an unknown program or merchant, `Refusal` when the merchant is the owner.
    """

    async def work(connection: Connection) -> bool:
        program = await store.find(connection, program_id)
        if program is None:
            raise NotFound("program_not_found", "There is no such program.")
        if program.merchant_id == merchant_id:
            raise Refusal("merchant_is_owner", "This merchant owns the program and needs no admission to it.")
        if not await store.insert_admission(connection, program_id, merchant_id):
            return False
        await _record(connection, "program:admitted", program_id, merchant_id, actor, is_admitted=True)
        return True

    try:
        return await database.repeat(work)
    except asyncpg.ForeignKeyViolationError:
        raise NotFound("merchant_not_found", "There is no such merchant.") from None


async def dismiss(database: Database, program_id: str, merchant_id: str, actor: str) -> None:
    """End the merchant's admission; running servers notice within 30 seconds. Raises `NotFound` if it had none."""

    async def work(connection: Connection) -> None:
        if not await store.delete_admission(connection, program_id, merchant_id):
            raise not_admitted()
        await _record(connection, "program:dismissed", program_id, merchant_id, actor, is_admitted=False)

    await database.repeat(work)


async def list_admitted(database: Database, program_id: str) -> list[tuple[str, str]]:
    """Id and name of the merchants that are admitted to the program, by name."""
    async with database.read() as connection:
        return await store.list_admitted(connection, program_id)


def not_admitted() -> NotFound:
    """The one answer for a merchant that is not admitted and for none at all."""
    return NotFound("admission_not_found", "This merchant is not admitted to that program.")


async def _record(
    connection: Connection, action: str, program_id: str, merchant_id: str, actor: str, *, is_admitted: bool
) -> None:
    await audit.record(
        connection,
        actor=actor,
        action=action,
        merchant_id=merchant_id,
        program_id=program_id,
        subject=merchant_id,
        before={"admitted": not is_admitted},
        after={"admitted": is_admitted},
    )
