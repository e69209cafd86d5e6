"""The embedded database moves to another major version of PostgreSQL and, as long as nothing would be lost, back.

`pg_upgrade` copies the cluster into a new one beside it. The old one stays, untouched, as `postgres-16`, with a note of
what was in it, until it is told to go.
"""

import asyncio
import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg

from kado.storage.embedded.binaries import Binaries, find_binaries, readable_binaries
from kado.storage.embedded.cluster import (
    OWNER,
    cause_in,
    ensure_password,
    password_copy,
    read_password,
    run_initdb,
    workshop,
)
from kado.storage.embedded.connection import url_for
from kado.storage.embedded.errors import EmbeddedError
from kado.storage.embedded.place import Place, choose_socket, private_directory, write_private
from kado.storage.embedded.replace import replace_cluster
from kado.storage.embedded.supervisor import alone, run_beside

_NOTE: Final = "postgres-upgrade.json"

# What somebody would miss. Rows that only say how far some work is are left out, and those that the move itself leaves.
_MISSED: Final[Mapping[str, str]] = {
    "entries": "SELECT count(*) FROM card_transaction",
    "cards": "SELECT count(*) FROM card",
    "changed cards": "SELECT extract(epoch FROM coalesce(max(updated_at), 'epoch')) * 1000000 FROM card",
    "audit rows": "SELECT count(*) FILTER (WHERE action NOT LIKE 'database:%') FROM audit_log",
    "merchants": "SELECT count(*) FROM merchant",
    "keys": "SELECT count(*) FROM api_key",
    "programs": "SELECT count(*) FROM program",
    "customers": "SELECT count(*) FROM customer",
    "holds": "SELECT count(*) FROM hold",
    "messages": "SELECT count(*) FROM message",
    "webhooks": "SELECT count(*) FROM webhook",
}


@dataclass(frozen=True)
class Moved:
    """From which version to which, and where the cluster of the other version is kept."""

    before: int
    after: int
    kept: Path


class WouldLose(EmbeddedError):
    """Going back would lose what was made since the upgrade."""


def upgrade(data_dir: Path) -> Moved:
    """Move the cluster to the newest PostgreSQL that is installed here. No server may run.

    Raises `EmbeddedError`; then all is as it was.
    """
    with alone(data_dir) as place:
        version = place.version
        if version is None:
            raise EmbeddedError(f"There is no database in {data_dir} yet; the first start makes it.")
        new = find_binaries()
        if new.major <= version:
            raise EmbeddedError(f"The database is on PostgreSQL {version} already, the newest that is installed here.")
        old = readable_binaries(find_binaries(version), place.account, place.home)
        new = readable_binaries(new, place.account, place.home)
        kept = _kept(place, version)
        if kept.exists():
            raise EmbeddedError(
                f"{kept} is there already, from an earlier upgrade. `kado database forget-old` removes it."
            )
        _refuse_too_little_room(place)
        ensure_password(place, old)
        with workshop(place) as folder:
            # Stopped in order is what pg_upgrade wants, and only a running one can be asked what is in it.
            contents = _contents(place, old)
            fresh = folder / "postgres"
            run_initdb(place, new, fresh, password_copy(place, folder))
            _pg_upgrade(place, old, new, fresh, folder)
            moved = Place(place.data_dir, fresh, place.account)
            if _contents(moved, new) != contents:
                raise EmbeddedError("The new database does not hold what the old one does. Nothing was changed.")
            note = {"from": version, "to": new.major, "at": datetime.now(UTC).isoformat(), "contents": contents}
            write_private(place.home / _NOTE, json.dumps(note))
            replace_cluster(place, fresh, kept)
        return Moved(version, new.major, kept)


