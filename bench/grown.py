"""A database with a million cards and five million entries, whose every hash and seal is right, kept for the next run.

Cards and entries are made by the rooms' own functions, in two processes, and written with COPY; what is only a copy of
them (audit rows, answers to keys) with one statement each. Indexes are made afterwards. `KADO_BENCH_KEPT` names the
folder where it is kept, by schema and size; a run adds its redeems to it, and nothing else.
"""

import asyncio
import json
import multiprocessing
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg

from kado.access.caller import Caller
from kado.access.permissions import Permission, Role
from kado.app.measure import cards as measure_cards
from kado.app.measure.scratch import Scratch
from kado.cards.card import Card, Entry, TransactionType
from kado.cards.chain import seal_state
from kado.cards.entries import append
from kado.cards.issue import Issue, make
from kado.cards.posting import Answer, NewEntry
from kado.cards.seal import Sealer
from kado.cards.store import ENTRY_COLUMNS, read_programs
from kado.cards.words import words_of
from kado.crypto import Keyring
from kado.programs.program import Program
from kado.storage import embedded
from kado.storage.database import Database
from kado.storage.migrate import migrate
from kado.storage.revisions import CHAIN

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
KEPT: Final = Path(os.environ.get("KADO_BENCH_KEPT", "/var/tmp/kado-bench"))
_CHUNK: Final = 10_000
_DAYS: Final = 100
_VALUE: Final = 1_000_000
_ENTRY: Final = tuple(name.strip() for name in ENTRY_COLUMNS.split(","))
_CARD: Final = tuple(field.name for field in fields(Card) if field.name != "merchant_name")
_TABLES: Final = ("card", "card_transaction", "card_word", "idempotency_key", "audit_log")
_WORDS: Final = ("program_id", "card_id", "place", "word", "shared", "is_test", "created_at")


class Size(NamedTuple):
    """How many cards, and how many entries they have together."""

    cards: int
    entries: int


@dataclass(frozen=True, slots=True)
class Grown:
    """A database that is kept, and whose it is."""

    root: Path
    secret: str
    merchant_id: str
    program_id: str
    token: str


# ── kept from run to run ───────────────────────────────────────────────────────────────────────────────────────────


def kept(size: Size, *, fresh: bool = False, only_ledger: bool = False) -> Grown:
    """The database of that size for this schema, made if it is not there yet (a few minutes for a million cards)."""
    kind = "-ledger" if only_ledger else ""
    root = KEPT / f"{CHAIN.head}-{size.cards}-{size.entries}{kind}"
    said = root / "bench.json"
    if fresh or not said.exists():
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        for folder in (KEPT, root):
            folder.chmod(0o711)  # whoever runs PostgreSQL for root passes through
        grown = _made(root, size, only_ledger=only_ledger)
        said.touch(mode=0o600)
        said.write_text(json.dumps(asdict(grown) | {"root": str(root)}))
    told: dict[str, str] = json.loads(said.read_text())
    return Grown(root, told["secret"], told["merchant_id"], told["program_id"], told["token"])


@contextmanager
def database(grown: Grown) -> Iterator[str]:
    """Its PostgreSQL alone, without a server of ours."""
    server = embedded.start(grown.root / "data", role="server")
    try:
        yield server.url
    finally:
        server.stop()


def server(grown: Grown) -> Scratch:
    """A server on it, not yet started."""
    return Scratch(grown.root, secret=grown.secret)


# ── making it ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Part(NamedTuple):
    """What one process makes: every `step`th chunk from `first` on."""

    url: str
    secret: str
    merchant_id: str
    program_id: str
    size: Size
    first: int
    step: int
    now: datetime
    has_words: bool


def _made(root: Path, size: Size, *, only_ledger: bool) -> Grown:
    secret = secrets.token_hex(32)
    running = embedded.start(root / "data", role="server")
    try:
        url = asyncio.run(migrate(running.url))
        shop = asyncio.run(_open_shop(url))
        grown = Grown(root, secret, shop.merchant_id, shop.program_id, shop.token)
        asyncio.run(_fill(url, grown, size, only_ledger=only_ledger))
    finally:
        running.stop()
    return grown


