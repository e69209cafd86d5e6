"""Scheduled reports leave: for each due moment one mail to each address, written down before it is sent.

When a schedule is due, its mails, their jobs and its next moment are one transaction: a crash before it leaves the
moment due, one after it leaves mails that wait. A mail is claimed by a lease, as messages are, and what fails is tried
again.
"""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Final

import structlog

from kado.access.permissions import Permission
from kado.access.still import may_still, shut_out
from kado.crypto import Keyring, Undecipherable
from kado.delivery import render
from kado.delivery.failures import DeliveryFailure, PermanentFailure, TemporaryFailure
from kado.delivery.letter import Fact, Letter, sayer
from kado.delivery.mail import Mailer
from kado.delivery.manner import manner_of_program
from kado.delivery.send import WAITS
from kado.delivery.wording import for_header, one_line
from kado.errors import NotFound, Refusal, Unavailable
from kado.ids import new_id
from kado.languages import tell
from kado.programs.find import get, list_all
from kado.programs.program import Program
from kado.reports.files import written
from kado.reports.schedules import COLUMNS, ORDERER_AWAY, Schedule, file_name, find, read
from kado.reports.sheets import MEDIA, sheet
from kado.reports.source import Source
from kado.reports.windows import Window
from kado.storage.database import Connection, Database
from kado.storage.outbox import SEND_REPORT, enqueue

LEASE: Final = timedelta(minutes=2)
MADE_UP_FOR: Final = timedelta(days=31)
"""Due moments that were missed are made up for, those of so many days."""

KEPT: Final = timedelta(days=90)
_JITTER_PERCENT: Final = 20
_IN_SUBJECT: Final = 60
_LETTERS: Final = str.maketrans("0123456789", "ghijklmnop")
_log: Final = structlog.get_logger("kado.reports")

# Whoever holds the row is at it: the next round is soon enough.
_DUE: Final = f"""
    SELECT {COLUMNS}, statement_timestamp() AS now FROM report_schedule
    WHERE program_id = $1 AND next_due_at <= statement_timestamp()
    ORDER BY next_due_at LIMIT 1 FOR UPDATE SKIP LOCKED"""

_WRITE: Final = """
    INSERT INTO report_mail (program_id, id, schedule_id, due_at, place, recipient, state, created_at, next_attempt_at)
    SELECT $1, u.id, $2, $3, u.place, u.recipient, 'queued', statement_timestamp(), statement_timestamp()
    FROM unnest($4::text[], $5::int[], $6::bytea[]) AS u (id, place, recipient)
    ON CONFLICT ON CONSTRAINT report_mail_once DO NOTHING RETURNING id"""

_MOVE: Final = "UPDATE report_schedule SET next_due_at = $3, last_due_at = $4 WHERE program_id = $1 AND id = $2"

_CLAIM: Final = """
    UPDATE report_mail SET attempts = attempts + 1, last_error = NULL,
                           next_attempt_at = statement_timestamp() + $3::interval
     WHERE program_id = $1 AND id = $2 AND state = 'queued' AND next_attempt_at <= statement_timestamp()
    RETURNING schedule_id, due_at, recipient, attempts"""


async def write_due(database: Database, keyring: Keyring) -> bool:
    """Write the mails of one due moment in each program; whether there were any. Safe in several processes.

    Raises `Unavailable`.
    """
    is_more = False
    for program in await list_all(database):
        is_more |= await _write_due(database, keyring, program)
    return is_more


async def _write_due(database: Database, keyring: Keyring, program: Program) -> bool:
    async def work(connection: Connection) -> int | None:
        row = await connection.fetchrow(_DUE, program.id)
        if row is None:
            return None
        schedule = read(keyring, program.id, row)
        due = schedule.next_due_at
        if due < row["now"] - MADE_UP_FOR:
            due = schedule.wish.next_after(row["now"] - MADE_UP_FOR)
        if not await _is_wanted(connection, program, schedule):
            later = schedule.wish.next_after(row["now"])
            await connection.execute(_MOVE, program.id, schedule.id, later, schedule.last_due_at)
            return 0
        if due > row["now"]:  # what was missed is too long ago
            await connection.execute(_MOVE, program.id, schedule.id, due, schedule.last_due_at)
            return 0
        written_down = await _write(connection, keyring, program, schedule, due)
        await connection.execute(_MOVE, program.id, schedule.id, schedule.wish.next_after(due), due)
        return written_down

    count = await database.repeat(work)
    if count:
        _log.info("report.due", program=program.id, mails=count)
    return count is not None


