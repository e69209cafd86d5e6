"""The file of a schedule for whoever wants it now, and does not wait for the mail."""

import asyncio
from datetime import timedelta
from typing import Final

from kado.crypto import Keyring
from kado.programs.program import Program
from kado.reports.files import written
from kado.reports.schedules import file_name, find
from kado.reports.sheets import MEDIA, sheet
from kado.reports.source import Source
from kado.reports.windows import Window, midnight

DAYS: Final = timedelta(days=30)


async def latest(source: Source, keyring: Keyring, program: Program, schedule_id: str) -> tuple[str, str, bytes]:
    """Name, media type and content: as the schedule wants it, of the last 30 days, today not among them.

    Raises `NotFound`, `Unavailable`.
    """
    found = await find(source.database, keyring, program.id, schedule_id)
    until = midnight(await source.now(), program.zone)
    # Noon of the first day, whatever the clocks did since: so its midnight is found.
    window = Window(midnight(until - DAYS + timedelta(hours=12), program.zone), until)
    report = await sheet(source, program, window, found.wish.metrics, has_notice=found.wish.has_notice)
    content = await asyncio.to_thread(written, report, found.wish.format)
    return file_name(found, window, program), MEDIA[found.wish.format], content
