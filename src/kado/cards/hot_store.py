"""The two statements that every list of postings runs: one locks and reads, one writes. Both take arrays as texts.

The ledger's connection plans them once, without knowing a list (`database.HOT`): planning took longer than running.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from kado import audit
from kado.cards.card import Card, Entry
from kado.cards.idempotency import NewKey
from kado.cards.store import CARD_COLUMNS, CARD_WIDTH, Locked, locked_from
from kado.programs.store import PROGRAM_COLUMNS
from kado.storage.literals import hashes, moments, numbers, texts, words

Ref = tuple[str, str]
"""Program id and card id."""

Place = tuple[str, bytes]
"""Program id and key hash."""

# A program is read with the first of its cards only. A key counts as known also when only the entry is left of it. The
# clock is read behind the locks: of the last row, after all of them.
LOCK: Final = f"""
    WITH locked AS MATERIALIZED (
        SELECT {CARD_COLUMNS}, u.new_program_id
        FROM unnest($1::text::text[], $2::text::text[], $3::text::text[]) AS u (program_id, id, new_program_id)
        JOIN card c ON c.program_id = u.program_id AND c.id = u.id
        JOIN merchant cm ON cm.id = c.merchant_id
        ORDER BY c.program_id, c.id
        FOR UPDATE OF c)
    SELECT l.*, clock_timestamp() AS now,
           ARRAY(
               SELECT w.place
               FROM unnest($4::text::text[], $5::text::bytea[]) WITH ORDINALITY AS w (program_id, key_hash, place)
               LEFT JOIN idempotency_key k ON k.program_id = w.program_id AND k.key_hash = w.key_hash
               LEFT JOIN card_transaction t ON t.program_id = w.program_id AND t.key_hash = w.key_hash
               WHERE k.key_hash IS NOT NULL OR t.key_hash IS NOT NULL) AS known,
           (SELECT CASE WHEN $6::text::boolean
                        THEN pg_relation_size('card') + pg_relation_size('card_transaction')
                             + pg_relation_size('idempotency_key') END) AS size,
           {PROGRAM_COLUMNS}
    FROM locked l
    LEFT JOIN program p ON p.id = l.new_program_id
    LEFT JOIN merchant pm ON pm.id = p.merchant_id"""

# Of one program, which is how a distributed engine finds the machine that can lock; keys are read afterwards.
LOCK_OF_ONE: Final = f"""
    SELECT {CARD_COLUMNS}, NULL::text AS new_program_id, clock_timestamp() AS now, ARRAY[]::bigint[] AS known,
           NULL::bigint AS size, {PROGRAM_COLUMNS}
    FROM card c
    JOIN merchant cm ON cm.id = c.merchant_id
    JOIN program p ON p.id = c.program_id
    JOIN merchant pm ON pm.id = p.merchant_id
    WHERE c.program_id = $1 AND c.id = ANY($2::text::text[])
    ORDER BY c.id
    FOR UPDATE OF c"""

_NOW_AT: Final = CARD_WIDTH + 1
_PROGRAM_AT: Final = _NOW_AT + 3


class Read(NamedTuple):
    """What the first statement found: the cards, and those of the keys that are known (a program may be missing)."""

    locked: Locked
    known: list[Place]
    size: int | None
    """Of the tables that it looks into, in bytes, where that was asked for."""


def lock_arguments(refs: Iterable[Ref], keys: Sequence[Place], *, measures: bool) -> tuple[str | None, ...]:
    """For `LOCK`: the cards, each once and in the order in which everybody locks them, and the keys to look for.

    `measures` asks for the size of the tables as well.
    """
    ordered = sorted(set(refs))
    programs = [program_id for program_id, _ in ordered]
    new = [None if before == own else own for before, own in zip(["", *programs], programs, strict=False)]
    return (
        texts(programs),
        texts([card_id for _, card_id in ordered]),
        texts(new),
        words([program_id for program_id, _ in keys]),
        hashes([key_hash for _, key_hash in keys]),
        "t" if measures else "f",
    )


def lock_of_one_arguments(refs: Iterable[Ref]) -> tuple[str | None, ...]:
    """For `LOCK_OF_ONE`: the cards, which are of one program."""
    ordered = sorted(set(refs))
    return ordered[0][0], texts([card_id for _, card_id in ordered])


def read(rows: Sequence[asyncpg.Record], keys: Sequence[Place]) -> Read:
    """What the rows of `LOCK` or `LOCK_OF_ONE` say."""
    known: list[Place] = []
    size: int | None = None
    if rows:
        places, size = rows[0][_NOW_AT + 1 : _PROGRAM_AT]
        known = [keys[place - 1] for place in places]
    return Read(locked_from(rows, now_at=_NOW_AT, program_at=_PROGRAM_AT), known, size)


_CARD: Final = (
    "program_id text", "id text", "balance bigint", "seq bigint", "head_hash bytea", "status text",
    "updated_at timestamptz", "state_seal bytea",
)  # fmt: skip
_LINE: Final = (
    "program_id text", "card_id text", "seq bigint", "id text", "type text", "amount bigint", "balance_after bigint",
    "created_at timestamptz", "reference_id text", "pos_transaction_id text", "cashier_id text", "terminal_id text",
    "merchant_id text", "description text", "key_hash bytea", "previous_hash bytea", "hash bytea",
    "counterpart_id text", "request_hash bytea", "answer_status smallint", "answer bytea", "actor text", "action text",
    "details jsonb", "address text", "user_agent text", "request_id text", "before jsonb", "after jsonb",
)  # fmt: skip


def _rows(name: str, columns: Sequence[str], first: int) -> str:
    """Arrays, counted from parameter `first`, as rows with these columns."""
    pairs = [column.split() for column in columns]
    arrays = ", ".join(f"${number}::text::{kind}[]" for number, (_, kind) in enumerate(pairs, first))
    return f"unnest({arrays}) AS {name} ({', '.join(title for title, _ in pairs)})"


# A line is an entry with all that exists exactly if it does: its audit row and, on the first of a posting, its answer.
WRITE: Final = f"""
    WITH line AS MATERIALIZED (
        SELECT l.*, coalesce(l.created_at, $1::text::timestamptz) AS at FROM {_rows("l", _LINE, 2 + len(_CARD))}
    ), balances AS (
        UPDATE card c SET balance = u.balance, seq = u.seq, head_hash = u.head_hash, status = u.status,
                          updated_at = u.at, state_seal = u.state_seal
        FROM (SELECT b.*, coalesce(b.updated_at, $1::text::timestamptz) AS at FROM {_rows("b", _CARD, 2)}) AS u
        WHERE c.program_id = u.program_id AND c.id = u.id
    ), entries AS (
        INSERT INTO card_transaction (
            program_id, card_id, seq, id, type, amount, balance_before, balance_after, created_at, reference_id,
            pos_transaction_id, cashier_id, terminal_id, merchant_id, description, key_hash, previous_hash, hash,
            counterpart_id)
        SELECT program_id, card_id, seq, id, type, amount, balance_after - amount, balance_after, at, reference_id,
            pos_transaction_id, cashier_id, terminal_id, merchant_id, description, key_hash, previous_hash, hash,
            counterpart_id
        FROM line
    ), audited AS (
        INSERT INTO audit_log ({", ".join(audit.COLUMNS)})
        SELECT id, at, merchant_id, program_id, actor, action, card_id, coalesce(details, '{{}}'), address, user_agent,
            request_id, before, after
        FROM line
    )
    INSERT INTO idempotency_key (program_id, key_hash, request_hash, status, answer, created_at)
    SELECT program_id, key_hash, request_hash, answer_status, answer, $1::text::timestamptz
    FROM line WHERE request_hash IS NOT NULL"""


class Written(NamedTuple):
    """What is to be written: the arguments of `WRITE`, and what belongs to no entry."""

    arguments: list[str | None]
    keys: list[NewKey]
    audited: list[audit.Row]


_NO_KEY: Final = NewKey("", b"", None, None, None)  # type: ignore[arg-type]  # NULLs: this line has no answer


def to_write(
    cards: Sequence[Card], entries: Sequence[Entry], keys: Sequence[NewKey], audited: Sequence[audit.Row], now: datetime
) -> Written:
    """Put together what belongs together: an entry, its audit row, and its key's answer if it has a key."""
    by_key = {(key.program_id, key.key_hash): key for key in keys}
    by_id = {row.id: row for row in audited}
    rows = [by_id.pop(entry.id) for entry in entries]
    answers = [
        _NO_KEY if entry.key_hash is None else by_key.pop((entry.program_id, entry.key_hash), _NO_KEY)
        for entry in entries
    ]
    arguments = [now.isoformat(), *_of_cards(cards, now), *_of_lines(entries, answers, rows, now)]
    return Written(arguments, list(by_key.values()), list(by_id.values()))


