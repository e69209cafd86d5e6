"""Numbers and codes of a bulk issue's cards, on their way to a printer: made as they leave, and kept as hashes alone.

Only pending cards get a code here, and only those to whose holder none was sent: neither a code that somebody uses nor
one that somebody was sent is ever made void by a file or a sheet of paper.
"""

import asyncio
from dataclasses import dataclass, field

from kado.cards.bulk import store
from kado.cards.card import Card
from kado.cards.chain import change_sealed
from kado.cards.numbers import hide_code, new_code, show_number
from kado.cards.store import lock_cards, write_codes
from kado.crypto import Keyring
from kado.programs.program import Program
from kado.storage.database import Connection


@dataclass(frozen=True, slots=True)
class Coded:
    """A card with its number in clear, and the code that it has from now on; empty where it keeps the one it has."""

    card: Card
    number: str = field(repr=False)
    code: str = field(repr=False)


async def give_codes(connection: Connection, keyring: Keyring, program: Program, card_ids: list[str]) -> list[Coded]:
    """Make the codes of these cards; they are valid once this commits. In the order of the ids.

    Others get their turn every few cards.
    """
    locked = await lock_cards(connection, program.id, card_ids)
    taking = await _taking_codes(connection, program.id, card_ids)
    by_id: dict[str, Coded] = {}
    changed: list[Card] = []
    for at, card in enumerate(locked.cards.values()):
        if at % store.SLICE == 0:
            await asyncio.sleep(0)
        code = ""
        if card.id in taking:
            code = new_code(program.code_format)
            hidden = hide_code(keyring, card.program_id, card.id, code)
            change_sealed(keyring, card, code_hash=hidden.hash, code_version=hidden.version)
            changed.append(card)
        by_id[card.id] = Coded(card, show_number(keyring, card.program_id, card.id, card.number_sealed), code)
    await write_codes(connection, program.id, changed)
    return [by_id[card_id] for card_id in card_ids]


async def _taking_codes(connection: Connection, program_id: str, card_ids: list[str]) -> set[str]:
    """Those of these cards, which are locked, that nobody uses yet and whose code no message brings."""
    rows = await connection.fetch(
        """
        SELECT c.id FROM card c
        WHERE c.program_id = $1 AND c.id = ANY($2::text[]) AND c.activated_at IS NULL AND c.voided_at IS NULL
          AND c.expires_at > clock_timestamp() AND c.delivered_at IS NULL AND NOT EXISTS (
              SELECT FROM message m WHERE m.program_id = c.program_id AND m.card_id = c.id)""",
        program_id,
        card_ids,
    )
    return {row["id"] for row in rows}


async def is_in_use(connection: Connection, program_id: str, task_id: str) -> bool:
    """Whether any card of the task was activated: codes on cards that hang in shops must stay as they are."""
    await store.keyed_only(connection)
    number = 0
    while (found := await store.issued_ids(connection, program_id, task_id, number)) is not None:
        number, ids = found
        if await connection.fetchval(
            "SELECT EXISTS (SELECT FROM card WHERE program_id = $1 AND id = ANY($2::text[])"
            " AND activated_at IS NOT NULL)",
            program_id,
            ids,
        ):
            return True
    return False
