"""What tests change behind Kado's back and seal again, as a card must still prove itself afterwards."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from kado.cards.chain import change_sealed, seal_state
from kado.cards.evidence import HOLD_COLUMNS, hold_from_row, write_holds, write_reversals
from kado.cards.numbers import hide_code
from kado.cards.rows_digest import Reversal, rows_changed
from kado.cards.store import lock_cards, supersede_messages, write_codes, write_state
from kado.crypto import Keyring


async def age_hold(superuser: Any, keyring: Keyring, program_id: str, hold_id: str, by: timedelta) -> None:
    """As if the hold had been placed, and would end, so much earlier."""
    async with superuser.transaction():
        query = f"SELECT {HOLD_COLUMNS} FROM hold WHERE program_id = $1 AND id = $2"
        before = hold_from_row(tuple(await superuser.fetchrow(query, program_id, hold_id)))
        locked = await lock_cards(superuser, program_id, [before.card_id])
        card = locked.cards[program_id, before.card_id]
        after = replace(before, created_at=before.created_at - by, expires_at=before.expires_at - by)
        card.rows_digest = rows_changed(keyring, card.rows_digest, before, after)
        card.state_seal = seal_state(keyring, card)
        await superuser.execute("DELETE FROM hold WHERE program_id = $1 AND id = $2", program_id, hold_id)
        await write_holds(superuser, [after])
        await write_state(superuser, [card])


async def age_reversal(superuser: Any, keyring: Keyring, program_id: str, card_id: str, by: timedelta) -> None:
    """As if the only reference that was ever taken back on this card had been so long ago."""
    async with superuser.transaction():
        query = "SELECT program_id, card_id, merchant_id, kind, reference, reversed_at FROM reversal"
        row = await superuser.fetchrow(f"{query} WHERE program_id = $1 AND card_id = $2", program_id, card_id)
        locked = await lock_cards(superuser, program_id, [card_id])
        card, before = locked.cards[program_id, card_id], Reversal(*row)
        after = before._replace(reversed_at=await superuser.fetchval("SELECT clock_timestamp()") - by)
        card.rows_digest = rows_changed(keyring, card.rows_digest, before, after)
        card.state_seal = seal_state(keyring, card)
        await write_reversals(superuser, [after])
        await write_state(superuser, [card])


async def give_codes(superuser: Any, keyring: Keyring, program_id: str, cards: Sequence[str], code: str) -> None:
    """This security code for these cards, so that no mail has to be waited for; one that is late brings no other."""
    async with superuser.transaction():
        locked = await lock_cards(superuser, program_id, cards)
        await supersede_messages(superuser, {(program_id, card): True for card in cards})
        for card in locked.cards.values():
            hidden = hide_code(keyring, program_id, card.id, code)
            change_sealed(keyring, card, code_hash=hidden.hash, code_version=hidden.version)
        await write_codes(superuser, program_id, list(locked.cards.values()))
