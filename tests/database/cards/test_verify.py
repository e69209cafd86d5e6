"""Verification finds every edit that is made past Kado, and names the damaged cards and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any


import pytest
from tests.database.cards.builders import Shop, open_shop

from kado.cards import verify as verification
from kado.cards.chain import GENESIS, entry_hash
from kado.cards.proof import seals
from kado.cards.seal import Sealer
from kado.cards.verify import Reason, Report, verify
from kado.crypto import Keyring
from kado.errors import NotFound, Unavailable
from kado.storage.database import Database


@dataclass
class World:
    """A shop with five cards, sealed, and someone who may change anything in its database."""

    shop: Shop
    sealer: Sealer
    thief: Any
    cards: list[str]

    async def verify(self, **options: Any) -> Report:
        return await verify(self.shop.database, self.shop.keyring, **options)

    async def edit(self, statement: str, *arguments: object) -> None:
        """Change something; it must really have changed something."""
        done = await self.thief.execute(statement, *arguments)
        assert not done.endswith(" 0"), statement

    async def entries(self, card_id: str) -> list[dict[str, Any]]:
        query = "SELECT * FROM card_transaction WHERE card_id = $1 ORDER BY seq"
        return [dict(row) for row in await self.thief.fetch(query, card_id)]


@pytest.fixture
async def world(shop: Shop, sealer: Sealer, superuser: Any) -> AsyncIterator[World]:
    cards = [
        await shop.card(5000, -100, 250, -300, -1000),
        await shop.card(2000, -2000),
        await shop.card(3000, -5),
        await shop.issue(1000),
        await shop.card(4000, -1, -2, -3),
    ]
    await shop.redeem(cards[0], 7, pos_transaction_id="T-1", cashier_id="anna", terminal_id="till 2")
    await shop.reload(cards[0], 70, reference_id="order 1")
    await shop.void(cards[2])
    await sealer.run()
    await shop.redeem(cards[0], 8)
    await shop.redeem(cards[4], 4)
    await sealer.run()
    await free(superuser)
    yield World(shop, sealer, superuser, cards)


async def free(superuser: Any) -> None:
    """Take away whatever stands in a thief's way, as someone with the server's disk can."""
    await superuser.execute("SET session_replication_role = replica")
    checks = await superuser.fetch(
        "SELECT conrelid::regclass::text AS t, conname FROM pg_constraint"
        " WHERE contype = 'c' AND conrelid IN ('card'::regclass, 'card_transaction'::regclass, 'ledger_seal'::regclass)"
    )
    for row in checks:
        await superuser.execute(f'ALTER TABLE {row["t"]} DROP CONSTRAINT "{row["conname"]}"')


def damaged(report: Report) -> set[str | None]:
    return {finding.card_id for finding in report.findings}


def reasons(report: Report) -> set[Reason]:
    return {finding.reason_code for finding in report.findings}


ENTRY = "UPDATE card_transaction SET {} WHERE card_id = $1 AND seq = $2"


async def test_an_untouched_ledger_is_clean(world: World) -> None:
    report = await world.verify()
    assert (report.is_clean, report.cards, report.seals) == (True, 5, 2)
    assert report.entries == await world.thief.fetchval("SELECT count(*) FROM card_transaction")


async def test_an_empty_ledger_is_clean(database: Database, keyring: Keyring) -> None:
    assert await verify(database, keyring) == Report()


@pytest.mark.parametrize(
    "change",
    [
        "card_id = repeat('a', 24)",
        "card_id = repeat('f', 24)",
        "program_id = repeat('a', 24)",
        "seq = seq + 100",
        "type = 'REFUND'",
        "type = 'x'",
        "amount = amount + 1",
        "amount = -amount - 1",
        "amount = 12345",
        "balance_before = balance_before + 1",
        "balance_after = balance_after + 1",
        "balance_after = -1",
        "amount = amount + 1, balance_after = balance_after + 1",
        "created_at = created_at + interval '1 microsecond'",
        "created_at = 'infinity'",
        "created_at = '-infinity'",
        "created_at = '250000-01-01'",
        "reference_id = 'x'",
        "reference_id = ''",
        "reference_id = 'null'",
        "reference_id = E'a,b\\\\c\"\\n'",
        "pos_transaction_id = 'x'",
        "cashier_id = 'x'",
        "terminal_id = 'x'",
        "merchant_id = repeat('a', 24)",
        "previous_hash = sha256('x')",
        "previous_hash = ''",
        "hash = sha256('x')",
        "hash = ''",
        "hash = hash || 'x'",
    ],
)
@pytest.mark.parametrize("seq", [1, 3, 9])
async def test_a_changed_value_names_the_card(world: World, change: str, seq: int) -> None:
    card_id = world.cards[0]
    await world.edit(ENTRY.format(change), card_id, seq)
    found = damaged(await world.verify()) - {None, "a" * 24, "f" * 24}
    assert found == {card_id}


@pytest.mark.parametrize("column", ["reference_id", "pos_transaction_id", "cashier_id", "terminal_id"])
async def test_a_value_that_was_taken_away_names_the_card(world: World, column: str) -> None:
    await world.edit(f"UPDATE card_transaction SET {column} = NULL WHERE {column} IS NOT NULL")
    report = await world.verify()
    assert damaged(report) == {world.cards[0]}
    assert reasons(report) == {Reason.ENTRY_CHANGED}


@pytest.mark.parametrize("column", ["id", "description", "key_hash"])
async def test_what_stands_outside_the_hash_may_change(world: World, column: str) -> None:
    """Descriptions can be erased. The other two are names for looking things up, and prove nothing about money."""
    value = {"id": "repeat('a', 24)", "description": "NULL", "key_hash": "sha256('x')"}[column]
    await world.edit(ENTRY.format(f"{column} = {value}"), world.cards[0], 3)
    assert (await world.verify()).is_clean


@pytest.mark.parametrize("column", ["amount", "balance_before", "created_at", "type", "hash", "merchant_id"])
async def test_a_missing_value_is_no_reason_to_crash(world: World, column: str) -> None:
    await world.thief.execute(f"ALTER TABLE card_transaction ALTER {column} DROP NOT NULL")
    await world.edit(ENTRY.format(f"{column} = NULL"), world.cards[0], 3)
    assert damaged(await world.verify()) == {world.cards[0]}


@pytest.mark.parametrize("seq", [1, 2, 5, 9])
async def test_a_deleted_entry_names_the_card(world: World, seq: int) -> None:
    await world.edit("DELETE FROM card_transaction WHERE card_id = $1 AND seq = $2", world.cards[0], seq)
    assert damaged(await world.verify()) == {world.cards[0]}


async def test_a_cut_tail_contradicts_the_seal(world: World) -> None:
    """Card and entries agree with each other again: only the seal knows better."""
    card_id, kept = world.cards[0], 7
    await world.edit("DELETE FROM card_transaction WHERE card_id = $1 AND seq > $2", card_id, kept)
    await _agree(world, card_id)
    report = await world.verify()
    assert (damaged(report), reasons(report)) == ({card_id}, {Reason.SEALED_ENTRY_MISSING})


async def _agree(world: World, card_id: str) -> None:
    """Make the card say what its last entry says."""
    await world.edit(
        "UPDATE card c SET balance = t.balance_after, seq = t.seq, head_hash = t.hash, updated_at = t.created_at"
        " FROM card_transaction t WHERE c.id = $1 AND t.card_id = c.id"
        " AND t.seq = (SELECT max(seq) FROM card_transaction WHERE card_id = $1)",
        card_id,
    )


async def test_a_rewritten_history_contradicts_the_seal(world: World) -> None:
    await _rewrite(world, world.cards[0])
    report = await world.verify()
    assert (damaged(report), reasons(report)) == ({world.cards[0]}, {Reason.SEALED_ENTRY_DIFFERS})


async def test_a_rewritten_history_is_found_even_after_kado_went_on_from_it(world: World) -> None:
    """The newest head is Kado's own; an older seal still tells what was there before."""
    await _rewrite(world, world.cards[0])
    await world.shop.redeem(world.cards[0], 1)
    await world.sealer.run()
    report = await world.verify()
    assert (damaged(report), reasons(report)) == ({world.cards[0]}, {Reason.SEALED_ENTRY_DIFFERS})


