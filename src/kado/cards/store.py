"""The statements that the posting machine runs. Each is set-based: arrays in, rows out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from kado.cards.card import Card
from kado.cards.idempotency import Fingerprint, NewKey, Remembered
from kado.cards.words import insert_words, rewrite_words
from kado.programs.program import Program
from kado.programs.store import PROGRAM_COLUMNS, program_from_row
from kado.storage.database import Connection

if TYPE_CHECKING:
    import asyncpg

CARD_COLUMNS: Final = """
    c.program_id, c.id, c.merchant_id, cm.name AS merchant_name, c.is_test, c.balance, c.held, c.initial_value,
    c.max_balance, c.status, c.seq, c.head_hash, c.created_at, c.updated_at, c.activated_at, c.expires_at,
    c.suspended_at, c.suspended_until, c.suspended_reason, c.voided_at, c.state_seal, c.number_index, c.number_sealed,
    c.last_four, c.key_version, c.code_hash, c.code_version, c.codes_sent_at, c.pass_sid, c.customer_id,
    c.customer_email, c.customer_phone, c.customer_name, c.sender_name, c.custom_message, c.design_template,
    c.is_physical, c.deliver_at, c.delivered_at, c.successor_id, c.succession, c.has_reversals,
    c.rows_digest, c.language, c.time_zone, c.in_wallets"""
"""In the order of the fields of `Card`; `c` is the card, `cm` the merchant it was issued for."""

CARD_WIDTH: Final = 46

STATUS_NOW: Final = """
    CASE WHEN c.voided_at IS NOT NULL THEN 'voided'
         WHEN c.expires_at <= statement_timestamp() THEN 'expired'
         WHEN c.suspended_at IS NOT NULL
              AND (c.suspended_until IS NULL OR c.suspended_until > statement_timestamp()) THEN 'suspended'
         WHEN c.activated_at IS NULL THEN 'pending'
         WHEN c.balance = 0 THEN 'depleted'
         ELSE 'active' END"""
"""`Card.status_at` in SQL, for this very moment. `c.status` says what was true when it was last written."""

ENTRY_COLUMNS: Final = """
    program_id, card_id, seq, id, type, amount, balance_before, balance_after, created_at, reference_id,
    pos_transaction_id, cashier_id, terminal_id, merchant_id, description, key_hash, previous_hash, hash,
    counterpart_id"""
"""In the order of the fields of `Entry`."""


class Locked(NamedTuple):
    """Cards that are ours until the transaction ends, the rules they live under, and the database's time."""

    cards: dict[tuple[str, str], Card]
    programs: dict[str, Program]
    now: datetime | None


# Of one program, which is how a distributed engine finds the machine that can lock.
_LOCK: Final = f"""
    SELECT {CARD_COLUMNS}, clock_timestamp() AS now, {PROGRAM_COLUMNS}
    FROM card c
    JOIN program p ON p.id = c.program_id
    JOIN merchant pm ON pm.id = p.merchant_id
    JOIN merchant cm ON cm.id = c.merchant_id
    WHERE c.program_id = $1 AND c.id = ANY($2::text[])
    ORDER BY c.id
    FOR UPDATE OF c"""


async def lock_cards(connection: Connection, program_id: str, card_ids: Iterable[str]) -> Locked:
    """Lock these cards, always in the same order, so that two of them who lock never wait for each other."""
    rows = await connection.fetch(_LOCK, program_id, sorted(set(card_ids)))
    return locked_from(rows, now_at=CARD_WIDTH, program_at=CARD_WIDTH + 1)


def locked_from(rows: "Sequence[asyncpg.Record]", *, now_at: int, program_at: int) -> Locked:
    """What rows say that begin with `CARD_COLUMNS` and have the time and `PROGRAM_COLUMNS` (last) in these places.

    A row may come without its program, where an earlier one had it.
    """
    cards: dict[tuple[str, str], Card] = {}
    programs: dict[str, Program] = {}
    now: datetime | None = None
    for row in rows:
        values = tuple(row)
        card = Card(*values[:CARD_WIDTH])
        cards[card.program_id, card.id] = card
        now = values[now_at]
        if values[program_at] is not None and card.program_id not in programs:
            programs[card.program_id] = program_from_row(values[program_at:])
    return Locked(cards, programs, now)


