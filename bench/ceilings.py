"""What PostgreSQL itself can do on this machine: pgbench, prepared, one statement that does all that a redeem must.

The statement looks the key up, takes the money if there is enough, writes the entry and the key with a stored answer.
There is no hash chain in it, no encryption, no rule and no reason for a refusal.
"""

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from kado.storage.embedded.binaries import find_binaries

CARDS = 100_000
_KEYS_BEFORE = 50_000

_SCHEMA = f"""
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
      FROM generate_series(1, {CARDS}) AS n;
    INSERT INTO idempotency_key SELECT repeat('a', 24), sha256(int8send(-n)), sha256(int8send(n)), 200,
      repeat('x', 200)::bytea, now() FROM generate_series(1, {_KEYS_BEFORE}) AS n;
    ANALYZE;
"""

_ONE_CALL = """
\\set card random(:lowest, :highest)
\\set key random(1, 9000000000000000000)
WITH known AS (
    SELECT status, answer FROM idempotency_key
     WHERE program_id = 'aaaaaaaaaaaaaaaaaaaaaaaa' AND key_hash = sha256(int8send(:key))
), moved AS (
    UPDATE card SET balance = balance - 1, seq = seq + 1, updated_at = clock_timestamp()
     WHERE program_id = 'aaaaaaaaaaaaaaaaaaaaaaaa' AND id = lpad(:card::text, 24, '0') AND status = 'active'
       AND balance >= 1 AND NOT EXISTS (SELECT FROM known)
    RETURNING program_id, id, seq, balance
), written AS (
    INSERT INTO entry
    SELECT program_id, id, seq, substr(md5(:key::text), 1, 24), 'REDEMPTION', -1, balance + 1, balance,
           clock_timestamp(), repeat('b', 24), sha256(int8send(:key)) FROM moved
), kept AS (
    INSERT INTO idempotency_key
    SELECT program_id, sha256(int8send(:key)), sha256(int8send(:card)), 200,
           convert_to(format('{"giftCardId":"%s","amountRedeemed":"0.01","remainingBalance":"%s","message":"%s"}',
                             id, balance, repeat('.', 100)), 'UTF8'), clock_timestamp() FROM moved
)
SELECT balance FROM moved;
"""


class Ceiling:
    """A scratch database beside Kado's, on the same PostgreSQL."""

    def __init__(self, url: str, folder: Path) -> None:
        self._parts = urlsplit(url)
        self._script = folder / "one_call.sql"
        self._script.write_text(_ONE_CALL)

    async def prepare(self) -> None:
        """Make the scratch database anew."""
        connection = await asyncpg.connect(self._parts.geturl())
        try:
            await connection.execute("DROP DATABASE IF EXISTS kado_bench WITH (FORCE)")
            await connection.execute("CREATE DATABASE kado_bench")
        finally:
            await connection.close()
        connection = await asyncpg.connect(self._parts._replace(path="/kado_bench").geturl())
        try:
            await connection.execute(_SCHEMA)
        finally:
            await connection.close()

    def measure(self, clients: int, seconds: int, *, hot: bool = False) -> float:
        """Calls a second."""
        query = parse_qs(self._parts.query)
        socket = query["host"][0] if "host" in query else self._parts.hostname or "127.0.0.1"
        port = query["port"][0] if "port" in query else str(self._parts.port or 5432)
        lowest, highest = (1, 1) if hot else (2, CARDS)
        done = subprocess.run(
            [
                find_binaries().program("pgbench"), "--no-vacuum", "--protocol=prepared", f"--client={clients}",
                f"--jobs={min(2, clients)}", f"--time={seconds}", f"--file={self._script}",
                f"--define=lowest={lowest}", f"--define=highest={highest}",
                f"--host={socket}", f"--port={port}", f"--username={self._parts.username}", "kado_bench",
            ],
            env={
                "PATH": os.defpath,
                "PGPASSWORD": unquote(self._parts.password or ""),
                "PGOPTIONS": "-c enable_seqscan=off -c jit=off",
            },
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        found = re.search(r"tps = ([0-9.]+) \(without", done.stdout)
        if found is None or "number of failed transactions: 0 " not in done.stdout:
            raise SystemExit(f"pgbench failed: {done.stdout}{done.stderr}")
        return float(found[1])
