"""The next entry of a card: the one place where a balance changes in memory, together with the entry that says why."""

from datetime import datetime

from kado.access.caller import Caller
from kado.cards.card import Card, Entry
from kado.cards.chain import entry_hash
from kado.cards.posting import NewEntry
from kado.ids import new_id


def append(card: Card, new: NewEntry, caller: Caller, at: datetime, key_hash: bytes | None) -> Entry:
    """The next entry of a card; the card's balance, sequence number and head move with it.

    Where the request does not say who stood at which till, the merchant's session does.
    """
    before, after, seq, entry_id = card.balance, card.balance + new.amount, card.seq + 1, new.id or new_id()
    cashier_id, terminal_id = new.cashier_id or caller.cashier_id, new.terminal_id or caller.terminal_id
    digest = entry_hash(
        card.program_id,
        card.id,
        seq,
        new.type,
        new.amount,
        before,
        after,
        at,
        new.reference_id,
        new.pos_transaction_id,
        cashier_id,
        terminal_id,
        caller.merchant_id,
        entry_id,
        key_hash,
        card.head_hash,
        new.counterpart_id,
    )
    entry = Entry(
        card.program_id,
        card.id,
        seq,
        entry_id,
        new.type,
        new.amount,
        before,
        after,
        at,
        new.reference_id,
        new.pos_transaction_id,
        cashier_id,
        terminal_id,
        caller.merchant_id,
        new.description,
        key_hash,
        card.head_hash,
        digest,
        new.counterpart_id,
    )
    card.balance, card.seq, card.head_hash = after, seq, digest
    return entry
