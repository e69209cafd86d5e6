"""Change a program's rules. Cards that exist keep what was copied to them, so no balance becomes invalid."""

from collections.abc import Iterable
from dataclasses import asdict, fields, replace

from kado import audit
from kado.errors import Invalid
from kado.money import Currency
from kado.programs import rules, store
from kado.programs.program import UNSET, Program, ProgramChanges
from kado.programs.reach import Reaches, forbidden
from kado.storage.database import Connection, Database


async def update(
    database: Database,
    reaches: Reaches,
    caller_merchant_id: str,
    actor: str,
    program_id: str,
    changes: ProgramChanges,
) -> Program:
    """The program as it is after the changes; this process works by them at once, others within 30 seconds.

    Raises `Forbidden` unless the caller's merchant owns it, `Invalid` for what a program cannot be. A currency never
    changes, because every amount of every card is counted in it.
    """

    async def work(connection: Connection) -> Program:
        before = await store.find_locked(connection, program_id)
        if before is None or before.merchant_id != caller_merchant_id:
            raise forbidden()
        after = changed(before, changes)
        changed_names = [f.name for f in fields(Program) if getattr(before, f.name) != getattr(after, f.name)]
        if not changed_names:
            return before
        await store.update(connection, after)
        await audit.record(
            connection,
            actor=actor,
            action="program:updated",
            merchant_id=caller_merchant_id,
            program_id=program_id,
            subject=program_id,
            before=facts_of(before, changed_names),
            after=facts_of(after, changed_names),
        )
        written = await store.find(connection, program_id)
        assert written is not None, "locked in this transaction, and programs are never deleted"
        return written

    try:
        return await database.repeat(work)
    finally:
        # Also after an error: the commit may have happened although its answer was lost.
        reaches.forget(program_id)


def changed(program: Program, changes: ProgramChanges) -> Program:
    """Pure: the program with the changes in it. Raises `Invalid`."""
    if changes.currency is not None and changes.currency != program.currency.code:
        raise Invalid(("body", "currency"), "The currency of a program cannot be changed; open another program.")
    profile = {name: value for name, value in (program.profile | dict(changes.profile)).items() if value is not None}
    kept = program if changes.name is None else replace(program, name=rules.check_name(changes.name))
    if changes.pass_type_identifier is not None:
        kept = replace(kept, pass_type_identifier=rules.check_pass_type(changes.pass_type_identifier))
    if changes.number_prefix is not None:
        kept = replace(kept, number_prefix=rules.check_prefix(changes.number_prefix))
    if changes.expiry_months is not None:
        kept = replace(kept, expiry_months=rules.check_months(changes.expiry_months))
    if changes.offline_hours is not None:
        kept = replace(kept, offline_hours=rules.check_offline_hours(changes.offline_hours))
    return replace(
        kept,
        **asdict(rules.settle(program.currency, changes.limits, program.limits)),
        expiry_rule=changes.expiry_rule or program.expiry_rule,
        code_format=changes.code_format or program.code_format,
        requires_key=program.requires_key if changes.requires_key is None else changes.requires_key,
        retention_days=(
            program.retention_days if changes.retention_days is UNSET else rules.check_retention(changes.retention_days)
        ),
        captcha_always=program.captcha_always if changes.captcha_always is None else changes.captcha_always,
        reminds_expiry=program.reminds_expiry if changes.reminds_expiry is None else changes.reminds_expiry,
        tells_changes=program.tells_changes if changes.tells_changes is None else changes.tells_changes,
        balance_without_script=(
            program.balance_without_script if changes.balance_without_script is None else changes.balance_without_script
        ),
        profile=profile,
    )


def facts_of(program: Program, names: Iterable[str]) -> audit.Facts:
    """These of the program's rules, for the audit log."""
    facts = {name: getattr(program, name) for name in names}
    return {name: value.code if isinstance(value, Currency) else value for name, value in facts.items()}
