"""A backup and the archive bring back exactly what was there at a moment between two others."""

import asyncio
import secrets
import shutil
from datetime import timedelta
from pathlib import Path

from tests.recovery.books import read_books, stored_books
from tests.serving.commands import Ran
from tests.serving.server import Server, serving, until
from tests.serving.till import Till


async def test_a_restore_goes_to_the_state_between_two_others(folder: Path) -> None:
    archive, key = folder / "archive", folder / "backup.key"
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32))
    with serving(settings={"KADO_ARCHIVE": str(archive)}) as server:
        until(lambda: [*archive.glob("*/*/*.partial")], 30, "the archive does not begin")
        merchant_id = server.merchant("Shop")
        async with Till(server, server.key("Shop"), merchant_id) as till:
            await till.open_program()
            cards = [(await till.card("100.00"))["id"] for _ in range(4)]
            _, before_it = await read_books(server)
            backup, _ = await asyncio.gather(
                asyncio.to_thread(server.made, "backup", str(folder), "--key-file", str(key)), sell(till, cards, 20)
            )
            earlier, moment = await read_books(server)
            await sell(till, cards, 5)
            later, _ = await read_books(server)
        server.stop()
        assert earlier != later
        for wanted, books in ((moment.isoformat(), earlier), ("latest", later)):
            done = restore(server, folder / wanted, backup["file"], key, wanted)
            assert done.code == 0, done.out + done.err
            assert "All is well" in done.out
            assert await stored_books(folder / wanted) == books, wanted
        for wanted, why in (
            ((moment + timedelta(days=1)).isoformat(), "The archive ends at"),
            (before_it.isoformat(), "Use an older backup"),
        ):
            done = restore(server, folder / "never", backup["file"], key, wanted)
            assert (done.code, why in done.err) == (1, True), done.err
            assert not (folder / "never" / "postgres").exists()
            assert [*(folder / "never").glob("postgres.n*")] == [], "the attempt left something behind"


async def sell(till: Till, cards: list[str], times: int) -> None:
    for _ in range(times):
        answers = await asyncio.gather(*(till.redeem(card, "0.10") for card in cards))
        assert {answer.status_code for answer in answers} == {200}


def restore(server: Server, into: Path, file: str, key: Path, moment: str) -> Ran:
    """Into a folder to which the secret key was brought before, as the operator is told to."""
    into.mkdir(exist_ok=True)
    into.chmod(0o711)
    shutil.copy2(server.data_dir / "secret.key", into)
    words = ("restore", file, "--into", str(into), "--until", moment, "--key-file", str(key))
    return server.command(*words, seconds=300)