async def _of_these(
    connection: Connection, of_one: str, of_several: str, places: Sequence[tuple[str, object]]
) -> "list[asyncpg.Record]":
    """What a statement finds at these places (program id, and what else), in its form for one program or for several.

    The form for one is the quicker one, and names its program in a way by which a distributed engine finds its machine.
    """
    programs, others = [program for program, _ in places], [other for _, other in places]
    if len(set(programs)) == 1:
        return await connection.fetch(of_one, programs[0], others)
    return await connection.fetch(of_several, programs, others)


_KEYS: Final = """
    SELECT u.program_id, u.key_hash, k.request_hash, k.status, k.answer
    FROM unnest($1::text[], $2::bytea[]) AS u (program_id, key_hash)
    LEFT JOIN idempotency_key k ON k.program_id = u.program_id AND k.key_hash = u.key_hash
    WHERE k.key_hash IS NOT NULL OR EXISTS (
        SELECT FROM card_transaction t WHERE t.program_id = u.program_id AND t.key_hash = u.key_hash)"""

_KEYS_OF_ONE: Final = """
    SELECT t.program_id, t.key_hash, NULL::bytea AS request_hash, NULL::smallint AS status, NULL::bytea AS answer
    FROM card_transaction t WHERE t.program_id = $1 AND t.key_hash = ANY($2::bytea[])
    UNION ALL
    SELECT k.program_id, k.key_hash, k.request_hash, k.status, k.answer
    FROM idempotency_key k WHERE k.program_id = $1 AND k.key_hash = ANY($2::bytea[])"""
"""Where a key has both, the one with the answer comes last."""


async def read_keys(connection: Connection, keys: Sequence[tuple[str, bytes]]) -> dict[tuple[str, bytes], Remembered]:
    """What is known of these keys (program id, key hash). Run after the lock: its snapshot must see who came before."""
    if not keys:
        return {}
    rows = await _of_these(connection, _KEYS_OF_ONE, _KEYS, keys)
    return {
        (row["program_id"], row["key_hash"]): Remembered(row["request_hash"] or b"", row["status"] or 0, row["answer"])
        for row in rows
    }


async def write_keys(connection: Connection, keys: Sequence[NewKey], now: datetime) -> None:
    """Answers that no entry stands beside: refusals, and what moved no money."""
    await connection.execute(
        """
        INSERT INTO idempotency_key (program_id, key_hash, request_hash, status, answer, created_at)
        SELECT u.*, $6::timestamptz
        FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::smallint[], $5::bytea[])
             AS u (program_id, key_hash, request_hash, status, answer)""",
        *_key_arrays(keys),
        now,
    )


def _key_arrays(keys: Sequence[NewKey]) -> tuple[list[object], ...]:
    return (
        [key.program_id for key in keys],
        [key.key_hash for key in keys],
        [key.request_hash for key in keys],
        [key.status for key in keys],
        [key.answer for key in keys],
    )


_WRITE_STATE: Final = """
    UPDATE card SET activated_at = $3, expires_at = $4, suspended_at = $5, suspended_until = $6, suspended_reason = $7,
        voided_at = $8, state_seal = $9, code_hash = $10, code_version = $11, codes_sent_at = $12, customer_email = $13,
        customer_phone = $14, customer_name = $15, customer_id = $16, held = $17,
        balance = $18, seq = $19, head_hash = $20, status = $21, updated_at = $22, deliver_at = $23,
        successor_id = $24, succession = $25, has_reversals = $26, sender_name = $27, custom_message = $28,
        rows_digest = $29, language = $30, time_zone = $31
    WHERE program_id = $1 AND id = $2"""


