"""A large ledger in little time: entries with true hashes, written by the thousand past the posting machine."""

import asyncpg

from kado.cards.chain import change_sealed, entry_hash
from kado.cards.store import lock_cards
from kado.crypto import Keyring
from kado.ids import new_id

_COLUMNS = (
    "program_id card_id seq id type amount balance_before balance_after created_at merchant_id previous_hash hash"
).split()
_AT_ONCE = 20_000


async def add_entries(url: str, keyring: Keyring, program_id: str, wanted: int) -> None:
    """Give the active cards of a program so many entries in all, as many to each: redemptions and reloads in turns."""
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(url)
    try:
        cards = await connection.fetch("SELECT id FROM card WHERE program_id = $1 AND status = 'active'", program_id)
        each = max(2, wanted // len(cards))
        for card in cards:
            for begun in range(0, each, _AT_ONCE):
                await _add(connection, keyring, program_id, card["id"], min(_AT_ONCE, each - begun))
    finally:
        await connection.close()


async def _add(
    connection: "asyncpg.Connection[asyncpg.Record]", keyring: Keyring, program_id: str, card_id: str, count: int
) -> None:
    async with connection.transaction():
        locked = await lock_cards(connection, program_id, [card_id])
        card, now = locked.cards[program_id, card_id], locked.now
        assert now is not None, "the card is there"
        seq, balance, head = card.seq, card.balance, card.head_hash
        records = []
        for turn in range(count):
            kind, amount = ("REDEMPTION", -100) if turn % 2 == 0 else ("RELOAD", 100)
            entry, seq = new_id(), seq + 1
            hashed = entry_hash(
                program_id, card_id, seq, kind, amount, balance, balance + amount, now, None, None, None, None,
                card.merchant_id, entry, None, head,
            )  # fmt: skip
            records.append(
                (program_id, card_id, seq, entry, kind, amount, balance, balance + amount, now,
                 card.merchant_id, head, hashed)
            )  # fmt: skip
            balance, head = balance + amount, hashed
        await connection.copy_records_to_table("card_transaction", records=records, columns=_COLUMNS)
        change_sealed(keyring, card, seq=seq, balance=balance, head_hash=head, updated_at=now)
        await connection.execute(
            "UPDATE card SET seq = $3, balance = $4, head_hash = $5, updated_at = $6, state_seal = $7"
            " WHERE program_id = $1 AND id = $2",
            program_id, card_id, seq, balance, head, now, card.state_seal,
        )  # fmt: skip
