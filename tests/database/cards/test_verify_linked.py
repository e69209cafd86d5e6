"""Verification of what several cards have to do with each other, and of money on hold."""

from dataclasses import dataclass
from typing import Any

import pytest
from tests.database.cards.builders import Shop
from tests.database.cards.tampering import World, damaged, free, keep_copies, reasons

from kado.cards.capture import Capture
from kado.cards.process_expired import ProcessExpired
from kado.cards.refund import Refund
from kado.cards.release import Release
from kado.cards.replace import Replace
from kado.cards.reverse import Reverse
from kado.cards.seal import Sealer
from kado.cards.verify import Reason


@dataclass
class Linked(World):
    """Cards that were transferred between, consolidated, replaced, refunded, reversed and held."""

    source: str = ""
    destination: str = ""
    consolidated: str = ""
    replaced: str = ""
    held: str = ""
    hold: str = ""
    ended: str = ""


@pytest.fixture
async def linked(shop: Shop, sealer: Sealer, superuser: Any) -> Linked:
    source, destination, spent, one, other, lost, pending, held = [
        await shop.card(5000, customer_email="ada@example.com") for _ in range(8)
    ]
    await shop.transfer(source, destination, 700)
    await shop.transfer(spent, destination, 5000)
    await shop.ledger.post(shop.consolidation(one, other))
    await sealer.run()
    await shop.post(Replace, lost, reason="lost")
    await shop.post(Replace, await shop.issue(1000), reason="lost")
    await shop.redeem(pending, 300, pos_transaction_id="POS-1")
    await shop.post(Refund, pending, transaction_id=(await shop.entries(pending))[-1].id, amount=100)
    await shop.post(Reverse, pending, kind="pos_transaction_id", own_reference="POS-1")
    hold, ended = [await shop.hold(held, 1000) for _ in range(2)]
    await shop.post(Capture, held, hold=hold, amount=400, keep_rest=True)
    await shop.post(Release, held, hold=ended)
    await shop.void(destination)
    await sealer.run()
    world = Linked(shop, sealer, superuser, [], source, destination, one, lost, held, hold, ended)
    assert (await world.verify()).findings == []
    await free(superuser)
    await keep_copies(superuser)
    return world


async def test_an_edited_link_between_entries_is_found(linked: Linked) -> None:
    change = "UPDATE card_transaction SET counterpart_id = {} WHERE card_id = $1 AND type = $2"
    await linked.try_each(
        (change.format(value), (card, kind), {card})
        for card, kind in ((linked.source, "TRANSFER_OUT"), (linked.destination, "TRANSFER_IN"),
                           (linked.consolidated, "CONSOLIDATION"), (linked.replaced, "TRANSFER_OUT"))
        for value in ("NULL", "repeat('a', 24)")
    )  # fmt: skip


async def test_a_link_given_to_an_entry_that_had_none_is_found(linked: Linked) -> None:
    change = "UPDATE card_transaction SET counterpart_id = repeat('a', 24) WHERE card_id = $1 AND type = 'ACTIVATION'"
    await linked.try_each([(change, (linked.source,), {linked.source})])


async def test_an_edited_successor_is_found(linked: Linked) -> None:
    old = linked.replaced
    changes = [
        ("successor_id = $2", (old, linked.source)),
        ("successor_id = NULL, succession = NULL", (old,)),
        ("succession = 'consolidation'", (old,)),
    ]
    await linked.try_each((f"UPDATE card SET {change} WHERE id = $1", given, {old}) for change, given in changes)
    given = "UPDATE card SET successor_id = $2, succession = 'replacement' WHERE id = $1"
    await linked.try_each([(given, (linked.source, linked.held), {linked.source})])


async def test_money_on_hold_agrees_with_the_card(linked: Linked) -> None:
    card = linked.held
    for change, arguments in (
        ("UPDATE card SET held = held + 1 WHERE id = $1", (card,)),
        ("UPDATE card SET held = 0 WHERE id = $1", (card,)),
        ("UPDATE hold SET amount = amount + 1 WHERE id = $1", (linked.hold,)),
        ("UPDATE hold SET captured = captured - 1 WHERE id = $1", (linked.hold,)),
        ("UPDATE hold SET status = 'released', ended_at = clock_timestamp() WHERE id = $1", (linked.hold,)),
        ("UPDATE hold SET status = 'open', ended_at = NULL WHERE id = $1", (linked.ended,)),
        ("DELETE FROM hold WHERE id = $1", (linked.hold,)),
    ):
        await linked.edit(change, *arguments)
        report = await linked.verify()
        assert (damaged(report), change) == ({card}, change)
        assert Reason.HELD_MISMATCH in reasons(report), change
        await linked.undo()
    # Card and hold edited to agree: only the seal over the card's state knows better.
    await linked.edit("UPDATE hold SET amount = amount - 500 WHERE id = $1", linked.hold)
    await linked.edit("UPDATE card SET held = held - 500 WHERE id = $1", card)
    report = await linked.verify()
    assert (damaged(report), reasons(report)) == ({card}, {Reason.STATE_CHANGED})
    await linked.undo()