def downgrade(data_dir: Path, *, may_lose: bool = False) -> Moved:
    """Put the cluster from before the upgrade in place again; the newer one is kept in its stead.

    Raises `WouldLose` when something was made since and `may_lose` does not allow for that; `EmbeddedError` otherwise.
    """
    with alone(data_dir) as place:
        version = place.version
        note = _read_note(place)
        if version is None or note is None or note["to"] != version:
            raise EmbeddedError(
                f"There is nothing to go back to in {place.home}: no database of before an upgrade is kept."
            )
        old = _kept(place, note["from"])
        if not (old / "PG_VERSION").exists():
            raise EmbeddedError(f"{old}, the database of before the upgrade, is not there any more. Restore a backup.")
        find_binaries(note["from"])
        binaries = readable_binaries(find_binaries(version), place.account, place.home)
        ensure_password(place, binaries)
        lost = _differences(note["contents"], _contents(place, binaries))
        if lost and not may_lose:
            raise WouldLose(
                f"Since the upgrade of {note['at'][:16]}Z there are {', '.join(lost)}. Going back would lose them. "
                "Make a backup with --dump first, or say --lose-them."
            )
        kept = place.home / f"postgres-{version}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
        replace_cluster(place, old, kept)
        (place.home / _NOTE).unlink()
        return Moved(version, note["from"], kept)


def forget_old(data_dir: Path) -> list[Path]:
    """Remove the clusters that upgrades left behind; which ones they were."""
    with alone(data_dir) as place:
        if place.version is None:
            raise EmbeddedError(f"There is no database in {data_dir}; nothing is removed.")
        old = sorted(place.home.glob("postgres-[0-9][0-9]*"))
        (place.home / _NOTE).unlink(missing_ok=True)
        for cluster in old:
            shutil.rmtree(cluster)
        return old


def _kept(place: Place, major: int) -> Path:
    return place.home / f"postgres-{major}"


def _read_note(place: Place) -> dict[str, Any] | None:
    with suppress(FileNotFoundError, ValueError):
        note: dict[str, Any] = json.loads((place.home / _NOTE).read_text())
        return note
    return None


def _refuse_too_little_room(place: Place) -> None:
    size = sum(file.lstat().st_size for file in place.cluster.rglob("*"))
    free = shutil.disk_usage(place.home).free
    if free < size + 2**28:
        raise EmbeddedError(
            f"The new database needs about {size // 2**20 + 256} MB beside the old one, and only {free // 2**20} MB "
            "are free on that disk. Make room and try again."
        )


def _pg_upgrade(place: Place, old: Binaries, new: Binaries, fresh: Path, folder: Path) -> None:
    socket = choose_socket(place)
    private_directory(socket, place.account)
    command = [
        new.program("pg_upgrade"),
        *("--old-bindir", str(old.directory), "--new-bindir", str(new.directory)),
        *("--old-datadir", str(place.cluster), "--new-datadir", str(fresh)),
        *("--username", OWNER, "--socketdir", str(socket), "--copy"),
    ]
    status, said = place.account.run(command, cwd=str(folder), password=read_password(place))
    if status != 0:
        with open(place.log, "a") as log:
            log.write(said)
        raise EmbeddedError(
            f"pg_upgrade could not move the database: {cause_in(said)}. All is as it was; the rest of what it said is "
            f"at the end of {place.log}."
        )


def _contents(place: Place, binaries: Binaries) -> dict[str, int]:
    """How much there is of what somebody would miss. Starts the cluster and stops it in order."""
    with run_beside(place, binaries) as postmaster:
        return asyncio.run(_count(url_for(postmaster.socket, read_password(place))))


async def _count(url: str) -> dict[str, int]:
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(url)
    try:
        await connection.execute("SET default_transaction_read_only = on")
        there = await connection.fetchval("SELECT array_agg(relname::text) FROM pg_class WHERE relkind = 'r'")
        return {
            what: int(await connection.fetchval(query))
            for what, query in _MISSED.items()
            if query.rpartition(" ")[2] in there
        }
    finally:
        await connection.close()


def _differences(before: Mapping[str, int], now: Mapping[str, int]) -> list[str]:
    """In words: `3 more entries`."""
    return [
        what if what == "changed cards" else f"{count - before.get(what, 0):+} {what}"
        for what, count in now.items()
        if count != before.get(what, 0)
    ]
