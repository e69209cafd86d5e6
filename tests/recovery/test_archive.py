"""The archive goes on whenever it can, says so when it cannot, shows its gaps, and never grows without limit."""

import asyncio
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from tests.serving.working import until
from typer.testing import CliRunner

from kado.app.commands import command_line
from kado.storage import embedded
from kado.storage.embedded import Embedded
from kado.storage.embedded.archive import SLOT, Archiver, Keep, forget_archive, tidy_up
from kado.storage.embedded.segments import archived, following, row_from


@asynccontextmanager
async def archiving(database: Embedded, keep: Keep) -> AsyncIterator[None]:
    archiver = Archiver(database.running, keep)
    running = asyncio.create_task(archiver.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait([running])
        connection = await asyncpg.connect(database.url)
        # As at the end of the server, but for the database: the copying program has to be told.
        await connection.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active")
        await connection.close()
        archiver.close()


async def slot(database: Embedded) -> "asyncpg.Record | None":
    connection = await asyncpg.connect(database.url)
    try:
        return await connection.fetchrow("SELECT active FROM pg_replication_slots WHERE slot_name = $1", SLOT)
    finally:
        await connection.close()


async def go_on_writing(database: Embedded) -> None:
    """So much that what was written before is not needed any more."""
    connection = await asyncpg.connect(database.url)
    for statement in ("SELECT pg_switch_wal()", "CREATE TABLE more ()", "CHECKPOINT"):
        await connection.execute(statement)
    await connection.close()


async def test_it_begins_goes_on_and_shows_a_gap(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    keep = Keep(folder / "archive", 14, 20)
    keep.folder.write_text("a file is in the way")
    database = embedded.start(folder / "data", role="server")

    async def begun(count: int) -> bool:
        return len([*keep.folder.glob("*/*/*.partial")]) == count

    async def complained() -> bool:
        return "does not go on: " in caplog.text

    try:
        with caplog.at_level(logging.WARNING):
            async with archiving(database, keep):
                await until(complained)
                keep.folder.unlink()
                await until(lambda: begun(1))
            assert "A new archive begins" in caplog.text
            caplog.clear()
            async with archiving(database, keep):
                await until(lambda: _is_active(database))
            assert "A new archive begins" not in caplog.text, "it goes on where it stopped"
            await forget_archive(database.running)
            await go_on_writing(database)
            assert await slot(database) is None, "nothing is kept for an archive that nobody wants"
            async with archiving(database, keep):
                await until(lambda: begun(2))
            assert "A new archive begins" in caplog.text, "nobody would know of the gap"
    finally:
        database.stop()


async def _is_active(database: Embedded) -> bool:
    found = await slot(database)
    return found is not None and bool(found["active"])


def test_status_complains_of_an_archive_that_does_not_go_on(folder: Path) -> None:
    environment = {
        "KADO_DATA_DIR": str(folder / "data"),
        "KADO_SECRET_KEY": secrets.token_hex(32),
        "KADO_DATABASE_URL": "",
    }
    assert CliRunner().invoke(command_line(), ["merchant", "list"], env=environment).exit_code == 0
    shown = CliRunner().invoke(command_line(), ["database", "status"], env=environment)
    assert (shown.exit_code, "18." in shown.stdout) == (0, True), shown.output
    environment["KADO_ARCHIVE"] = str(folder / "archive")
    shown = CliRunner().invoke(command_line(), ["database", "status"], env=environment)
    assert (shown.exit_code, "The archive does not go on" in shown.stdout) == (1, True), shown.output


def test_what_is_too_old_or_too_much_goes_and_the_newest_stays(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    chain = folder / "7" / "00000001-0000000000000000"
    chain.mkdir(parents=True)
    names = ["00000001000000000000000A"]
    for _ in range(4):
        names.append(following(names[-1]))
    for age, name in zip((40, 30, 3, 2, 1), names, strict=True):
        file = chain / name
        with file.open("wb") as stream:
            stream.truncate(600 * 10**6)  # takes no room
        os.utime(file, (time.time() - age * 86_400,) * 2)
    tidy_up(Keep(folder, 14, 100))
    assert sorted(file.name for file in chain.iterdir()) == names[2:]
    assert caplog.text == ""
    tidy_up(Keep(folder, 14, 1))
    assert sorted(file.name for file in chain.iterdir()) == names[4:]
    assert "2 segments of the archive went before their time" in caplog.text
    tidy_up(Keep(folder, 0, 1))
    assert [file.name for file in chain.iterdir()] == names[4:]


def test_rows_of_segments_end_at_the_first_gap(tmp_path: Path) -> None:
    assert following("0000000100000000000000FF") == "000000010000000100000000"
    first = "0000000100000000000000FE"
    second, third, fifth = "0000000100000000000000FF", "000000010000000100000000", "000000010000000100000002"
    early, late = tmp_path / "a", tmp_path / "b"
    for path in (early / first, early / f"{second}.partial", late / second, late / third, late / f"{fifth}.partial"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (late / "said.log").touch()
    found = archived([early, late])
    assert found == {first: early / first, second: late / second, third: late / third, fifth: late / f"{fifth}.partial"}
    assert row_from(first, found) == [first, second, third]
