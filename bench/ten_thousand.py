"""Ten thousand redeems over HTTP on a fresh server with two processes; then every cent and every hash is checked."""

import asyncio
import secrets
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import cards as bench_cards  # noqa: E402
from tests.serving.server import Server, serving  # noqa: E402

from kado.app.measure import load  # noqa: E402

REDEEMS: Final = 10_000
CONNECTIONS: Final = 32
CARDS: Final = 200
_VALUE: Final = 1_000_000

_SUMS: Final = """
    SELECT (SELECT count(*) FROM card_transaction WHERE type = 'REDEMPTION') AS redemptions,
           (SELECT sum(amount) FROM card_transaction)::bigint AS entries,
           (SELECT sum(balance) FROM card)::bigint AS balances,
           (SELECT count(*) FROM card c WHERE balance <> (
               SELECT sum(amount) FROM card_transaction t
                WHERE t.program_id = c.program_id AND t.card_id = c.id)) AS wrong,
           (SELECT count(*) FROM card c WHERE seq <> (
               SELECT count(*) FROM card_transaction t
                WHERE t.program_id = c.program_id AND t.card_id = c.id)) AS gaps
"""


async def check(server: Server) -> None:
    """The sums, told by SQL and not by Kado."""
    connection = await server.superuser()
    try:
        sums = await connection.fetchrow(_SUMS)
    finally:
        await connection.close()
    assert sums is not None
    assert (sums["redemptions"], sums["wrong"], sums["gaps"]) == (REDEEMS, 0, 0), dict(sums)
    assert sums["entries"] == sums["balances"] == CARDS * _VALUE - REDEEMS, dict(sums)


def main() -> None:
    secret = secrets.token_hex(32)
    with serving(processes=2, settings={"KADO_SECRET_KEY": secret}) as server:
        cards, token = asyncio.run(bench_cards.in_a_shop(server, secret, count=CARDS))
        job = {"kind": "redeem", "program": cards.program_id, "cards": cards.ids, "token": token}
        told = load.measure(job | {"port": server.port, "connections": CONNECTIONS, "requests": REDEEMS})
        asyncio.run(check(server))
        server.books_are_right()
        server.stop()
    print(
        f"{told['answers']} redeems, {CARDS} cards, {CONNECTIONS} connections, 2 processes: {told['rate']:.0f} a second"
    )
    print(f"p50 {told['p50_ms']} ms, p95 {told['p95_ms']} ms, p99 {told['p99_ms']} ms; 0 failed")
    print("entries, balances and sequence numbers agree; kado verify has nothing to say")


if __name__ == "__main__":
    main()
