"""Verification of the cards' own facts: each edit of a card's row is found, and that card is named."""

from tests.database.cards.builders import open_shop
from tests.database.cards.tampering import World, damaged, reasons

from kado.cards.verify import Reason
from kado.crypto import Keyring
from kado.storage.database import Database

CARD_CHANGES = [
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
]


async def test_a_changed_card_is_named(world: World) -> None:
    for at, change, reason in CARD_CHANGES:
        await world.edit(f"UPDATE card SET {change} WHERE id = $1", world.cards[at])
        report = await world.verify()
        assert (damaged(report), change) == ({world.cards[at]}, change)
        assert reason in reasons(report), change
        await world.undo()
    assert (await world.verify()).is_clean


async def test_a_card_with_a_missing_value_is_named(world: World) -> None:
    columns = (
        "balance",
        "held",
        "max_balance",
        "expires_at",
        "updated_at",
        "is_test",
        "status",
        "number_sealed",
        "seq",
    )
    for column in columns:
        await world.thief.execute(f"ALTER TABLE card ALTER {column} DROP NOT NULL")
    change, card_id = "UPDATE card SET {} = NULL WHERE id = $1", world.cards[0]
    await world.try_each((change.format(column), (card_id,), {card_id}) for column in columns)


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