async def write_state(connection: Connection, cards: Sequence[Card]) -> None:
    """Cards of which more than the balance changed: everything at once, so that no constraint sees half of it."""
    await rewrite_words(connection, cards)
    await connection.executemany(
        _WRITE_STATE,
        [
            (
                card.program_id,
                card.id,
                card.activated_at,
                card.expires_at,
                card.suspended_at,
                card.suspended_until,
                card.suspended_reason,
                card.voided_at,
                card.state_seal,
                card.code_hash,
                card.code_version,
                card.codes_sent_at,
                card.customer_email,
                card.customer_phone,
                card.customer_name,
                card.customer_id,
                card.held,
                card.balance,
                card.seq,
                card.head_hash,
                card.recorded_status,
                card.updated_at,
                card.deliver_at,
                card.successor_id,
                card.succession,
                card.has_reversals,
                card.sender_name,
                card.custom_message,
                card.rows_digest,
                card.language,
                card.time_zone,
            )
            for card in cards
        ],
    )


async def write_codes(connection: Connection, program_id: str, cards: Sequence[Card]) -> None:
    """New security codes of cards of one program, which are locked, and the seals over them."""
    await connection.execute(
        """
        UPDATE card c SET code_hash = u.code_hash, code_version = u.code_version, state_seal = u.state_seal
        FROM unnest($2::text[], $3::bytea[], $4::bytea[], $5::bytea[]) AS u (id, code_hash, code_version, state_seal)
        WHERE c.program_id = $1 AND c.id = u.id""",
        program_id,
        [card.id for card in cards],
        [card.code_hash for card in cards],
        [card.code_version for card in cards],
        [card.state_seal for card in cards],
    )


async def link_answers(connection: Connection, keys: Sequence[NewKey]) -> None:
    """Say which cards answers are about that were just written, where no entry does."""
    await connection.executemany(
        "UPDATE idempotency_key SET card_id = $3 WHERE program_id = $1 AND key_hash = $2",
        [(key.program_id, key.key_hash, key.card_id) for key in keys],
    )


async def hold_keys(connection: Connection, prints: Iterable[Sequence[Fingerprint]]) -> None:
    """Let nobody else claim these keys until the transaction ends, whose secrets stand in another order.

    Under one secret a key has one hash, and the row of whoever comes first keeps the others waiting. Under several, one
    server may claim it under another hash than the next; what all of them have in common is the lowest of the hashes.
    """
    lowest = {min(one)[0] for one in prints if len(one) > 1}
    if lowest:
        locks = sorted(int.from_bytes(key_hash[:8], "big", signed=True) for key_hash in lowest)
        await connection.execute("SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS k", locks)


async def claim_keys(connection: Connection, keys: Sequence[NewKey], now: datetime) -> set[tuple[str, bytes]]:
    """Insert key rows in order and return those that were new; one that is in flight elsewhere is waited for."""
    ordered = sorted(keys, key=lambda key: (key.program_id, key.key_hash))
    rows = await connection.fetch(
        """
        INSERT INTO idempotency_key (program_id, key_hash, request_hash, status, answer, created_at)
        SELECT u.*, $6::timestamptz
        FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::smallint[], $5::bytea[])
             AS u (program_id, key_hash, request_hash, status, answer)
        ON CONFLICT DO NOTHING
        RETURNING program_id, key_hash""",
        *_key_arrays(ordered),
        now,
    )
    return {(row["program_id"], row["key_hash"]) for row in rows}


_INSERT_CARDS: Final = """
    INSERT INTO card (
        program_id, id, merchant_id, is_test, balance, initial_value, max_balance, status, seq, head_hash, created_at,
        updated_at, activated_at, expires_at, state_seal, number_index, number_sealed, last_four, key_version, pass_sid,
        customer_id, customer_email, customer_phone, customer_name, sender_name, custom_message, design_template,
        is_physical, deliver_at, language, time_zone)
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::boolean[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[],
        $9::bigint[], $10::bytea[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[],
        $15::bytea[], $16::bytea[], $17::bytea[], $18::text[], $19::bytea[], $20::text[], $21::text[], $22::text[],
        $23::text[], $24::text[], $25::text[], $26::text[], $27::text[], $28::boolean[], $29::timestamptz[],
        $30::text[], $31::text[])"""