def _of_cards(cards: Sequence[Card], now: datetime) -> list[str | None]:
    return [
        words([card.program_id for card in cards]),
        words([card.id for card in cards]),
        numbers([card.balance for card in cards]),
        numbers([card.seq for card in cards]),
        hashes([card.head_hash for card in cards]),
        words([card.recorded_status for card in cards]),
        moments([card.updated_at for card in cards], now),
        hashes([card.state_seal for card in cards]),
    ]


def _of_lines(
    entries: Sequence[Entry], answers: Sequence[NewKey], rows: Sequence[audit.Row], now: datetime
) -> list[str | None]:
    return [
        words([entry.program_id for entry in entries]),
        words([entry.card_id for entry in entries]),
        numbers([entry.seq for entry in entries]),
        words([entry.id for entry in entries]),
        words([entry.type for entry in entries]),
        numbers([entry.amount for entry in entries]),
        numbers([entry.balance_after for entry in entries]),
        moments([entry.created_at for entry in entries], now),
        texts([entry.reference_id for entry in entries]),
        texts([entry.pos_transaction_id for entry in entries]),
        texts([entry.cashier_id for entry in entries]),
        texts([entry.terminal_id for entry in entries]),
        words([entry.merchant_id for entry in entries]),
        texts([entry.description for entry in entries]),
        hashes([entry.key_hash for entry in entries]),
        hashes([entry.previous_hash for entry in entries]),
        hashes([entry.hash for entry in entries]),
        texts([entry.counterpart_id for entry in entries]),
        hashes([key.request_hash for key in answers]),
        texts([None if key.status is None else str(key.status) for key in answers]),
        hashes([key.answer for key in answers]),
        texts([row.actor for row in rows]),
        words([row.action for row in rows]),
        texts([audit.details_of(row) for row in rows]),
        texts([row.source.address for row in rows]),
        texts([row.source.user_agent for row in rows]),
        texts([row.source.request_id for row in rows]),
        texts([audit.said(row.before) for row in rows]),
        texts([audit.said(row.after) for row in rows]),
    ]
