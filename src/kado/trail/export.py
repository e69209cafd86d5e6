"""A part of the audit log as a file: ordered, looked for, and fetched by an address that is good for an hour.

Rows are never changed, so the file is made while it is sent: those until the moment of the order. It is there as soon
as everything that had begun before the order is over, a moment later as a rule.
"""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from kado import audit, clock
from kado.crypto import Keyring, equal
from kado.errors import NotFound
from kado.ids import is_id, new_id
from kado.storage.copies import Reader
from kado.storage.database import Connection, Database
from kado.trail.read import read_all
from kado.trail.row import members
from kado.trail.table import HEADER, line
from kado.trail.wanted import Scope, Wanted

LINK_LIFE: Final = timedelta(hours=1)
"""The contract's."""

SETTLED_AFTER: Final = timedelta(minutes=1)
"""No transaction of Kado's lasts as long, whatever numbers a restored database counts its transactions by."""

Format = Literal["csv", "json"]
_TOKEN: Final = re.compile(r"([0-9]{1,12})-([0-9a-f]{64})", re.ASCII)


MEDIA: Final[dict[Format, str]] = {"csv": "text/csv; charset=utf-8; header=present", "json": "application/json"}
"""What a file of each form calls itself."""


@dataclass(frozen=True, slots=True)
class Export:
    """An order. `is_ready`: nothing that belongs into the file can still be written."""

    id: str
    actor: str
    format: Format
    wanted: Wanted
    ordered_at: datetime
    is_ready: bool
    now: datetime


async def order(database: Database, scope: Scope, actor: str, file_format: Format, wanted: Wanted) -> str:
    """Order a file of the rows that fit; the order's id."""
    export_id = new_id()
    filters = {name: value for name, value in asdict(wanted).items() if value is not None}

    async def work(connection: Connection) -> None:
        await connection.execute(
            "INSERT INTO audit_export (id, merchant_id, actor, format, wanted) VALUES ($1, $2, $3, $4, $5::jsonb)",
            export_id,
            scope.merchant_id,
            actor,
            file_format,
            json.dumps(filters, default=_said),
        )
        await _record(connection, scope, actor, "audit:exported", export_id, {"format": file_format})

    await database.repeat(work)
    return export_id


async def find(database: Database, scope: Scope, export_id: str) -> Export:
    """The order. Raises `NotFound`, also for another merchant's."""
    row = None
    if is_id(export_id):
        async with database.read() as connection:
            row = await connection.fetchrow(
                """
                SELECT id, actor, format, wanted, ordered_at, clock_timestamp() AS now,
                       ordered_in < pg_snapshot_xmin(pg_current_snapshot())
                           OR ordered_at < clock_timestamp() - $3::interval AS is_ready
                FROM audit_export WHERE id = $1 AND merchant_id = $2""",
                export_id,
                scope.merchant_id,
                SETTLED_AFTER,
            )
    if row is None:
        raise NotFound("export_not_found", "There is no such export.")
    return Export(
        row["id"],
        row["actor"],
        row["format"],
        _wanted(json.loads(row["wanted"])),
        row["ordered_at"],
        row["is_ready"],
        row["now"],
    )


def token_of(keyring: Keyring, export: Export) -> str:
    """The secret part of the file's address, from now on for an hour."""
    ends = str(int((export.now + LINK_LIFE).timestamp()))
    return f"{ends}-{_mac(keyring, keyring.version, export.id, ends)}"


async def begin(database: Database, keyring: Keyring, scope: Scope, actor: str, export_id: str, token: str) -> Export:
    """The order whose file this token opens now. Raises `NotFound` for anything else."""
    export = await find(database, scope, export_id)
    found = _TOKEN.fullmatch(token)
    is_good = found is not None and any(
        equal(_mac(keyring, version, export.id, found[1]).encode(), found[2].encode()) for version in keyring.versions
    )
    if not is_good or found is None or export.now.timestamp() >= int(found[1]) or not export.is_ready:
        raise NotFound("file_not_found", "There is no file here, or its address is over; ask for the export again.")
    await database.repeat(
        lambda connection: _record(connection, scope, actor, "audit:downloaded", export.id, {"format": export.format})
    )
    return export


async def parts(reader: Reader, scope: Scope, file_format: Format, wanted: Wanted) -> AsyncIterator[bytes]:
    """The file, some hundred rows at a time, oldest first."""
    is_csv = file_format == "csv"
    yield HEADER if is_csv else b"["
    is_first = True
    async for rows in read_all(reader, scope, wanted):
        if is_csv:
            yield "".join(map(line, rows)).encode()
        else:
            text = ",\n".join(json.dumps(members(row)) for row in rows)
            yield (text if is_first else ",\n" + text).encode()
        is_first = False
    if not is_csv:
        yield b"]\n"


async def hand_out(
    database: Database, scope: Scope, actor: str, file_format: Format, wanted: Wanted
) -> AsyncIterator[bytes]:
    """The file for whoever runs the server, at once; the row that says so is not in it."""
    async with database.read() as connection:
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    until = now if wanted.until is None else min(now, wanted.until)
    await database.repeat(
        lambda connection: _record(connection, scope, actor, "audit:exported", None, {"format": file_format})
    )
    async for part in parts(database, scope, file_format, replace(wanted, until=until)):
        yield part


def rows_of(export: Export) -> Wanted:
    """What is in the file: what was wanted, until the order."""
    until = export.ordered_at if export.wanted.until is None else min(export.ordered_at, export.wanted.until)
    return replace(export.wanted, until=until)


async def _record(
    connection: Connection, scope: Scope, actor: str, action: str, export_id: str | None, details: audit.Facts
) -> None:
    await audit.record(
        connection, actor=actor, action=action, merchant_id=scope.merchant_id, subject=export_id, details=details
    )


def _said(value: object) -> str:
    return clock.text(value) if isinstance(value, datetime) else str(value)


def _wanted(filters: dict[str, Any]) -> Wanted:
    read: dict[str, Any] = {}
    for name, value in filters.items():
        if name in ("since", "until"):
            read[name] = datetime.fromisoformat(value)
        else:
            read[name] = tuple(value) if isinstance(value, list) else value
    return Wanted(**read)


def _mac(keyring: Keyring, version: bytes, export_id: str, ends: str) -> str:
    return keyring.mac("request-hash", b"audit-export", export_id.encode(), ends.encode(), version=version).hex()
