"""How long finding takes among a million cards, against a look-up by id on the same machine: `python bench/find.py`.

The cards are made with set-based SQL in a database that is thrown away. They have numbers that open, names and emails,
but no entries: nothing here looks at money. Their words are made by the migration's own code.
"""

import argparse
import asyncio
import importlib
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import quote_plus

import asyncpg

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.run import load  # noqa: E402
from tests.serving.server import Server, serving  # noqa: E402
from tests.serving.till import Till  # noqa: E402

from kado.cards.numbers import hide_number, new_number  # noqa: E402
from kado.crypto import Keyring  # noqa: E402

MIGRATION: Final = importlib.import_module("kado.storage.migrations.versions.0007_search")
LOOK: Final = "look-up by id"

FIRST: Final = [
    one + other
    for one, other in product(
        "An Ja Ma El Lu So Ber Chi Da Fe Gre Hi Is Jo Ka Le Mi No Ol Pa".split(),
        "na mes ria len cas phie ta ra vid lix ga ko".split(),
    )
]
LAST: Final = [
    "".join(parts)
    for parts in product(
        "Smi Jo Mül Gar Wil Bro Love Ha Ki Ta Ro Cla Wri Sco Gre Ad".split(),
        "th n ler c lia w la r v y bin s".split(),
        "son man ez ton er burg ski ova dottir lace".split(),
    )
]

# The first names of a list come most often: a twentieth of all people is called like the first of 240.
_INSERT: Final = """
    INSERT INTO card (
        program_id, id, merchant_id, is_test, balance, initial_value, max_balance, status, seq, head_hash, created_at,
        updated_at, activated_at, expires_at, suspended_at, state_seal, number_index, number_sealed, last_four,
        key_version, pass_sid, customer_email, customer_name, sender_name, is_physical)
    SELECT $1::text, n.id, $2, false, CASE WHEN s.status = 'active' THEN 5000 ELSE 0 END, 5000, 1000000, s.status, 1,
           sha256(n.id::text::bytea), now() - n.place * interval '20 seconds', now(),
           CASE WHEN s.status <> 'pending' THEN now() END, now() + interval '1 year',
           CASE WHEN s.status = 'suspended' THEN now() END, substr(sha512(n.id::text::bytea), 1, 36), n.number_index,
           n.number_sealed, n.last_four, $3, $1::text || md5(n.id),
           CASE WHEN p.named THEN lower(p.first || '.' || p.last) || n.place || '@example.com' END,
           CASE WHEN p.named THEN p.first || ' ' || p.last END,
           CASE WHEN p.sent THEN p.sender || ' ' || p.last END, false
    FROM bench_number n
    CROSS JOIN LATERAL (
        SELECT $4::text[] AS firsts, $5::text[] AS lasts, random() + n.place * 0 AS a, random() AS b, random() AS c) r
    CROSS JOIN LATERAL (
        SELECT firsts[1 + floor(cardinality(firsts) * a * a)] AS first,
               lasts[1 + floor(cardinality(lasts) * b * b)] AS last,
               firsts[1 + floor(cardinality(firsts) * c * c)] AS sender, n.place % 5 <> 0 AS named,
               n.place % 3 = 0 AS sent) p
    CROSS JOIN LATERAL (
        SELECT CASE WHEN n.place % 10000 = 0 THEN 'suspended' WHEN n.place % 7 = 0 THEN 'pending'
                    WHEN n.place % 3 = 0 THEN 'depleted' ELSE 'active' END AS status) s
    ON CONFLICT DO NOTHING"""  # of a million random numbers a few are the same


async def make(server: Server, secret: str, merchant_id: str, program_id: str, count: int) -> dict[str, float]:
    """The cards; how many seconds each step took."""
    keyring = Keyring([secret])

    def numbers() -> Iterator[tuple[object, ...]]:
        for place in range(count):
            card_id = f"{place:08x}{secrets.token_hex(8)}"
            hidden = hide_number(keyring, program_id, card_id, new_number("4000"))
            yield place, card_id, hidden.number_index, hidden.sealed, hidden.last_four

    connection = await server.superuser()
    try:
        await connection.execute("DROP INDEX card_word_find")
        await connection.execute(
            "CREATE UNLOGGED TABLE bench_number"
            " (place bigint, id text, number_index bytea, number_sealed bytea, last_four text)"
        )
        steps: dict[str, Callable[[], Any]] = {
            "numbers": lambda: connection.copy_records_to_table("bench_number", records=numbers()),
            "cards": lambda: connection.execute(_INSERT, program_id, merchant_id, keyring.version, FIRST, LAST),
            "words, by the migration": lambda: MIGRATION.fill(connection),
            "index of the words": lambda: connection.execute(
                (Path(MIGRATION.__file__ or "").parent / "0007_search_words.sql").read_text()
            ),
            "vacuum": lambda: connection.execute("VACUUM (ANALYZE)"),
        }
        took = {}
        for name, step in steps.items():
            began = time.monotonic()
            await step()
            took[name] = time.monotonic() - began
    finally:
        await connection.close()
    return took


