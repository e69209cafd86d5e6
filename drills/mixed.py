"""Ten minutes of everything at once, with the books looked at every few seconds: no cent appears or vanishes, nothing
fails, nothing grows.

Clients in two processes do all that can be done with cards, through the API with a key and as tills of a platform, by
the public balance check and the page of a card; beside them somebody guesses. `kado verify` runs once in the middle.
"""

import asyncio
import json
import multiprocessing
import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from drills.conservation import Books, Watch, look, waiting  # noqa: E402
from drills.line import Line, Tell  # noqa: E402
from drills.mixed_clients import Job, Tally, work  # noqa: E402
from tests.behind import give_codes  # noqa: E402
from tests.serving.server import Server, serving  # noqa: E402
from tests.serving.till import Till  # noqa: E402

from drills import alone  # noqa: E402
from kado.access.signatures import HEADER, sign  # noqa: E402
from kado.crypto import Keyring  # noqa: E402

SECONDS: Final = 600
MEMORY_MEGABYTES: Final = 300
GROWTH_MEGABYTES: Final = 20
"""How much a process may grow after its first tenth of the time."""

CHANGES: Final = frozenset(
    "redeem reload reload-by-number refund reversals holds capture release transfer cards activate bulk void replace"
    " consolidate suspend unsuspend".split()
)
"""Last words of the addresses at which a change must have been granted."""

_PROCESSES: Final = 2
_CLIENTS: Final = 12
_CARDS: Final = 300
_CODE: Final = "314159"
_EMAIL: Final = "ada@shops.example"
_SESSION: Final = "/v2/giftcards/merchants/session"
_DRAINED_SECONDS: Final = 180
_LONG_ENOUGH_SECONDS: Final = 60
"""From then on the rarest change must have happened."""


@dataclass
class Memory:
    """Resident memory of the server's processes, in kilobytes: after a tenth of the time and at the end."""

    early: dict[int, int] = field(default_factory=dict)
    late: dict[int, int] = field(default_factory=dict)

    def largest(self) -> float:
        return max(self.late.values(), default=0) / 1024

    def growth(self) -> float:
        return max((self.late[pid] - self.early[pid] for pid in self.late.keys() & self.early.keys()), default=0) / 1024


# ── before ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def prepare(server: Server, secret: str, clients: int, seconds: float) -> list[Job]:
    """A merchant with a program, cards whose codes are known, and tills of a platform: a job for each process."""
    merchant = await asyncio.to_thread(server.merchant, "Big Shop")
    token = await asyncio.to_thread(server.key, "Big Shop")
    signing = await asyncio.to_thread(server.made, "key", "create", "--merchant", "Big Shop", "--signing")
    async with Till(server, token, merchant) as till:
        await till.open_program()
        cards: list[dict[str, Any]] = []
        while len(cards) < _CARDS:
            cards += await asyncio.gather(*(till.card("2000.00", customerEmail=_EMAIL) for _ in range(20)))
        await _give_codes(server, secret, till.program, [card["id"] for card in cards])
        tills = [await _sign_in(till, signing, number) for number in range(3)]
    known = [
        (card["id"], card["cardNumber"], "/" + card["card"]["url"].split("/", 3)[3], _CODE)
        for card in cards
    ]  # fmt: skip
    seed = secrets.token_hex(4)
    return [
        Job(server.port, token, merchant, till.program, _EMAIL, known, tills, clients, seconds, f"{seed}-{at}")
        for at in range(_PROCESSES)
    ]


async def _give_codes(server: Server, secret: str, program: str, cards: Sequence[str]) -> None:
    """Write codes past Kado, once the mails with its own have left."""
    await drained(server)
    keyring = Keyring([secret])
    connection = await server.superuser()
    try:
        await give_codes(connection, keyring, program, cards, _CODE)
    finally:
        await connection.close()


async def drained(server: Server) -> float:
    """Wait until nothing waits for the worker; how many seconds that took."""
    began = time.monotonic()
    while await waiting(server):
        assert time.monotonic() - began < _DRAINED_SECONDS, "the worker does not come to an end"
        await asyncio.sleep(0.1)
    return time.monotonic() - began