async def _open_shop(url: str) -> measure_cards.Shop:
    database = await Database.open(url)
    try:
        return await measure_cards.open_shop(database)
    finally:
        await database.close()


async def _fill(url: str, grown: Grown, size: Size, *, only_ledger: bool) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET maintenance_work_mem = '512MB'; SET synchronous_commit = off")
        taken = await _take_indexes(connection)
        lanes = min(2, os.cpu_count() or 1)
        now = datetime.now(UTC)
        parts = [
            _Part(url, grown.secret, grown.merchant_id, grown.program_id, size, at, lanes, now, not only_ledger)
            for at in range(lanes)
        ]
        await asyncio.gather(*(asyncio.to_thread(_in_a_process, part) for part in parts))
        if not only_ledger:
            _say("audit rows and answers")
            await connection.execute(_AUDIT)
            await connection.execute(_ANSWERS)
        _say("indexes")
        for statement in taken:
            await connection.execute(statement)
        await connection.execute("VACUUM (ANALYZE)")
        _say("seals")
        await _seal(url, Keyring([grown.secret]))
        await connection.execute(_LOOKED_AT)
    finally:
        await connection.close()


def _in_a_process(part: _Part) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(part,))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError("the cards could not be made")


def _work(part: _Part) -> None:
    asyncio.run(_make_part(part))