async def _rewrite(world: World, card_id: str) -> None:
    """Spend a little less in entry 3, and make everything after it consistent, hashes too."""
    balance, previous = 0, GENESIS
    for row in await world.entries(card_id):
        amount = row["amount"] + (60 if row["seq"] == 3 else 0)
        facts = (row["type"], amount, balance, balance + amount, row["created_at"], row["reference_id"])
        rest = (row["pos_transaction_id"], row["cashier_id"], row["terminal_id"], row["merchant_id"])
        digest = entry_hash(row["program_id"], card_id, row["seq"], *facts, *rest, previous)
        await world.edit(
            ENTRY.format("amount = $3, balance_before = $4, balance_after = $5, previous_hash = $6, hash = $7"),
            card_id, row["seq"], amount, balance, balance + amount, previous, digest,
        )  # fmt: skip
        balance, previous = balance + amount, digest
    await _agree(world, card_id)


async def test_an_inserted_entry_names_the_card(world: World) -> None:
    last = (await world.entries(world.cards[0]))[-1]
    added = last | {"seq": last["seq"] + 1, "id": "a" * 24, "key_hash": None}
    await _insert(world, added)
    assert damaged(await world.verify()) == {world.cards[0]}


async def test_an_inserted_entry_that_fits_is_not_what_the_card_says(world: World) -> None:
    last = (await world.entries(world.cards[0]))[-1]
    seq, after = last["seq"] + 1, last["balance_after"] + 500
    facts = ("RELOAD", 500, last["balance_after"], after, last["created_at"], None, None, None, None)
    digest = entry_hash(last["program_id"], last["card_id"], seq, *facts, last["merchant_id"], last["hash"])
    added = last | {"seq": seq, "id": "a" * 24, "key_hash": None, "type": "RELOAD", "amount": 500, "hash": digest}
    added |= {"balance_before": last["balance_after"], "balance_after": after, "previous_hash": last["hash"]}
    await _insert(world, added | dict.fromkeys(("reference_id", "pos_transaction_id", "cashier_id", "terminal_id")))
    report = await world.verify()
    assert (damaged(report), reasons(report)) == (
        {world.cards[0]},
        {Reason.BALANCE_MISMATCH, Reason.HEAD_MISMATCH},
    )


