"""How long finding takes among a million cards, against a look-up by id on the same machine: `python bench/find.py`.

The cards are those of `bench/grown.py`, with five million entries, and are kept for the next run.
"""

import argparse
import asyncio
import random
import secrets
import sys
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import quote_plus

import asyncpg

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import grown  # noqa: E402
from bench.grown import FIRST, Grown, Size  # noqa: E402

from kado.app.measure import load  # noqa: E402
from kado.app.measure.scratch import Scratch  # noqa: E402

LOOK: Final = "look-up by id"


async def kinds(url: str, program_id: str) -> dict[str, list[str]]:
    """What is looked for, many addresses of each kind."""
    connection = await asyncpg.connect(url)
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


def measure(server: Scratch, asked: dict[str, list[str]], token: str, rounds: int, seconds: float) -> None:
    """Everything in turn, several rounds; the medians, and how many look-ups long each took."""
    figures: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for connections in (1, 8):
            for name, paths in asked.items():
                job = {"kind": "get", "paths": paths, "token": token, "port": server.port, "seconds": seconds}
                told = load.measure(job | {"connections": connections})
                figures.setdefault((name, connections), []).append((told["p50_ms"], told["p95_ms"]))
    print(f"\n{datetime.now(UTC):%Y-%m-%d}; p50 and p95 in ms, p95 in look-ups; with 1 connection and with 8")
    for name in asked:
        line = f"{name:<36}"
        for connections in (1, 8):
            p50, p95 = (median(one[at] for one in figures[name, connections]) for at in (0, 1))
            base = median(one[1] for one in figures[LOOK, connections])
            line += f"{p50:>10.2f}{p95:>8.2f}{p95 / base:>7.1f}"
        print(line)


def look(server: Scratch, of: Grown, rounds: int, seconds: float) -> None:
    """All of it, on a server that runs."""
    measure(server, asyncio.run(kinds(server.database_url(), of.program_id)), of.token, rounds, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure lists and searches among many cards.")
    parser.add_argument("--cards", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    wanted = parser.parse_args()
    of = grown.kept(Size(wanted.cards, 5 * wanted.cards))
    server = grown.server(of)
    try:
        server.start()
        look(server, of, wanted.rounds, wanted.seconds)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
