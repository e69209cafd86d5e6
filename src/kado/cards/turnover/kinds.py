"""Into which kinds entries are sorted for reports, and how SQL sorts them."""

from enum import StrEnum
from typing import Final

SLOT: Final = "15 minutes"
"""Every time zone of today is whole quarters of an hour away from UTC, so every day begins with a slot."""

ANCHOR: Final = "timestamptz '2000-01-01 00:00:00+00'"


class Kind(StrEnum):
    """The contract's types of entries, with those split that mean two things."""

    PURCHASE = "PURCHASE"  # a card was issued; its sum is what activation will put on it
    ACTIVATION = "ACTIVATION"
    RELOAD = "RELOAD"
    REDEMPTION = "REDEMPTION"
    REFUND = "REFUND"
    VOID = "VOID"
    FORFEIT = "FORFEIT"  # the void of a card whose time was over: written off, or paid out
    TRANSFER_OUT = "TRANSFER_OUT"
    TRANSFER_IN = "TRANSFER_IN"
    REPLACEMENT = "REPLACEMENT"  # the first entry of a card that takes a lost one's place
    CONSOLIDATION = "CONSOLIDATION"  # what leaves the cards that are put together
    CONSOLIDATED = "CONSOLIDATED"  # the first entry of the card that takes it
    OWNERSHIP_TRANSFER = "OWNERSHIP_TRANSFER"
    RESEND_CODE = "RESEND_CODE"


NEW_CARDS: Final = (Kind.PURCHASE, Kind.REPLACEMENT, Kind.CONSOLIDATED)
"""Each card begins with one of these, and no other entry of it is of these kinds."""

KIND_OF: Final = """
    CASE WHEN t.type = 'PURCHASE' AND t.counterpart_id IS NOT NULL THEN 'REPLACEMENT'
         WHEN t.type = 'TRANSFER_IN' AND t.seq = 1 THEN 'REPLACEMENT'
         WHEN t.type = 'CONSOLIDATION' AND t.amount > 0 THEN 'CONSOLIDATED'
         WHEN t.type = 'VOID' AND c.expires_at <= t.created_at THEN 'FORFEIT'
         ELSE t.type END"""
"""The kind of an entry `t` of a card `c`. Nothing that it looks at can change after the entry: a voided card keeps its
end."""

MINOR_OF: Final = "CASE WHEN t.type = 'PURCHASE' AND t.counterpart_id IS NULL THEN c.initial_value ELSE t.amount END"
"""What an entry adds to the sum of its kind."""

SLOT_OF: Final = f"date_bin('{SLOT}', t.created_at, {ANCHOR})"

# Summed up first as they are, and only then once for each dimension: there are few of them by then.
DIMENSIONS: Final = "(VALUES ('', ''), ('merchant', merchant_id::text), ('design', design)) AS d (dimension, value)"


def slot_of(moment: str) -> str:
    """SQL for the beginning of the slot in which this moment is."""
    return f"date_bin('{SLOT}', {moment}, {ANCHOR})"