async def _insert(world: World, row: dict[str, Any]) -> None:
    places = ", ".join(f"${at + 1}" for at in range(len(row)))
    await world.edit(f"INSERT INTO card_transaction ({', '.join(row)}) VALUES ({places})", *row.values())


async def test_entries_of_a_card_that_never_was(world: World) -> None:
    row = (await world.entries(world.cards[0]))[0]
    for unknown in ("0" * 24, "f" * 24):
        await _insert(world, row | {"card_id": unknown, "id": unknown, "key_hash": None})
    report = await world.verify()
    assert damaged(report) == {"0" * 24, "f" * 24}
    assert Reason.NO_CARD in reasons(report)


SWAP = """
    UPDATE card_transaction t SET {columns} FROM card_transaction o
    WHERE (t.card_id, t.seq, o.card_id, o.seq) IN (($1, $2, $3, $4), ($3, $4, $1, $2))"""
PAYLOAD = (
    "type amount balance_before balance_after created_at reference_id pos_transaction_id cashier_id terminal_id"
    " merchant_id description previous_hash hash"
).split()


@pytest.mark.parametrize("other", [0, 4])
async def test_two_swapped_entries(world: World, other: int) -> None:
    """Within one card and between two; the rows change everything but their places."""
    first, second = world.cards[0], world.cards[other]
    swap = SWAP.format(columns=", ".join(f"{column} = o.{column}" for column in PAYLOAD))
    await world.edit(swap, first, 3, second, 4)
    assert damaged(await world.verify()) == {first, second}


