"""Open a program."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any, Final

import asyncpg

from kado import audit
from kado.errors import NotFound
from kado.ids import new_id
from kado.money import Currency
from kado.programs import rules, store
from kado.programs.program import Limits, NewProgram, Program
from kado.programs.update import facts_of
from kado.storage.database import Connection, Database

_BESIDE: Final = ("id", "merchant_id", "merchant_name", "is_heard", "fraud_rules", "created_at", "updated_at")
_RULES: Final = [one.name for one in fields(Program) if one.name not in _BESIDE]
_COPIED: Final = [one.name for one in fields(NewProgram) if one.name not in ("currency", "limits", "profile")]

Begin = Callable[[Connection, Program], Awaitable[None]]
"""What else a program begins with, written in the transaction that opens it."""


async def create(
    database: Database, caller_merchant_id: str, actor: str, new: NewProgram, begin: Begin | None = None
) -> Program:
    """The new program, owned by the caller's merchant.

    Raises `Invalid` for what a program cannot be, `NotFound` when the merchant does not exist.
    """
    new, currency, limits = _checked(new)
    program_id = new_id()

    async def work(connection: Connection) -> Program:
        await store.insert(connection, program_id, caller_merchant_id, new, currency.code, limits)
        program = await store.find(connection, program_id)
        assert program is not None, "written a moment ago in this transaction"
        await audit.record(
            connection,
            actor=actor,
            action="program:created",
            merchant_id=caller_merchant_id,
            program_id=program_id,
            subject=program_id,
            after=facts_of(program, _RULES),
        )
        if begin is not None:
            await begin(connection, program)
        return program

    try:
        return await database.repeat(work)
    except asyncpg.ForeignKeyViolationError:
        raise NotFound("merchant_not_found", "There is no such merchant.") from None


def draft(new: NewProgram, now: datetime) -> Program:
    """The program as it would be, to look at before it is opened: without an id. Raises `Invalid`."""
    new, currency, limits = _checked(new)
    said: dict[str, Any] = {name: getattr(new, name) for name in _COPIED}
    profile = {name: value for name, value in new.profile.items() if value is not None}
    nobody: dict[str, Any] = {"id": "", "merchant_id": "", "merchant_name": "", "updated_at": None, "is_heard": False}
    return Program(**nobody, **said, **asdict(limits), currency=currency, profile=profile, created_at=now)


def _checked(new: NewProgram) -> tuple[NewProgram, Currency, Limits]:
    """What is wanted, with its currency and limits. Raises `Invalid` for what a program cannot be."""
    currency = rules.known_currency(new.currency)
    limits = rules.settle(currency, new.limits)
    checked = replace(
        new,
        name=rules.check_name(new.name),
        pass_type_identifier=rules.check_pass_type(new.pass_type_identifier),
        number_prefix=rules.check_prefix(new.number_prefix),
        expiry_months=rules.check_months(new.expiry_months),
        retention_days=rules.check_retention(new.retention_days),
        offline_hours=rules.check_offline_hours(new.offline_hours),
    )
    return checked, currency, limits
