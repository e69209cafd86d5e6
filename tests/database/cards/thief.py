"""A thief with the database: random edits of single rows, as superuser, each of which `kado verify` must name.

The ledger that is edited has everything in it: sales, refunds, reversals, holds, transfers, consolidated and replaced
cards, seals. What is edited is read from the database's own catalogue: a column that is added to one of these tables
and not proved makes the edits fail, until it is proved or listed in `UNPROVED` with a reason. `drills/tampering.py`
does it a thousand times, `test_tampering.py` always the same few.
"""

import random
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import Any, Final

import asyncpg
from tests.database.cards.builders import Shop, open_shop

from kado.cards.capture import Capture
from kado.cards.card import CardStatus, HoldStatus
from kado.cards.chain import entry_hash
from kado.cards.proof.findings import Report
from kado.cards.refund import Refund
from kado.cards.release import Release
from kado.cards.replace import Replace
from kado.cards.reverse import Reverse
from kado.cards.seal import HEAD_BYTES, Sealer
from kado.cards.verify import verify
from kado.crypto import Keyring
from kado.storage.database import Database
from kado.storage.migrate import migrate

TABLES: Final = ("card_transaction", "card", "hold", "reversal", "ledger_seal")
"""Every table that says something about money: entries, cards (and who succeeded whom), holds, reversals, seals."""

UNPROVED: Final = {
    "card_transaction": {"description"},
    "card": {
        "suspended_reason",
        "customer_name",
        "sender_name",
        "custom_message",
        "design_template",
        "delivered_at",
    },
    "hold": {"description"},
}
"""Words for people, which decide nothing and can be erased, and when a message left (docs/decisions/0016)."""

_KINDS: Final = ("change",) * 5 + ("delete", "insert", "swap rows", "swap values", "swap values")


@dataclass
class Outcome:
    """What came of the edits."""

    kinds: Counter[str] = field(default_factory=Counter)
    named: int = 0
    missed: list[str] = field(default_factory=list)
    accused: list[str] = field(default_factory=list)
    """Edits after which something was named that nobody had touched."""

    @property
    def count(self) -> int:
        return sum(self.kinds.values())


async def tamper(url: str, edits: int, seed: int, tell: Callable[[str], None]) -> Outcome:
    """Make a ledger in the database at `url` and edit it that often. The seed decides which edits, not which ids."""
    await migrate(url)
    chance, keyring = random.Random(seed), Keyring([secrets.token_hex(32)])
    database, thief = await Database.open(url), await asyncpg.connect(url)
    outcome = Outcome()
    try:
        await make_ledger(database, keyring)
        await _free(thief)
        books = _Books(thief, chance, {table: await _columns(thief, table) for table in TABLES})
        assert (await verify(database, keyring)).findings == []
        for step in range(edits):
            edit = await books.edit(_TABLE_OF[step % len(_TABLE_OF)])
            judge(outcome, edit, await verify(database, keyring))
            await books.undo(edit.table)
            if (step + 1) % 100 == 0:
                tell(f"{step + 1} edits, {outcome.named} named")
        assert (await verify(database, keyring)).findings == [], "undone"
    finally:
        await thief.close()
        await database.close()
    return outcome


# ── the ledger ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def make_ledger(database: Database, keyring: Keyring) -> None:
    """Two programs with every sort of entry, card and row beside a card, sealed in several seals."""
    sealer = Sealer(database, keyring)
    for _ in range(2):
        shop = await open_shop(database, keyring)
        for _ in range(2):
            await _sell(shop)
            await sealer.run()
            await _link(shop)
            await _hold(shop)
            await sealer.run()
        await shop.ledger.close()


async def _sell(shop: Shop) -> None:
    for value in (3000, 5000):
        card = await shop.card(value, -100, 70, -300, customer_email="ada@example.com", customer_phone="+15550100")
        await shop.redeem(card, 7, pos_transaction_id="POS-1", cashier_id="anna", terminal_id="till 2")
        sale = (await shop.entries(card))[-1]
        await shop.post(Refund, card, transaction_id=sale.id, amount=3)
        await shop.reload(card, 11, reference_id="order, 9")
        await shop.post(Reverse, card, kind="reference_id", own_reference="order, 9")
        await shop.resend(card)
    await shop.suspend(await shop.card(2000, -5))
    await shop.void(await shop.card(1000, -1))
    await shop.card(800, -800)
    await shop.issue(900)


async def _link(shop: Shop) -> None:
    one, other, third, lost = [await shop.card(4000, customer_email="eva@example.com") for _ in range(4)]
    await shop.transfer(one, other, 700)
    await shop.ledger.post(shop.consolidation(other, third))
    await shop.post(Replace, lost, reason="lost")
    await shop.post(Replace, await shop.issue(1000), reason="lost")


async def _hold(shop: Shop) -> None:
    for card in [await shop.card(5000) for _ in range(2)]:
        kept, ended, open_ = [await shop.hold(card, 600, pos_transaction_id="POS-7") for _ in range(3)]
        await shop.post(Capture, card, hold=kept, amount=200, keep_rest=True)
        await shop.post(Release, card, hold=ended)
        await shop.post(Capture, card, hold=open_, amount=50)