async def test_two_cards_that_swapped_all_their_entries(world: World) -> None:
    one, other = world.cards[0], world.cards[4]
    for source, target in ((one, "a" * 24), (other, one), ("a" * 24, other)):
        await world.edit("UPDATE card_transaction SET card_id = $2 WHERE card_id = $1", source, target)
    assert damaged(await world.verify()) == {one, other}


@pytest.mark.parametrize(
    ("at", "change", "reason"),
    [
        (0, "balance = balance + 1", Reason.BALANCE_MISMATCH),
        (0, "balance = 0, status = 'depleted'", Reason.BALANCE_MISMATCH),
        (0, "balance = -1", Reason.BALANCE_MISMATCH),
        (0, "seq = seq + 1", Reason.HEAD_MISMATCH),
        (0, "head_hash = sha256('x')", Reason.HEAD_MISMATCH),
        (0, "status = 'suspended'", Reason.STATUS_MISMATCH),
        (0, "status = 'expired'", Reason.STATUS_MISMATCH),
        (0, "status = 'depleted'", Reason.STATUS_MISMATCH),
        (1, "status = 'active'", Reason.STATUS_MISMATCH),
        (2, "status = 'active'", Reason.STATUS_MISMATCH),
        (3, "status = 'active'", Reason.STATUS_MISMATCH),
        (0, "status = 'x'", Reason.STATUS_MISMATCH),
        (0, "expires_at = expires_at + interval '1 year'", Reason.STATE_CHANGED),
        (0, "expires_at = 'infinity'", Reason.STATE_CHANGED),
        (0, "expires_at = '-infinity'", Reason.STATE_CHANGED),
        (0, "expires_at = clock_timestamp(), status = 'expired'", Reason.STATE_CHANGED),
        (0, "suspended_at = clock_timestamp(), status = 'suspended'", Reason.STATE_CHANGED),
        (0, "suspended_until = 'infinity'", Reason.STATE_CHANGED),
        (0, "max_balance = max_balance + 1", Reason.STATE_CHANGED),
        (0, "max_balance = 100", Reason.OUT_OF_BOUNDS),
        (0, "merchant_id = repeat('a', 24)", Reason.STATE_CHANGED),
        (0, "is_test = NOT is_test", Reason.STATE_CHANGED),
        (0, "initial_value = initial_value + 1", Reason.STATE_CHANGED),
        (0, "activated_at = NULL, status = 'pending'", Reason.ACTIVATION_MISMATCH),
        (3, "activated_at = clock_timestamp(), status = 'depleted'", Reason.ACTIVATION_MISMATCH),
        (0, "voided_at = clock_timestamp(), status = 'voided'", Reason.VOID_MISMATCH),
        (2, "voided_at = NULL, status = 'depleted'", Reason.VOID_MISMATCH),
        (0, "state_seal = ''", Reason.STATE_CHANGED),
        (0, "state_seal = state_seal || 'x'", Reason.STATE_CHANGED),
        (0, "held = balance + 1", Reason.HELD_OUT_OF_BOUNDS),
        (0, "held = -1", Reason.HELD_OUT_OF_BOUNDS),
        (0, "number_sealed = ''", Reason.NUMBER_UNREADABLE),
        (0, "number_sealed = number_sealed || 'x'", Reason.NUMBER_UNREADABLE),
        (0, "number_index = sha256('x')", Reason.NUMBER_MISMATCH),
        (0, "key_version = 'abcd'", Reason.NUMBER_MISMATCH),
        (0, "last_four = 'x'", Reason.NUMBER_MISMATCH),
    ],
)
async def test_a_changed_card_is_named(world: World, at: int, change: str, reason: Reason) -> None:
    await world.edit(f"UPDATE card SET {change} WHERE id = $1", world.cards[at])
    report = await world.verify()
    assert damaged(report) == {world.cards[at]}
    assert reason in reasons(report)


@pytest.mark.parametrize("column", ["balance", "held", "max_balance", "expires_at", "updated_at", "is_test", "status"])
async def test_a_card_with_a_missing_value_is_named(world: World, column: str) -> None:
    await world.thief.execute(f"ALTER TABLE card ALTER {column} DROP NOT NULL")
    await world.edit(f"UPDATE card SET {column} = NULL WHERE id = $1", world.cards[0])
    assert damaged(await world.verify()) == {world.cards[0]}


