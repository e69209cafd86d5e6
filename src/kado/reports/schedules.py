"""Reports that are sent by mail again and again: who wants which, and when it is due."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, cast

import asyncpg

from kado import audit, clock
from kado.access.caller import Caller
from kado.access.permissions import Permission
from kado.access.still import may_still
from kado.crypto import Keyring, Undecipherable
from kado.errors import Invalid, NotFound, Refusal
from kado.ids import is_id, new_id
from kado.programs.program import Program
from kado.reports.measures import Measure
from kado.reports.sheets import ENDINGS, Format
from kado.reports.windows import Window, midnight
from kado.storage.database import Connection, Database

Frequency = Literal["daily", "weekly", "monthly"]

SCHEDULES_MAX: Final = 50
"""So many a program has at most."""
NAME_MAX: Final = 200
RECIPIENTS_MAX: Final = 20
DAY_OF_MONTH_MAX: Final = 28
"""Every month has this day."""
ORDERER_AWAY: Final = "whoever ordered it has no access to reports any more: nothing is sent"

COLUMNS: Final = """
    id, actor, name, frequency, day_of_week, day_of_month, hour_utc, format, recipients, metrics, privacy_notice,
    next_due_at, last_due_at, created_at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A schedule as it is asked for. Weeks begin with Monday, which is day 0."""

    name: str
    frequency: Frequency
    day_of_week: int | None = None
    day_of_month: int | None = None
    hour_utc: int = 0
    format: Format
    recipients: Sequence[str]
    metrics: Sequence[Measure] = ()
    has_notice: bool = False

    def next_after(self, moment: datetime) -> datetime:
        """When it is due next after this moment."""
        due = moment.replace(hour=self.hour_utc, minute=0, second=0, microsecond=0)
        match self.frequency:
            case "daily":
                return due if due > moment else due + timedelta(days=1)
            case "weekly":
                due += timedelta(days=(self.day_of_week or 0) - due.weekday())
                while due <= moment:
                    due += timedelta(days=7)
                return due
            case "monthly":
                due = due.replace(day=self.day_of_month or 1)
                return due if due > moment else clock.add_months(due, 1)

    def window_of(self, program: Program, due_at: datetime) -> Window:
        """What is in the file of a due moment: whole days by the program's clock, up to the last midnight."""
        until = midnight(due_at, program.zone)
        match self.frequency:
            case "daily":
                back = timedelta(days=1)
            case "weekly":
                back = timedelta(days=7)
            case "monthly":
                first = until.astimezone(program.zone).replace(tzinfo=None)
                before = clock.add_months(first, -1)
                return Window(before.replace(tzinfo=program.zone).astimezone(until.tzinfo), until)
        # In days of the clock, which may have 23 or 25 hours.
        there = until.astimezone(program.zone).replace(tzinfo=None) - back
        return Window(there.replace(tzinfo=program.zone).astimezone(until.tzinfo), until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One that there is. Of its mails, what became of the latest ones."""

    program_id: str
    id: str
    actor: str
    wish: Wish
    next_due_at: datetime
    last_due_at: datetime | None
    created_at: datetime
    last_sent_at: datetime | None = None
    last_error: str | None = None
    waiting: int = 0
    failed: int = 0


async def create(database: Database, keyring: Keyring, program: Program, caller: Caller, wish: Wish) -> Schedule:
    """Have a report sent from now on. Raises `Invalid`, `Refusal` where there are too many, `Unavailable`."""
    _check(wish)
    schedule_id = new_id()

    async def work(connection: Connection) -> Schedule:
        # Whoever makes one waits for the other, so that the bound holds.
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 44))", program.id)
        count = await connection.fetchval("SELECT count(*) FROM report_schedule WHERE program_id = $1", program.id)
        if count >= SCHEDULES_MAX:
            raise Refusal("too_many_schedules", f"A program has {SCHEDULES_MAX} schedules at most.")
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        row = await connection.fetchrow(
            f"""
            INSERT INTO report_schedule (program_id, id, merchant_id, actor, name, frequency, day_of_week, day_of_month,
                                         hour_utc, format, recipients, metrics, privacy_notice, next_due_at, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING {COLUMNS}""",
            program.id,
            schedule_id,
            program.merchant_id,
            caller.subject,
            wish.name,
            wish.frequency,
            wish.day_of_week,
            wish.day_of_month,
            wish.hour_utc,
            wish.format,
            hide(keyring, program.id, schedule_id, wish.recipients),
            [one.value for one in wish.metrics],
            wish.has_notice,
            wish.next_after(now),
            now,
        )
        assert row is not None, "an INSERT returns what it wrote"
        await _record(connection, caller, program, "report:scheduled", schedule_id, wish)
        return read(keyring, program.id, row)

    return await database.repeat(work)


async def list_schedules(
    database: Database, keyring: Keyring, program_id: str, *, limit: int, start: int = 0
) -> tuple[list[Schedule], int]:
    """A part of them, newest first, and how many there are. Raises `Unavailable`."""
    async with database.read() as connection:
        rows = await connection.fetch(
            f"""
            SELECT {COLUMNS}, m.sent_at, m.last_error, m.waiting, m.failed
            FROM report_schedule s CROSS JOIN LATERAL (
                SELECT max(sent_at) AS sent_at, (array_agg(last_error ORDER BY due_at DESC, place)
                           FILTER (WHERE last_error IS NOT NULL))[1] AS last_error,
                       count(*) FILTER (WHERE state = 'queued') AS waiting,
                       count(*) FILTER (WHERE state = 'failed') AS failed
                FROM report_mail WHERE program_id = $1 AND schedule_id = s.id) m
            WHERE s.program_id = $1 ORDER BY s.created_at DESC, s.id DESC LIMIT $2 OFFSET $3""",
            program_id,
            limit,
            start,
        )
        total = await connection.fetchval("SELECT count(*) FROM report_schedule WHERE program_id = $1", program_id)
        away = await _orderers_away(connection, program_id, {row["actor"] for row in rows})
    found = [
        replace(
            read(keyring, program_id, row),
            last_sent_at=row["sent_at"],
            last_error=ORDERER_AWAY if row["actor"] in away else row["last_error"],
            waiting=row["waiting"],
            failed=row["failed"],
        )
        for row in rows
    ]
    return found, total


async def _orderers_away(connection: Connection, program_id: str, actors: set[str]) -> frozenset[str]:
    """Which of them may not have reports sent any more."""
    merchant_id = await connection.fetchval("SELECT merchant_id FROM program WHERE id = $1", program_id)
    away = [
        actor
        for actor in actors
        if not await may_still(connection, merchant_id, program_id, actor, Permission.REPORTS_WRITE)
    ]
    return frozenset(away)


async def find(database: Database, keyring: Keyring, program_id: str, schedule_id: str) -> Schedule:
    """The schedule. Raises `NotFound`, also for another program's; `Unavailable`."""
    row = None
    if is_id(schedule_id):
        async with database.read() as connection:
            row = await connection.fetchrow(
                f"SELECT {COLUMNS} FROM report_schedule WHERE program_id = $1 AND id = $2", program_id, schedule_id
            )
    if row is None:
        raise _none()
    return read(keyring, program_id, row)


async def delete(database: Database, keyring: Keyring, program: Program, caller: Caller, schedule_id: str) -> None:
    """End it; mails of it that have not left do not leave any more. Raises `NotFound`, `Unavailable`."""

    async def work(connection: Connection) -> None:
        row = None
        if is_id(schedule_id):
            row = await connection.fetchrow(
                f"DELETE FROM report_schedule WHERE program_id = $1 AND id = $2 RETURNING {COLUMNS}",
                program.id,
                schedule_id,
            )
        if row is None:
            raise _none()
        wish = read(keyring, program.id, row).wish
        await _record(connection, caller, program, "report:unscheduled", schedule_id, wish)

    await database.repeat(work)


def file_name(schedule: Schedule, window: Window, program: Program) -> str:
    """What the file is called: the name of the schedule, as far as any system takes it, and the day it ends on."""
    plain = "".join(one if one.isascii() and one.isalnum() else "-" for one in schedule.wish.name).strip("-").lower()
    name = "-".join(filter(None, plain.split("-")))[:60] or "report"
    day = window.until.astimezone(program.zone).date().isoformat()
    return f"{name}-{day}.{ENDINGS[schedule.wish.format]}"


def read(keyring: Keyring, program_id: str, row: asyncpg.Record) -> Schedule:
    """From a row with its columns."""
    wish = Wish(
        name=row["name"],
        frequency=cast("Frequency", row["frequency"]),
        day_of_week=row["day_of_week"],
        day_of_month=row["day_of_month"],
        hour_utc=row["hour_utc"],
        format=cast("Format", row["format"]),
        recipients=show(keyring, program_id, row["id"], row["recipients"]),
        metrics=[Measure(one) for one in row["metrics"]],
        has_notice=row["privacy_notice"],
    )
    return Schedule(
        program_id=program_id,
        id=row["id"],
        actor=row["actor"],
        wish=wish,
        next_due_at=row["next_due_at"],
        last_due_at=row["last_due_at"],
        created_at=row["created_at"],
    )


def hide(keyring: Keyring, program_id: str, schedule_id: str, recipients: Sequence[str]) -> bytes:
    """Addresses as they are kept."""
    bound = f"report:{program_id}:{schedule_id}".encode()
    return keyring.encrypt("stored-secret", json.dumps(list(recipients)).encode(), bound)


def show(keyring: Keyring, program_id: str, schedule_id: str, sealed: bytes) -> list[str]:
    """The addresses; none where no configured secret opens them."""
    try:
        opened = keyring.decrypt("stored-secret", sealed, f"report:{program_id}:{schedule_id}".encode())
    except Undecipherable:
        return []
    return [str(one) for one in json.loads(opened)]


def _check(wish: Wish) -> None:
    if wish.frequency != "weekly" and wish.day_of_week is not None:
        raise Invalid(("body", "dayOfWeek"), "Only what is sent weekly has a day of the week.", "day_of_week")
    if wish.frequency != "monthly" and wish.day_of_month is not None:
        raise Invalid(("body", "dayOfMonth"), "Only what is sent monthly has a day of the month.", "day_of_month")
    if not wish.recipients:
        raise Invalid(("body", "recipients"), "Say to whom it is sent.", "missing")
    if len(wish.recipients) > RECIPIENTS_MAX:
        raise Invalid(("body", "recipients"), f"There are {RECIPIENTS_MAX} addresses at most.", "too_many_recipients")


def _none() -> NotFound:
    return NotFound("schedule_not_found", "There is no such schedule in this program.")


async def _record(
    connection: Connection, caller: Caller, program: Program, action: str, schedule_id: str, wish: Wish
) -> None:
    await audit.record(
        connection,
        actor=caller.subject,
        action=action,
        merchant_id=caller.merchant_id,
        program_id=program.id,
        subject=schedule_id,
        details={"frequency": wish.frequency, "format": wish.format, "recipients": len(wish.recipients)},
    )