async def test_a_hold_moved_to_another_card_names_both(linked: Linked) -> None:
    await linked.edit("UPDATE hold SET card_id = $2 WHERE id = $1", linked.hold, linked.source)
    assert damaged(await linked.verify()) == {linked.held, linked.source}


async def test_a_forgotten_reversal_is_found(linked: Linked) -> None:
    change = "UPDATE card SET has_reversals = NOT has_reversals WHERE id = $1"
    reversed_card = await linked.thief.fetchval("SELECT id FROM card WHERE has_reversals")
    await linked.try_each([(change, (card,), {card}) for card in (reversed_card, linked.source)])


async def test_a_side_of_a_transfer_that_vanished_is_found(linked: Linked) -> None:
    change = "DELETE FROM card_transaction WHERE card_id = $1 AND type = $2"
    await linked.try_each(
        (change, (card, kind), {card})
        for card, kind in ((linked.source, "TRANSFER_OUT"), (linked.destination, "TRANSFER_IN"))
    )


async def test_an_expired_card_paid_out_or_extended_proves_itself(shop: Shop, superuser: Any) -> None:
    world = World(shop, Sealer(shop.database, shop.keyring), superuser, [])
    for wish in ("extend", "refund", "void"):
        card_id = await shop.card(5000, expires_at=None)
        await expire(shop, card_id)
        assert (await shop.post(ProcessExpired, card_id, wish=wish)).status == 200
    assert (await world.verify()).findings == []


async def expire(shop: Shop, card_id: str) -> None:
    from datetime import timedelta

    from kado.cards.chain import seal_state
    from kado.cards.store import write_state

    card = await shop.look(card_id)
    card.expires_at = card.updated_at - timedelta(seconds=1)
    card.state_seal = seal_state(shop.keyring, card)
    async with shop.database.transaction() as connection:
        await write_state(connection, [card])


# ── the database's own rules ───────────────────────────────────────────────────────────────────────────────────────


async def test_the_database_refuses_what_no_hold_may_become(shop: Shop, superuser: Any) -> None:
    card_id = await shop.card(5000)
    hold, ended = await shop.hold(card_id, 1000), await shop.hold(card_id, 1000)
    await shop.post(Release, card_id, hold=ended)
    for change, wanted, rule in (
        ("status = 'open', ended_at = NULL", ended, "a hold that ended stays as it is"),
        ("captured = 1", ended, "a hold that ended stays as it is"),
        ("captured = amount + 1", hold, "hold_captured_within_amount"),
        ("captured = -1", hold, "hold_captured_within_amount"),
        ("status = 'captured'", hold, "hold_ends_once"),
        ("ended_at = clock_timestamp()", hold, "hold_ends_once"),
        ("amount = 0", hold, "hold_amount_check"),
        ("status = 'lost', ended_at = clock_timestamp()", hold, "hold_status_check"),
        ("card_id = repeat('a', 24)", hold, "hold_program_id_card_id_fkey"),
    ):
        with pytest.raises(Exception, match=rule):
            await superuser.execute(f"UPDATE hold SET {change} WHERE id = $1", wanted)


async def test_the_database_refuses_a_successor_of_a_living_card_and_one_that_does_not_exist(
    shop: Shop, superuser: Any
) -> None:
    alive, dead = await shop.card(5000), await shop.card(5000)
    await shop.void(dead)
    for card, successor, succession, rule in (
        (alive, dead, "replacement", "card_successor_of_voided"),
        (dead, alive, None, "card_successor_of_voided"),
        (dead, None, "replacement", "card_successor_of_voided"),
        (dead, alive, "theft", "card_succession_check"),
        (dead, "a" * 24, "replacement", "card_successor_exists"),
    ):
        with pytest.raises(Exception, match=rule):
            await superuser.execute(
                "UPDATE card SET successor_id = $2, succession = $3 WHERE id = $1", card, successor, succession
            )


async def test_holds_and_reversals_are_never_deleted_by_the_server(shop: Shop) -> None:
    for table in ("hold", "reversal"):
        with pytest.raises(Exception, match="permission denied"):
            async with shop.database.transaction() as connection:
                await connection.execute(f"DELETE FROM {table}")
