"""A report as a file that is fetched: ordered, and for an hour at its address for whoever may read reports.

What is kept is what the file is about. It is made when it is fetched, and as its window has ended by then, each time
the same figures are in it.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kado import audit
from kado.access.caller import Caller
from kado.errors import NotFound
from kado.ids import is_id, new_id
from kado.programs.find import list_all
from kado.programs.program import Program
from kado.reports.files import written
from kado.reports.measures import Measure
from kado.reports.sheets import ENDINGS, Format, sheet
from kado.reports.source import Source
from kado.reports.windows import Window
from kado.storage.database import Connection, Database

LIFE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Export:
    """A file that can be fetched until `expires_at`."""

    id: str
    format: Format
    window: Window
    expires_at: datetime


async def order(
    source: Source,
    program: Program,
    caller: Caller,
    file_format: Format,
    window: Window,
    measures: Sequence[Measure],
    *,
    has_notice: bool,
) -> Export:
    """Have a file made. Raises `Invalid` for a window that cannot be shown, `Unavailable`."""
    export_id = new_id()
    wanted = {
        "since": window.since.isoformat(),
        "until": window.until.isoformat(),
        "measures": [one.value for one in measures],
        "notice": has_notice,
    }

    async def work(connection: Connection) -> datetime:
        expires_at: datetime = await connection.fetchval(
            "INSERT INTO report_export (program_id, id, actor, format, wanted, expires_at)"
            " VALUES ($1, $2, $3, $4, $5::jsonb, statement_timestamp() + $6::interval) RETURNING expires_at",
            program.id,
            export_id,
            caller.subject,
            file_format,
            json.dumps(wanted),
            LIFE,
        )
        await audit.record(
            connection,
            actor=caller.subject,
            action="report:exported",
            merchant_id=caller.merchant_id,
            program_id=program.id,
            subject=export_id,
            details={"format": file_format, "from": wanted["since"], "to": wanted["until"]},
        )
        return expires_at

    return Export(export_id, file_format, window, await source.database.repeat(work))


async def fetch(source: Source, program: Program, export_id: str) -> tuple[Export, bytes]:
    """The file. Raises `NotFound` for one that is over, of another program, or that never was; `Unavailable`."""
    row = None
    if is_id(export_id):
        async with source.database.read() as connection:
            row = await connection.fetchrow(
                "SELECT format, wanted, expires_at FROM report_export WHERE program_id = $1 AND id = $2"
                " AND expires_at > statement_timestamp()",
                program.id,
                export_id,
            )
    if row is None:
        raise NotFound("export_not_found", "There is no such export (any more).")
    wanted = json.loads(row["wanted"])
    window = Window(datetime.fromisoformat(wanted["since"]), datetime.fromisoformat(wanted["until"]))
    measures = [Measure(one) for one in wanted["measures"]]
    found = await sheet(source, program, window, measures, has_notice=wanted["notice"])
    export = Export(export_id, row["format"], window, row["expires_at"])
    return export, await asyncio.to_thread(written, found, export.format)


def file_name(export: Export) -> str:
    """What the file is called."""
    return f"gift-cards-{export.window.until.date().isoformat()}-{export.id}.{ENDINGS[export.format]}"


async def forget_exports(database: Database) -> None:
    """Delete what cannot be fetched any more. Raises `Unavailable`."""
    for program in await list_all(database):
        async with database.read() as connection:
            await connection.execute(
                "DELETE FROM report_export WHERE program_id = $1 AND expires_at < statement_timestamp()", program.id
            )