async def test_numbers_swapped_between_two_cards(world: World) -> None:
    """The holder of one card would spend the other's money."""
    one, other = world.cards[0], world.cards[4]
    await world.thief.execute("ALTER TABLE card DROP CONSTRAINT card_program_id_number_index_key")
    await world.edit(
        "UPDATE card c SET number_index = o.number_index FROM card o"
        " WHERE (c.id, o.id) IN (($1, $2), ($2, $1))", one, other,
    )  # fmt: skip
    assert damaged(await world.verify()) == {one, other}


async def test_a_card_moved_to_another_program(world: World, database: Database, keyring: Keyring) -> None:
    other = await open_shop(database, keyring)
    await world.edit("UPDATE card SET program_id = $2 WHERE id = $1", world.cards[0], other.program_id)
    report = await world.verify()
    assert damaged(report) == {world.cards[0]}
    assert {Reason.NO_CARD, Reason.NO_ENTRIES, Reason.STATE_CHANGED} <= reasons(report)
    assert damaged(await world.verify(program_id=other.program_id)) == {world.cards[0]}


async def test_a_card_that_vanished_with_all_its_entries(world: World) -> None:
    for table, column in (("card_transaction", "card_id"), ("card", "id")):
        await world.edit(f"DELETE FROM {table} WHERE {column} = $1", world.cards[1])
    report = await world.verify()
    assert damaged(report) == {world.cards[1]}
    assert reasons(report) == {Reason.SEALED_ENTRY_MISSING, Reason.NO_CARD}


async def test_a_card_without_its_row(world: World) -> None:
    await world.edit("DELETE FROM card WHERE id = $1", world.cards[1])
    assert damaged(await world.verify()) == {world.cards[1]}


async def test_a_program_that_vanished(world: World) -> None:
    await world.edit("DELETE FROM program WHERE id = $1", world.shop.program_id)
    report = await world.verify()
    assert (damaged(report), reasons(report)) == ({None}, {Reason.NO_PROGRAM})


@pytest.fixture
async def sealed_world(world: World) -> World:
    """With seals 3 to 6 in addition, each about one card."""
    for amount in range(1, 5):
        await world.shop.redeem(world.cards[4], amount)
        await world.sealer.run()
    return world


SEAL_CHANGES = {
    "heads = heads || 'x'": Reason.SEAL_CHANGED,
    "heads = ''": Reason.SEAL_CHANGED,
    "heads = overlay(heads placing 'x' from 30 for 1)": Reason.SEAL_CHANGED,
    "sealed_at = sealed_at + interval '1 second'": Reason.SEAL_CHANGED,
    "sealed_at = 'infinity'": Reason.SEAL_CHANGED,
    "previous_hash = sha256('x')": Reason.SEAL_CHANGED,
    "hash = sha256('x')": Reason.SEAL_CHANGED,
    "hash = ''": Reason.SEAL_CHANGED,
    "signature = decode(repeat('00', 64), 'hex')": Reason.SEAL_SIGNATURE_WRONG,
    "signature = ''": Reason.SEAL_SIGNATURE_WRONG,
    "public_key = sha256('x')": Reason.UNKNOWN_SEAL_KEY,
    "public_key = ''": Reason.UNKNOWN_SEAL_KEY,
    "number = number + 100": Reason.SEAL_MISSING,
    "number = -1": Reason.SEAL_MISSING,
}


@pytest.mark.parametrize("change", SEAL_CHANGES)
@pytest.mark.parametrize("number", [1, 3, 6])
async def test_a_changed_seal_is_named_and_no_card(sealed_world: World, change: str, number: int) -> None:
    await _sealing_came_by(sealed_world)
    await sealed_world.edit(f"UPDATE ledger_seal SET {change} WHERE number = $1", number)
    report = await sealed_world.verify()
    assert damaged(report) == {None}
    expected = SEAL_CHANGES[change]
    if (number, change) == (6, "number = -1"):
        expected = Reason.SEAL_CHANGED  # nothing is missing, one is too much
    assert expected in reasons(report)
    assert all(str(number) in finding.explanation for finding in report.findings if finding.reason_code is expected)


