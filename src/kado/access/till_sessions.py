"""Who stands at a till, and what they may do there: what a cashier may at most, whatever else they are.

A sign-in ends by itself after idle minutes, after a working day, and with the device or the person that it belongs to.
Nothing of it is remembered by a process: what is closed is closed with the next tap.
"""

import re
from datetime import timedelta
from typing import Final

from kado import audit
from kado.access import till_store
from kado.access.caller import Caller
from kado.access.permissions import ROLES, Role
from kado.access.till_store import LastAction, Standing, Terminal
from kado.crypto import token_hash
from kado.storage.database import Connection, Database

LONGEST: Final = timedelta(hours=12)
"""A long working day."""

_FORM: Final = re.compile(r"kado_pos_[A-Za-z0-9_-]{43}", re.ASCII)


async def find(database: Database, terminal_token: str, token: str) -> Standing | None:
    """Who is signed in at the device with these two tokens; None where nobody is any more. Raises `Unavailable`."""
    if _FORM.fullmatch(token) is None:
        return None

    async def work(connection: Connection) -> Standing | None:
        return await till_store.find_standing(connection, token_hash(token), token_hash(terminal_token), LONGEST)

    return await database.repeat(work)


def caller_of(standing: Standing) -> Caller:
    """Whoever stands there as a caller."""
    return caller_at(standing.terminal, standing.staff_id, standing.role)


def caller_at(terminal: Terminal, staff_id: str, role: Role) -> Caller:
    """The person as a caller: with no more rights than a cashier has, and none that their role lacks.

    What they do names them and the device in the ledger. That the device is enrolled stands for a second factor.
    """
    return Caller(
        merchant_id=terminal.merchant_id,
        subject=f"staff:{staff_id}",
        role=Role.READ_ONLY if role is Role.READ_ONLY else Role.CASHIER,
        permissions=ROLES[role] & ROLES[Role.CASHIER],
        is_test=False,
        cashier_id=staff_id,
        terminal_id=terminal.id,
        programs=frozenset({terminal.program_id}),
    )


async def note_last(database: Database, standing: Standing, last: LastAction | None) -> None:
    """What "undo" means from now on."""
    async with database.read() as connection:
        await till_store.note_last(connection, standing.session_id, last)


async def lock(database: Database, standing: Standing) -> None:
    """Nobody stands there any more."""

    async def work(connection: Connection) -> None:
        if await till_store.close_session(connection, standing.session_id):
            await audit.record(
                connection,
                actor=f"staff:{standing.staff_id}",
                action="till:locked",
                merchant_id=standing.terminal.merchant_id,
                subject=standing.terminal.id,
            )

    await database.repeat(work)


async def sweep(database: Database) -> int:
    """Remove codes and sign-ins that are over; how many sign-ins there were."""
    async with database.read() as connection:
        return await till_store.sweep(connection, LONGEST)
