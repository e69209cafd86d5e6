"""Bring everything that can be moved under the current secret key, while servers sell.

It walks through all programs in small transactions and holds no lock for longer than some hundredths of a second. It
can be interrupted at any point, started again, and run beside another copy of itself: what is done is looked at once
more and left as it is.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from kado import audit
from kado.cards import rekey
from kado.cards.proof import handovers
from kado.crypto import Keyring
from kado.programs import find
from kado.rotation import stored
from kado.storage.database import Connection, Database

_REST: Final = 0.5
"""How long to rest after a batch, as a part of the time that it took: the machine belongs to the tills."""


@dataclass
class Rotated:
    """What one run did."""

    cards: int = 0
    secrets: int = 0
    cards_left: list[tuple[str, str]] = field(default_factory=list)
    """Program and card: those that are not what Kado wrote, or that no configured secret opens."""
    secrets_left: int = 0


async def rotate(database: Database, keyring: Keyring, *, actor: str, tell: Callable[[Rotated], None]) -> Rotated:
    """Move what is not under the current secret. `tell` hears of each batch. Raises `Unavailable`."""
    rotated = Rotated()
    await database.repeat(lambda connection: _begin(connection, keyring, actor))
    for one in stored.STORED:
        moved = await stored.move(database, keyring, one)
        rotated.secrets += moved.done
        rotated.secrets_left += moved.left
        tell(rotated)
    for program in await find.list_all(database):
        await _cards(database, keyring, program.id, actor, rotated, tell)
    facts = {
        "cards": rotated.cards,
        "secrets": rotated.secrets,
        "left": len(rotated.cards_left) + rotated.secrets_left,
    }
    await database.repeat(lambda connection: _record(connection, keyring, actor, "secret:rotated", facts))
    return rotated


async def _begin(connection: Connection, keyring: Keyring, actor: str) -> None:
    """What the old secrets signed is still believed once they are gone."""
    await handovers.write(connection, keyring)
    older = [version.hex() for version in keyring.versions[1:]]
    await _record(connection, keyring, actor, "secret:rotation-begun", {"from": older})


async def _record(
    connection: Connection, keyring: Keyring, actor: str, action: str, facts: Mapping[str, object]
) -> None:
    await audit.record(connection, actor=actor, action=action, details={"to": keyring.version.hex(), **facts})


async def _cards(
    database: Database,
    keyring: Keyring,
    program_id: str,
    actor: str,
    rotated: Rotated,
    tell: Callable[[Rotated], None],
) -> None:
    after = ""
    while (stretch := await rekey.next_older(database, keyring, program_id, after)) is not None:
        after = stretch.last
        for batch in stretch.batches():
            began = monotonic()
            done = await rekey.rekey(database, keyring, program_id, batch, actor=actor)
            rotated.cards += done.done
            rotated.cards_left += [(program_id, card_id) for card_id in done.left]
            tell(rotated)
            await asyncio.sleep((monotonic() - began) * _REST)
