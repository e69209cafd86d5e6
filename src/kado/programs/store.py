"""Every SQL statement about programs and who is admitted to them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any, Final

from kado import money
from kado.programs.program import CodeFormat, ExpiryRule, Limits, NewProgram, Program
from kado.storage.database import Connection

PROGRAM_COLUMNS: Final = """
    p.id, p.merchant_id, pm.name AS merchant_name, p.name, p.currency, p.pass_type_identifier, p.min_initial_value,
    p.max_initial_value, p.max_balance, p.max_reload, p.max_redeem, p.cashier_issue_limit, p.expiry_rule,
    p.expiry_months, p.code_format, p.number_prefix, p.requires_key, p.profile, p.created_at, p.updated_at,
    EXISTS (SELECT FROM webhook w WHERE w.merchant_id = p.merchant_id AND w.enabled) AS is_heard,
    p.retention_days, p.captcha_always, p.fraud_rules, p.reminds_expiry, p.tells_changes, p.balance_without_script,
    p.max_offline_take, p.max_offline_total, p.offline_hours"""
"""In the order of the fields of `Program`; `p` is the program, `pm` the merchant that owns it."""

_SELECT: Final = f"SELECT {PROGRAM_COLUMNS} FROM program p JOIN merchant pm ON pm.id = p.merchant_id"


async def insert(
    connection: Connection, program_id: str, merchant_id: str, new: NewProgram, currency: str, limits: Limits
) -> None:
    """Write a program. Raises asyncpg's `ForeignKeyViolationError` when there is no such merchant."""
    await connection.execute(
        "INSERT INTO program (id, merchant_id, name, currency, pass_type_identifier, min_initial_value,"
        " max_initial_value, max_balance, max_reload, max_redeem, cashier_issue_limit, expiry_rule, expiry_months,"
        " code_format, number_prefix, requires_key, profile, retention_days, captcha_always, reminds_expiry,"
        " tells_changes, balance_without_script, max_offline_take, max_offline_total, offline_hours)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17::jsonb, $18, $19, $20,"
        " $21, $22, $23, $24, $25)",
        program_id,
        merchant_id,
        new.name,
        currency,
        new.pass_type_identifier,
        limits.min_initial_value,
        limits.max_initial_value,
        limits.max_balance,
        limits.max_reload,
        limits.max_redeem,
        limits.cashier_issue_limit,
        new.expiry_rule.value,
        new.expiry_months,
        new.code_format.value,
        new.number_prefix,
        new.requires_key,
        json.dumps({name: value for name, value in new.profile.items() if value is not None}),
        new.retention_days,
        new.captcha_always,
        new.reminds_expiry,
        new.tells_changes,
        new.balance_without_script,
        limits.max_offline_take,
        limits.max_offline_total,
        new.offline_hours,
    )


async def update(connection: Connection, program: Program) -> None:
    """Write all that may change in a program, and when."""
    limits = program.limits
    await connection.execute(
        "UPDATE program SET name = $2, pass_type_identifier = $3, min_initial_value = $4, max_initial_value = $5,"
        " max_balance = $6, max_reload = $7, max_redeem = $8, cashier_issue_limit = $9, max_offline_take = $10,"
        " max_offline_total = $11, expiry_rule = $12, expiry_months = $13, code_format = $14, number_prefix = $15,"
        " requires_key = $16, profile = $17::jsonb, retention_days = $18, captcha_always = $19, reminds_expiry = $20,"
        " tells_changes = $21, balance_without_script = $22, offline_hours = $23,"
        " updated_at = statement_timestamp() WHERE id = $1",
        program.id,
        program.name,
        program.pass_type_identifier,
        *asdict(limits).values(),
        program.expiry_rule.value,
        program.expiry_months,
        program.code_format.value,
        program.number_prefix,
        program.requires_key,
        json.dumps(program.profile),
        program.retention_days,
        program.captcha_always,
        program.reminds_expiry,
        program.tells_changes,
        program.balance_without_script,
        program.offline_hours,
    )


async def find(connection: Connection, program_id: str) -> Program | None:
    """The program, if there is one with this id."""
    row = await connection.fetchrow(f"{_SELECT} WHERE p.id = $1", program_id)
    return None if row is None else program_from_row(tuple(row))