# ── the thief ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def _free(thief: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Take away whatever stands in a thief's way, as someone with the server's disk can; and keep copies."""
    await thief.execute("SET session_replication_role = replica")
    # As if the server had been running for a while: what is not sealed yet cannot be missed.
    await thief.execute("UPDATE seal_progress SET sealed_until = clock_timestamp()")
    rules = await thief.fetch(
        "SELECT conrelid::regclass::text AS owner, conname FROM pg_constraint"
        " WHERE conrelid = ANY ($1::text[]::regclass[]) AND contype IN ('c', 'u', 'p')",
        list(TABLES),
    )
    for rule in rules:
        await thief.execute(f'ALTER TABLE {rule["owner"]} DROP CONSTRAINT "{rule["conname"]}" CASCADE')
    for index in await thief.fetch(
        "SELECT indexrelid::regclass::text AS name FROM pg_index"
        " WHERE indrelid = ANY ($1::text[]::regclass[]) AND indisunique",
        list(TABLES),
    ):
        await thief.execute(f"DROP INDEX {index['name']}")
    for table in TABLES:
        await thief.execute(f"CREATE TABLE {table}_before AS TABLE {table}")


async def _columns(thief: "asyncpg.Connection[asyncpg.Record]", table: str) -> dict[str, str]:
    """The columns that must be proved, with their types."""
    rows = await thief.fetch(
        "SELECT attname, format_type(atttypid, NULL) AS type FROM pg_attribute"
        " WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped",
        table,
    )
    unproved = UNPROVED.get(table, set())
    assert unproved <= {row["attname"] for row in rows}, "a column that is not there any more"
    return {row["attname"]: row["type"] for row in rows if row["attname"] not in unproved}


@dataclass(frozen=True)
class Edit:
    """One edit: what it was, what must be named, and what else may be."""

    table: str
    kind: str
    text: str
    damaged: frozenset[tuple[str, str | None]]
    """Program and card; None stands for the program's seals."""
    involved: frozenset[tuple[str, str | None]]
    is_gone: bool
    """A seal that is not among those of its program any more."""