async def _sealing_came_by(world: World) -> None:
    await world.edit("UPDATE seal_progress SET sealed_until = clock_timestamp() + interval '1 second'")


@pytest.mark.parametrize("number", [1, 3])
async def test_a_deleted_seal_is_named_and_no_card(sealed_world: World, number: int) -> None:
    await _sealing_came_by(sealed_world)
    await sealed_world.edit("DELETE FROM ledger_seal WHERE number = $1", number)
    report = await sealed_world.verify()
    assert (damaged(report), reasons(report)) == ({None}, {Reason.SEAL_MISSING})


async def test_a_seal_deleted_at_the_end_leaves_an_entry_without_one(sealed_world: World) -> None:
    await _sealing_came_by(sealed_world)
    await sealed_world.edit("DELETE FROM ledger_seal WHERE number = 6")
    report = await sealed_world.verify()
    assert (damaged(report), reasons(report)) == ({sealed_world.cards[4]}, {Reason.NOT_SEALED})


async def test_entries_that_sealing_has_not_come_by_need_no_seal(world: World) -> None:
    await world.shop.redeem(world.cards[0], 1)
    assert (await world.verify()).is_clean
    await _sealing_came_by(world)
    report = await world.verify()
    assert (damaged(report), reasons(report)) == ({world.cards[0]}, {Reason.NOT_SEALED})


async def test_a_seal_from_a_fork_breaks_the_chain(sealed_world: World, keyring: Keyring, database: Database) -> None:
    """Signed with the right key, but not after what stands before it: such as a mix of two restored backups."""
    rows = await sealed_world.thief.fetch("SELECT * FROM ledger_seal WHERE number >= 5")
    await sealed_world.edit("DELETE FROM ledger_seal WHERE number >= 5")
    await sealed_world.shop.redeem(sealed_world.cards[0], 1)
    await Sealer(database, keyring).run()
    await sealed_world.thief.copy_records_to_table("ledger_seal", records=[tuple(row) for row in rows[1:]])
    report = await sealed_world.verify()
    assert (damaged(report), reasons(report)) == ({None}, {Reason.SEAL_CHAIN_BROKEN})


async def test_a_rotated_secret_still_proves_old_seals(world: World, database: Database) -> None:
    fresh, old = "n" * 20 + "0123456789ab", _secret_of(world.shop.keyring)
    both = Keyring([fresh, old])
    shop = replace(world.shop, keyring=both)
    await Sealer(database, both).run()
    await shop.redeem(world.cards[0], 1)
    await Sealer(database, both).run()
    assert (await verify(database, both)).is_clean
    report = await verify(database, Keyring([fresh]))
    assert {Reason.UNKNOWN_SEAL_KEY, Reason.STATE_CHANGED, Reason.NUMBER_UNREADABLE} == reasons(report)


def _secret_of(keyring: Keyring) -> str:
    return keyring._secrets[0].value.decode()


async def test_many_heads_are_read_in_stretches(sealed_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "HEADS_IN_MEMORY", 3)
    assert (await sealed_world.verify()).is_clean
    for card_id in sealed_world.cards:
        await sealed_world.edit("UPDATE card_transaction SET seq = seq + 100 WHERE card_id = $1", card_id)
    report = await sealed_world.verify()
    missing = {f.card_id for f in report.findings if f.reason_code is Reason.SEALED_ENTRY_MISSING}
    assert missing == set(sealed_world.cards)


async def test_pages_and_blocks_may_end_anywhere(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "_CARDS_A_PAGE", 1)
    monkeypatch.setattr(seals, "_CARDS_A_PAGE", 1)
    monkeypatch.setattr(seals, "_FETCH", 1)
    feed = verification._Run.feed

    async def crumbs(run: Any, data: bytes) -> None:
        for at in range(0, len(data), 7):
            await feed(run, data[at : at + 7])

    monkeypatch.setattr(verification._Run, "feed", crumbs)
    assert (await world.verify()).entries > 20
    await world.edit(ENTRY.format("amount = amount + 1"), world.cards[4], 3)
    assert damaged(await world.verify()) == {world.cards[4]}


