"""What lies between Kado and its database misbehaves: conflicts, half a second on every request, a full disk."""

import asyncio
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from drills.line import Line, Tell  # noqa: E402
from tests.serving.database_faults import Failing, Refusing, Slow  # noqa: E402
from tests.serving.database_proxy import DatabaseProxy, proxying_database  # noqa: E402
from tests.serving.liveness import watched  # noqa: E402
from tests.serving.rush import Rush  # noqa: E402
from tests.serving.server import Server, serving  # noqa: E402
from tests.serving.till import Till  # noqa: E402

from drills import alone  # noqa: E402
from kado.storage import embedded  # noqa: E402

SECONDS: Final = 30
COMERS: Final = 450
DISK: Final = "700m"
CODES: Final = ("40001", "40P01", "55P03")


def drill(tell: Tell, scale: float) -> list[Line]:
    """About two minutes at scale 1. Raises when something is lost, doubled, or does not recover by itself."""
    with _a_disk() as disk:
        database = embedded.start(disk / "data", role="server")
        settings = {"KADO_SECRET_KEY": secrets.token_hex(32)}
        try:
            with (
                proxying_database(database.url) as proxy,
                serving(database_url=proxy.url, settings=settings) as server,
            ):
                merchant_id = server.merchant("Flower Shop")
                till = Till(server, server.key("Flower Shop"), merchant_id)
                lines = asyncio.run(_all(tell, scale, server, till, proxy, disk))
                tell("kado verify")
                server.books_are_right()
                server.stop()
        finally:
            database.stop()
    return lines


async def _all(tell: Tell, scale: float, server: Server, till: Till, proxy: DatabaseProxy, disk: Path) -> list[Line]:
    async with till:
        await till.open_program()
        return [
            await _conflicts(tell, max(3.0, SECONDS * scale), server, till, proxy),
            *await _slow(tell, server, till, proxy),
            await _full(tell, server, till, proxy, disk),
        ]


async def _rush(till: Till) -> Rush:
    return Rush(till, [(await till.card("5000.00"))["id"] for _ in range(8)], workers=16)


async def _conflicts(tell: Tell, seconds: float, server: Server, till: Till, proxy: DatabaseProxy) -> Line:
    tell("every fifth transaction fails with a conflict")
    rush, failing = await _rush(till), Failing(0.2, CODES, seed=int(time.time()))
    proxy.goes_on(failing)
    ends = time.monotonic() + seconds
    async with rush.under_way():
        while time.monotonic() < ends:
            await rush.sold(50, seconds=60)
    proxy.goes_on()
    outcomes = rush.outcomes()
    await rush.settle(till)
    await rush.is_booked_exactly_once(server, till.program)
    others = sum(count for outcome, count in outcomes.items() if outcome not in (200, 400))
    figure = (
        f"{failing.failed} of {failing.transactions} transactions failed, {sum(outcomes.values())} answers,"
        f" {others} of them 5xx, 0 applied twice"
    )
    return Line(16, "conflicts on a fifth of the transactions", figure, held=outcomes.keys() <= {200, 400})


async def _slow(tell: Tell, server: Server, till: Till, proxy: DatabaseProxy) -> list[Line]:
    tell("half a second on every request to the database, and more callers than may wait")
    card = (await till.card("500.00"))["id"]
    proxy.goes_on(Slow(0.5))

    async def come(at: int) -> tuple[int, str, str]:
        await asyncio.sleep(at / COMERS)
        answer = await till.redeem(card, "0.10", f"slow-{at}")
        return answer.status_code, answer.headers["X-Request-Id"], answer.text

    with watched(server.port) as alive:
        answers = await asyncio.gather(*(come(at) for at in range(COMERS)))
    proxy.goes_on()
    assert {status for status, _, _ in answers} <= {200, 503}, answers
    turned_away = {name for status, name, text in answers if status == 503 and "are waiting" in text}
    said = [json.loads(line) for line in server.said().splitlines() if '"milliseconds"' in line]
    took = [line["milliseconds"] for line in said if line["request_id"] in turned_away]
    await asyncio.sleep(5)
    for at in range(COMERS):
        assert (await till.redeem(card, "0.10", f"slow-{at}")).status_code == 200
    assert (await till.details(card))["balance"] == f"{500 - COMERS / 10:.2f}"
    alive.sort()
    served = sum(status == 200 for status, _, _ in answers)
    queue = (
        f"{COMERS} within a second: {served} served, {len(took)} turned away after {median(took):.0f} ms"
        f" (the slowest {max(took):.0f} ms), {COMERS - served - len(took)} told that the outcome is not known"
    )
    liveness = f"median {median(alive) * 1000:.0f} ms, p99 {alive[int(len(alive) * 0.99)] * 1000:.0f} ms"
    return [
        Line(18, "over 200 waiting: 503 within a second", queue, held=max(took) < 1000),
        Line(18, "liveness meanwhile", liveness, held=alive[int(len(alive) * 0.99)] <= 0.1),
    ]


async def _full(tell: Tell, server: Server, till: Till, proxy: DatabaseProxy, disk: Path) -> Line:
    rush = await _rush(till)
    is_real = _is_mounted(disk)
    tell("the disk is full" if is_real else "the disk seems full (a real one needs the right to mount)")
    filler = disk / "filler"
    if is_real:
        await asyncio.to_thread(_fill, filler)
    else:
        proxy.goes_on(Refusing("53100"))
    read = 0
    async with rush.under_way():
        ends = time.monotonic() + 20
        while time.monotonic() < ends and (rush.outcomes()[503] < 20 or not read):
            read += (await till.http.get(till.cards_path(rush.cards[0]))).status_code == 200
            await asyncio.sleep(0.1)
        filler.unlink(missing_ok=True)
        proxy.goes_on()
        freed = time.monotonic()
        await rush.sold(20, seconds=90)
        back = time.monotonic() - freed
    outcomes = rush.outcomes()
    assert outcomes.keys() <= {200, 400, 503}, outcomes
    await rush.settle(till)
    await rush.is_booked_exactly_once(server, till.program)
    figure = (
        f"{'a real full disk' if is_real else 'as PostgreSQL says it'}: {outcomes[503]} writes 503, {read} reads"
        f" answered, no other 5xx, selling again {back:.1f} s after there was room, books right"
    )
    return Line(17, "disk full", figure, held=outcomes[503] > 0)


def _is_mounted(place: Path) -> bool:
    return place.stat().st_dev != place.parent.stat().st_dev


def _fill(file: Path) -> None:
    subprocess.run(["dd", "if=/dev/zero", f"of={file}", "bs=1M"], capture_output=True, check=False)


@contextmanager
def _a_disk() -> Iterator[Path]:
    """A small disk of its own where that is allowed, otherwise a directory."""
    place = Path(tempfile.mkdtemp(prefix="kado-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0711", "tmpfs", str(place)], capture_output=True, check=False
    )
    place.chmod(0o711)
    try:
        yield place
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", str(place)], check=False)
        subprocess.run(["rm", "-rf", str(place)], check=False)


if __name__ == "__main__":
    alone.main(drill, "database-faults")