async def find_locked(connection: Connection, program_id: str) -> Program | None:
    """The program, unchanged by others until the transaction ends."""
    row = await connection.fetchrow(f"{_SELECT} WHERE p.id = $1 FOR NO KEY UPDATE OF p", program_id)
    return None if row is None else program_from_row(tuple(row))


async def find_reachable(connection: Connection, program_id: str, merchant_id: str) -> Program | None:
    """The program, if this merchant owns it or is admitted to it."""
    row = await connection.fetchrow(
        f"{_SELECT} WHERE p.id = $1 AND (p.merchant_id = $2 OR EXISTS (SELECT FROM program_admission"
        " WHERE program_admission.program_id = $1 AND program_admission.merchant_id = $2))",
        program_id,
        merchant_id,
    )
    return None if row is None else program_from_row(tuple(row))


async def find_member_name(connection: Connection, program_id: str, merchant_id: str) -> str | None:
    """The name of this merchant, if it owns the program or is admitted to it."""
    name: str | None = await connection.fetchval(
        "SELECT m.name FROM merchant m JOIN program p ON p.id = $1 WHERE m.id = $2 AND (p.merchant_id = m.id OR EXISTS"
        " (SELECT FROM program_admission a WHERE a.program_id = p.id AND a.merchant_id = m.id))",
        program_id,
        merchant_id,
    )
    return name


async def list_reachable(connection: Connection, merchant_id: str) -> list[Program]:
    """All programs that this merchant owns or is admitted to, oldest first."""
    rows = await connection.fetch(
        f"{_SELECT} WHERE p.merchant_id = $1 OR p.id IN (SELECT program_id FROM program_admission"
        " WHERE merchant_id = $1) ORDER BY p.created_at, p.id",
        merchant_id,
    )
    return [program_from_row(tuple(row)) for row in rows]


async def list_owned(connection: Connection, merchant_id: str) -> list[Program]:
    """All programs that this merchant owns, oldest first."""
    rows = await connection.fetch(f"{_SELECT} WHERE p.merchant_id = $1 ORDER BY p.created_at, p.id", merchant_id)
    return [program_from_row(tuple(row)) for row in rows]


async def list_all(connection: Connection) -> list[Program]:
    """All programs, oldest first."""
    return [program_from_row(tuple(row)) for row in await connection.fetch(f"{_SELECT} ORDER BY p.created_at, p.id")]


async def list_ids(connection: Connection) -> list[str]:
    """The ids of all programs, oldest first."""
    return [row["id"] for row in await connection.fetch("SELECT id FROM program ORDER BY created_at, id")]


async def insert_admission(connection: Connection, program_id: str, merchant_id: str) -> bool:
    """Admit the merchant; False when it already was."""
    row = await connection.fetchrow(
        "INSERT INTO program_admission (program_id, merchant_id) VALUES ($1, $2)"
        " ON CONFLICT (program_id, merchant_id) DO NOTHING RETURNING program_id",
        program_id,
        merchant_id,
    )
    return row is not None


async def list_admitted(connection: Connection, program_id: str) -> list[tuple[str, str]]:
    """Id and name of the merchants that are admitted to the program, by name."""
    rows = await connection.fetch(
        "SELECT m.id, m.name FROM program_admission a JOIN merchant m ON m.id = a.merchant_id"
        " WHERE a.program_id = $1 ORDER BY m.name, m.id",
        program_id,
    )
    return [(row["id"], row["name"]) for row in rows]


async def delete_admission(connection: Connection, program_id: str, merchant_id: str) -> bool:
    """End the admission; False when there was none."""
    row = await connection.fetchrow(
        "DELETE FROM program_admission WHERE program_id = $1 AND merchant_id = $2 RETURNING program_id",
        program_id,
        merchant_id,
    )
    return row is not None


def program_from_row(values: Sequence[Any]) -> Program:
    """A program from the values of `PROGRAM_COLUMNS`."""
    return _made_of(tuple(values))


@lru_cache(maxsize=1024)
def _made_of(values: tuple[Any, ...]) -> Program:
    # The hot path reads the same program with every list of postings: comparing takes a tenth of making.
    program = Program(*values)
    return replace(
        program,
        currency=money.currency(values[4]),
        expiry_rule=ExpiryRule(program.expiry_rule),
        code_format=CodeFormat(program.code_format),
        profile=json.loads(values[17]),
    )
