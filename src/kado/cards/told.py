"""What holders are told of their money, where their program wants them to be."""

from collections.abc import Sequence
from typing import Final

from kado.cards.card import Card, Entry, TransactionType
from kado.ids import new_id
from kado.storage.outbox import Message

_TOLD: Final = frozenset({TransactionType.REDEMPTION, TransactionType.RELOAD, TransactionType.REFUND})


def changes_told(card: Card, entries: Sequence[Entry]) -> list[Message]:
    """A mail for each entry that spent or added money, to the card's address if it has one.

    By mail alone: a text message for each sale costs the shop more than it tells the holder.
    """
    if card.customer_email is None:
        return []
    return [
        Message(
            program_id=card.program_id,
            id=new_id(),
            card_id=card.id,
            kind="balance_changed",
            channel="email",
            recipient=card.customer_email,
            sender_name=None,
            custom_message=None,
            created_at=entry.created_at,
            entry_seq=entry.seq,
        )
        for entry in entries
        if entry.type in _TOLD
    ]
