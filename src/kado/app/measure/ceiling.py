"""What PostgreSQL itself can do on this machine: pgbench, prepared, one statement that does all that a redeem must.

The statement looks the key up, takes the money if there is enough, writes the entry and the key with a stored answer.
There is no hash chain in it, no encryption, no rule and no reason for a refusal.
"""

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import unquote, urlsplit

from kado.storage.connect import connect
from kado.storage.embedded.binaries import installed

DATABASE: Final = "kado_bench_ceiling"
_CARDS: Final = 100_000
_KEYS_BEFORE: Final = 50_000

_SCHEMA: Final = f"""
    CREATE TABLE card (
        program_id text COLLATE "C", id text COLLATE "C", balance bigint NOT NULL CHECK (balance >= 0),
        seq bigint NOT NULL, status text NOT NULL, updated_at timestamptz NOT NULL, PRIMARY KEY (program_id, id)
    ) WITH (fillfactor = 70);
    CREATE TABLE entry (
        program_id text COLLATE "C", card_id text COLLATE "C", seq bigint, id text COLLATE "C", type text,
        amount bigint, balance_before bigint, balance_after bigint, created_at timestamptz, merchant_id text,
        key_hash bytea, PRIMARY KEY (program_id, card_id, seq), UNIQUE (program_id, id), UNIQUE (program_id, key_hash),
        FOREIGN KEY (program_id, card_id) REFERENCES card
    );
    CREATE TABLE idempotency_key (
        program_id text COLLATE "C", key_hash bytea, request_hash bytea, status smallint, answer bytea,
        created_at timestamptz, PRIMARY KEY (program_id, key_hash)
    );
    INSERT INTO card SELECT repeat('a', 24), lpad(n::text, 24, '0'), 1000000000, 0, 'active', now()
      FROM generate_series(1, {_CARDS}) AS n;
    INSERT INTO idempotency_key SELECT repeat('a', 24), sha256(int8send(-n)), sha256(int8send(n)), 200,
      repeat('x', 200)::bytea, now() FROM generate_series(1, {_KEYS_BEFORE}) AS n;
    ANALYZE;
"""


class CeilingFailed(Exception):
    """pgbench could not do it, or nothing of it within the time; the text says what it said."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What was measured."""

    rate: float
    """Calls a second."""
    p50_ms: float | None = None
    """Of a call; only where there was one client, since writing all of them down costs the others something."""


class Pgbench:
    """A scratch database beside Kado's on the same PostgreSQL, and the program that calls it.

    `url` is a superuser, or one who may make databases.
    """

    def __init__(self, url: str, program: str) -> None:
        self._parts = urlsplit(url)._replace(path=f"/{DATABASE}")
        self._url = url
        self._program = program

    async def prepare(self) -> None:
        """Make the scratch database anew."""
        await self.remove()
        await _say(self._url, f"CREATE DATABASE {DATABASE}")
        await _say(self._parts.geturl(), _SCHEMA)

    async def remove(self) -> None:
        """Nothing of it is left."""
        await _say(self._url, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")

    def measure(self, clients: int, seconds: int, *, hot: bool = False) -> Ceiling:
        """So many clients for so long, on any of the cards or all on one. Raises `CeilingFailed`."""
        lowest, highest = (1, 1) if hot else (2, _CARDS)
        with tempfile.TemporaryDirectory(prefix="kado-pgbench-") as name:
            folder = Path(name)
            script = folder / "one_call.sql"
            script.write_bytes(files("kado.app.measure").joinpath("one_call.sql").read_bytes())
            logged = [f"--log-prefix={folder}/calls", "--log"] if clients == 1 else []
            done = subprocess.run(  # noqa: S603 - pgbench itself
                [
                    self._program, "--no-vacuum", "--protocol=prepared", f"--client={clients}",
                    f"--jobs={min(2, clients)}", f"--time={seconds}", f"--file={script}",
                    f"--define=lowest={lowest}", f"--define=highest={highest}", *logged, self._address(),
                ],
                env=self._environment(),
                capture_output=True,
                text=True,
                check=False,
            )  # fmt: skip
            found = re.search(r"tps = ([0-9.]+) \(without", done.stdout)
            if found is None or "number of failed transactions: 0 " not in done.stdout:
                raise CeilingFailed(
                    f"pgbench got nothing done in {seconds} s: {done.stderr.strip() or 'it was too busy'}"
                )
            return Ceiling(float(found[1]), _typical(folder) if logged else None)

    def _address(self) -> str:
        """Where, without the password, which others could see among the arguments of a process."""
        host = self._parts.netloc.rpartition("@")[2]
        return self._parts._replace(netloc=f"{self._parts.username or ''}@{host}").geturl()

    def _environment(self) -> dict[str, str]:
        found = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LD_LIBRARY_PATH")}
        # Found by their keys, and planned as Kado's own connections plan.
        found["PGOPTIONS"] = "-c enable_seqscan=off -c jit=off"
        if self._parts.password:
            found["PGPASSWORD"] = unquote(self._parts.password)
        return found


def find_pgbench() -> str | None:
    """The program that comes along with PostgreSQL, where it does."""
    found = next(installed(("pgbench",)), None)
    return None if found is None else found.program("pgbench")


def _typical(folder: Path) -> float:
    """The median, in milliseconds, of what pgbench wrote down (microseconds in the third column)."""
    lines = [line for file in folder.glob("calls.*") for line in file.read_text().splitlines()]
    return round(median(int(line.split()[2]) for line in lines) / 1000, 3)


async def _say(url: str, statements: str) -> None:
    connection = await connect(url, timeout=10)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()