async def _is_wanted(connection: Connection, program: Program, schedule: Schedule) -> bool:
    """Whether who ordered it may still have reports sent: it goes on in their name, and stops with it."""
    return await may_still(connection, program.merchant_id, program.id, schedule.actor, Permission.REPORTS_WRITE)


async def _write(connection: Connection, keyring: Keyring, program: Program, schedule: Schedule, due: datetime) -> int:
    """Mails to all recipients but those who work for the merchant and may not read reports (any more)."""
    away = await shut_out(connection, program.merchant_id, schedule.wish.recipients, Permission.REPORTS_READ)
    recipients = [(at, one) for at, one in enumerate(schedule.wish.recipients) if one.lower() not in away]
    ids = [new_id() for _ in recipients]
    sealed = [
        keyring.encrypt("stored-secret", address.encode(), f"report-mail:{schedule.program_id}:{mail_id}".encode())
        for mail_id, (_, address) in zip(ids, recipients, strict=True)
    ]
    rows = await connection.fetch(
        _WRITE, schedule.program_id, schedule.id, due, ids, [at for at, _ in recipients], sealed
    )
    await enqueue_mails(connection, [(schedule.program_id, row["id"], timedelta(0)) for row in rows])
    return len(rows)


async def enqueue_mails(connection: Connection, mails: list[tuple[str, str, timedelta]]) -> None:
    """Jobs that send these (program id, mail id) after a delay, on this connection's transaction."""
    if mails:
        wanted = [({"program": program_id, "mail": mail_id}, delay) for program_id, mail_id, delay in mails]
        await enqueue(connection, SEND_REPORT, wanted)


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A mail that is this worker's to send until the lease ends."""

    program_id: str
    id: str
    schedule_id: str
    due_at: datetime
    recipient: bytes
    attempts: int


