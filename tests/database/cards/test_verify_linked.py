"""Verification of what several cards have to do with each other, and of money on hold."""

import inspect
from dataclasses import dataclass
from typing import Any

import pytest
from tests.database.cards.builders import Shop
from tests.database.cards.tampering import ENTRY, World, damaged, free, keep_copies, reasons

from kado.cards.capture import Capture
from kado.cards.chain import entry_hash
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
    refunded: str = ""

    async def forge(self, card_id: str, kind: str, facts: dict[str, Any]) -> None:
        """Rewrite the last entry of this type and all that follows from it, as somebody with the secret key can."""
        rows = await self.entries(card_id)
        at = max(place for place, row in enumerate(rows) if row["type"] == kind)
        rows[at] |= facts
        balance, previous = rows[at]["balance_before"], rows[at]["previous_hash"]
        for row in rows[at:]:
            row |= {"balance_before": balance, "balance_after": balance + row["amount"], "previous_hash": previous}
            row["hash"] = entry_hash(**{name: row[name] for name in HASHED}, kind=row["type"], entry_id=row["id"])
            balance, previous = row["balance_after"], row["hash"]
            names = [name for name in row if name not in ("card_id", "seq")]
            places = ", ".join(f"{name} = ${place + 3}" for place, name in enumerate(names))
            await self.edit(ENTRY.format(places), card_id, row["seq"], *(row[name] for name in names))
        change = "UPDATE card SET balance = $2, head_hash = $3, initial_value = 1 WHERE id = $1"
        await self.edit(change, card_id, balance, previous)
        await self.seal_card(card_id)


Changes = list[tuple[str, tuple[object, ...], set[str | None]]]
HASHED = [name for name in inspect.signature(entry_hash).parameters if name not in ("kind", "entry_id")]


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
    world = Linked(shop, sealer, superuser, [], source, destination, one, lost, held, hold, ended, pending)
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
    # Card and hold edited to agree: only what is made under the secret knows better.
    await linked.edit("UPDATE hold SET amount = amount - 500 WHERE id = $1", linked.hold)
    await linked.edit("UPDATE card SET held = held - 500 WHERE id = $1", card)
    report = await linked.verify()
    assert (damaged(report), reasons(report)) == ({card}, {Reason.STATE_CHANGED, Reason.ROWS_CHANGED})
    await linked.undo()


async def test_an_edit_of_a_hold_that_keeps_the_sum_is_found(linked: Linked) -> None:
    edits = (
        "amount = amount + 1, captured = captured + 1",
        "merchant_id = repeat('a', 24)",
        "order_reference = 'another'",
        "pos_transaction_id = 'another'",
        "cashier_id = 'another'",
        "terminal_id = 'another'",
        "created_at = created_at + interval '1 second'",
        "expires_at = expires_at + interval '1 year'",
        "id = repeat('a', 24)",
    )
    ended = ("amount = amount + 1", "status = 'captured'", "ended_at = ended_at + interval '1 second'", "captured = 1")
    changes: Changes = [(f"UPDATE hold SET {edit} WHERE id = $1", (linked.hold,), {linked.held}) for edit in edits]
    changes += [(f"UPDATE hold SET {edit} WHERE id = $1", (linked.ended,), {linked.held}) for edit in ended]
    changes += [("DELETE FROM hold WHERE id = $1", (linked.ended,), {linked.held})]
    await linked.try_each(changes)


async def test_a_changed_reversal_is_found(linked: Linked) -> None:
    card = await linked.thief.fetchval("SELECT card_id FROM reversal")
    edits = ("reference = 'another'", "kind = 'reference_id'", "merchant_id = repeat('a', 24)",
             "reversed_at = reversed_at - interval '40 days'")  # fmt: skip
    changes: Changes = [(f"UPDATE reversal SET {edit} WHERE card_id = $1", (card,), {card}) for edit in edits]
    changes += [("DELETE FROM reversal WHERE card_id = $1", (card,), {card})]
    changes += [("UPDATE reversal SET card_id = $2 WHERE card_id = $1", (card, linked.held), {card, linked.held})]
    changes += [("UPDATE reversal SET card_id = repeat('a', 24) WHERE card_id = $1", (card,), {card, "a" * 24})]
    await linked.try_each(changes)


# ── what somebody with the secret key could make: every card is sound by itself


async def test_sides_that_do_not_belong_together_are_found(linked: Linked) -> None:
    """Each entry rewritten so that its own card is sound, sealed and all: only the other entry knows better."""
    await linked.edit("DELETE FROM ledger_seal")
    for card, kind, fact, reasons_found in (
        (linked.source, "TRANSFER_OUT", {"counterpart_id": "a" * 24}, {Reason.COUNTERPART_WRONG}),
        (linked.source, "TRANSFER_OUT", {"amount": -600}, {Reason.COUNTERPART_WRONG, Reason.TRANSFERS_DO_NOT_CANCEL}),
        (linked.destination, "TRANSFER_IN", {"counterpart_id": None},
         {Reason.COUNTERPART_WRONG, Reason.COUNTERPART_MISSING}),
        (linked.refunded, "REFUND", {"amount": 500}, {Reason.PARTS_DIFFER}),
        (linked.refunded, "REFUND", {"counterpart_id": None}, {Reason.COUNTERPART_MISSING}),
        (linked.consolidated, "CONSOLIDATION", {"counterpart_id": None},
         {Reason.COUNTERPART_MISSING, Reason.PARTS_DIFFER, Reason.SUCCESSION_MISMATCH}),
    ):  # fmt: skip
        await linked.forge(card, kind, fact)
        report = await linked.verify()
        assert reasons(report) == reasons_found, (kind, fact, report.findings)
        assert card in damaged(report), (kind, fact)
        await linked.undo()
        await linked.edit("DELETE FROM ledger_seal")


async def test_a_successor_that_got_nothing_is_found(linked: Linked) -> None:
    await linked.edit("UPDATE card SET successor_id = $2 WHERE id = $1", linked.replaced, linked.source)
    await linked.seal_card(linked.replaced)
    report = await linked.verify()
    assert (damaged(report), reasons(report)) == ({linked.replaced}, {Reason.SUCCESSION_MISMATCH})


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
