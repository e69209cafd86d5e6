"""What a program's owner does with its rules: list, make, change, delete them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kado import audit, clock, money
from kado.errors import Invalid, MadeAlready, NotFound, Refusal
from kado.fraud.config import Around, RuleType, read
from kado.fraud.rule import Rule, RuleAction, copy_of, rule_of
from kado.ids import new_id
from kado.money import Currency
from kado.programs.reach import forbidden
from kado.storage.database import Connection, Database

MOST: Final = 50
"""Rules of one program: each costs every redemption of it a moment."""

NAME_MAX: Final = 100
DESCRIPTION_MAX: Final = 500

_COLUMNS: Final = """
    program_id, id, series_id, name, description, type, action, config, is_active, expires_at, since, created_at,
    updated_at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRule:
    """What a rule's owner says when making it. `config` is what was sent."""

    name: str
    type: RuleType
    config: object
    description: str = ""
    action: RuleAction = RuleAction.BLOCK
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChanges:
    """What is to change in a rule. None means: as it is."""

    name: str | None = None
    description: str | None = None
    action: RuleAction | None = None
    is_active: bool | None = None
    config: object = None
    expires_at: datetime | None = None
    ends_never: bool = False
    """It has no end from now on."""


async def list_rules(database: Database, program_id: str) -> list[Rule]:
    """The program's rules, oldest first."""
    async with database.read() as connection:
        return await read_rules(connection, program_id)


async def get(database: Database, program_id: str, rule_id: str) -> Rule:
    """One of the program's rules. Raises `NotFound`."""
    async with database.read() as connection:
        return await _one(connection, program_id, rule_id)


async def create(
    database: Database,
    merchant_id: str,
    actor: str,
    program_id: str,
    new: NewRule,
    around: Around,
    rule_id: str | None = None,
) -> Rule:
    """The new rule, in force from this moment: whatever is decided after it is made is decided by it.

    `rule_id` is for whoever may ask a second time for the same one. Raises `Invalid` for what cannot be evaluated,
    `Refusal` for one rule too many, `MadeAlready` where there is a rule with this id.
    """
    _check_name(new.name)
    _check_description(new.description)
    _, config = read(new.type, new.config, around)

    async def work(connection: Connection) -> Rule:
        currency, now = await _locked(connection, program_id)
        _check_end(new.expires_at, now)
        before = await read_rules(connection, program_id)
        if rule_id in {rule.id for rule in before}:
            raise MadeAlready
        if len(before) >= MOST:
            raise Refusal("too_many_rules", f"A program has at most {MOST} rules. Delete one first.")
        facts = {
            "program_id": program_id, "id": rule_id or new_id(), "series_id": new_id(), "name": new.name,
            "description": new.description, "type": new.type, "action": new.action, "config": config,
            "is_active": True, "expires_at": new.expires_at, "since": now, "created_at": now, "updated_at": None,
        }  # fmt: skip
        rule = rule_of(currency, facts)
        await insert(connection, [rule])
        await _copy(connection, program_id)
        await _record(connection, actor, "fraud-rule:created", merchant_id, rule, None, rule)
        return rule

    return await database.repeat(work)


async def update(
    database: Database,
    merchant_id: str,
    actor: str,
    program_id: str,
    rule_id: str,
    changes: RuleChanges,
    around: Around,
) -> Rule:
    """The rule as it is after the changes. With another config it counts anew.

    Raises `NotFound`, and `Invalid` for what cannot be evaluated.
    """
    if changes.name is not None:
        _check_name(changes.name)
    if changes.description is not None:
        _check_description(changes.description)

    async def work(connection: Connection) -> Rule:
        currency, now = await _locked(connection, program_id)
        before = await _one(connection, program_id, rule_id)
        if changes.expires_at is not None:
            _check_end(changes.expires_at, now)
        rule = _changed(currency, before, changes, around, now)
        if shown(rule) == shown(before):
            return before
        await connection.execute(
            "UPDATE fraud_rule SET series_id = $3, name = $4, description = $5, action = $6, config = $7::jsonb,"
            " is_active = $8, expires_at = $9, since = $10, updated_at = $11 WHERE program_id = $1 AND id = $2",
            program_id,
            rule_id,
            rule.series_id,
            rule.name,
            rule.description,
            rule.action.value,
            json.dumps(rule.config),
            rule.is_active,
            rule.expires_at,
            rule.since,
            rule.updated_at,
        )
        await _copy(connection, program_id)
        await _record(connection, actor, "fraud-rule:updated", merchant_id, rule, before, rule)
        return rule

    return await database.repeat(work)


async def delete(database: Database, merchant_id: str, actor: str, program_id: str, rule_id: str) -> Rule:
    """The rule that is gone. Its alerts stay. Raises `NotFound`."""

    async def work(connection: Connection) -> Rule:
        await _locked(connection, program_id)
        rule = await _one(connection, program_id, rule_id)
        await connection.execute("DELETE FROM fraud_rule WHERE program_id = $1 AND id = $2", program_id, rule_id)
        await _copy(connection, program_id)
        await _record(connection, actor, "fraud-rule:deleted", merchant_id, rule, rule, None)
        return rule

    return await database.repeat(work)


