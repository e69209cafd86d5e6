"""The server: its settings without secrets, mail, wallets, backups. Looked at only by whoever it belongs to."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from starlette.responses import Response

from kado.doors.console.respond import shown
from kado.doors.console.visit import Visit
from kado.errors import NotFound
from kado.passes.check import complaints
from kado.programs.find import list_all
from kado.settings.shown import HIDDEN, effective
from kado.settings.table import SETTINGS
from kado.storage.backup.last import Noted, made_backups, seconds_since_backup

_BACKUPS_SHOWN: Final = 15
_BACKUP_OLD: Final = timedelta(days=2)


def _backups(data_dir: Path) -> list[tuple[Noted, bool]]:
    """The latest ones, each with whether it is where it was put."""
    return [(one, one.is_there) for one in made_backups(data_dir, _BACKUPS_SHOWN)]


async def show(visit: Visit) -> Response:
    """How the server is set. Raises `NotFound` for everybody but who owns its only merchant."""
    if not visit.runs_server:
        raise NotFound("page_not_found", "There is no such page.")
    rooms, now = visit.rooms, datetime.now(UTC)
    settings, made = rooms.settings, rooms.wallets
    values = effective(settings, HIDDEN)
    seconds = seconds_since_backup(settings.data_dir)
    facts: dict[str, Any] = {
        "settings": [(one.name, values[one.name], one.meaning, values[one.name] != one.default) for one in SETTINGS],
        "public_url": settings.public_url,
        "mail_from": settings.mail_from,
        "mails_into_folder": settings.mail_url.startswith("file:"),
        "certificates": sorted(made.certificates.values(), key=lambda one: one.pass_type),
        "has_google": made.google is not None,
        "complaints": list(complaints(made, await list_all(rooms.database), settings.public_url, now)),
        "own_complaints": made.complaints,
        # Beside everything else: a disk somewhere else may be away, and then it takes its time.
        "backups": await asyncio.to_thread(_backups, settings.data_dir),
        "last_backup": None if seconds is None else now - timedelta(seconds=seconds),
        "is_backup_old": seconds is None or timedelta(seconds=seconds) > _BACKUP_OLD,
        "is_beside": lambda path: Path(path).is_relative_to(settings.data_dir.absolute()),
        "archive": settings.archive,
        "archive_days": settings.archive_days,
    }
    return shown(visit, "server.html", facts, here="server", areas=("console_server",))
