"""Making a backup: of the embedded database all files with what was written meanwhile, of any other one a dump."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg

from kado import __version__, clock
from kado.crypto import Keyring
from kado.storage.backup.errors import BackupError
from kado.storage.backup.file import Head, Kind, writing
from kado.storage.backup.locks import Locker
from kado.storage.backup.programs import Program, Target, programs_for
from kado.storage.connect import connect
from kado.storage.embedded import Running
from kado.storage.migrate import schema_version

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

Progress = Callable[[int, int], None]
"""Told how many bytes are done, of about how many."""

_READ_BYTES: Final = 2**18

_KEEP_WAL: Final = "SELECT pg_create_physical_replication_slot('kado_backup_' || pg_backend_pid(), true, true)"

# Whatever is written under a secret names it in its first four bytes or beside it. Codes of cards that ended need none.
_KEYS_IN_USE: Final = """
    SELECT DISTINCT key FROM (
        SELECT key_version AS key FROM card
        UNION SELECT substr(number_sealed, 1, 4) FROM card
        UNION SELECT substr(state_seal, 1, 4) FROM card
        UNION SELECT substr(rows_digest, 1, 4) FROM card
        UNION SELECT code_version FROM card
              WHERE code_hash IS NOT NULL AND voided_at IS NULL AND expires_at > clock_timestamp()
        UNION SELECT substr(answer, 1, 4) FROM idempotency_key WHERE answer <> ''
        UNION SELECT substr(link, 1, 4) FROM bulk_task WHERE link_expires_at > clock_timestamp()
        UNION SELECT substr(person, 1, 4) FROM person_erasure
        UNION SELECT substr(person, 1, 4) FROM person_export WHERE expires_at > clock_timestamp()
        UNION SELECT substr(push_token, 1, 4) FROM wallet_registration
        UNION SELECT substr(recipients, 1, 4) FROM report_schedule
        UNION SELECT substr(recipient, 1, 4) FROM report_mail
        UNION SELECT substr(secret, 1, 4) FROM staff_totp
        UNION SELECT substr(secret, 1, 4) FROM webhook
        UNION SELECT substr(previous_secret, 1, 4) FROM webhook WHERE previous_until > clock_timestamp()
        UNION SELECT substr(secret, 1, 4) FROM signing_key) AS used
    WHERE key IS NOT NULL"""


@dataclass(frozen=True)
class Made:
    """A backup that was made."""

    path: Path
    head: Head
    size: int


async def back_up_cluster(running: Running, place: Path, keyring: Keyring, locker: Locker, tell: Progress) -> Made:
    """A base backup of the embedded database, with all that is written until its end. Raises `BackupError`.

    `place` is a folder, or the name of the new file.
    """
    connection: Connection = await asyncpg.connect(running.url)
    try:
        # Keeps what is written meanwhile from being removed before it is copied; ends with this connection.
        await connection.execute(_KEEP_WAL)
        head = await _head(connection, "cluster", keyring, locker)
        total = await connection.fetchval("SELECT sum(pg_database_size(oid))::bigint FROM pg_database")
        command = [
            running.binaries.program("pg_basebackup"),
            *("--host", running.socket, "--port", "5432", "--username", "kado", "--no-password"),
            *("--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast", "--label=kado"),
        ]
        return _write(place, head, locker, Program(command, Target.of(running.url).password), total, tell)
    finally:
        await connection.close()


async def back_up_database(url: str, place: Path, keyring: Keyring, locker: Locker, tell: Progress) -> Made:
    """A dump of Kado's schema in any database, as it is at one moment. Raises `BackupError`."""
    connection: Connection = await connect(url, timeout=10)
    try:
        target = Target.of(url)
        programs = programs_for(target, connection.get_server_version().major)
        head = replace(await _head(connection, "dump", keyring, locker), postgres=programs.version)
        schema = await connection.fetchval("SELECT quote_ident(current_schema())")
        total = await connection.fetchval("SELECT pg_database_size(current_database())")
    finally:
        await connection.close()
    command = [
        programs.program("pg_dump"),
        *("--format=custom", "--compress=0", "--no-password", "--no-owner", "--no-privileges"),
        *("--schema", schema, "--dbname", target.url),
    ]
    return _write(place, head, locker, Program(command, target.password), total, tell)


async def _head(connection: "Connection", kind: Kind, keyring: Keyring, locker: Locker) -> Head:
    schema = await schema_version(connection)
    if schema is None:
        raise BackupError("This database is empty: there is nothing of Kado in it yet.")
    used = sorted(row["key"].hex() for row in await connection.fetch(_KEYS_IN_USE)) or [keyring.version.hex()]
    server = connection.get_server_version()
    return Head(
        kind=kind,
        made_at=clock.text(await connection.fetchval("SELECT clock_timestamp()")),
        kado=__version__,
        schema=schema,
        postgres=f"{server.major}.{server.minor}",
        keys=used,
        system=str(await connection.fetchval("SELECT system_identifier FROM pg_control_system()"))
        if kind == "cluster"
        else "",
        lock=locker.describe(),
    )


def _write(place: Path, head: Head, locker: Locker, program: Program, total: int, tell: Progress) -> Made:
    path = place / f"kado-{head.made_at[:19].replace(':', '')}.backup" if place.is_dir() else place
    with writing(path, head, locker) as writer:
        done = 0
        # The file is finished only if the program was content to its end.
        for data in program.output(_READ_BYTES):
            writer.write(data)
            done += len(data)
            tell(done, total)
    return Made(path, head, path.stat().st_size)
