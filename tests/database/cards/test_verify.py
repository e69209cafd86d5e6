"""Verification finds every edit that is made past Kado, and names the damaged cards and nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from tests.database.cards.builders import Shop, open_shop
from tests.database.cards.tampering import ENTRY, World, damaged, reasons

from kado.cards import verify as verification
from kado.cards.chain import GENESIS, entry_hash
from kado.cards.proof import seals
from kado.cards.verify import Reason, Report, verify
from kado.crypto import Keyring
from kado.errors import NotFound, Unavailable
from kado.storage.database import Database


async def test_an_untouched_ledger_is_clean(world: World) -> None:
    report = await world.verify()
    assert (report.is_clean, report.cards, report.seals) == (True, 5, 2)
    assert report.entries == await world.thief.fetchval("SELECT count(*) FROM card_transaction")


async def test_an_empty_ledger_is_clean(database: Database, keyring: Keyring) -> None:
    assert await verify(database, keyring) == Report()


ENTRY_CHANGES = [
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
]


async def test_a_changed_value_names_the_card(world: World) -> None:
    card_id = world.cards[0]
    await world.try_each(
        (ENTRY.format(change), (card_id, seq), {card_id}) for change in ENTRY_CHANGES for seq in (1, 3, 9)
    )


@pytest.mark.parametrize("owner", ["a" * 24, "f" * 24])
async def test_an_entry_given_to_another_card_or_program(world: World, owner: str) -> None:
    """To ones that do not exist, before and after all others."""
    card_id = world.cards[0]
    give_to_card, give_to_program = ENTRY.format(f"card_id = '{owner}'"), ENTRY.format(f"program_id = '{owner}'")
    seqs = (1, 3, 9)
    await world.try_each((give_to_card, (card_id, seq), {card_id, owner}) for seq in seqs)
    await world.try_each((give_to_program, (card_id, seq), {card_id, None}) for seq in seqs)


@pytest.mark.parametrize("change", ["id = repeat('a', 24)", "key_hash = sha256('x')", "key_hash = NULL"])
async def test_a_name_by_which_an_entry_is_found_is_part_of_it(world: World, change: str) -> None:
    await world.edit(ENTRY.format(change), world.cards[0], 3)
    report = await world.verify()
    assert (damaged(report), reasons(report)) == ({world.cards[0]}, {Reason.ENTRY_CHANGED})


@pytest.mark.parametrize("column", ["reference_id", "pos_transaction_id", "cashier_id", "terminal_id"])
async def test_a_value_that_was_taken_away_names_the_card(world: World, column: str) -> None:
    await world.edit(f"UPDATE card_transaction SET {column} = NULL WHERE {column} IS NOT NULL")
    report = await world.verify()
    assert damaged(report) == {world.cards[0]}
    assert reasons(report) == {Reason.ENTRY_CHANGED}


async def test_what_stands_outside_the_hash_may_change(world: World) -> None:
    """A description may name a person, who can ask to be forgotten."""
    await world.edit(ENTRY.format("description = NULL"), world.cards[0], 3)
    assert (await world.verify()).is_clean


async def test_a_missing_value_is_no_reason_to_crash(world: World) -> None:
    columns = (
        "amount",
        "balance_before",
        "balance_after",
        "created_at",
        "type",
        "previous_hash",
        "hash",
        "merchant_id",
    )
    for column in columns:
        await world.thief.execute(f"ALTER TABLE card_transaction ALTER {column} DROP NOT NULL")
    card_id = world.cards[0]
    await world.try_each((ENTRY.format(f"{column} = NULL"), (card_id, 3), {card_id}) for column in columns)


async def test_a_deleted_entry_names_the_card(world: World) -> None:
    delete = "DELETE FROM card_transaction WHERE card_id = $1 AND seq = $2"
    await world.try_each((delete, (world.cards[0], seq), {world.cards[0]}) for seq in (1, 2, 5, 9))


async def test_an_invented_entry_that_fits_needs_the_secret_key(world: World) -> None:
    """Hashed like any other, and balance and head of the card changed with it; nothing of it is sealed yet."""
    card_id = world.cards[4]
    last = (await world.entries(card_id))[-1]
    seq, before, after = last["seq"] + 1, last["balance_after"], last["balance_after"] + 900
    facts = ("RELOAD", 900, before, after, last["created_at"], None, None, None, None, last["merchant_id"])
    digest = entry_hash(last["program_id"], card_id, seq, *facts, "a" * 24, None, last["hash"])
    added = last | {"seq": seq, "id": "a" * 24, "key_hash": None, "type": "RELOAD", "amount": 900, "hash": digest}
    await _insert(world, added | {"balance_before": before, "balance_after": after, "previous_hash": last["hash"]})
    await world.edit(
        "UPDATE card SET balance = $2, seq = $3, head_hash = $4 WHERE id = $1", card_id, after, seq, digest
    )
    for _ in range(2):  # found before Kado went on from it, and after
        report = await world.verify()
        assert (damaged(report), reasons(report)) == ({card_id}, {Reason.STATE_CHANGED})
        assert (await world.shop.redeem(card_id, 1)).status == 200
        await world.sealer.run()


async def test_a_cut_tail_contradicts_the_seal(world: World) -> None:
    """Card and entries agree with each other again: only the seal knows better."""
    card_id, kept = world.cards[0], 7
    await world.edit("DELETE FROM card_transaction WHERE card_id = $1 AND seq > $2", card_id, kept)
    await _agree(world, card_id)
    report = await world.verify()
    assert (damaged(report), reasons(report)) == ({card_id}, {Reason.SEALED_ENTRY_MISSING})


async def _agree(world: World, card_id: str) -> None:
    """Make the card say what its last entry says, as only someone who holds the secret key can."""
    await world.edit(
        "UPDATE card c SET balance = t.balance_after, seq = t.seq, head_hash = t.hash, updated_at = t.created_at"
        " FROM card_transaction t WHERE c.id = $1 AND t.card_id = c.id"
        " AND t.seq = (SELECT max(seq) FROM card_transaction WHERE card_id = $1)",
        card_id,
    )
    await world.seal_card(card_id)


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
        names = (row["id"], row["key_hash"])
        digest = entry_hash(row["program_id"], card_id, row["seq"], *facts, *rest, *names, previous)
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
    merchant = last["merchant_id"]
    digest = entry_hash(last["program_id"], last["card_id"], seq, *facts, merchant, "a" * 24, None, last["hash"])
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


AWKWARD = [
    "a,b",
    "a\\b",
    "\\N",
    "null",
    '"',
    '\\"',
    ",",
    "\\,",
    "",
    " ",
    "\n",
    "\r\n\t\b\f\x01\x1f\x7f",
    "żółć 🎁 \u2028",
    "][",
]


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
    soon = await shop.soon()
    later = soon + timedelta(seconds=0.3)
    cards = [await shop.card(expires_at=later), await shop.card()]
    for card_id in cards:
        assert (await shop.suspend(card_id, soon)).status == 200
    for moment in (soon, later):
        assert (await verify(shop.database, shop.keyring)).is_clean
        await shop.wait_for(moment)
    assert (await verify(shop.database, shop.keyring)).is_clean


async def test_transfers_must_cancel_out(world: World) -> None:
    """Two cards that are sound by themselves, and money that one gave and none received."""
    card_id = world.cards[4]
    last = (await world.entries(card_id))[-1]
    seq, after = last["seq"] + 1, last["balance_after"] - 500
    facts = ("TRANSFER_OUT", -500, last["balance_after"], after, last["created_at"], None, None, None, None)
    merchant = last["merchant_id"]
    digest = entry_hash(last["program_id"], card_id, seq, *facts, merchant, "a" * 24, None, last["hash"])
    added = last | {"seq": seq, "id": "a" * 24, "key_hash": None, "type": "TRANSFER_OUT", "amount": -500}
    added |= {"balance_before": last["balance_after"], "balance_after": after, "previous_hash": last["hash"]}
    await _insert(world, added | {"hash": digest})
    await _agree(world, card_id)
    report = await world.verify()
    assert reasons(report) == {Reason.TRANSFERS_DO_NOT_CANCEL, Reason.COUNTERPART_MISSING}
    assert damaged(report) == {None, card_id}


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