async def _sign_in(till: Till, signing: dict[str, Any], number: int) -> str:
    """A till of a platform's shop, signed in: the header line of its requests."""
    wanted = {"appToken": secrets.token_hex(16), "merchantId": f"shop-{number}", "role": "owner"}
    body = json.dumps(wanted).encode()
    signature = sign(signing["secret"], signing["keyId"], "POST", _SESSION, body, time.time())
    headers = {HEADER: signature, "Content-Type": "application/json", "Authorization": ""}
    answer = await till.http.post(_SESSION, content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return f"X-Eposn-Merchant-Token: {answer.json()['sessionToken']}\r\n"


# ── the load, and who watches ──────────────────────────────────────────────────────────────────────────────────────


async def watch(server: Server, over: asyncio.Event, tell: Tell, seconds: float) -> tuple[Watch, Memory]:
    """Look at the books and the memory until the load is over."""
    began, memory, looking = time.monotonic(), Memory(), Watch()
    told = 0.0

    def each(books: Books) -> None:
        nonlocal told
        gone = time.monotonic() - began
        if gone > seconds / 10 and not memory.early:
            memory.early = server.memory_by_process()
        memory.late = server.memory_by_process()
        if gone - told > max(5, seconds / 10):
            told = gone
            tell(f"{books.entries} entries on {books.cards} cards, {len(looking.deviations)} deviations")

    await looking.run(server, over, each)
    return looking, memory


async def _drill(server: Server, secret: str, tell: Tell, scale: float) -> list[Line]:
    seconds = max(15, SECONDS * scale)
    tell("cards are made")
    jobs = await prepare(server, secret, _CLIENTS, seconds)
    before = await look(server)
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    tell(f"{_PROCESSES} × {_CLIENTS} clients for {seconds:.0f} s (seeds {', '.join(job.seed for job in jobs)})")
    with ProcessPoolExecutor(_PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        watching = asyncio.create_task(watch(server, over, tell, seconds))
        loads = [loop.run_in_executor(pool, work, job) for job in jobs]
        await asyncio.sleep(seconds / 2)
        await asyncio.to_thread(server.books_are_right)
        tallies = await asyncio.gather(*loads)
        over.set()
        looking, memory = await watching
    drained_after = await drained(server)
    await asyncio.to_thread(server.books_are_right)
    assert looking.last is not None
    return [
        *money(before, looking, tallies),
        *load(tallies, seconds),
        Line(
            26,
            f"memory is flat and at most {MEMORY_MEGABYTES} MB a process, and what waits for the worker gets done",
            f"largest {memory.largest():.0f} MB, growth {memory.growth():+.1f} MB after a tenth of the time;"
            f" at most {looking.most_waiting} jobs and messages waited, done {drained_after:.0f} s after the load",
            memory.largest() <= MEMORY_MEGABYTES and memory.growth() <= GROWTH_MEGABYTES,
        ),
    ]


# ── what came of it ────────────────────────────────────────────────────────────────────────────────────────────────


def money(before: Books, looking: Watch, tallies: Sequence[Tally]) -> list[Line]:
    """The lines about money."""
    assert looking.last is not None
    acknowledged: Counter[str] = Counter()
    for tally in tallies:
        acknowledged.update(tally.cents)
    kinds = ("ACTIVATION", "RELOAD", "REFUND", "REDEMPTION", "TRANSFER_OUT")
    written = {kind: looking.last.sums[kind] - before.sums[kind] for kind in kinds}
    apart = {kind: (acknowledged[kind], written[kind]) for kind in kinds if acknowledged[kind] != written[kind]}
    repeated, differing = sum(tally.repeated for tally in tallies), [d for tally in tallies for d in tally.differing]
    return [
        Line(
            2,
            "the entries of every card come to its balance, its numbers have no gap: in one snapshot, again and again",
            f"{len(looking.deviations)} deviations in {looking.looks} looks, {looking.last.entries} entries,"
            f" {looking.last.cards} cards at the end{_first(looking.deviations)}",
            not looking.deviations and looking.looks > 1,
        ),
        Line(
            3,
            "activated + reloaded + refunded - redeemed - voided = balances of a program; transfers come to nothing",
            f"{len(looking.programs_off)} deviations in {looking.looks} looks{_first(looking.programs_off)}",
            not looking.programs_off and looking.looks > 1,
        ),
        Line(
            2,
            "what callers were told is what the ledger has, for every kind of entry, to the cent",
            f"{len(apart)} kinds apart{f': {apart}' if apart else ''}; redeemed {-written['REDEMPTION'] / 100:.2f}",
            not apart and written["REDEMPTION"] < 0,
        ),
        Line(
            5,
            "a repetition with its key gets the first answer, byte for byte, in the midst of it",
            f"{repeated} repetitions, {len(differing)} other answers{_first(differing)}",
            not differing and repeated > 0,
        ),
    ]


def _first(found: Sequence[str]) -> str:
    return f": {found[0]}" if found else ""


def load(tallies: Sequence[Tally], seconds: float) -> list[Line]:
    """The line about how the callers were served."""
    done = sum(sum(tally.done.values()) for tally in tallies)
    outcomes: Counter[str] = Counter()
    for tally in tallies:
        outcomes.update(tally.outcomes)
    failures = [failure for tally in tallies for failure in tally.failures]
    errors = sum(count for outcome, count in outcomes.items() if not outcome.isdigit() or int(outcome) >= 500)
    redeems = sorted(second for tally in tallies for second in tally.redeem_seconds)
    p50, p99 = (1000 * redeems[len(redeems) * share // 100] for share in (50, 99))
    busy = ", ".join(f"{tally.processor_share:.0%}" for tally in tallies)
    granted: Counter[str] = Counter()
    for tally in tallies:
        granted.update(tally.granted)
    missing = CHANGES - granted.keys()
    return [
        Line(
            23,
            f"{seconds:.0f} s of everything at once without an error",
            f"{errors} errors in {sum(outcomes.values())} requests, {done} wishes ({done / seconds:.0f} a second),"
            f" {granted.total()} changes of {len(CHANGES)} kinds, {len(redeems)} redeems p50 {p50:.0f} ms"
            f" p99 {p99:.0f} ms,"
            f" longest answer {max(tally.longest for tally in tallies):.1f} s, clients' processor {busy}"
            f"{_first(failures)}{f'; never granted: {sorted(missing)}' if missing else ''}",
            not errors and not failures and (not missing or seconds < _LONG_ENOUGH_SECONDS),
        )
    ]


def drill(tell: Tell, scale: float) -> list[Line]:
    secret = secrets.token_hex(32)
    processes = min(4, max(2, os.cpu_count() or 2))
    with serving(processes=processes, settings={"KADO_SECRET_KEY": secret}) as server:
        lines = asyncio.run(_drill(server, secret, tell, scale))
        server.stop()
    return lines


if __name__ == "__main__":
    alone.main(drill, "mixed")