AWKWARD = ['a,b', 'a\\b', '\\N', 'null', '"', '\\"', ",", "\\,", "", " ", "\n", "\r\n\t\b\f\x01\x1f\x7f", "żółć 🎁 \u2028", "]["]


async def test_texts_with_awkward_signs_are_hashed_the_same_way(world: World) -> None:
    card_id = await world.shop.card(9000)
    for text in AWKWARD:
        await world.shop.redeem(card_id, 1, pos_transaction_id=text, cashier_id=text, terminal_id=text)
        await world.shop.reload(card_id, 1, reference_id=text, description=text)
    assert (await world.verify()).is_clean
    await world.edit(ENTRY.format("cashier_id = '\\\\N'"), card_id, 5)
    assert damaged(await world.verify()) == {card_id}


async def test_one_program_alone(world: World, database: Database, keyring: Keyring) -> None:
    other = await open_shop(database, keyring)
    card_id = await other.card(1000, -1)
    await other.ledger.close()
    await world.sealer.run()
    await world.edit("UPDATE card SET balance = balance + 1 WHERE id = $1", card_id)
    told: list[tuple[int, int]] = []
    report = await world.verify(program_id=world.shop.program_id, progress=lambda *step: told.append(step))
    assert (report.is_clean, report.cards, report.seals) == (True, 5, 2)
    assert told[-1] == (report.entries, report.entries)
    report = await world.verify(program_id=other.program_id)
    assert (damaged(report), report.cards, report.entries, report.seals) == ({card_id}, 1, 3, 1)
    with pytest.raises(NotFound):
        await world.verify(program_id="f" * 24)


async def test_a_status_that_time_has_overtaken_is_no_damage(shop: Shop) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.6)
    cards = [await shop.card(expires_at=soon + timedelta(seconds=0.4)), await shop.card()]
    for card_id in cards:
        assert (await shop.suspend(card_id, soon)).status == 200
    for _ in range(3):
        assert (await verify(shop.database, shop.keyring)).is_clean
        await asyncio.sleep(0.5)


async def test_transfers_must_cancel_out(world: World) -> None:
    """Two cards that are sound by themselves, and money that one gave and none received."""
    card_id = world.cards[4]
    last = (await world.entries(card_id))[-1]
    seq, after = last["seq"] + 1, last["balance_after"] - 500
    facts = ("TRANSFER_OUT", -500, last["balance_after"], after, last["created_at"], None, None, None, None)
    digest = entry_hash(last["program_id"], card_id, seq, *facts, last["merchant_id"], last["hash"])
    added = last | {"seq": seq, "id": "a" * 24, "key_hash": None, "type": "TRANSFER_OUT", "amount": -500}
    added |= {"balance_before": last["balance_after"], "balance_after": after, "previous_hash": last["hash"]}
    await _insert(world, added | {"hash": digest})
    await _agree(world, card_id)
    report = await world.verify()
    assert (damaged(report), reasons(report)) == ({None}, {Reason.TRANSFERS_DO_NOT_CANCEL})


async def test_a_database_that_goes_away_is_said_so(world: World, database_url: str) -> None:
    gone = await Database.open(database_url.replace("/kado_", "/no_such_"))
    with pytest.raises(Unavailable):
        await verify(gone, world.shop.keyring)
    await gone.close()


async def test_the_server_role_is_enough_and_nothing_is_written(world: World) -> None:
    counters = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
    before = await world.thief.fetchval(counters)
    assert (await world.verify()).is_clean
    assert await world.thief.fetchval(counters) == before


async def test_cards_can_be_damaged_all_at_once(world: World) -> None:
    await world.edit("UPDATE card SET balance = balance + 1")
    await world.edit("UPDATE card_transaction SET amount = amount + 1")
    await world.edit("UPDATE ledger_seal SET hash = sha256(heads)")
    assert damaged(await world.verify()) == {None, *world.cards}



