"""Holds as if they were older than they are: what tests change behind Kado's back must still prove itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from kado.cards.chain import seal_state
from kado.cards.evidence import HOLD_COLUMNS, hold_from_row, write_holds
from kado.cards.rows_digest import rows_changed
from kado.cards.store import lock_cards, write_state
from kado.crypto import Keyring


async def age_hold(superuser: Any, keyring: Keyring, program_id: str, hold_id: str, by: timedelta) -> None:
    """As if the hold had been placed, and would end, so much earlier."""
    async with superuser.transaction():
        query = f"SELECT {HOLD_COLUMNS} FROM hold WHERE program_id = $1 AND id = $2"
        before = hold_from_row(tuple(await superuser.fetchrow(query, program_id, hold_id)))
        locked = await lock_cards(superuser, [(program_id, before.card_id)])
        card = locked.cards[program_id, before.card_id]
        after = replace(before, created_at=before.created_at - by, expires_at=before.expires_at - by)
        card.rows_digest = rows_changed(keyring, card.rows_digest, before, after)
        card.state_seal = seal_state(keyring, card)
        await superuser.execute("DELETE FROM hold WHERE program_id = $1 AND id = $2", program_id, hold_id)
        await write_holds(superuser, [after])
        await write_state(superuser, [card])