async def insert_cards(connection: Connection, cards: Sequence[Card]) -> None:
    """New cards, before their first entries. A number that exists already violates a unique key (23505)."""
    columns = [
        (
            c.program_id, c.id, c.merchant_id, c.is_test, c.balance, c.initial_value, c.max_balance, c.recorded_status,
            c.seq, c.head_hash, c.created_at, c.updated_at, c.activated_at, c.expires_at, c.state_seal, c.number_index,
            c.number_sealed, c.last_four, c.key_version, c.pass_sid, c.customer_id, c.customer_email, c.customer_phone,
            c.customer_name, c.sender_name, c.custom_message, c.design_template, c.is_physical, c.deliver_at,
            c.language, c.time_zone,
        )
        for c in cards
    ]  # fmt: skip
    await connection.execute(_INSERT_CARDS, *(list(column) for column in zip(*columns, strict=True)))
    await insert_words(connection, cards)


async def read_programs(connection: Connection, program_ids: Iterable[str]) -> tuple[dict[str, Program], datetime]:
    """The rules of these programs as they are now, and the database's time."""
    rows = await connection.fetch(
        f"SELECT clock_timestamp() AS now, {PROGRAM_COLUMNS} FROM program p JOIN merchant pm ON pm.id = p.merchant_id"
        " WHERE p.id = ANY($1::text[])",
        sorted(set(program_ids)),
    )
    return {row["id"]: program_from_row(tuple(row)[1:]) for row in rows}, rows[0]["now"]


async def earlier_entries(
    connection: Connection, references: Sequence[tuple[str, str, str]]
) -> dict[tuple[str, str, str], str]:
    """For (program, card, reference): the id of the latest entry with that reference, where there is one."""
    found: dict[tuple[str, str, str], str] = {}
    for program_id in dict.fromkeys(program_id for program_id, _, _ in references):
        own = [(card_id, reference) for program, card_id, reference in references if program == program_id]
        rows = await connection.fetch(
            """
            SELECT u.card_id, u.reference_id, t.id
            FROM unnest($2::text[], $3::text[]) AS u (card_id, reference_id)
            JOIN LATERAL (
                SELECT id FROM card_transaction t
                WHERE t.program_id = $1 AND t.card_id = u.card_id AND t.reference_id = u.reference_id
                ORDER BY seq DESC LIMIT 1) t ON true""",
            program_id,
            *map(list, zip(*own, strict=True)),
        )
        found |= {(program_id, row["card_id"], row["reference_id"]): row["id"] for row in rows}
    return found


async def supersede_messages(connection: Connection, refs: Mapping[tuple[str, str], bool]) -> None:
    """Codes of these cards that wait will not be sent: a newer one takes their place, or the card has ended.

    Where the value is False, only those that are due: a delivery planned for a later day is the gift itself, and brings
    a code of its own then.
    """
    await connection.executemany(
        "UPDATE message SET state = 'superseded' WHERE program_id = $1 AND card_id = $2 AND state = 'queued'"
        " AND kind = 'security_code' AND ($3 OR attempts > 0 OR next_attempt_at <= statement_timestamp())",
        [(program_id, card_id, planned_too) for (program_id, card_id), planned_too in refs.items()],
    )


async def forget_guesses(connection: Connection, number_indexes: Sequence[tuple[str, bytes]]) -> None:
    """Wrong codes no longer count against these numbers (program id, number index)."""
    await connection.executemany(
        "DELETE FROM code_guess WHERE program_id = $1 AND number_index = $2", list(number_indexes)
    )