class Postman:
    """Sends scheduled reports. Safe to share between tasks, and to run in several processes at once."""

    def __init__(self, source: Source, keyring: Keyring, mailer: Mailer) -> None:
        self._source = source
        self._keyring = keyring
        self._mailer = mailer

    async def send(self, payload: Mapping[str, str]) -> None:
        """The job of one mail: send it if it is queued and due; whatever comes of it is written to its row.

        Raises `Unavailable` where the database is away so long that this cannot be written.
        """
        mail = await self._claim(payload["program"], payload["mail"])
        if mail is None:
            return
        try:
            message, merchant_name = await self._composed(mail)
            await self._mailer.send(message, from_name=merchant_name, name=mail.id.translate(_LETTERS))
        except PermanentFailure as failure:
            await self._give_up(mail, failure)
        except TemporaryFailure as failure:
            await self._try_later(mail, failure)
        except Unavailable:
            await self._try_later(mail, TemporaryFailure("the database was away"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the mail must not be lost
            _log.error("report.broken", mail=mail.id, error=type(error).__name__)
            await self._try_later(mail, TemporaryFailure(f"an error in the program ({type(error).__name__})"))
        else:
            await self._sent(mail)

    async def _claim(self, program_id: str, mail_id: str) -> _Claimed | None:
        async def work(connection: Connection) -> _Claimed | None:
            row = await connection.fetchrow(_CLAIM, program_id, mail_id, LEASE)
            return None if row is None else _Claimed(program_id, mail_id, **row)

        return await self._source.database.repeat(work)

    async def _composed(self, mail: _Claimed) -> tuple[EmailMessage, str]:
        program = await get(self._source.database, mail.program_id)
        if program is None:
            raise PermanentFailure("the program is gone")
        try:
            schedule = await find(self._source.database, self._keyring, mail.program_id, mail.schedule_id)
            window = schedule.wish.window_of(program, mail.due_at)
            report = await sheet(
                self._source, program, window, schedule.wish.metrics, has_notice=schedule.wish.has_notice
            )
            address = self._address(mail)
        except (NotFound, Undecipherable):
            raise PermanentFailure("the schedule is gone, or its address cannot be read any more") from None
        except Unavailable:
            raise
        except Refusal as refusal:
            raise PermanentFailure(f"there is no such report ({refusal.code})") from None
        await self._refuse_who_is_away(program, schedule, address)
        content = await asyncio.to_thread(written, report, schedule.wish.format)
        message = await letter_of(self._source.database, program, schedule, window, address)
        main, _, sub = MEDIA[schedule.wish.format].partition(";")[0].partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=file_name(schedule, window, program))
        return message, program.merchant_name

    async def _refuse_who_is_away(self, program: Program, schedule: Schedule, address: str) -> None:
        """Raises `PermanentFailure` where access was lost since the mail was written down."""
        async with self._source.database.read() as connection:
            if not await _is_wanted(connection, program, schedule):
                raise PermanentFailure(ORDERER_AWAY)
            if await shut_out(connection, program.merchant_id, [address], Permission.REPORTS_READ):
                raise PermanentFailure("this person has no access to reports any more")

    def _address(self, mail: _Claimed) -> str:
        bound = f"report-mail:{mail.program_id}:{mail.id}".encode()
        return self._keyring.decrypt("stored-secret", mail.recipient, bound).decode()

    async def _sent(self, mail: _Claimed) -> None:
        async def work(connection: Connection) -> None:
            await connection.execute(
                "UPDATE report_mail SET state = 'sent', sent_at = statement_timestamp(), next_attempt_at = NULL,"
                " last_error = NULL WHERE program_id = $1 AND id = $2 AND state <> 'sent'",
                mail.program_id,
                mail.id,
            )

        # What has left and is not marked so would leave twice: again and again, as long as the lease allows.
        for pause in (1, 2, 4, 8, 15, 15, 15):
            with suppress(Unavailable):
                await self._source.database.repeat(work)
                break
            await asyncio.sleep(pause)
        else:
            await self._source.database.repeat(work)
        _log.info("report.sent", program=mail.program_id, mail=mail.id)

    async def _try_later(self, mail: _Claimed, failure: DeliveryFailure) -> None:
        if mail.attempts > len(WAITS):
            await self._give_up(mail, failure)
            return
        percents = 100 + random.randint(-_JITTER_PERCENT, _JITTER_PERCENT)  # noqa: S311 - jitter, not a secret
        wait = WAITS[mail.attempts - 1] * percents // 100

        async def work(connection: Connection) -> None:
            again = await connection.fetchval(
                "UPDATE report_mail SET last_error = $4, next_attempt_at = statement_timestamp() + $5::interval"
                " WHERE program_id = $1 AND id = $2 AND state = 'queued' AND attempts = $3 RETURNING true",
                mail.program_id,
                mail.id,
                mail.attempts,
                failure.reason,
                wait,
            )
            if again:
                await enqueue_mails(connection, [(mail.program_id, mail.id, wait)])

        await self._source.database.repeat(work)
        _log.warning("report.put_off", mail=mail.id, attempt=mail.attempts, reason=failure.reason)

    async def _give_up(self, mail: _Claimed, failure: DeliveryFailure) -> None:
        async def work(connection: Connection) -> None:
            await connection.execute(
                "UPDATE report_mail SET state = 'failed', last_error = $4, next_attempt_at = NULL"
                " WHERE program_id = $1 AND id = $2 AND state = 'queued' AND attempts = $3",
                mail.program_id,
                mail.id,
                mail.attempts,
                failure.reason,
            )

        await self._source.database.repeat(work)
        _log.error("report.failed", mail=mail.id, attempt=mail.attempts, reason=failure.reason)


async def letter_of(
    database: Database, program: Program, schedule: Schedule, window: Window, address: str
) -> EmailMessage:
    """The mail, without its file, in the program's language and colours. Raises `PermanentFailure`."""
    manner = await manner_of_program(database, program.id)
    say, merchant, name = (
        sayer(manner.language, "report"),
        one_line(program.merchant_name),
        one_line(schedule.wish.name),
    )
    names = {"name": for_header(name, _IN_SUBJECT), "merchant": for_header(merchant, _IN_SUBJECT)}
    since, until = (tell.time_of(one, manner.language, manner.zone) for one in (window.since, window.until))
    letter = Letter(
        language=manner.language,
        shop=merchant,
        subject=say("mail_subject", **names),
        hello=sayer(manner.language)("hello"),
        title=say("mail_title", name=name),
        facts=[
            Fact(say.word("program"), one_line(program.name)),
            Fact(say.word("period"), say("to", since=since, until=until).text),
            Fact(say.word("mail_file"), file_name(schedule, window, program)),
        ],
        notes=[say("mail_note", merchant=merchant)],
    )
    return render.mail(letter, manner, address)


async def rescue_mails(database: Database) -> None:
    """New jobs for mails whose lease is over, as after a crash; and old mails that left go. Raises `Unavailable`."""
    for program in await list_all(database):
        async with database.transaction() as connection:
            # A job that is still there as well finds the lease of the other one.
            rows = await connection.fetch(
                "SELECT id FROM report_mail WHERE program_id = $1 AND state = 'queued'"
                " AND next_attempt_at < statement_timestamp() - interval '1 minute'",
                program.id,
            )
            await enqueue_mails(connection, [(program.id, row["id"], timedelta(0)) for row in rows])
            await connection.execute(
                "DELETE FROM report_mail WHERE program_id = $1 AND state = 'sent'"
                " AND sent_at < statement_timestamp() - $2::interval",
                program.id,
                KEPT,
            )