@dataclass
class _Books:
    """The tables, as a thief sees them."""

    thief: "asyncpg.Connection[asyncpg.Record]"
    chance: random.Random
    columns: dict[str, dict[str, str]]

    async def edit(self, table: str) -> Edit:
        """Make one random edit of this table that really changes something."""
        while True:
            kind = self.chance.choice(_KINDS)
            rows = await self.thief.fetch(f"SELECT ctid::text AS place, * FROM {table}")
            one, other = self.chance.sample(rows, 2)
            column = self.chance.choice(list(self.columns[table]))
            match kind:
                case "change":
                    after = await self._change(table, one, column)
                case "delete":
                    after = await self.thief.fetch(
                        f"DELETE FROM {table} WHERE ctid::text = $1 RETURNING *", one["place"]
                    )
                case "insert":
                    after = await self._insert(table, one)
                case "swap rows":
                    columns = [name for name in self.columns[table] if name not in _NAMES[table]]
                    after = await self._swap(table, one, other, columns)
                case _:
                    after = await self._swap(table, one, other, [column])
            if after:
                return self._described(table, kind, column, one, other, after)

    async def undo(self, table: str) -> None:
        """Put the table back as it was."""
        await self.thief.execute(f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {table}_before")

    async def _change(self, table: str, row: Any, column: str) -> list[Any]:
        changed = self._another(self.columns[table][column], row[column], column)
        if changed == row[column]:
            return []
        change = f"UPDATE {table} SET {column} = $2 WHERE ctid::text = $1 RETURNING *"
        return await self.thief.fetch(change, row["place"], changed)

    def _another(self, kind: str, value: Any, column: str) -> Any:
        """A value of the same type that is another one; now and then none at all."""
        by = self.chance.randint(1, 1000)
        if column == "status":
            return self.chance.choice(_STATUSES)
        if value is not None and column in _NULLABLE and self.chance.random() < 0.2:
            return None
        match kind:
            case "bigint":
                return value + self.chance.choice((by, -by))
            case "boolean":
                return not value
            case "timestamp with time zone":
                moved = timedelta(microseconds=self.chance.choice((1, 1_000_000, 86_400_000_000)) * by)
                return (value or datetime(2026, 1, 1, tzinfo=UTC)) - moved
            case "timestamp with time zone[]":
                return [*value, datetime(2026, 1, 1, tzinfo=UTC)]
            case "bytea":
                value = value or bytes(32)
                at = self.chance.randrange(max(1, len(value)))
                return value[:at] + bytes([value[at] ^ by % 255 + 1]) + value[at + 1 :] if value else b"x"
            case "kado_id":
                return self.chance.randbytes(12).hex()
            case "text":
                return (value or "") + self.chance.choice(("x", "7", " ", "\\", '"'))
        raise AssertionError(f"{column} is of a type that no thief knows: {kind}")

    async def _insert(self, table: str, row: Any) -> list[Any]:
        """A forged row like this one, under a name of its own, as well made as it can be without the secret."""
        forged = {name: value for name, value in row.items() if name != "place"}
        match table:
            case "card_transaction":
                last = await self.thief.fetchrow(
                    "SELECT seq, hash, balance_after FROM card_transaction WHERE card_id = $1"
                    " ORDER BY seq DESC LIMIT 1",
                    row["card_id"],
                )
                assert last is not None
                before, fresh_id = last["balance_after"], self.chance.randbytes(12).hex()
                forged |= {"seq": last["seq"] + 1, "id": fresh_id, "previous_hash": last["hash"], "key_hash": None}
                forged |= {"balance_before": before, "balance_after": before + row["amount"]}
                facts = {name: forged[name] for name in _HASHED}
                forged["hash"] = entry_hash(**facts, kind=row["type"], entry_id=fresh_id)
            case "ledger_seal":
                forged["number"] = 1 + await self.thief.fetchval(
                    "SELECT max(number) FROM ledger_seal WHERE program_id = $1", row["program_id"]
                )
            case "reversal":
                forged["reference"] += "x"
            case _:
                forged["id"] = self.chance.randbytes(12).hex()
        places = ", ".join(f"${at + 1}" for at in range(len(forged)))
        names = ", ".join(forged)
        return await self.thief.fetch(f"INSERT INTO {table} ({names}) VALUES ({places}) RETURNING *", *forged.values())

    async def _swap(self, table: str, one: Any, other: Any, columns: list[str]) -> list[Any]:
        """These columns of two rows change places; nothing where they hold the same."""
        if all(one[name] == other[name] for name in columns):
            return []
        exchange = ", ".join(f"{name} = o.{name}" for name in columns)
        return await self.thief.fetch(
            f"UPDATE {table} t SET {exchange} FROM {table} o"
            " WHERE (t.ctid::text, o.ctid::text) IN (($1, $2), ($2, $1)) RETURNING t.*",
            one["place"],
            other["place"],
        )

    def _described(self, table: str, kind: str, column: str, one: Any, other: Any, after: list[Any]) -> Edit:
        touched = [one, other] if kind.startswith("swap") else after if kind == "insert" else [one]
        damaged = {owner for row in touched for owner in _owners(table, row)}
        involved = {owner for row in (*touched, *after) for owner in _owners(table, row, with_heads=True)}
        what = column if kind in ("change", "swap values") else "row"
        known = {name: one[name] for name in _NAMES[table]}
        is_gone = table == "ledger_seal" and (kind == "delete" or (kind == "change" and column == "program_id"))
        text = f"{table}: {kind}, {what} of {known}"
        return Edit(table, kind, text, frozenset(damaged), frozenset(involved), is_gone)


_NAMES: Final = {
    "card_transaction": ("program_id", "card_id", "seq"),
    "card": ("program_id", "id"),
    "hold": ("program_id", "id"),
    "reversal": ("program_id", "card_id", "merchant_id", "kind", "reference"),
    "ledger_seal": ("program_id", "number"),
}
"""By what a row is known: it stays where two rows change places."""

_TABLE_OF: Final = ("card_transaction",) * 4 + ("card",) * 3 + ("hold", "reversal", "ledger_seal")
_STATUSES: Final = (*CardStatus, *HoldStatus)
_NULLABLE: Final = {
    *("reference_id", "pos_transaction_id", "cashier_id", "terminal_id", "key_hash", "counterpart_id", "activated_at"),
    *("suspended_at", "voided_at", "code_hash", "code_version", "customer_email", "customer_phone", "successor_id"),
    *("succession", "rows_digest", "ended_at"),
}
_HASHED: Final = [name for name in signature(entry_hash).parameters if name not in ("kind", "entry_id")]


def _owners(table: str, row: Any, *, with_heads: bool = False) -> list[tuple[str, str | None]]:
    """Who is to be named for a row; with the heads of a seal also the cards that only it speaks of."""
    if table == "card":
        return [(row["program_id"], row["id"])]
    if table != "ledger_seal":
        return [(row["program_id"], row["card_id"])]
    heads = row["heads"]
    cards = [heads[at : at + 12].hex() for at in range(0, len(heads), HEAD_BYTES)] if with_heads else []
    return [(row["program_id"], None), *((row["program_id"], card) for card in cards)]


def judge(outcome: Outcome, edit: Edit, report: Report) -> None:
    """Whether everything that was damaged is named, and nothing else."""
    outcome.kinds[edit.kind] += 1
    named = {(finding.program_id, finding.card_id) for finding in report.findings}
    programs = {program for program, _ in edit.involved}
    if edit.is_gone:
        # Of a seal at the end nothing is left that could be named but the cards that only it spoke of.
        is_named = all(any(one in edit.involved and one[0] == program for one in named) for program, _ in edit.damaged)
    else:
        is_named = edit.damaged <= named
    outcome.named += is_named
    if not is_named:
        outcome.missed.append(f"not named: {edit.text}; found: {report.findings}")
    if others := {one for one in named - edit.involved if one[1] is not None or one[0] not in programs}:
        outcome.accused.append(f"accused {others}: {edit.text}")