async def _make_part(part: _Part) -> None:
    connection = await asyncpg.connect(part.url)
    try:
        # Without triggers and foreign keys: what is written refers to what is written beside it.
        await connection.execute("SET session_replication_role = replica; SET synchronous_commit = off")
        programs, _ = await read_programs(connection, [part.program_id])
        # Kado takes another number where one is taken. Here nobody looks: of a million with eleven digits a few are the
        # same, with fifteen none.
        program = replace(programs[part.program_id], number_prefix="")
        chunks = range(-(-part.size.cards // _CHUNK))
        for chunk in chunks[part.first :: part.step]:
            if part.first == 0:
                _say(f"cards and entries: {100 * chunk // len(chunks)} %")
            cards, entries = _chunk(part, program, chunk, len(chunks))
            await connection.copy_records_to_table("card", columns=_CARD_COLUMNS, records=map(_card_row, cards))
            await connection.copy_records_to_table("card_transaction", columns=_ENTRY, records=map(_entry_row, entries))
            if part.has_words:
                await connection.copy_records_to_table("card_word", columns=_WORDS, records=_word_rows(cards))
    finally:
        await connection.close()


_CARD_COLUMNS: Final = tuple("status" if name == "recorded_status" else name for name in _CARD)
_card_row: Final = attrgetter(*_CARD)
_entry_row: Final = attrgetter(*_ENTRY)


def _chunk(part: _Part, program: Program, chunk: int, chunks: int) -> tuple[list[Card], list[Entry]]:
    """Some cards whose lives lie within the same days, and their entries in the order in which they happened."""
    keyring = Keyring([part.secret])
    caller = Caller(part.merchant_id, "key:bench", Role.OWNER, frozenset(Permission), is_test=False)
    places = range(chunk * _CHUNK, min(part.size.cards, (chunk + 1) * _CHUNK))
    length = timedelta(days=_DAYS) / chunks
    begins = part.now - timedelta(days=_DAYS) + chunk * length
    step = length / (10 * _CHUNK)
    cards: list[Card] = []
    entries: list[Entry] = []
    for at, place in enumerate(places):
        card, entry = make(keyring, _issue(part, caller, place), "Bench", program, begins + at * step, None)
        cards.append(card)
        entries.append(entry)
    for level in range(1, 10):
        for at, (place, card) in enumerate(zip(places, cards, strict=True)):
            moment = begins + (level * _CHUNK + at) * step
            if (new := _next(part.size, place, level, card)) is not None:
                key = None if level == 1 else os.urandom(32)
                entries.append(append(card, new, caller, moment, key))
                card.updated_at = moment
                if level == 1:
                    card.activated_at = moment
    for place, card in zip(places, cards, strict=True):
        if place % 10_000 == 0 and card.activated_at is not None:
            card.suspended_at = card.updated_at
        card.recorded_status = card.status_at(part.now)
        card.state_seal = seal_state(keyring, card)
    return cards, entries


def _issue(part: _Part, caller: Caller, place: int) -> Issue:
    """Three of five cards are for somebody; the first names of a list come most often."""
    named = place % 5 < 3
    first = FIRST[(place * place // 7) % len(FIRST) * (place % 97) // 97]
    last = LAST[(place * 31) % len(LAST)]
    return Issue(
        program_id=part.program_id,
        caller=caller,
        key=None,
        render=_unsaid,
        merchant_id=part.merchant_id,
        merchant_name="Bench",
        initial_value=_VALUE,
        customer_email=f"{first}.{last}{place}@example.com".lower() if named else None,
        customer_name=f"{first} {last}" if named else None,
        sender_name=f"{FIRST[place % len(FIRST)]} {last}" if place % 5 == 0 else None,
    )


def _next(size: Size, place: int, level: int, card: Card) -> NewEntry | None:
    """What happens to a card next, if anything: every eighth is never sold, the others share the entries."""
    if place % 8 == 7:
        return None
    if level == 1:
        return NewEntry(TransactionType.ACTIVATION, _VALUE, description="Gift card activated")
    sold = size.cards - size.cards // 8
    redeems = size.entries - size.cards - sold
    mine = redeems // sold + (place - place // 8 < redeems % sold)
    if level - 1 > mine:
        return None
    spent_out = level - 1 == mine and place % 16 == 3
    amount = card.balance if spent_out else 100 + place % 900
    return NewEntry(TransactionType.REDEMPTION, -amount, description="Gift card redeemed")


def _unsaid(_: object) -> Answer:
    raise AssertionError("nobody is answered here")


def _word_rows(cards: list[Card]) -> Iterator[tuple[object, ...]]:
    for card in cards:
        for place, word in enumerate(words_of(card.customer_email, card.customer_name, card.sender_name)):
            yield card.program_id, card.id, place, word.text, word.shared, card.is_test, card.created_at


async def _take_indexes(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """Drop the indexes that are quicker made afterwards; how to make them."""
    rows = await connection.fetch(
        """
        SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition,
               i.indrelid::regclass::text AS of_table, pg_get_constraintdef(c.oid) AS said
        FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
        WHERE i.indrelid = ANY($1::text[]::regclass[])
          AND (c.oid IS NULL OR i.indrelid = 'idempotency_key'::regclass)""",
        list(_TABLES),
    )
    again = []
    for row in rows:
        if row["said"] is None:
            await connection.execute(f"DROP INDEX {row['name']}")
            again.append(row["definition"])
        else:
            await connection.execute(f"ALTER TABLE {row['of_table']} DROP CONSTRAINT {row['name']}")
            again.append(f"ALTER TABLE {row['of_table']} ADD CONSTRAINT {row['name']} {row['said']}")
    return again


_AUDIT: Final = """
    INSERT INTO audit_log (id, at, merchant_id, program_id, actor, action, subject, details, address, user_agent,
                           request_id)
    SELECT id, created_at, merchant_id, program_id, 'key:bench', CASE type WHEN 'PURCHASE' THEN 'card:issued'
           WHEN 'ACTIVATION' THEN 'card:activated' ELSE 'card:redeemed' END, card_id, '{}', '192.0.2.1', 'bench',
           left(md5(id), 24)
    FROM card_transaction"""

# Those of the last thirty days are kept, as by a server. None of them is opened: their size is what counts.
_ANSWERS: Final = """
    INSERT INTO idempotency_key (program_id, key_hash, request_hash, status, answer, created_at)
    SELECT program_id, key_hash, sha256(key_hash), 200,
           sha512(key_hash) || sha512(hash) || sha512(id::text::bytea) || sha512(previous_hash), created_at
    FROM card_transaction WHERE key_hash IS NOT NULL AND created_at > clock_timestamp() - interval '29 days'"""

_LOOKED_AT: Final = """
    INSERT INTO fraud_progress (program_id, seal_number) SELECT program_id, max(number) FROM ledger_seal
    GROUP BY program_id ON CONFLICT (program_id) DO UPDATE SET seal_number = excluded.seal_number"""


async def _seal(url: str, keyring: Keyring) -> None:
    database = await Database.open(url)
    try:
        await Sealer(database, keyring).run()
    finally:
        await database.close()


def _say(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)