def shown(rule: Rule) -> dict[str, object]:
    """What its owner says of a rule, as the API and the audit log show it."""
    return {
        "name": rule.name,
        "description": rule.description,
        "ruleType": rule.type.value,
        "action": rule.action.value,
        "isActive": rule.is_active,
        "config": rule.config,
        "expiresAt": clock.text_or_none(rule.expires_at),
    }


def rule_not_found() -> NotFound:
    """No such rule in this program; the same answer for one of another program."""
    return NotFound("rule_not_found", "There is no such rule in this program.")


# ── statements ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def read_rules(connection: Connection, program_id: str) -> list[Rule]:
    """The program's rules, oldest first."""
    code = await connection.fetchval("SELECT currency FROM program WHERE id = $1", program_id)
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM fraud_rule WHERE program_id = $1 ORDER BY created_at, id", program_id
    )
    return [_from_row(money.currency(code), dict(row)) for row in rows]


async def insert(connection: Connection, rules: Sequence[Rule]) -> None:
    """Write new rules."""
    await connection.executemany(
        "INSERT INTO fraud_rule (program_id, id, series_id, name, description, type, action, config, is_active,"
        " expires_at, since, created_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12, $13)",
        [
            (
                rule.program_id, rule.id, rule.series_id, rule.name, rule.description, rule.type.value,
                rule.action.value, json.dumps(rule.config), rule.is_active, rule.expires_at, rule.since,
                rule.created_at, rule.updated_at,
            )
            for rule in rules
        ],
    )  # fmt: skip


async def _copy(connection: Connection, program_id: str) -> None:
    """Put the rules that requests are judged by where requests find them."""
    rules = await read_rules(connection, program_id)
    await connection.execute("UPDATE program SET fraud_rules = $2::jsonb WHERE id = $1", program_id, copy_of(rules))


async def _locked(connection: Connection, program_id: str) -> tuple[Currency, datetime]:
    """Nobody else changes the program's rules until the transaction ends. Its currency, and the database's time."""
    code = await connection.fetchval("SELECT currency FROM program WHERE id = $1 FOR NO KEY UPDATE", program_id)
    if code is None:
        raise forbidden()
    return money.currency(code), await connection.fetchval("SELECT clock_timestamp()")


async def _one(connection: Connection, program_id: str, rule_id: str) -> Rule:
    found = [rule for rule in await read_rules(connection, program_id) if rule.id == rule_id]
    if not found:
        raise rule_not_found()
    return found[0]


def _from_row(currency: Currency, facts: dict[str, Any]) -> Rule:
    return rule_of(currency, facts | {"config": json.loads(facts["config"])})


# ── what a rule can be ─────────────────────────────────────────────────────────────────────────────────────────────


def _changed(currency: Currency, rule: Rule, changes: RuleChanges, around: Around, now: datetime) -> Rule:
    config = rule.config if changes.config is None else read(rule.type, changes.config, around)[1]
    counts_anew = config != rule.config
    wakes = changes.is_active is True and not rule.is_active
    facts = {
        "program_id": rule.program_id,
        "id": rule.id,
        "series_id": new_id() if counts_anew else rule.series_id,
        "name": rule.name if changes.name is None else changes.name,
        "description": rule.description if changes.description is None else changes.description,
        "type": rule.type,
        "action": changes.action or rule.action,
        "config": config,
        "is_active": rule.is_active if changes.is_active is None else changes.is_active,
        "expires_at": None if changes.ends_never else changes.expires_at or rule.expires_at,
        "since": now if counts_anew or wakes or changes.action not in (None, rule.action) else rule.since,
        "created_at": rule.created_at,
        "updated_at": now,
    }
    return rule_of(currency, facts)


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > NAME_MAX or not name.isprintable():
        raise Invalid(("body", "name"), f"A name has 1 to {NAME_MAX} characters and no control characters.")


def _check_description(text: str) -> None:
    if len(text) > DESCRIPTION_MAX:
        raise Invalid(("body", "description"), f"A description has at most {DESCRIPTION_MAX} characters.")


def _check_end(moment: datetime | None, now: datetime) -> None:
    if moment is not None and moment <= now:
        raise Invalid(("body", "expiresAt"), "The rule would have ended already.", "end_in_the_past")


async def _record(
    connection: Connection,
    actor: str,
    action: str,
    merchant_id: str,
    rule: Rule,
    before: Rule | None,
    after: Rule | None,
) -> None:
    await audit.record(
        connection,
        actor=actor,
        action=action,
        merchant_id=merchant_id,
        program_id=rule.program_id,
        subject=rule.id,
        before=None if before is None else shown(before),
        after=None if after is None else shown(after),
    )