async def kinds(server: Server, program_id: str) -> dict[str, list[str]]:
    """What is looked for, many addresses of each kind."""
    connection = await server.superuser()
    try:
        rows = await connection.fetch(
            "SELECT id, last_four, customer_name, sender_name, customer_email FROM card TABLESAMPLE SYSTEM (5)"
            " WHERE program_id = $1 AND customer_name IS NOT NULL AND sender_name IS NOT NULL",
            program_id,
        )
    finally:
        await connection.close()
    rows = random.sample(rows, min(400, len(rows)))
    base = f"/v2/giftcards/programs/{program_id}"

    def search(*texts: str) -> list[str]:
        return [f"{base}/search?q={quote_plus(text)}&limit=25" for text in texts]

    def full(*texts: str) -> list[str]:
        return [f"{base}/search?q={quote_plus(text)}" for text in texts]

    emails = [row["customer_email"] for row in rows]
    lasts = [row["customer_name"].split()[1] for row in rows]
    some = [secrets.token_hex(3) for _ in range(100)]
    return {
        LOOK: [f"{base}/cards/{row['id']}" for row in rows],
        "one letter": search(*"abcdefghijklmnoprstw"),
        "two letters": search(*(last[:2] for last in lasts)),
        "three letters": search(*(last[:3] for last in lasts)),
        "a first name": search(*FIRST),
        "first and last name": search(*(row["customer_name"] for row in rows)),
        "name as it is typed": search(*(row["customer_name"][: -random.randint(1, 3)] for row in rows)),
        "two frequent first names": search(*(f"{one} {other}" for one, other in product(FIRST[:5], FIRST[5:10]))),
        "email": search(*emails),
        "beginning of an email": search(*(email[: email.index(".") + 3] for email in emails)),
        "last four": search(*(row["last_four"] for row in rows)),
        "a number that is none": search(*(f"4000 {n:04} 1234 5678" for n in range(100))),
        "nothing: one word": search(*(f"zz{one}" for one in some)),
        "nothing: a frequent name and more": search(*(f"{FIRST[0]} zz{one}" for one in some)),
        "one letter, 250 cards": full(*"abcdefghijklmnoprstw"),
        "newest 25": [f"{base}/cards?limit=25"],
        "newest 250": [f"{base}/cards"],
        "suspended (100 of a million), 25": [f"{base}/cards?status=suspended&limit=25"],
        "expired (none), 25": [f"{base}/cards?status=expired&limit=25"],
    }


async def prepare(server: Server, secret: str, count: int) -> tuple[dict[str, list[str]], str]:
    merchant_id, token = server.merchant("Bench"), server.key("Bench")
    async with Till(server, token, merchant_id) as till:
        program_id = await till.open_program()
    for name, seconds in (await make(server, secret, merchant_id, program_id, count)).items():
        print(f"{name}: {seconds:.1f} s", flush=True)
    await sizes(server)
    return await kinds(server, program_id), token


async def sizes(server: Server) -> None:
    """How much room the words and the indexes take."""
    connection: asyncpg.Connection[asyncpg.Record] = await server.superuser()
    try:
        rows = await connection.fetch(
            "SELECT relname, pg_relation_size(oid) / 1048576 AS megabytes FROM pg_class"
            " WHERE relname LIKE 'card%' AND relkind IN ('r', 'i') ORDER BY relname"
        )
    finally:
        await connection.close()
    print(", ".join(f"{row['relname']} {row['megabytes']} MB" for row in rows), flush=True)


def measure(server: Server, asked: dict[str, list[str]], token: str, rounds: int, seconds: float) -> None:
    """Everything in turn, several rounds; the medians, and how many look-ups long each took."""
    figures: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for connections in (1, 8):
            for name, paths in asked.items():
                job = {"kind": "get", "paths": paths, "token": token, "port": server.port, "seconds": seconds}
                told = load(job | {"connections": connections})
                figures.setdefault((name, connections), []).append((told["p50_ms"], told["p95_ms"]))
    print(f"\n{datetime.now(UTC):%Y-%m-%d}; p50 and p95 in ms, p95 in look-ups; with 1 connection and with 8")
    for name in asked:
        line = f"{name:<36}"
        for connections in (1, 8):
            p50, p95 = (median(one[at] for one in figures[name, connections]) for at in (0, 1))
            base = median(one[1] for one in figures[LOOK, connections])
            line += f"{p50:>10.2f}{p95:>8.2f}{p95 / base:>7.1f}"
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure lists and searches among many cards.")
    parser.add_argument("--cards", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    wanted = parser.parse_args()
    secret = secrets.token_hex(32)
    with serving(settings={"KADO_SECRET_KEY": secret, "KADO_LOG_LEVEL": "info"}) as server:
        asked, token = asyncio.run(prepare(server, secret, wanted.cards))
        measure(server, asked, token, wanted.rounds, wanted.seconds)
        server.stop()


if __name__ == "__main__":
    main()
