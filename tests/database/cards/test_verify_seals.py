"""Verification of the seals: each damaged one is named, and no card for it; and what a missing one leaves behind."""

from dataclasses import replace

import pytest
from tests.database.cards.tampering import TABLES, World, damaged, keep_copies, reasons

from kado.cards.proof import seals
from kado.cards.seal import Sealer
from kado.cards.verify import Reason, verify
from kado.crypto import Keyring
from kado.storage.database import Database


@pytest.fixture
async def sealed_world(world: World) -> World:
    """With seals 3 to 6 in addition, each about one card."""
    for amount in range(1, 5):
        await world.shop.redeem(world.cards[4], amount)
        await world.sealer.run()
    for table in TABLES:
        await world.thief.execute(f"DROP TABLE {table}_before")
    await keep_copies(world.thief)
    return world


SEAL_CHANGES = {
    "heads = heads || 'x'": Reason.SEAL_CHANGED,
    "heads = ''": Reason.SEAL_CHANGED,
    "heads = set_byte(heads, 29, get_byte(heads, 29) # 1)": Reason.SEAL_CHANGED,
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


@pytest.mark.parametrize("number", [1, 3, 6])
async def test_a_changed_seal_is_named_and_no_card(sealed_world: World, number: int) -> None:
    for change, reason in SEAL_CHANGES.items():
        await _sealing_came_by(sealed_world)
        await sealed_world.edit(f"UPDATE ledger_seal SET {change} WHERE number = $1", number)
        report = await sealed_world.verify()
        assert (damaged(report), change) == ({None}, change)
        if (number, change) != (6, "number = -1"):  # there nothing is missing, but one is too many
            assert any(str(number) in one.explanation for one in report.findings if one.reason_code is reason), change
        await sealed_world.undo()
    assert (await sealed_world.verify()).is_clean


async def _sealing_came_by(world: World) -> None:
    await world.edit("UPDATE seal_progress SET sealed_until = clock_timestamp() + interval '1 second'")


async def test_a_deleted_seal_is_named_and_no_card(sealed_world: World) -> None:
    for number in (1, 3):
        await _sealing_came_by(sealed_world)
        await sealed_world.edit("DELETE FROM ledger_seal WHERE number = $1", number)
        report = await sealed_world.verify()
        assert (damaged(report), reasons(report)) == ({None}, {Reason.SEAL_MISSING})
        await sealed_world.undo()


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
