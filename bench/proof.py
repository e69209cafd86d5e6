"""How fast `kado verify` is, beside the least that anybody could do: COPY the rows out and hash them."""

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from typing import Any, Final, NamedTuple

import asyncpg
from bench import grown
from bench.grown import Grown, Size

SIZE: Final = Size(200_000, 1_000_000)


class Cost(NamedTuple):
    """Of a command: seconds, seconds of a processor, and the most memory that it had."""

    seconds: float
    cpu_seconds: float
    memory_mb: int


def measure(size: Size, rounds: int, *, fresh: bool) -> dict[str, list[float]]:
    """Seconds for each round: of `kado verify`, and of COPY and SHA-256 over the same rows. Ends everything when
    verify has anything to say."""
    ledger = grown.kept(size, fresh=fresh, only_ledger=True)
    found: dict[str, list[float]] = {"verify": [], "copy": [], "memory_mb": []}
    with grown.database(ledger) as url:
        for _ in range(rounds):
            found["copy"].append(asyncio.run(_copy(url)))
            cost = verify(ledger)
            found["verify"].append(cost.seconds)
            found["memory_mb"].append(cost.memory_mb)
    return found


def verify(ledger: Grown) -> Cost:
    """`kado verify` as a command, from its start to its end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KADO_")}
    environment |= {"KADO_DATA_DIR": str(ledger.root / "data"), "KADO_SECRET_KEY": ledger.secret}
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "kado", "verify"], env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    took = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"kado verify says {process.returncode}")
    return Cost(took, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)


async def _copy(url: str) -> float:
    digest = hashlib.sha256()

    async def take(data: bytes) -> None:
        digest.update(data)

    connection: asyncpg.Connection[Any] = await asyncpg.connect(url)
    try:
        began = time.perf_counter()
        await connection.copy_from_table("card_transaction", output=take)
        return time.perf_counter() - began
    finally:
        await connection.close()
