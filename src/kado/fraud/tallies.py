"""The statements behind counters: lock, read and write them for a whole list at once."""

import hashlib
from collections.abc import Iterable, Mapping

from kado.fraud.rule import Rule
from kado.fraud.tally import Key, Part, Tallies
from kado.storage.database import Connection


async def lock(connection: Connection, keys: Iterable[Key]) -> None:
    """Hold these counters until the transaction ends, in one order for everyone.

    Advisory locks: a counter that does not exist yet can be held too. Cards that are to be locked are locked before.
    """
    numbers = sorted({_number(key) for key in keys})
    if numbers:
        await connection.execute("SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS k", numbers)


async def read(connection: Connection, since: Mapping[Key, int]) -> Tallies:
    """What was counted under these keys from these sixtieths on. Run after `lock`."""
    tallies = Tallies()
    if not since:
        return tallies
    rows = await connection.fetch(
        """
        SELECT t.program_id, t.series_id, t.is_test, t.subject, t.bucket, t.count, t.amount, t.hits
        FROM unnest($1::text[], $2::text[], $3::boolean[], $4::text[], $5::bigint[])
             AS u (program_id, series_id, is_test, subject, since)
        JOIN fraud_tally t ON t.program_id = u.program_id AND t.series_id = u.series_id AND t.is_test = u.is_test
             AND t.subject = u.subject AND t.bucket >= u.since""",
        [key.program_id for key in since],
        [key.series_id for key in since],
        [key.is_test for key in since],
        [key.subject for key in since],
        list(since.values()),
    )
    tallies.learn((Key(*tuple(row)[:4]), row["bucket"], Part(*tuple(row)[5:])) for row in rows)
    return tallies


async def write(connection: Connection, tallies: Tallies) -> None:
    """Add what is new."""
    changes = list(tallies.changes())
    if not changes:
        return
    await connection.execute(
        """
        INSERT INTO fraud_tally (program_id, series_id, is_test, subject, bucket, count, amount, hits, touched_at)
        SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[], $4::text[], $5::bigint[], $6::bigint[],
                             $7::bigint[], $8::bigint[], $9::timestamptz[])
        ON CONFLICT (program_id, series_id, is_test, subject, bucket) DO UPDATE
        SET count = fraud_tally.count + EXCLUDED.count, amount = fraud_tally.amount + EXCLUDED.amount,
            hits = fraud_tally.hits + EXCLUDED.hits, touched_at = greatest(fraud_tally.touched_at, EXCLUDED.touched_at)
        """,
        [key.program_id for key, *_ in changes],
        [key.series_id for key, *_ in changes],
        [key.is_test for key, *_ in changes],
        [key.subject for key, *_ in changes],
        [bucket for _, bucket, *_ in changes],
        [part.count for _, _, part, _ in changes],
        [part.amount for _, _, part, _ in changes],
        [part.hits for _, _, part, _ in changes],
        [at for *_, at in changes],
    )


async def cleared(
    connection: Connection, rules: Iterable[Rule], cards: Iterable[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Rule id and card id, where somebody has looked and found nothing wrong. `cards` are program id and card id."""
    wanted = sorted(
        {
            (rule.program_id, rule.id, card_id)
            for rule in rules
            for program_id, card_id in cards
            if program_id == rule.program_id
        }
    )
    if not wanted:
        return set()
    rows = await connection.fetch(
        """
        SELECT c.rule_id, c.card_id
        FROM unnest($1::text[], $2::text[], $3::text[]) AS u (program_id, rule_id, card_id)
        JOIN fraud_clearance c ON c.program_id = u.program_id AND c.rule_id = u.rule_id AND c.card_id = u.card_id
        WHERE c.ends_at > clock_timestamp()""",
        *map(list, zip(*wanted, strict=True)),
    )
    return {(row["rule_id"], row["card_id"]) for row in rows}


def _number(key: Key) -> int:
    text = "\0".join(("kado fraud", key.program_id, key.series_id, str(key.is_test), key.subject))
    return int.from_bytes(hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:8], "big", signed=True)
