"""A backup of a large ledger under load, brought back to moments between two others: exactly, verified, and in time."""

import asyncio
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import cards as bench_cards  # noqa: E402
from drills.entries import add_entries  # noqa: E402
from drills.line import Line, Tell  # noqa: E402
from tests.recovery.books import Books, read_books, stored_books  # noqa: E402
from tests.recovery.pace import paced  # noqa: E402
from tests.serving.server import Server, serving, until  # noqa: E402
from tests.serving.till import Till  # noqa: E402

from drills import alone  # noqa: E402
from kado.crypto import Keyring  # noqa: E402

ENTRIES: Final = 1_000_000
CARDS: Final = 200
SECONDS_MAX: Final = 600


def drill(tell: Tell, scale: float) -> list[Line]:
    """Make the ledger, back it up while it is used, restore it to two moments and to the last one."""
    folder = Path(tempfile.mkdtemp(prefix="kado-drill-"))
    folder.chmod(0o711)
    settings = {"KADO_ARCHIVE": str(folder / "archive"), "KADO_SECRET_KEY": secrets.token_hex(32)}
    key = folder / "backup.key"
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32))
    try:
        with serving(settings=settings) as server:
            until(lambda: [*(folder / "archive").glob("*/*/*.partial")], 60, "the archive does not begin")
            states, lines = asyncio.run(_live(server, folder, key, tell, max(CARDS * 10, int(ENTRIES * scale))))
            server.stop()
            for moment, books in states:
                lines.append(_restored(server, folder, key, moment, books, tell))
            return lines
    finally:
        shutil.rmtree(folder, ignore_errors=True)


States = list[tuple[str, Books]]


async def _live(server: Server, folder: Path, key: Path, tell: Tell, entries: int) -> tuple[States, list[Line]]:
    """The states that are to come back, by moment, and how the backup went."""
    merchant_id, token = server.merchant("Drill"), server.key("Drill")
    async with Till(server, token, merchant_id) as till:
        program = await till.open_program()
        secret = server.environment["KADO_SECRET_KEY"]
        tell(f"making {entries:,} entries")
        cards = await bench_cards.make(server.database_url(), secret, merchant_id, program, count=CARDS, with_codes=0)
        await add_entries(server.database_url(), Keyring([secret]), program, entries)
        tell("backing up, with 20 redeems a second")
        async with paced(till, cards.ids, 20) as redeems:
            began = time.monotonic()
            made = await asyncio.to_thread(server.command, "backup", str(folder / "it.backup"), "--key-file", str(key),
                                           seconds=1200)  # fmt: skip
            took = time.monotonic() - began
            assert made.code == 0, made.err
            await redeems.more(20)
        states: States = []
        for _ in range(2):
            books, moment = await read_books(server)
            states.append((moment.isoformat(), books))
            async with paced(till, cards.ids, 20) as more:
                await more.more(50)
        states.append(("latest", (await read_books(server))[0]))
    size = (folder / "it.backup").stat().st_size
    line = Line(
        20,
        "backup while the server works, encrypted",
        f"{states[0][1].entries:,} entries, {size / 1e6:,.0f} MB in {took:.0f} s, "
        f"{redeems.outcomes[200]} of {redeems.outcomes.total()} redeems meanwhile succeeded",
        held=redeems.outcomes.keys() == {200},
    )
    return states, [line]


def _restored(server: Server, folder: Path, key: Path, moment: str, books: Books, tell: Tell) -> Line:
    into = folder / "restored"
    into.mkdir()
    into.chmod(0o711)
    tell(f"restoring to {moment}")
    words = ("restore", str(folder / "it.backup"), "--into", str(into), "--until", moment, "--key-file", str(key))
    began = time.monotonic()
    done = server.command(*words, seconds=2 * SECONDS_MAX)
    took = time.monotonic() - began
    is_same = done.code == 0 and asyncio.run(stored_books(into)) == books
    shutil.rmtree(into)
    what = "to the end of the archive" if moment == "latest" else "to a moment between two states"
    return Line(
        20,
        f"restore {what}: verified, every balance as it was then, in {SECONDS_MAX // 60} minutes",
        f"{books.entries:,} entries in {took:.0f} s with verification, balances {'equal' if is_same else 'DIFFERENT'}, "
        f"{(done.out + done.err).strip().splitlines()[-2 if done.code == 0 else -1]}",
        held=is_same and took <= SECONDS_MAX,
    )


if __name__ == "__main__":
    alone.main(drill, "restore")
